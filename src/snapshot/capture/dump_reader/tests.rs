use super::*;

fn read(text: &str) -> Result<Dump, String> {
    Dump::read(text, "app").map_err(|error| error.to_string())
}

fn concerns(dump: &Dump) -> Vec<String> {
    dump.concerns.iter().map(ToString::to_string).collect()
}

const MADE: &str =
    "CREATE SCHEMA app;\nCREATE TABLE app.t (i integer);\nCREATE VIEW app.v AS SELECT 1;\n";

#[test]
fn what_is_taken_back_is_refused_with_its_line() {
    for statement in [
        "DROP TABLE app.t",
        "DROP VIEW IF EXISTS app.x, app.v CASCADE",
        "DROP TABLE t",
        "DROP OWNED BY bob",
        "BEGIN;CREATE TABLE app.tx ();ROLLBACK",
        "BEGIN;CREATE TABLE app.tx ();ABORT",
        "BEGIN;INSERT INTO app.t VALUES (1);ROLLBACK",
        "BEGIN;INSERT INTO t VALUES (1);ROLLBACK",
        "BEGIN;SELECT pg_catalog.setval('app.s', 7);ROLLBACK",
        "BEGIN;SAVEPOINT a;ROLLBACK TO a;CREATE TABLE app.tx ();ROLLBACK",
        "BEGIN;COMMIT AND CHAIN;CREATE TABLE app.tx ();ROLLBACK",
        "CREATE OPERATOR app.=== (LEFTARG = int, FUNCTION = app.f);DROP OPERATOR app.=== (int, NONE)",
        "CREATE INDEX ON app.t (i);DROP INDEX IF EXISTS app.t_i_idx",
        "ALTER TABLE app.t RENAME TO u;DROP TABLE IF EXISTS app.u",
        "DROP SEQUENCE app.t_i_seq",
        "SET search_path = app;DROP SEQUENCE t_i_seq",
        "CREATE TABLE public.p (id int PRIMARY KEY);CREATE TABLE app.r (p int REFERENCES public.p);DROP TABLE public.p CASCADE",
        "CREATE EXTENSION citext;CREATE TABLE app.r (p citext);DROP EXTENSION citext CASCADE",
    ] {
        let error = read(&format!("{MADE}{statement};")).unwrap_err();
        assert!(
            error.starts_with("line 4: this takes back what the file made"),
            "{statement}: {error}"
        );
    }
    for statement in [
        "DROP TABLE public.t",
        "DROP TABLE IF EXISTS app.not_there",
        "BEGIN;CREATE TABLE public.tx ();ROLLBACK",
        "BEGIN;CREATE TABLE app.tx ();COMMIT;ROLLBACK",
        "DROP EXTENSION citext",
        "DROP SEQUENCE IF EXISTS app.t_i_seq",
        "DROP TABLE other",
        "CREATE TABLE public.p ();DROP TABLE public.p CASCADE",
        "BEGIN;CREATE TABLE app.tx ();SAVEPOINT a;ROLLBACK TO a;COMMIT",
    ] {
        let read = read(&format!("{MADE}{statement};"));
        assert!(read.is_ok(), "{statement}: {read:?}");
    }
    let dump = read(&format!(
        "{MADE}DROP SCHEMA IF EXISTS app CASCADE;CREATE SCHEMA app;CREATE TABLE app.u ();"
    ))
    .unwrap();
    assert_eq!(dump.tables().collect::<Vec<_>>(), ["u"]);
    let error = read(&format!("{MADE}BEGIN;\nCREATE TABLE app.tx ();")).unwrap_err();
    assert!(
        error.starts_with("line 4: the transaction that begins here never ends"),
        "{error}"
    );
    assert!(read(&format!("BEGIN;{MADE}COMMIT;BEGIN;")).is_ok());
}

#[test]
fn what_clean_drops_is_not_made_and_nothing_else_is_lost() {
    let made = |text: &str| -> Vec<String> {
        let statements = read(text).unwrap().statements;
        statements.into_iter().map(|made| made.text).collect()
    };
    // As `pg_dump --clean` begins.
    assert_eq!(
        made(
            "ALTER TABLE ONLY app.t DROP CONSTRAINT t_pkey;\nCREATE OR REPLACE VIEW app.v AS SELECT NULL;\n\
             ALTER TABLE app.p DETACH PARTITION app.t;\nDROP VIEW app.v;\nDROP TABLE app.t;\nCREATE TABLE app.t ();"
        ),
        ["CREATE TABLE app.t ()"]
    );
    // As people write it.
    assert_eq!(
        made(
            "CREATE OR REPLACE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n\
             DROP TRIGGER IF EXISTS x ON app.t;\nCREATE TABLE app.t ();"
        ),
        [
            "CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE TABLE app.t ()"
        ]
    );
    assert_eq!(
        made(
            "CREATE OR REPLACE VIEW app.v AS SELECT 1;\nDROP VIEW IF EXISTS app.w;\nCREATE TABLE app.t ();"
        ),
        ["CREATE TABLE app.t ()", "CREATE VIEW app.v AS SELECT 1"]
    );
    assert_eq!(
        made(
            "CREATE INDEX CONCURRENTLY i ON app.t (a);\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS j ON app.t (a);"
        ),
        [
            "CREATE INDEX i ON app.t (a)",
            "CREATE UNIQUE INDEX j ON app.t (a)"
        ]
    );
}

#[test]
fn what_does_not_name_the_schema_is_reported_or_refused_where_names_lead_there() {
    for statement in [
        "DO $$ BEGIN CREATE TYPE e AS ENUM ('a'); END $$",
        "SELECT make()",
        "CALL make()",
        "UPDATE t SET i = 2",
        "DELETE FROM t",
        "TRUNCATE t",
        "SELECT 1 AS i INTO u",
        "WITH a AS (INSERT INTO t VALUES (1) RETURNING i) SELECT i FROM a",
        "REASSIGN OWNED BY bob TO eve",
    ] {
        let dump = read(&format!("{MADE}{statement};")).unwrap();
        let head: String = statement.chars().take(60).collect();
        let expected = format!("line 4: {head}");
        let found = &dump.concerns[0];
        assert_eq!(found.id, ConcernId::NotFollowed, "{statement}");
        assert_eq!(found.objects, [expected], "{statement}");
        for path in [
            "SET search_path = app, public",
            "SET SCHEMA 'app'",
            "SELECT pg_catalog.set_config('search_path', 'app', false)",
        ] {
            let error = read(&format!("{MADE}{path};\n{statement};")).unwrap_err();
            assert!(
                error.starts_with("line 5: cannot determine what this statement does"),
                "{statement}: {error}"
            );
        }
    }
    for statement in [
        "GRANT SELECT ON t TO PUBLIC",
        "COMMENT ON TABLE t IS 'x'",
        "REFRESH MATERIALIZED VIEW m",
        "CREATE TABLE u ()",
    ] {
        let error = read(&format!("{MADE}SET search_path = app;\n{statement};")).unwrap_err();
        assert!(
            error.starts_with("line 5: '") && error.contains("is named without its schema"),
            "{error}"
        );
    }
    for statement in [
        "SELECT pg_catalog.lo_create('1')",
        "ANALYZE",
        "GRANT SELECT ON LARGE OBJECT 1 TO bob",
        "COMMENT ON LARGE OBJECT 1 IS 'x'",
        "GRANT bob TO eve",
    ] {
        let dump = read(&format!("{MADE}SET search_path = app;\n{statement};")).unwrap();
        assert_eq!(concerns(&dump), [""; 0], "{statement}");
    }
    let dump = read(&format!(
        "{MADE}ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO bob;"
    ));
    assert_eq!(dump.unwrap().concerns[0].id, ConcernId::NotFollowed);
}

#[test]
fn what_people_write_and_a_snapshot_cannot_have_is_refused_with_its_line() {
    for (text, expected) in [
        (
            "CREATE SCHEMA app CREATE TABLE t ()",
            "line 1: cannot determine what",
        ),
        (
            "CREATE FUNCTION app.f() RETURNS int LANGUAGE sql SET search_path FROM CURRENT AS 'SELECT 1'",
            "line 1: cannot determine what",
        ),
        (
            "CREATE TABLE app.t ();\nIMPORT FOREIGN SCHEMA x FROM SERVER s INTO app",
            "line 2: cannot determine what",
        ),
        (
            "CREATE TABLE app.t (v text);\nALTER TABLE app.t RENAME TO schema_migrations;\n\
             INSERT INTO app.schema_migrations VALUES ('1')",
            "line 2: table schema_migrations gets this name here",
        ),
        (
            "\\encoding LATIN1\nCREATE TABLE app.t ()",
            "line 1: the dump is in LATIN1",
        ),
        (
            "CREATE TABLE app.t ();\nSET TIME ZONE 'Asia/Tokyo'",
            "line 2: 'timezone = Asia/Tokyo' changes what follows",
        ),
    ] {
        let error = read(&format!("{text};")).unwrap_err();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
    assert!(read("\\encoding UTF8\nCREATE TABLE app.t ();").is_ok());
}

#[test]
fn partitions_of_tables_elsewhere() {
    for (text, is_attached) in [
        (
            "CREATE TABLE app.\"P\" (i int);\nALTER TABLE ONLY oth.p ATTACH PARTITION app.\"P\" FOR VALUES IN (1);",
            true,
        ),
        (
            "CREATE TABLE app.\"P\" PARTITION OF oth.p FOR VALUES IN (1);",
            false,
        ),
    ] {
        let dump = read(text).unwrap();
        let expected = PartitionOfOther {
            partition: "\"P\"".to_owned(),
            parent: "oth.p".to_owned(),
            is_attached,
        };
        assert_eq!(dump.partitions_of_others, [expected], "{text}");
        assert!(dump.concerns.is_empty(), "{:?}", dump.concerns);
    }
}

#[test]
fn what_names_the_schema_and_cannot_be_followed_is_refused_with_its_line() {
    for statement in [
        "SELECT create_hypertable('app.t', 'at')",
        "SELECT partman.create_parent(p_parent_table := 'app.t')",
        "SELECT cron.schedule('x', '0 3 * * *', 'CALL app.rollup()')",
        "CALL admin.register('app', 't')",
        "DO $$ BEGIN PERFORM app.f(); END $$",
        "UPDATE public.x SET y = 'app.t'",
        "ALTER TABLE public.s SET SCHEMA app",
        "ALTER TABLE app.t SET SCHEMA public",
        "ALTER SCHEMA app RENAME TO x",
        "ALTER SCHEMA other RENAME TO app",
        "GRANT SELECT ON ALL TABLES IN SCHEMA app TO bob",
        "PREPARE p AS SELECT * FROM app.t",
    ] {
        let error = read(&format!("{MADE}{statement};")).unwrap_err();
        assert!(
            error.starts_with("line 4: cannot determine what this statement does"),
            "{statement}: {error}"
        );
    }
    for statement in [
        "SELECT create_hypertable('other.t', 'at')",
        "SELECT 'my_app', 'apps'",
        "CREATE ROLE app",
    ] {
        let read = read(&format!("{MADE}{statement};"));
        assert!(read.is_ok(), "{statement}: {read:?}");
    }
}

#[test]
fn what_hangs_on_the_schema_from_outside_is_reported_by_name() {
    let dump = read(&format!(
        "{MADE}CREATE TRIGGER on_user AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION app.f();
         CREATE POLICY seen ON auth.users USING (EXISTS (SELECT FROM app.t));
         CREATE VIEW public.everything AS SELECT * FROM app.t;
         CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS $$ SELECT i FROM app.t $$;
         ALTER TABLE ONLY public.refers ADD CONSTRAINT fk FOREIGN KEY (i) REFERENCES app.t(i);
         INSERT INTO cron.job (command) VALUES ('CALL app.rollup()');
         COPY partman.part_config (parent_table) FROM stdin;\napp.t\n\\.\n
         ALTER ROLE bob SET search_path TO 'app', 'public';
         CREATE TABLE parts.p1 (i integer);
         ALTER TABLE ONLY app.t ATTACH PARTITION parts.p1 FOR VALUES IN (1);
         CREATE TABLE parts.p2 PARTITION OF app.t FOR VALUES IN (2);
         CREATE TABLE parts.child (x integer) INHERITS (app.t);
         CREATE TABLE app.mine (x integer) INHERITS (public.base);
         ALTER TABLE ONLY public.root ATTACH PARTITION app.r1 FOR VALUES IN (1);
         CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION app.f();"
    ))
    .unwrap();
    insta::assert_snapshot!(concerns(&dump).join("\n"), @"
    left out, as they are in another schema; a tenant refuses the rows that belong there: partitions: parts.p1, parts.p2
    left out, as they are in another schema: tables that inherit from the schema's: parts.child
    shared by all tenants, who can be read through it: the parent, in another schema, of: mine (public.base)
    left out, as they are in another schema or in none; they work on the source only: constraint fk on public.refers, function public.f(), policy seen on auth.users, trigger on_user on auth.users, view public.everything
    left out; a new tenant has to be registered there by itself: rows that name the schema in: table cron.job, table partman.part_config
    left out: settings that name the schema, of: ALTER ROLE bob SET search_path TO 'app', 'public'
    ");
    assert_eq!(
        dump.left_out,
        ["CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION a"]
    );
    assert!(
        dump.statements
            .iter()
            .all(|statement| !statement.text.contains("ATTACH"))
    );
}

#[test]
fn two_databases_in_one_file() {
    let one = "\\connect shop\nCREATE SCHEMA app;\nCREATE TABLE app.a (i integer);\n";
    let two = "\\connect crm\nCREATE SCHEMA app;\nCREATE TABLE app.b (i integer);\n";
    let error = read(&format!("{one}{two}")).unwrap_err();
    assert!(
        error.starts_with("line 5: the schema is in two databases"),
        "{error}"
    );
    assert!(read(&format!("{one}\\connect crm\nCREATE SCHEMA other;\n")).is_ok());
    assert!(read(&format!("{one}\\connect shop\nCREATE TABLE app.c ();\n")).is_ok());
    let rows = "\\connect crm\nCOPY app.a (i) FROM stdin;\n7\n\\.\n";
    assert!(read(&format!("{one}{rows}")).is_err());
}

#[test]
fn rows_without_a_schema_follow_the_search_path() {
    let tables = "CREATE TABLE public.schema_migrations (v text);\nCREATE SCHEMA app;\n\
        CREATE TABLE app.schema_migrations (v text);\n";
    for (path, ours) in [
        ("SET search_path TO \"$user\", public;", false),
        ("", false),
        ("SET search_path = app, public;", true),
        (
            "SELECT pg_catalog.set_config('search_path', 'app', false);",
            true,
        ),
        ("SET search_path = app; RESET ALL;", false),
    ] {
        let dump = read(&format!(
            "{tables}{path}\nINSERT INTO schema_migrations (v) VALUES ('1');"
        ))
        .unwrap();
        assert_eq!(dump.rows.contains_key("schema_migrations"), ours, "{path}");
        assert_eq!(concerns(&dump).is_empty(), ours, "{path}");
    }
    let only_ours = "CREATE TABLE app.schema_migrations (v text);\nINSERT INTO schema_migrations (v) VALUES ('1');";
    assert!(
        read(only_ours)
            .unwrap()
            .rows
            .contains_key("schema_migrations")
    );
}

#[test]
fn shorthand_of_the_file_is_taken_off() {
    let dump = read(
        "CREATE SCHEMA IF NOT EXISTS \"app\";
         CREATE TABLE IF NOT EXISTS app.t (i integer);
         CREATE TABLE IF NOT EXISTS app.t (j integer);
         CREATE OR REPLACE VIEW app.v AS SELECT 1 AS a;
         CREATE OR REPLACE VIEW app.v AS SELECT 2 AS a;
         CREATE INDEX IF NOT EXISTS i ON app.t (i);
         CREATE OR REPLACE FUNCTION app.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';",
    )
    .unwrap();
    let texts: Vec<&str> = dump
        .statements
        .iter()
        .map(|statement| statement.text.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "CREATE SCHEMA \"app\"",
            "CREATE TABLE app.t (i integer)",
            "CREATE VIEW app.v AS SELECT 1 AS a",
            "CREATE OR REPLACE VIEW app.v AS SELECT 2 AS a",
            "CREATE INDEX i ON app.t (i)",
            "CREATE FUNCTION app.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        ]
    );
}

#[test]
fn a_trigger_on_very_many_columns() {
    let columns: Vec<String> = (0..1100).map(|number| format!("c{number}")).collect();
    let dump = read(&format!(
        "CREATE TRIGGER x BEFORE UPDATE OF {} ON app.t FOR EACH ROW EXECUTE FUNCTION app.f();",
        columns.join(", ")
    ))
    .unwrap();
    assert_eq!(dump.statements[0].object.to_string(), "trigger x on t");
}

#[test]
fn a_tablespace_is_set_for_the_transaction_where_it_changes() {
    let dump = Dump::read(
        "SET default_tablespace = fast;\nCREATE TABLE a.t ();\nSET default_tablespace = '';\nCREATE TABLE a.u ();",
        "a",
    )
    .unwrap();
    let texts: Vec<&str> = dump
        .statements
        .iter()
        .map(|statement| statement.text.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "SET LOCAL default_tablespace = 'fast'",
            "CREATE TABLE a.t ()",
            "SET LOCAL default_tablespace = ''",
            "CREATE TABLE a.u ()"
        ]
    );
}
