-- expect: right
-- why: pg_dump does not write what initdb granted on the schema public
-- schema: public
CREATE TABLE t (id serial PRIMARY KEY, k text);
CREATE VIEW v AS SELECT * FROM t;
CREATE FUNCTION f() RETURNS bigint LANGUAGE plpgsql AS 'begin return (select count(*) from public.t); end';
GRANT SELECT ON t TO PUBLIC;
GRANT CREATE ON SCHEMA public TO pg_monitor;
COMMENT ON SCHEMA public IS 'standard public schema';
-- check:
SELECT #{prefix}.f() = 0;
