//! Event triggers of the database, which run for everything that schemastamp creates.

use crate::support::{Cluster, Database, Schemastamp};

const SOURCE: &str = "CREATE SCHEMA tenant_a; CREATE TABLE tenant_a.before (id int PRIMARY KEY);
    CREATE TABLE tenant_a.schema_migrations (version text PRIMARY KEY); INSERT INTO tenant_a.schema_migrations VALUES ('1');";

/// Writes a snapshot of the source before the event trigger is there.
fn world(database: &Database<'_>, event_trigger: &str) -> Schemastamp {
    database.sql(SOURCE);
    let run = Schemastamp::on(database);
    run.run(&["capture", "--schema", "tenant_a", "-o", "snapshots/app.sql"])
        .succeeds();
    database.sql(event_trigger);
    run.write("m/2_a.sql", "SELECT 1;");
    run
}

#[test]
fn an_error_in_an_event_trigger_names_it_and_its_function() {
    for (function, statement) in [
        (
            "CREATE FUNCTION public.log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO ddl_log VALUES (tg_tag); END $$; CREATE TABLE public.ddl_log (tag text)",
            "CREATE EVENT TRIGGER demo ON ddl_command_end EXECUTE FUNCTION public.log_ddl()",
        ),
        (
            "CREATE FUNCTION public.log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'no tables here'; END $$",
            "CREATE EVENT TRIGGER demo ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'ALTER SCHEMA')
             EXECUTE FUNCTION public.log_ddl()",
        ),
        (
            "CREATE SCHEMA \"Audit\"; CREATE FUNCTION \"Audit\".\"No\"() RETURNS event_trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM 1 / 0; END $$",
            "CREATE EVENT TRIGGER demo ON ddl_command_end WHEN TAG IN ('CREATE SCHEMA', 'ALTER SCHEMA')
             EXECUTE FUNCTION \"Audit\".\"No\"()",
        ),
    ] {
        let database = Cluster::shared().database();
        let run = world(&database, &format!("{function}; {statement}"));
        for command in [
            &["capture", "--schema", "tenant_a", "-o", "b.sql"][..],
            &["provision", "t1"],
            &["rename", "tenant_a", "tenant_z", "--yes"],
            &["clone", "tenant_a", "tenant_z"],
            &["refresh", "--migrations", "m"],
            &["pool", "fill", "--size", "1"],
            &["verify", "--all"],
        ] {
            let output = run.run(command).exits_with(14);
            assert!(
                output.stderr.contains("the event trigger 'demo' ("),
                "{command:?} {output}"
            );
            assert!(output.stderr.contains("hint: "), "{command:?} {output}");
        }
        let output = run.run(&["diagnose"]).succeeds();
        assert!(output.stdout.contains("event_triggers"), "{output}");
        assert!(output.stdout.contains("'demo' ("), "{output}");
    }
}

#[test]
fn an_event_trigger_that_changes_new_tables_is_named() {
    let database = Cluster::shared().database();
    let run = world(
        &database,
        "CREATE FUNCTION public.auto_rls() RETURNS event_trigger LANGUAGE plpgsql AS $$
         DECLARE r record;
         BEGIN
           FOR r IN SELECT * FROM pg_catalog.pg_event_trigger_ddl_commands() WHERE object_type = 'table' LOOP
             EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', r.object_identity);
           END LOOP;
         END $$;
         CREATE EVENT TRIGGER rls ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.auto_rls();
         CREATE EVENT TRIGGER off ON ddl_command_end EXECUTE FUNCTION public.auto_rls(); ALTER EVENT TRIGGER off DISABLE;
         CREATE EVENT TRIGGER dropped ON sql_drop EXECUTE FUNCTION public.auto_rls()",
    );
    for (command, code) in [
        (&["capture", "--schema", "tenant_a", "-o", "b.sql"][..], 15),
        (&["rename", "tenant_a", "tenant_z", "--yes"], 14),
        (&["clone", "tenant_a", "tenant_z"], 15),
    ] {
        let output = run.run(command).exits_with(code);
        assert!(
            output
                .stderr
                .contains("have run for the copy: 'rls' (public.auto_rls())\n"),
            "{output}"
        );
    }
    // A tenant that the trigger has changed equals its copy, which it changes, too.
    run.run(&["provision", "t1"]).succeeds();
    let output = run.run(&["verify", "t1"]).succeeds();
    assert!(
        output
            .stderr
            .contains("have run for the copy that tenants are compared with"),
        "{output}"
    );
    let output = run.run(&["verify", "t1", "--each-other"]).succeeds();
    assert!(!output.stderr.contains("event trigger"), "{output}");
}

#[test]
fn an_event_trigger_of_the_tenant_itself_is_named_when_it_fails_behind_a_rename() {
    let database = Cluster::shared().database();
    database.sql(&format!(
        "{SOURCE} CREATE TABLE tenant_a.log (tag text);
         CREATE FUNCTION tenant_a.log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS
         $$ BEGIN INSERT INTO tenant_a.log VALUES (tg_tag); END $$;
         CREATE EVENT TRIGGER own ON ddl_command_end EXECUTE FUNCTION tenant_a.log_ddl()"
    ));
    let run = Schemastamp::on(&database);
    let output = run
        .run(&["rename", "tenant_a", "tenant_z", "--yes"])
        .exits_with(14);
    assert!(
        output
            .stderr
            .contains("in the event trigger 'own' (tenant_a.log_ddl())"),
        "{output}"
    );
    assert!(!output.stderr.contains("without a schema"), "{output}");
    database.sql("ALTER EVENT TRIGGER own DISABLE");
    run.run(&["rename", "tenant_a", "tenant_z", "--yes"])
        .succeeds();
}
