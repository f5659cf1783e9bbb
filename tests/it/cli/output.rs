use std::process::Stdio;

use crate::provision::{SMALL, snapshot};
use crate::support::{Cluster, Schemastamp};

#[test]
fn rendered_sql_is_run_by_psql_as_it_is() {
    let database = Cluster::shared().database();
    let world = Schemastamp::new();
    world.write("snapshots/app.sql", snapshot(SMALL));
    let script = world.run(&["render", "O'Neil"]).succeeds().stdout;
    database.sql(&script);
    assert_eq!(database.query("SELECT \"O'Neil\".first()"), "7");
    insta::assert_snapshot!(script.replace(&sha256_of_mark(&script), "[fingerprint]"), @r#"
    BEGIN;
    SELECT pg_catalog.set_config('statement_timeout', '0', true), pg_catalog.set_config('search_path', '', true), pg_catalog.set_config('lock_timeout', '0', true), pg_catalog.set_config('idle_in_transaction_session_timeout', '0', true), pg_catalog.set_config('standard_conforming_strings', 'on', true), pg_catalog.set_config('check_function_bodies', 'off', true), pg_catalog.set_config('xmloption', 'content', true), pg_catalog.set_config('client_min_messages', 'warning', true), pg_catalog.set_config('row_security', 'off', true), pg_catalog.set_config('default_tablespace', '', true), pg_catalog.set_config('default_table_access_method', 'heap', true), CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 140000 THEN pg_catalog.set_config('client_connection_check_interval', '1s', true) END, CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 170000 THEN pg_catalog.set_config('transaction_timeout', '0', true) END;
    SELECT pg_catalog.pg_advisory_xact_lock(-5671012553091024823);
    CREATE SCHEMA "O'Neil";
    COMMENT ON SCHEMA "O'Neil" IS 'schemastamp: [fingerprint]';
    CREATE TABLE "O'Neil".t (id integer PRIMARY KEY);
    INSERT INTO "O'Neil".t (id) VALUES
        (7);
    CREATE FUNCTION "O'Neil".first() RETURNS integer
        LANGUAGE sql
        AS $$
      SELECT id FROM "O'Neil".t ORDER BY id LIMIT 1 -- the first
    $$;
    DO $stamp$
    DECLARE
        granted record;
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_default_acl WHERE defaclnamespace = 0) THEN
            RETURN;
        END IF;
        FOR granted IN
            WITH ns AS (SELECT oid, nspname, nspowner, nspacl FROM pg_catalog.pg_namespace WHERE nspname = 'O''Neil'),
            made (kind, name, owner, acl) AS (
                SELECT 'SCHEMA', pg_catalog.quote_ident(nspname), nspowner, nspacl FROM ns
                UNION ALL
                SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::pg_catalog.regclass::text, c.relowner, c.relacl
                FROM pg_catalog.pg_class c JOIN ns ON ns.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
                UNION ALL
                SELECT 'ROUTINE', p.oid::pg_catalog.regprocedure::text, p.proowner, p.proacl
                FROM pg_catalog.pg_proc p JOIN ns ON ns.oid = p.pronamespace
                UNION ALL
                SELECT 'TYPE', pg_catalog.format_type(t.oid, NULL), t.typowner, t.typacl
                FROM pg_catalog.pg_type t JOIN ns ON ns.oid = t.typnamespace
            )
            SELECT made.kind, made.name, pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(made.owner)) AS owner,
                (SELECT pg_catalog.string_agg(DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC'
                    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END, ', ')
                 FROM pg_catalog.aclexplode(made.acl) a WHERE a.grantee <> made.owner) AS others
            FROM made WHERE made.acl IS NOT NULL
        LOOP
            IF granted.others IS NOT NULL THEN
                EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %s', granted.kind, granted.name, granted.others);
            END IF;
            EXECUTE pg_catalog.format('GRANT ALL ON %s %s TO %s', granted.kind, granted.name, granted.owner);
            IF granted.kind = 'ROUTINE' THEN
                EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', granted.name);
            ELSIF granted.kind = 'TYPE' THEN
                EXECUTE pg_catalog.format('GRANT USAGE ON TYPE %s TO PUBLIC', granted.name);
            END IF;
        END LOOP;
    END$stamp$;
    COMMIT;
    "#);
    let json = world.run(&["render", "O'Neil", "--format", "json"]).succeeds().json();
    assert_eq!((json[0]["tenant"].as_str(), json[0]["script"].as_str()), (Some("O'Neil"), Some(script.as_str())));
}

fn sha256_of_mark(script: &str) -> String {
    let start = script.find("'schemastamp: ").unwrap() + "'schemastamp: ".len();
    script[start..start + 64].to_owned()
}

#[test]
fn owners_grants_and_role_are_the_users_choice() {
    let world = Schemastamp::new();
    let body =
        format!("{SMALL}\nALTER TABLE #{{prefix}}.t OWNER TO app;\n\nGRANT SELECT ON TABLE #{{prefix}}.t TO reader;\n");
    world.write("snapshots/app.sql", snapshot(&body));
    let has = |arguments: &[&str]| {
        let script = world.run(&[&["render", "a"], arguments].concat()).succeeds().stdout;
        ["OWNER TO app", "GRANT SELECT", "SET LOCAL ROLE \"My Role\""].map(|text| script.contains(text))
    };
    assert_eq!(has(&[]), [true, true, false]);
    assert_eq!(has(&["--no-owner", "--role", "My Role"]), [false, true, true]);
    assert_eq!(has(&["--no-privileges"]), [true, false, false]);
}

#[test]
fn minified_to_stdout_or_into_a_file() {
    let world = Schemastamp::new();
    let path = world.write("snapshots/app.sql", snapshot(SMALL));
    insta::assert_snapshot!(world.run(&["minify"]), @"
    -- schemastamp snapshot, format 1
    -- objects: 1 table, 1 function
    -- sha256: 065a57e92cabac80b39d30d9f6c7a4f04b766d5eb96a5e01d4bfc245707bd5c2
    CREATE SCHEMA #{prefix};
    CREATE TABLE #{prefix}.t (id integer PRIMARY KEY);
    INSERT INTO #{prefix}.t (id) VALUES (7);
    CREATE FUNCTION #{prefix}.first() RETURNS integer LANGUAGE sql AS $$
      SELECT id FROM #{prefix}.t ORDER BY id LIMIT 1 -- the first
    $$;
    [exit status: 0]
    ");
    insta::assert_snapshot!(world.run(&["minify", "-o", "small.sql"]), @"
    --- stderr ---
    wrote 'small.sql': 268 bytes are 252 now
    [exit status: 0]
    ");
    assert_eq!(world.read("small.sql"), world.run(&["minify", path.to_str().unwrap()]).succeeds().stdout);
    assert_eq!(world.run(&["minify", "small.sql"]).succeeds().stdout, world.read("small.sql"), "it stays as it is");
    insta::assert_snapshot!(world.run(&["minify", "-o", "small.sql", "--format", "json"]), @r#"
    {"summary":{"after":252,"before":268,"changed":false,"file":"small.sql"}}
    [exit status: 0]
    "#);
    world.run(&["minify", "-o", "missing/small.sql"]).exits_with(12);
}

#[test]
fn who_closes_the_output_wants_no_more_of_it() {
    let world = Schemastamp::new();
    let rows: String =
        (0..20_000).map(|number| format!("CREATE TABLE #{{prefix}}.t{number} (id integer);\n")).collect();
    world.write("snapshots/app.sql", snapshot(&rows));
    for arguments in [&["render", "a"] as &[&str], &["minify"], &["render", "a", "--format", "json"]] {
        let mut child = world.command(arguments).stdin(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        let output = world.finish(child).succeeds();
        assert!(output.stderr.is_empty(), "{output}");
    }
}

#[test]
fn colour_only_where_it_is_wanted() {
    let world = Schemastamp::new();
    let coloured = |arguments: &[&str]| world.run(arguments).exits_with(10).stderr.contains('\u{1b}');
    assert!(!coloured(&["render", "a"]));
    assert!(!coloured(&["render", "a", "--color", "never"]));
    assert!(coloured(&["render", "a", "--color", "always"]));
}

#[test]
fn quiet_says_nothing_but_errors() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write("snapshots/app.sql", snapshot(SMALL).replace("(7)", "(8)"));
    let output = world.run(&["provision", "a", "b", "-q"]).succeeds();
    assert!(output.stderr.is_empty(), "{output}");
    let output = world.run(&["provision", "a", "-q"]).exits_with(17);
    assert!(output.stderr.starts_with("error: tenant 'a'"), "{output}");
    let output = world.run(&["provision", "c", "-vv"]).succeeds();
    assert!(output.stderr.contains("starting"), "{output}");
}
