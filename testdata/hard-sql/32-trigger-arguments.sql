-- expect: right or ambiguous: app.t
-- rename: *
-- why: a trigger's argument is text; this one is the schema, by the function's use of it
CREATE SCHEMA app;
CREATE TABLE app.log (t text);
CREATE TABLE app.t (a int);
CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO %I.%I VALUES (%L)', TG_ARGV[0], TG_ARGV[1], TG_TABLE_NAME);
  RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.note('app', 'log');
-- check:
INSERT INTO #{prefix}.t VALUES (1);
SELECT count(*) = 1 FROM #{prefix}.log;
