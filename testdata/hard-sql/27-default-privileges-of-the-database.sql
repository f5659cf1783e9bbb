-- expect: right
-- why: default privileges add grants to whatever the copy creates
CREATE SCHEMA app;
CREATE TABLE app.t (a int);
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
-- check:
SELECT NOT has_table_privilege('pg_monitor', '#{prefix}.t', 'SELECT') AND has_function_privilege('pg_monitor', '#{prefix}.f()', 'EXECUTE');
