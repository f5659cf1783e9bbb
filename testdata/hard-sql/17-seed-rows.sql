-- expect: right
-- seed: app.t
-- why: COPY data holds anything; triggers fire on loaded rows
CREATE SCHEMA app;
CREATE TABLE app.log (n int);
CREATE TABLE app.t (id int PRIMARY KEY, parent int REFERENCES app.t, a text, b bytea, c text[]);
INSERT INTO app.t VALUES
  (1, 3, E'\\.', '\x00ff5c', '{a,NULL,"b,c"}'), (2, NULL, E'tab\there\nand app.t', NULL, NULL),
  (3, 2, 'app.t #{prefix} $$ '' " \n', '', '{}'), (4, NULL, NULL, NULL, '{NULL}'), (5, NULL, E'\\N', NULL, NULL);
CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO app.log VALUES (NEW.id);
  RETURN NEW;
END $$;
CREATE TRIGGER note AFTER INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.note();
-- check:
SELECT (SELECT count(*) FROM #{prefix}.log) = 0 AND (SELECT array_agg(a ORDER BY id) FROM #{prefix}.t) =
  ARRAY['\.', E'tab\there\nand app.t', concat('app.t #', '{prefix} $$ '' " \n'), NULL, '\N']
  AND (SELECT b FROM #{prefix}.t WHERE id = 1) = '\x00ff5c' AND (SELECT c FROM #{prefix}.t WHERE id = 1) = '{a,NULL,"b,c"}';
