-- expect: right
-- why: privileges have grantors, options, columns and defaults
DO $$ BEGIN CREATE ROLE app NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE "app.role" NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO app, PUBLIC;
CREATE TABLE app.t (a int, b int);
GRANT SELECT ON app.t TO app WITH GRANT OPTION;
GRANT UPDATE (a) ON app.t TO "app.role";
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
REVOKE ALL ON FUNCTION app.f() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.f() TO app;
CREATE TYPE app.ty AS ENUM ('x');
REVOKE USAGE ON TYPE app.ty FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT, INSERT ON TABLES TO app;
ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA app GRANT EXECUTE ON FUNCTIONS TO "app.role";
ALTER TABLE app.t OWNER TO app;
-- check:
CREATE TABLE #{prefix}.later (a int);
SELECT has_table_privilege('app', '#{prefix}.later', 'INSERT') AND has_column_privilege('app.role', '#{prefix}.t', 'a', 'UPDATE')
   AND NOT has_function_privilege('app.role', '#{prefix}.f()', 'EXECUTE') AND has_function_privilege('app', '#{prefix}.f()', 'EXECUTE')
   AND (SELECT relowner = 'app'::regrole FROM pg_class WHERE oid = '#{prefix}.t'::regclass)
   AND (SELECT count(*) FROM pg_default_acl WHERE defaclnamespace = '#{prefix}'::regnamespace) = 2
   AND has_schema_privilege('app.role', '#{prefix}'::regnamespace, 'USAGE');
