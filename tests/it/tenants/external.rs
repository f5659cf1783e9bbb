//! `migrate --run`: the app's own command, once for each tenant.

use super::world::World;
use crate::support::Schemastamp;

/// A command as an app has it: finds its tenant and the server in the environment.
const APP: &str = r#"psql -X -q -v ON_ERROR_STOP=1 -v "t=$SCHEMASTAMP_TENANT" -f app.sql"#;

#[test]
fn each_tenant_is_migrated_by_the_app() {
    let world = World::new();
    world.tenants(&["a", "Odd name", "c"]);
    let run = Schemastamp::on(&world.database).env("APP_SECRET", "kept").env("PGOPTIONS", "-c search_path=nowhere");
    run.write(
        "app.sql",
        "ALTER TABLE :\"t\".users ADD name text;\nINSERT INTO :\"t\".schema_migrations VALUES ('2');\n\
         \\getenv secret APP_SECRET\nINSERT INTO :\"t\".users VALUES (1, :'secret');\n",
    );
    let output = run.run(&["migrate", "--all", "--run", APP, "--jobs", "2"]).succeeds();
    assert!(output.stdout.contains("migrated Odd name: 1 to 2, 1 migration ("), "{output}");
    assert_eq!(world.database.query("SELECT email FROM \"Odd name\".users"), "kept");
    run.write("app.sql", "SELECT 1;");
    let output = run.run(&["migrate", "--all", "--run", APP, "-v"]).succeeds();
    assert!(output.stdout.contains("up to date a: at 2\n"), "{output}");
    world.database.sql("DROP TABLE c.users");
    run.write("app.sql", "SELECT count(*) FROM :\"t\".users;");
    let output = run.run(&["migrate", "--all", "--run", APP, "--format", "json"]).exits_with(18);
    let failed = output.json().into_iter().find(|line| line["tenant"] == "c").unwrap();
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("the command ended with 3: "), "{message}");
    assert!(failed["error"]["detail"].as_str().unwrap().contains("relation \"c.users\" does not exist"), "{output}");
    assert!(run.leftovers().is_empty());
}
