-- expect: refused: citext
-- why: pg_dump --schema leaves an extension of the schema out without a word
CREATE SCHEMA app;
CREATE EXTENSION citext SCHEMA app;
CREATE TABLE app.t (a app.citext);
-- check:
SELECT count(*) = 0 FROM #{prefix}.t;
