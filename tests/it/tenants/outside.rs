//! Statements that are not confined to the tenant's schema: reported or refused before they run.

use schemastamp::fleet::migrate::{MigrateError, migrate};
use schemastamp::process::Shutdown;
use schemastamp::snapshot::{OutsidePolicy, Snapshot};

use super::world::{World, options};
use crate::support::Schemastamp;

const HEAD: &str = "-- schemastamp snapshot, format 2\n\nCREATE SCHEMA #{prefix};\n\
    CREATE TABLE #{prefix}.users (id int PRIMARY KEY, email text);\n\
    CREATE TABLE #{prefix}.schema_migrations (version varchar PRIMARY KEY);\n\
    INSERT INTO #{prefix}.schema_migrations VALUES ('1');\n";

#[test]
fn every_command_that_runs_a_snapshot_reports_what_is_outside_of_the_schema() {
    let world = World::new();
    world.database.sql("CREATE TABLE public.victim (a int)");
    let run = Schemastamp::on(&world.database);
    run.write(
        "snapshots/app.sql",
        format!(
            "{HEAD}INSERT INTO public.victim VALUES (1);\nCREATE EXTENSION IF NOT EXISTS hstore;\n"
        ),
    );
    run.write("m/1_first.sql", "SELECT 1;");
    for command in [
        &["render", "a"][..],
        &["provision", "a"],
        &["provision", "b", "--dry-run"],
        &["provision", "b", "c", "--jobs", "2"],
        &["pool", "fill", "--size", "1"],
        &["check", "--migrations", "m"],
        &["refresh", "--migrations", "m", "-o", "new.sql"],
        &["verify", "a"],
    ] {
        let output = run.run(command);
        for said in [
            "2 statements are not confined",
            "line 7: INSERT INTO public.victim",
            "line 8: CREATE EXTENSION",
        ] {
            assert!(output.stderr.contains(said), "{command:?} {output}");
        }
        let silent = run.run(&[command, &["--allow-outside"]].concat());
        assert!(
            !silent.stderr.contains("not confined"),
            "{command:?} {silent}"
        );
    }
    let output = run.run(&["render", "a", "--format", "json"]).succeeds();
    let lines = output.json();
    let outside = lines[1]["summary"]["outside"].as_array().unwrap();
    assert_eq!(outside.len(), 2, "{output}");
    assert_eq!(
        (
            &outside[0]["file"],
            &outside[0]["line"],
            &outside[0]["reach"]
        ),
        (&"snapshots/app.sql".into(), &7.into(), &"database".into())
    );
}

#[test]
fn what_reaches_beyond_the_database_is_refused_before_it_runs() {
    let world = World::new();
    let role = format!("{}_intruder", world.database.name);
    let run = Schemastamp::on(&world.database);
    run.write(
        "snapshots/app.sql",
        format!("{HEAD}DO $$ BEGIN\n  EXECUTE 'CREATE ROLE ' || '{role}';\nEND $$;\n"),
    );
    run.write("m/1_first.sql", "SELECT 1;");
    for command in [
        &["render", "a"][..],
        &["provision", "a"],
        &["provision", "a", "--dry-run"],
        &["provision", "a", "b", "--jobs", "2"],
        &["pool", "fill", "--size", "1"],
        &["check", "--migrations", "m"],
        &["refresh", "--migrations", "m"],
        &["verify", "--all"],
    ] {
        let output = run.run(&[command, &["--format", "json"]].concat());
        let output = output.exits_with(15);
        let error = output.json()[0]["error"].clone();
        assert_eq!(error["id"], "snapshot.outside", "{command:?} {output}");
        let message = error["message"].as_str().unwrap();
        assert!(
            message
                .starts_with("'snapshots/app.sql': line 7: this reaches beyond the database: DO"),
            "{output}"
        );
        assert!(error["hint"].as_str().unwrap().contains("--allow-outside"));
    }
    let roles = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'");
    assert_eq!(world.database.query(&roles), "0");
    run.run(&["provision", "a", "--allow-outside"]).succeeds();
    assert_eq!(world.database.query(&roles), "1");
    world.database.sql(&format!("DROP ROLE {role}"));
}

#[test]
fn migrations_are_judged_when_they_are_pending() {
    let world = World::new();
    world.tenants(&["a", "b"]);
    let run = Schemastamp::on(&world.database);
    // Applied long ago: it does not run again.
    run.write("m/1_roles.sql", "CREATE ROLE nobody_makes_this;");
    run.write(
        "m/2_shared.sql",
        "CREATE TABLE #{prefix}.x (id int);\nCREATE PUBLICATION p FOR TABLE #{prefix}.x;\nDROP PUBLICATION p;\n",
    );
    let migrate = ["migrate", "--all", "--migrations", "m"];
    let output = run.run(&migrate).succeeds();
    assert_eq!(output.stderr.matches("2_shared.sql").count(), 1, "{output}");
    assert!(
        output.stderr.contains("line 2: CREATE PUBLICATION p"),
        "{output}"
    );
    run.write(
        "m/3_file.sql",
        "SELECT 1;\nCOPY #{prefix}.users TO '/tmp/x';",
    );
    for more in [&[][..], &["--dry-run"], &["--jobs", "2"]] {
        let output = run.run(&[&migrate, more, &["--format", "json"]].concat());
        let output = output.exits_with(15);
        let error = output.json()[0]["error"].clone();
        assert_eq!(error["id"], "migration.outside", "{output}");
        assert_eq!(
            error["message"],
            "'m/3_file.sql', line 2: this reaches beyond the database: COPY #{prefix}.users TO '/tmp/x'"
        );
    }
    assert_eq!(world.versions("a"), "1 2");
    run.write("m/3_file.sql", "SELECT pg_reload_conf();");
    let output = run
        .run(&[&migrate[..], &["--allow-outside"]].concat())
        .succeeds();
    assert!(!output.stderr.contains("not confined"), "{output}");
    assert_eq!(world.versions("b"), "1 2 3");
}

#[tokio::test]
async fn the_library_has_the_guard() {
    let world = World::new();
    world.tenants(&["a"]);
    let text = format!("{HEAD}ALTER SYSTEM SET work_mem = 1;\n");
    assert_eq!(Snapshot::parse(&text).unwrap_err().id(), "snapshot.outside");
    assert!(Snapshot::parse_with(&text, OutsidePolicy::Allow).is_ok());
    world.migration("2_a.sql", "SELECT pg_reload_conf();");
    let refused = migrate(
        &world.server,
        &world.migrations(),
        &options(),
        None,
        &Shutdown::new(),
        &mut |_| {},
    )
    .await;
    assert!(
        matches!(refused, Err(MigrateError::Outside { .. })),
        "{refused:?}"
    );
    let mut allowing = options();
    allowing.outside = OutsidePolicy::Allow;
    world.migrate(&allowing).await;
    assert_eq!(world.versions("a"), "1 2");
}
