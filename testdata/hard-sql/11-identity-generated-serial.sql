-- expect: right
-- why: sequences have owners, positions and options; generated columns call functions
CREATE SCHEMA app;
CREATE FUNCTION app.dbl(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE TABLE app.t (
  id int GENERATED ALWAYS AS IDENTITY (START WITH 100 INCREMENT BY 5 CACHE 3),
  s serial, b bigserial, a int, twice int GENERATED ALWAYS AS (app.dbl(a)) STORED
);
CREATE SEQUENCE app.own START 7 MINVALUE 3 CYCLE MAXVALUE 9 OWNED BY app.t.a;
ALTER TABLE app.t ALTER a SET DEFAULT nextval('app.own');
INSERT INTO app.t DEFAULT VALUES;
-- check:
INSERT INTO #{prefix}.t DEFAULT VALUES;
SELECT (SELECT (id, s, b, a, twice) = (100, 1, 1, 7, 14) FROM #{prefix}.t ORDER BY id DESC LIMIT 1)
   AND pg_get_serial_sequence('#{prefix}.t', 'a')::regclass = '#{prefix}.own'::regclass;
