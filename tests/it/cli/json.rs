//! What programs read: the schema, and that every command and every kind of failure keeps to it.

use serde_json::Value;

use crate::provision::{SMALL, snapshot};
use crate::support::{Cluster, CommandOutput, Schemastamp};

/// The `type` of the last line, and the command of a summary or the id of an error.
fn last(output: &CommandOutput) -> String {
    let line = output.json().pop().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match line["type"].as_str().unwrap() {
        "summary" => format!("summary {}", text(&line["summary"]["command"])),
        kind => format!("{kind} {}", text(&line["error"]["id"])),
    }
}

#[test]
fn the_published_schema_is_the_one_of_the_program() {
    let printed = Schemastamp::new().run(&["json-schema"]).succeeds().stdout;
    let published = include_str!("../../../docs/json-schema.json");
    assert!(
        printed == published,
        "docs/json-schema.json is not what schemastamp json-schema prints"
    );
    for name in [
        "What", "Who", "Whether", "How", "Why", "Which", "Where", "When",
    ] {
        assert!(
            !printed.contains(&format!("\"description\": \"{name} ")),
            "{name}"
        );
    }
}

#[test]
fn wrong_usage_is_an_error_for_programs_too() {
    let world = Schemastamp::new();
    for arguments in [
        &["nonsense"] as &[&str],
        &["provision"],
        &["provision", "a", "--if-exists", "maybe"],
        &["check"],
        &["migrate"],
        &["pool", "fill"],
        &[],
    ] {
        let arguments = [arguments, &["--format", "json"]].concat();
        let output = world.run(&arguments).exits_with(2);
        let error = &output.json()[0]["error"];
        assert_eq!(
            (&error["id"], &error["code"]),
            (&"usage".into(), &2.into()),
            "{output}"
        );
        let message = error["message"].as_str().unwrap();
        assert!(
            !message.is_empty() && !message.starts_with("error") && !message.contains('\n'),
            "{output}"
        );
    }
    let output = world
        .run(&["--format=json", "provision", "--nonsense"])
        .exits_with(2);
    assert_eq!(output.json()[0]["type"], "error");
    let output = world.run(&["provision", "--nonsense", "--", "--format", "json"]);
    assert!(output.exits_with(2).stdout.is_empty());
    let output = world.run(&["migrat", "--format", "json"]).exits_with(2);
    let hint = output.json()[0]["error"]["hint"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(hint.contains("'migrate'"), "{hint}");
}

#[test]
fn every_command_ends_with_its_summary() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write("snapshots/app.sql", snapshot(SMALL));
    world.write("m/1_note.sql", "ALTER TABLE #{prefix}.t ADD note text;");
    database.sql("CREATE TABLE public.unused (id int)");
    for (arguments, expected) in [
        (&["provision", "a", "b"] as &[&str], "summary provision"),
        (
            &["provision", "a", "--if-exists", "skip"],
            "summary provision",
        ),
        (
            &["provision", "c", "--dry-run"],
            "summary provision_dry_run",
        ),
        (&["render", "c"], "summary render"),
        (&["capture", "--schema", "a"], "summary capture"),
        (
            &["capture", "--schema", "a", "-o", "a.sql"],
            "summary capture",
        ),
        (&["minify"], "summary minify"),
        (&["minify", "-o", "small.sql"], "summary minify"),
        (&["snapshot", "show", "small.sql"], "summary snapshot_show"),
        (&["pool", "fill", "--size", "1"], "summary pool_fill"),
        (&["pool", "status"], "summary pool_status"),
        (
            &["provision", "claimed", "--from-pool"],
            "summary provision",
        ),
        (&["pool", "drain", "--all"], "summary pool_drain"),
        (&["query", "a", "b", "-c", "TABLE t"], "summary query"),
        (&["verify", "a", "b"], "summary verify"),
        (&["check", "--schema", "a"], "summary check"),
        (&["clone", "a", "d"], "summary clone"),
        (&["rename", "d", "e", "--yes"], "summary rename"),
        (&["drop", "e", "nowhere", "--dry-run"], "summary drop"),
        (&["drop", "e", "--yes"], "summary drop"),
        (&["diagnose"], "summary diagnose"),
    ] {
        let output = world.run(&[arguments, &["--format", "json"]].concat());
        assert_eq!(last(&output), expected, "{arguments:?}: {output}");
    }
    assert!(world.leftovers().is_empty());
}

#[test]
fn a_difference_has_definitions_as_objects_and_not_as_text() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write("snapshots/app.sql", snapshot(SMALL));
    drop(world.run(&["provision", "a", "b"]).succeeds());
    database.sql(
        "ALTER TABLE b.t ADD note text NOT NULL DEFAULT ''; ALTER TABLE b.t ALTER id TYPE bigint",
    );
    let output = world
        .run(&["verify", "a", "b", "--format", "json"])
        .exits_with(1);
    let lines = output.json();
    let variant = lines.iter().find(|line| line["type"] == "variant").unwrap();
    let findings = variant["findings"].as_array().unwrap();
    assert!(
        findings
            .iter()
            .any(|finding| finding["found"]["not_null"] == true),
        "{output}"
    );
    for value in findings
        .iter()
        .flat_map(|finding| [&finding["expected"], &finding["found"]])
    {
        let text = value.as_str().unwrap_or_default();
        assert!(!text.starts_with(['{', '[']), "JSON in a text: {text}");
        let parts = value.as_object().into_iter().flatten();
        assert!(
            parts.into_iter().all(|(name, _)| !name.contains(' ')),
            "{value}"
        );
    }
}

#[test]
fn a_diagnosis_has_values_apart_from_their_origins() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    let output = world.run(&["diagnose", "--format", "json"]);
    let lines = output.json();
    let configuration = lines
        .iter()
        .find(|line| line["id"] == "configuration")
        .unwrap();
    let user = &configuration["evidence"]["user"];
    assert_eq!(user["origin"], "PGUSER", "{output}");
    assert_eq!(user["value"], *database.environment()["PGUSER"], "{output}");
}
