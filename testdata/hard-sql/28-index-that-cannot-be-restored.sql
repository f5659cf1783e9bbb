-- expect: right or refused: app.t_i
-- why: the dump itself cannot be loaded: the index's function reads through the search_path
-- until: 16
CREATE SCHEMA app;
SET search_path = app;
CREATE TABLE app.factor (n int);
INSERT INTO app.factor VALUES (2);
CREATE FUNCTION app.times(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN $1 * (SELECT max(n) FROM factor); END $$;
CREATE TABLE app.t (a int);
INSERT INTO app.t VALUES (1);
CREATE INDEX t_i ON app.t (app.times(a));
CREATE MATERIALIZED VIEW app.m AS SELECT app.times(a) AS b FROM app.t;
RESET search_path;
-- check:
SELECT true;
