-- expect: right
-- server: 18
-- why: since 18 NOT NULL has a name, which an older server does not take
CREATE SCHEMA app;
CREATE TABLE app.t (a int CONSTRAINT app_a_is_there NOT NULL, b int, CONSTRAINT b_is_there NOT NULL b NO INHERIT);
CREATE TABLE app.v (a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL);
-- check:
SELECT count(*) = 2 FROM pg_constraint WHERE connamespace = '#{prefix}'::regnamespace AND conname IN ('app_a_is_there', 'b_is_there');
