-- expect: right or ambiguous: app.f
-- rename: *
-- why: a literal that is run as SQL names the schema in text
CREATE SCHEMA app;
CREATE TABLE app.t (a int);
CREATE FUNCTION app.f() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  EXECUTE 'SELECT count(*) FROM app.t WHERE a > $1' INTO n USING 0;
  RETURN n;
END $$;
-- check:
INSERT INTO #{prefix}.t VALUES (1);
SELECT #{prefix}.f() = 1;
