//! `migrate --run`: the app's own command, once for each tenant.

use super::verify::SNAPSHOT;
use super::world::World;
use crate::support::Schemastamp;

/// A command as an app has it: finds its tenant and the server in the environment.
const APP: &str = r#"psql -X -q -v ON_ERROR_STOP=1 -v "t=$SCHEMASTAMP_TENANT" -f app.sql"#;

#[test]
fn app_command_migrates_each_tenant() {
    let world = World::new();
    world.tenants(&["a", "Odd name", "c"]);
    let run = Schemastamp::on(&world.database)
        .env("APP_SECRET", "kept")
        .env("PGOPTIONS", "-c search_path=nowhere");
    run.write(
        "app.sql",
        "ALTER TABLE :\"t\".users ADD name text;\nINSERT INTO :\"t\".schema_migrations VALUES ('2');\n\
         \\getenv secret APP_SECRET\nINSERT INTO :\"t\".users VALUES (1, :'secret');\n",
    );
    let output = run
        .run(&["migrate", "--all", "--run", APP, "--jobs", "2"])
        .succeeds();
    assert!(
        output
            .stdout
            .contains("migrated Odd name: from version 1 to 2, 1 migration ("),
        "{output}"
    );
    assert_eq!(
        world.database.query("SELECT email FROM \"Odd name\".users"),
        "kept"
    );
    run.write("app.sql", "SELECT 1;");
    let output = run
        .run(&["migrate", "--all", "--run", APP, "-v"])
        .succeeds();
    assert!(output.stdout.contains("up to date a: at 2\n"), "{output}");
    world.database.sql("DROP TABLE c.users");
    run.write("app.sql", "SELECT count(*) FROM :\"t\".users;");
    let output = run
        .run(&["migrate", "--all", "--run", APP, "--format", "json"])
        .exits_with(18);
    let failed = output
        .json()
        .into_iter()
        .find(|line| line["tenant"] == "c")
        .unwrap();
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("the command ended with 3: "),
        "{message}"
    );
    assert!(
        failed["error"]["detail"]
            .as_str()
            .unwrap()
            .contains("relation \"c.users\" does not exist"),
        "{output}"
    );
    assert!(run.leftovers().is_empty());
}

#[test]
fn hook_runs_for_each_created_tenant() {
    let world = World::new();
    let run = Schemastamp::on(&world.database)
        .env("PGOPTIONS", "-c search_path=nowhere")
        .env("SST_OWN", "kept");
    let run = run.env("SCHEMASTAMP_SNAPSHOT", "s.sql");
    run.write("s.sql", SNAPSHOT);
    run.write(
        "app.sql",
        "\\getenv own SST_OWN\nINSERT INTO :\"t\".users (email) VALUES (:'own');\n",
    );
    let output = run
        .run(&["provision", "a", "Odd name", "--run", APP])
        .succeeds();
    assert!(output.stdout.contains("created Odd name ("), "{output}");
    assert_eq!(
        world
            .database
            .query("SELECT email FROM a.users UNION ALL SELECT email FROM \"Odd name\".users"),
        "kept\nkept"
    );
    // This run did not create the tenant. The one that did has run the hook.
    run.run(&["provision", "a", "--if-exists", "skip", "--run", APP])
        .succeeds();
    assert_eq!(world.database.query("SELECT count(*) FROM a.users"), "1");

    run.write("app.sql", "SELECT 1/(:'t' <> 'b')::int;");
    let output = run
        .run(&["provision", "b", "c", "--run", APP, "--format", "json"])
        .exits_with(18);
    let lines = output.json();
    assert_eq!(
        (&lines[0]["outcome"], &lines[0]["error"]["id"]),
        (&"failed".into(), &"tenant.hook".into()),
        "{output}"
    );
    let message = lines[0]["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("it was created and stays, but the command ended with 3: "),
        "{message}"
    );
    assert!(
        lines[0]["error"]["detail"]
            .as_str()
            .unwrap()
            .contains("division by zero"),
        "{output}"
    );
    assert_eq!(
        (&lines[1]["outcome"], &lines[2]["summary"]["failed"]),
        (&"created".into(), &1.into()),
        "{output}"
    );
    assert_eq!(
        world.database.query("SELECT count(*) FROM b.users"),
        "0",
        "it stays"
    );

    let output = run
        .run(&[
            "provision",
            "d",
            "--run",
            "echo \"no $SCHEMASTAMP_TENANT\"; exit 7",
        ])
        .exits_with(18);
    let told = "error: tenant 'd': it was created and stays, but the command ended with 7: no d\n  no d\n\
                hint: run the command for this tenant again, or drop the tenant\n";
    assert!(output.stderr.ends_with(told), "{output}");
    let output = run
        .run(&["provision", "e", "--run", "exit 1", "--dry-run"])
        .succeeds();
    assert!(output.stdout.contains("-- then: exit 1\n"), "{output}");
    assert_eq!(
        world.database.query("SELECT to_regnamespace('e') IS NULL"),
        "t"
    );
    assert!(run.leftovers().is_empty());
}
