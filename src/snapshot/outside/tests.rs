use super::Reach;
use crate::snapshot::{Snapshot, Template};

/// The reach of each statement that is not confined, with its line.
fn reaches(sql: &str) -> Vec<(usize, Reach)> {
    let template = Template::compile(sql).unwrap();
    template
        .statements
        .iter()
        .filter_map(|statement| statement.outside())
        .map(|outside| (outside.line, outside.reach))
        .collect()
}

fn furthest(sql: &str) -> Option<Reach> {
    reaches(sql).into_iter().map(|(_, reach)| reach).max()
}

#[test]
fn what_stays_in_the_tenants_schema() {
    for sql in [
        "CREATE SCHEMA #{prefix}",
        "CREATE SCHEMA #{prefix} CREATE TABLE t (a int) GRANT SELECT ON t TO bob",
        "ALTER SCHEMA #{prefix} OWNER TO bob",
        "CREATE TABLE #{prefix}.t (a public.citext REFERENCES public.x (a) ON UPDATE CASCADE)",
        "CREATE TABLE \"#{prefix}\".t (a int)",
        "CREATE TABLE t (a int)",
        "CREATE TEMP TABLE t AS SELECT 1",
        "CREATE TABLE pg_temp.t (a int)",
        "CREATE TABLE #{prefix}.p PARTITION OF #{prefix}.t FOR VALUES IN (1)",
        "ALTER TABLE #{prefix}.t OWNER TO bob",
        "ALTER TABLE #{prefix}.t ATTACH PARTITION #{prefix}.p FOR VALUES IN (1)",
        "ALTER TABLE #{prefix}.t ADD COLUMN c public.citext DEFAULT public.f()",
        "GRANT SELECT, UPDATE (a) ON TABLE #{prefix}.t TO bob",
        "GRANT USAGE ON SCHEMA #{prefix} TO bob",
        "GRANT SELECT ON ALL TABLES IN SCHEMA #{prefix} TO bob",
        "REVOKE ALL ON FUNCTION #{prefix}.f(public.citext) FROM PUBLIC",
        "ALTER DEFAULT PRIVILEGES FOR ROLE a IN SCHEMA #{prefix} GRANT SELECT ON TABLES TO b",
        "INSERT INTO #{prefix}.t SELECT * FROM public.defaults",
        "INSERT INTO #{prefix}.t VALUES ('CREATE ROLE x'), (upper('Grant Thornton')), (lower('drop me a line'))",
        "UPDATE #{prefix}.t SET a = s.a FROM public.s",
        "SELECT 1 FROM #{prefix}.t t FOR UPDATE OF t",
        "DROP TABLE #{prefix}.t, u",
        "DROP FUNCTION #{prefix}.f(public.citext)",
        "DROP CAST (#{prefix}.ty AS text)",
        "SET LOCAL SESSION AUTHORIZATION bob",
        "SELECT pg_catalog.set_config('search_path', '', true)",
        "SELECT set_config('search_path', '\"#{prefix}\", public', true)",
        "SET search_path = #{prefix}, public",
        "SET LOCAL search_path TO '#{prefix}', public",
        "SET search_path TO DEFAULT",
        "ALTER FUNCTION #{prefix}.f() SET search_path = public",
        "SELECT pg_catalog.setval('#{prefix}.s', 7)",
        "SELECT #{prefix}.install()",
        "SELECT public.f(a) FROM #{prefix}.t",
        "COMMENT ON COLUMN #{prefix}.t.a IS 'ALTER SYSTEM'",
        "COMMENT ON CAST (#{prefix}.ty AS text) IS 'x'",
        "CREATE CAST (#{prefix}.ty AS text) WITH INOUT",
        "CREATE TRANSFORM FOR #{prefix}.ty LANGUAGE sql (FROM SQL WITH FUNCTION f(internal))",
        "CREATE FUNCTION #{prefix}.f() RETURNS void LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION #{prefix}.f() RETURNS int LANGUAGE c AS '$libdir/module', 'f'",
        "CREATE FUNCTION #{prefix}.f(int, int) RETURNS int LANGUAGE internal AS 'int4pl'",
        "CREATE FUNCTION #{prefix}.f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ALTER SYSTEM SET a = 1; END $$",
        "CREATE VIEW #{prefix}.v AS SELECT * FROM public.t",
        "CREATE RULE r AS ON UPDATE TO #{prefix}.v DO INSTEAD UPDATE public.t SET a = 1",
        "CREATE FOREIGN TABLE #{prefix}.f (a int) SERVER s OPTIONS (filename 'x')",
        "IMPORT FOREIGN SCHEMA a FROM SERVER s INTO #{prefix}",
        "DO $$ BEGIN PERFORM 1; RAISE NOTICE 'create role'; END $$",
        "COPY #{prefix}.t (program) TO STDOUT",
        "REFRESH MATERIALIZED VIEW #{prefix}.m",
        "ANALYZE #{prefix}.t",
        "REINDEX TABLE #{prefix}.t",
        "SECURITY LABEL ON TABLE #{prefix}.t IS 'x'",
    ] {
        assert_eq!(furthest(sql), None, "{sql}");
    }
}

#[test]
fn what_is_elsewhere_in_the_database() {
    for sql in [
        "DROP TABLE public.victim",
        "DROP TABLE #{prefix}.t, public.victim",
        "DROP TABLE U&\"p\\0075blic\".victim",
        "TRUNCATE #{prefix}.t, public.victim",
        "ALTER TABLE public.x SET SCHEMA #{prefix}",
        "ALTER TABLE #{prefix}.x SET SCHEMA public",
        "ALTER TABLE #{prefix}.t ATTACH PARTITION public.p FOR VALUES IN (1)",
        "CREATE TABLE #{prefix}.p PARTITION OF public.t FOR VALUES IN (1)",
        "DELETE FROM ONLY other.t",
        "INSERT INTO public.t VALUES (1)",
        "MERGE INTO public.t USING #{prefix}.s ON true WHEN MATCHED THEN DELETE",
        "WITH x AS (DELETE FROM public.t RETURNING *) INSERT INTO #{prefix}.t SELECT * FROM x",
        "WITH x AS (SELECT 1) UPDATE public.t SET a = 1",
        "SELECT 1 INTO public.t",
        "CREATE TABLE \"#{prefix}_archive\".t (a int)",
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION #{prefix}.f()",
        "CREATE EXTENSION IF NOT EXISTS citext",
        "CREATE EXTENSION citext SCHEMA #{prefix}",
        "CREATE PUBLICATION p FOR TABLE #{prefix}.t",
        "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw",
        "CREATE USER MAPPING FOR bob SERVER s",
        "CREATE CAST (public.a AS public.b) WITH INOUT",
        "CREATE LANGUAGE plperl",
        "CREATE SCHEMA other",
        "DROP SCHEMA other CASCADE",
        "DROP EXTENSION citext",
        "ALTER EXTENSION citext UPDATE",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO b",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA #{prefix}, public GRANT SELECT ON TABLES TO b",
        "GRANT SELECT ON #{prefix}.t, public.t TO b",
        "GRANT USAGE ON SCHEMA #{prefix}, public TO b",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO b",
        "CREATE SCHEMA #{prefix} GRANT SELECT ON public.secrets TO PUBLIC",
        "CREATE VIEW public.v AS SELECT * FROM #{prefix}.t",
        "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TRIGGER t AFTER INSERT ON auth.users EXECUTE FUNCTION #{prefix}.f()",
        "CALL admin.register('x')",
        "SELECT cron.schedule('x', '* * * * *', 'SELECT 1')",
        "SELECT pg_catalog.setval('public.s', 7)",
        "SELECT lo_unlink(7)",
        "DO $$ BEGIN DROP TABLE public.victim; END $$",
        "DO $$ BEGIN IF true THEN UPDATE public.t SET a = 1; END IF; END $$",
        "EXPLAIN ANALYZE DELETE FROM public.t",
        "COPY public.t FROM STDIN (FORMAT csv)",
        "VACUUM",
        "REINDEX SCHEMA public",
        "LOCK TABLE public.t",
        "NOTIFY x",
        "DEALLOCATE ALL",
        "SET search_path = public",
        "SET LOCAL search_path TO 'public', #{prefix}",
        "SET SCHEMA 'public'",
        "SELECT pg_catalog.set_config('search_path', 'public', false)",
    ] {
        // psql's own data of COPY cannot stand in a template.
        if let Ok(template) = Template::compile(sql) {
            let reach = template.statements[0]
                .outside()
                .map(|outside| outside.reach);
            assert_eq!(reach, Some(Reach::Database), "{sql}");
        }
    }
}

#[test]
fn what_reaches_beyond_the_database() {
    for sql in [
        "CREATE ROLE x SUPERUSER",
        "create /* x */ user\nx",
        "ALTER USER x PASSWORD 'y'",
        "ALTER ROLE x IN DATABASE d SET search_path = y",
        "DROP GROUP x",
        "GRANT admin TO bob",
        "REVOKE ADMIN OPTION FOR admin FROM bob",
        "REVOKE ALL ON DATABASE d FROM PUBLIC",
        "GRANT SET ON PARAMETER work_mem TO bob",
        "ALTER SYSTEM SET a.b = 1",
        "ALTER DATABASE d SET search_path = x",
        "CREATE DATABASE d",
        "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
        "CREATE TABLESPACE t LOCATION '/x'",
        "LOAD 'x'",
        "CHECKPOINT",
        "COPY #{prefix}.t TO PROGRAM 'id'",
        "COPY #{prefix}.t FROM PROGRAM $$id$$",
        "COPY #{prefix}.t FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/x' (FORMAT csv)",
        "SELECT lo_import('/etc/passwd')",
        "SELECT \"pg_read_file\" ('x')",
        "SELECT U&\"pg\\005fread_file\"('x')",
        "INSERT INTO #{prefix}.t SELECT pg_catalog.pg_read_file('x')",
        "CREATE TABLE #{prefix}.t (a text DEFAULT pg_read_file('x'))",
        "CREATE MATERIALIZED VIEW #{prefix}.m AS SELECT * FROM pg_ls_dir('.')",
        "CREATE AGGREGATE #{prefix}.a(text) (SFUNC = pg_catalog.pg_read_file, STYPE = text)",
        "SELECT dblink_exec('host=x', 'SELECT 1')",
        "SELECT query_to_xml('SELECT pg_read_file(''x'')', true, true, '')",
        "SELECT public.run('CREATE ROLE x')",
        "DO $$ BEGIN CREATE ROLE x; END $$",
        "DO $$ BEGIN IF true THEN ALTER SYSTEM SET a = 1; END IF; END $$",
        "DO $$ BEGIN EXECUTE 'CREATE ROLE x'; END $$",
        "DO $$ BEGIN EXECUTE 'CREATE' || ' ROLE ' || quote_ident('x'); END $$",
        "DO $$ BEGIN EXECUTE format('ALTER ROLE %I SUPERUSER', current_user); END $$",
        "DO $$ DECLARE q text := 'ALTER SYSTEM RESET ALL'; BEGIN EXECUTE q; END $$",
        "DO $$ BEGIN EXECUTE 'COPY t TO ' || quote_literal('/tmp/x'); END $$",
        "DO $a$ BEGIN EXECUTE $b$ DO $c$ BEGIN CREATE ROLE x; END $c$ $b$; END $a$",
        "DO LANGUAGE plpgsql 'BEGIN PERFORM lo_export(1, ''x''); END'",
        "DO LANGUAGE plpython3u 'pass'",
        "EXPLAIN (ANALYZE, COSTS OFF) SELECT pg_read_file('x')",
        "WITH x AS (SELECT pg_reload_conf()) SELECT 1",
        "REASSIGN OWNED BY a TO b",
        "DROP OWNED BY a",
        "COMMENT ON ROLE x IS 'y'",
        "SECURITY LABEL FOR p ON ROLE x IS 'y'",
        "CREATE FUNCTION #{prefix}.f(text) RETURNS int LANGUAGE c AS '/lib/libc.so.6', 'system'",
        "CREATE FUNCTION #{prefix}.f(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all'",
        "CREATE LANGUAGE x HANDLER #{prefix}.h",
        "CREATE FOREIGN TABLE #{prefix}.f (a text) SERVER s OPTIONS (program 'id')",
        "CREATE SCHEMA #{prefix} GRANT ALL ON DATABASE d TO bob",
    ] {
        assert_eq!(furthest(sql), Some(Reach::Server), "{sql}");
    }
}

#[test]
fn what_a_file_defines_and_then_runs() {
    const ROUTINE: &str = "CREATE FUNCTION #{prefix}.f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN CREATE ROLE x; RETURN 1; END $$;\n";
    for use_of_it in [
        "SELECT #{prefix}.f()",
        "DO $$ BEGIN PERFORM #{prefix}.f(); END $$",
        "CREATE TABLE #{prefix}.t AS SELECT #{prefix}.f()",
        "CREATE MATERIALIZED VIEW #{prefix}.m AS SELECT #{prefix}.f()",
        "ALTER TABLE #{prefix}.t ADD COLUMN a int DEFAULT #{prefix}.f()",
        "CREATE VIEW #{prefix}.v AS SELECT #{prefix}.f(); SELECT * FROM #{prefix}.v",
        "CREATE TABLE #{prefix}.t (a int DEFAULT #{prefix}.f()); INSERT INTO #{prefix}.t VALUES (DEFAULT)",
        "CREATE TRIGGER g AFTER INSERT ON #{prefix}.t EXECUTE FUNCTION #{prefix}.f(); INSERT INTO #{prefix}.t VALUES (1)",
        "CREATE FUNCTION #{prefix}.g() RETURNS int LANGUAGE sql AS 'SELECT #{prefix}.f()'; SELECT #{prefix}.g()",
    ] {
        let sql = format!("{ROUTINE}{use_of_it}");
        assert_eq!(reaches(&sql), [(2, Reach::Server)], "{sql}");
    }
    for harmless in [
        "INSERT INTO #{prefix}.f VALUES (1)",
        "CREATE TABLE #{prefix}.t (f int); INSERT INTO #{prefix}.t (f) VALUES (1)",
        "GRANT EXECUTE ON FUNCTION #{prefix}.f() TO bob",
        "CREATE TRIGGER g AFTER INSERT ON #{prefix}.t EXECUTE FUNCTION #{prefix}.f()",
    ] {
        let sql = format!("{ROUTINE}{harmless}");
        assert_eq!(furthest(&sql), None, "{sql}");
    }
    let later = "INSERT INTO #{prefix}.t VALUES (1);\nCREATE FUNCTION #{prefix}.f() RETURNS trigger LANGUAGE plpython3u AS 'pass';\n\
        CREATE TRIGGER g AFTER INSERT ON #{prefix}.t EXECUTE FUNCTION #{prefix}.f()";
    assert_eq!(
        furthest(later),
        None,
        "what follows the rows does not run for them"
    );
}

#[test]
fn a_snapshot_warns_of_what_is_elsewhere_and_refuses_what_is_beyond() {
    let head = "-- schemastamp snapshot, format 2\n\nCREATE SCHEMA #{prefix};\n";
    let warned = Snapshot::parse(&format!(
        "{head}DROP TABLE public.a;\nCREATE EXTENSION b;\n"
    ));
    let warning = warned.unwrap().warnings().last().unwrap().to_string();
    assert_eq!(
        warning,
        "2 statements are not confined to the tenant's schema, and every tenant's run changes the same \
         (--allow-outside: it is meant)\n  line 4: DROP TABLE public.a\n  line 5: CREATE EXTENSION b"
    );
    let text = format!("{head}CREATE ROLE a;\nDROP ROLE b;\n");
    let error = Snapshot::parse(&text).unwrap_err();
    assert_eq!(error.id(), "snapshot.outside");
    assert_eq!(
        error.to_string(),
        "line 4: this reaches beyond the database: CREATE ROLE a; likewise in line 5"
    );
    let allowed = Snapshot::parse_with(&text, super::OutsidePolicy::Allow).unwrap();
    assert_eq!(allowed.outside().count(), 2);
    assert!(
        allowed
            .warnings()
            .iter()
            .all(|warning| !warning.to_string().contains("confined"))
    );
}
