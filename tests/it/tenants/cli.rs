//! The commands on tenants, as they are typed.

use schemastamp::snapshot::Snapshot;
use serde_json::json;

use super::verify::{SNAPSHOT, create};
use super::world::World;
use crate::support::Schemastamp;

#[track_caller]
fn ends(run: &Schemastamp, arguments: &[&str], code: i32) {
    drop(run.run(arguments).exits_with(code));
}

#[test]
fn migrate_and_status_for_people_and_programs() {
    let world = World::new();
    world.tenants(&["a", "b", "c"]);
    world.database.sql("INSERT INTO b.users VALUES (1)");
    let run = Schemastamp::on(&world.database);
    run.write("m/2_row.sql", "INSERT INTO #{prefix}.users VALUES (1);");
    run.write("m/3_name.sql", "ALTER TABLE #{prefix}.users ADD name text; UPDATE app.users SET id = 1 WHERE false;");

    let output = run.run(&["status", "--migrations", "m"]).succeeds();
    assert_eq!(
        output.to_string(),
        "behind a: at 1, 2 behind\nbehind b: at 1, 2 behind\nbehind c: at 1, 2 behind\n\
         --- stderr ---\nwarning: 'm/3_name.sql', line 1: 'app.users' is changed for every tenant; write #{prefix}.users\n\
         3 tenants, 3 behind, 0 odd\n[exit status: 0]"
    );
    run.write("m/3_name.sql", "ALTER TABLE #{prefix}.users ADD name text;");
    ends(&run, &["migrate", "--migrations", "m"], 2);
    let output = run.run(&["migrate", "--all", "--migrations", "m", "--dry-run"]).succeeds();
    assert!(output.stdout.starts_with("pending a: at 1, would apply 2_row.sql, 3_name.sql\n"), "{output}");
    let output = run.run(&["migrate", "--all", "--migrations", "m"]).exits_with(18);
    let lines: Vec<&str> = output.stdout.split('\n').collect();
    assert!(lines[0].starts_with("migrated a: 1 to 3, 2 migrations ("), "{output}");
    let failure =
        "23505 duplicate key value violates unique constraint \"users_pkey\" in 2_row.sql, statement 1 (line 1)";
    assert!(lines.contains(&&*format!("failed b: at 1; {failure}")), "{output}");
    assert!(output.stderr.starts_with("2 migrated, 0 up to date, 1 failed ("), "{output}");
    ends(&run, &["migrate", "b", "--migrations", "m"], 14);

    let output = run.run(&["migrate", "--match", "[bc]", "--migrations", "m", "--format", "json"]).exits_with(18);
    let lines = output.json();
    assert_eq!(lines[0]["tenant"], "c");
    assert_eq!(lines[1]["error"]["id"], "sql.unique_violation");
    assert_eq!((&lines[1]["error"]["statement"], &lines[1]["error"]["code"]), (&json!(1), &json!(14)));
    assert_eq!((&lines[2]["summary"]["up_to_date"], &lines[2]["summary"]["failed"]), (&json!(1), &json!(1)));
    let status = run.run(&["status", "--format", "json"]).succeeds().json();
    assert_eq!((&status[1]["tenant"], &status[1]["behind"]), (&json!("b"), &json!(2)));
    assert_eq!(
        status[3]["summary"]["versions"],
        json!([{"version": "3", "tenants": 2}, {"version": "1", "tenants": 1}])
    );
    assert!(run.leftovers().is_empty());
}

#[test]
fn verify_refresh_check_and_drop() {
    let world = World::new();
    create(&world, &Snapshot::parse(SNAPSHOT).unwrap(), &["a", "b"]);
    world.database.sql(
        "CREATE TABLE a.schema_migrations (version varchar PRIMARY KEY); INSERT INTO a.schema_migrations VALUES ('1')",
    );
    let run = Schemastamp::on(&world.database);
    ends(&run, &["capture", "--schema", "a", "-o", "s.sql", "--rename", "trigger stamp on users"], 0);
    let run = run.env("SCHEMASTAMP_SNAPSHOT", "s.sql");
    let output = run.run(&["verify", "--all"]).exits_with(1);
    assert_eq!(
        output.to_string(),
        "different 1 tenant: b\n  constraint schema_migrations_pkey on schema_migrations is missing\n  \
         index schema_migrations_pkey is missing\n  table schema_migrations is missing\n\
         --- stderr ---\n1 equal, 1 in 1 variant\n[exit status: 1]"
    );
    ends(&run, &["verify", "a"], 0);
    ends(&run, &["verify", "a", "nosuch"], 1);
    ends(&run, &["verify", "--all", "--each-other", "--format", "json"], 1);

    ends(&run, &["check", "--schema", "a"], 0);
    run.write("m/2_x.sql", "CREATE TABLE #{prefix}.x (id integer);");
    let output = run.run(&["check", "--migrations", "m"]).exits_with(1);
    assert!(output.stdout.contains("+CREATE TABLE #{prefix}.x (\n+    id integer\n+);\n"), "{output}");
    let output = run.run(&["refresh", "--migrations", "m"]).succeeds();
    assert!(output.stderr.contains("wrote 's.sql', 1 migration applied"), "{output}");
    ends(&run, &["check", "--migrations", "m"], 0);
    let output = run.run(&["check", "--schema", "a", "--format", "json"]).exits_with(1);
    assert!(output.json()[0]["summary"]["diff"].as_str().unwrap().starts_with("--- s.sql\n+++ schema a\n"), "{output}");
    ends(&run, &["migrate", "a", "--migrations", "m"], 0);
    ends(&run, &["check", "--schema", "a"], 0);

    ends(&run, &["drop", "a"], 2);
    ends(&run, &["drop", "a", "--dry-run"], 0);
    world.database.sql("CREATE VIEW report AS SELECT * FROM b.users");
    let output = run.run(&["drop", "a", "b", "--yes"]).exits_with(18);
    assert!(output.stdout.contains("dropped a\n") && output.stderr.contains("view report"), "{output}");
    ends(&run, &["drop", "b", "--yes", "--cascade", "--format", "json"], 0);
    ends(&run, &["drop", "b", "--yes"], 2);
    assert!(run.leftovers().is_empty());
}
