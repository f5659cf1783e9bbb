-- expect: right
-- why: the schema's comment is written as pg_dump writes it when the tenant's mark is taken off
CREATE SCHEMA app;
CREATE TABLE app.t (i int);
COMMENT ON SCHEMA app IS E'it''s \\ x';
-- check:
SELECT true;
