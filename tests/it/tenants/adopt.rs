//! `adopt`: tenants that were made by hand or by another tool.

use std::collections::BTreeMap;

use serde_json::Value;

use super::world::World;
use crate::support::{CommandOutput, Schemastamp};

/// The outcome of each tenant.
fn outcomes(output: &CommandOutput) -> BTreeMap<String, String> {
    let lines = output.json();
    let tenants = lines.iter().filter(|line| line["type"] == "tenant");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    tenants
        .map(|line| {
            let outcome = format!("{} {}", text(&line["outcome"]), text(&line["error"]["id"]));
            (text(&line["tenant"]), outcome.trim_end().to_owned())
        })
        .collect()
}

fn expected(outcomes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = |(tenant, outcome): &(&str, &str)| ((*tenant).to_owned(), (*outcome).to_owned());
    outcomes.iter().map(own).collect()
}

/// Tenants at version 1, a snapshot of the first, and a migration to version 2.
fn world(tenants: &[&str]) -> (World<'static>, Schemastamp) {
    let world = World::new();
    world.tenants(tenants);
    let run = Schemastamp::on(&world.database);
    let first = tenants[0];
    drop(
        run.run(&["capture", "--schema", first, "-o", "snapshots/app.sql"])
            .succeeds(),
    );
    run.write("m/2_name.sql", "ALTER TABLE #{prefix}.users ADD name text;");
    (world, run)
}

fn comment(world: &World<'_>, tenant: &str) -> String {
    world.database.query(&format!(
        "SELECT obj_description('\"{tenant}\"'::regnamespace, 'pg_namespace')"
    ))
}

fn adopt(run: &Schemastamp, more: &[&str]) -> CommandOutput {
    run.run(&[&["adopt", "--format", "json"], more].concat())
}

#[test]
fn equal_tenants_are_marked_at_their_version_and_different_ones_refused() {
    let (world, run) = world(&["a", "ahead", "cosmetic", "noted", "odd", "strange"]);
    drop(
        run.run(&["migrate", "ahead", "--migrations", "m"])
            .succeeds(),
    );
    world.database.sql(
        "ALTER TABLE odd.users ADD note text; ALTER TABLE cosmetic.users RENAME CONSTRAINT users_pkey TO pk;
         INSERT INTO strange.schema_migrations VALUES ('7'); COMMENT ON SCHEMA noted IS 'It''s ours\n\nschemastamp: soon'",
    );
    let all = ["--all", "--migrations", "m"];
    let found = [
        ("a", "would_adopt"),
        ("ahead", "would_adopt"),
        ("cosmetic", "would_adopt"),
        ("noted", "would_adopt"),
        ("odd", "different"),
        ("strange", "refused tenant.no_reference"),
    ];
    let output = adopt(&run, &[&all[..], &["--dry-run"]].concat()).exits_with(18);
    assert_eq!(outcomes(&output), expected(&found), "{output}");
    assert_eq!(comment(&world, "a"), "", "nothing is changed");
    let output = adopt(&run, &[&all[..], &["--strict", "--dry-run"]].concat()).exits_with(18);
    assert_eq!(outcomes(&output)["cosmetic"], "cosmetic");

    let output = adopt(&run, &all).exits_with(18);
    let done = found.map(|(tenant, outcome)| (tenant, outcome.trim_start_matches("would_")));
    let done = done.map(|(tenant, outcome)| {
        (
            tenant,
            if outcome == "adopt" {
                "adopted"
            } else {
                outcome
            },
        )
    });
    assert_eq!(outcomes(&output), expected(&done), "{output}");
    let lines = output.json();
    let variant = lines.iter().find(|line| line["type"] == "variant").unwrap();
    assert_eq!(variant["findings"][0]["object"], "users.note");
    let line = lines.iter().find(|line| line["tenant"] == "ahead").unwrap();
    assert_eq!(line["version"], "2");
    let mark = format!("schemastamp: {}", line["snapshot"].as_str().unwrap());
    assert_eq!(
        (comment(&world, "a"), comment(&world, "ahead")),
        (mark.clone(), mark.clone())
    );
    // A comment stays, and what merely begins like a marker is a part of it.
    assert!(comment(&world, "noted").starts_with("It's ours\n\n"));
    assert!(comment(&world, "noted").ends_with(&format!("\n\n{mark}")));
    let status = run.run(&["status", "a", "--format", "json"]).succeeds();
    assert!(
        mark.ends_with(status.json()[0]["snapshot"].as_str().unwrap()),
        "{status}"
    );
    // Once more changes nothing.
    let output = adopt(&run, &["a", "ahead", "noted", "--migrations", "m"]).succeeds();
    let skipped = [("a", "skipped"), ("ahead", "skipped"), ("noted", "skipped")];
    assert_eq!(outcomes(&output), expected(&skipped), "{output}");
    let output = run.run(&["adopt", "odd"]).exits_with(1);
    assert_eq!(
        output.to_string(),
        "different 1 tenant: odd\n  unexpected column users.note\n  table users, column order: has 'id, email, note', should have 'id, email'\n--- stderr ---\n0 adopted, 1 different\n[exit status: 1]"
    );
    assert!(run.leftovers().is_empty());
}

#[test]
fn what_is_no_tenant_is_refused_and_a_schema_without_versions_can_be_named() {
    let (world, run) = world(&["a"]);
    drop(run.run(&["pool", "fill", "--size", "1"]).succeeds());
    world.database.sql(
        "CREATE SCHEMA bare; CREATE SCHEMA made; CREATE TABLE made.users (id int PRIMARY KEY);
         CREATE TABLE made.schema_migrations (version varchar PRIMARY KEY)",
    );
    let output = adopt(&run, &["public", "bare", "made", "nosuch", "a"]).exits_with(18);
    let found = [
        ("a", "adopted"),
        ("bare", "refused tenant.not_a_tenant"),
        ("made", "refused tenant.no_reference"),
        ("nosuch", "missing tenant.missing"),
        ("public", "refused tenant.protected"),
    ];
    assert_eq!(outcomes(&output), expected(&found), "{output}");
    let output = run
        .run(&["-q", "adopt", "public", "bare", "a"])
        .exits_with(18);
    assert_eq!(output.stderr, "0 adopted, 1 adopted before, 2 refused\n");
    assert!(
        output
            .stdout
            .lines()
            .all(|line| line.starts_with("refused ")),
        "{output}"
    );
    drop(adopt(&run, &["nosuch"]).exits_with(2));
    // A spare has no name that a tenant can have.
    let spare = world
        .database
        .query("SELECT name FROM schemastamp_pool.spares");
    drop(adopt(&run, &[&spare]).exits_with(2));
    let output = adopt(&run, &["--all"]);
    assert!(!outcomes(&output).contains_key(&spare), "{output}");
    let output = run.run(&["adopt"]).exits_with(2);
    assert!(output.stderr.contains("no tenants selected"), "{output}");
}

#[test]
fn a_role_that_does_not_own_the_schema_cannot_mark_it() {
    let (world, run) = world(&["a", "b"]);
    world.database.sql(
        "CREATE ROLE adopting_role LOGIN; GRANT USAGE ON SCHEMA a, b TO adopting_role;
         GRANT SELECT ON ALL TABLES IN SCHEMA a, b TO adopting_role; ALTER SCHEMA b OWNER TO adopting_role",
    );
    let grant = format!(
        "GRANT CREATE ON DATABASE \"{}\" TO adopting_role",
        world.database.name
    );
    world.database.sql(&grant);
    let run = run.env("PGUSER", "adopting_role");
    let text = run.read("snapshots/app.sql");
    let lines = text.lines().filter(|line| !line.contains("OWNER TO"));
    run.write(
        "snapshots/app.sql",
        lines.collect::<Vec<_>>().join("\n") + "\n",
    );
    let output = adopt(&run, &["a", "b"]).exits_with(18);
    let found = [("a", "failed tenant.not_adopted"), ("b", "adopted")];
    assert_eq!(outcomes(&output), expected(&found), "{output}");
    let lines = output.json();
    let line = lines.iter().find(|line| line["tenant"] == "a").unwrap();
    assert!(
        line["error"]["message"]
            .as_str()
            .unwrap()
            .contains("must be owner of schema a"),
        "{output}"
    );
    world
        .database
        .sql(&grant.replace("GRANT", "REVOKE").replace(" TO ", " FROM "));
    world
        .database
        .sql("DROP OWNED BY adopting_role CASCADE; DROP ROLE adopting_role");
}

#[test]
fn owners_and_privileges_count_only_if_they_are_asked_for() {
    let (world, run) = world(&["a", "granted"]);
    world
        .database
        .sql("GRANT SELECT ON granted.users TO PUBLIC");
    let dry = ["--all", "--dry-run"];
    let output = adopt(&run, &dry).succeeds();
    assert_eq!(
        outcomes(&output),
        expected(&[("a", "would_adopt"), ("granted", "would_adopt")])
    );
    let strict = [&dry[..], &["--owners", "--privileges"]].concat();
    let output = adopt(&run, &strict).exits_with(1);
    assert_eq!(
        outcomes(&output),
        expected(&[("a", "would_adopt"), ("granted", "different")])
    );
}
