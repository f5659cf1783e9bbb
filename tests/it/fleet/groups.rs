//! Groups of tenants that are migrated one after the other.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::selection::create_tenants;
use super::servers::{GONE, TARGETS, World, outcomes, summary};
use crate::provision::wait_for;
use crate::support::{CommandOutput, Database};

/// Fails for the tenants that have a table `blocked`.
const MIGRATION: &str =
    "ALTER TABLE #{prefix}.users ADD name text; CREATE TABLE #{prefix}.blocked ();";
const MIGRATE: [&str; 5] = ["migrate", "--migrations", "m", "--groups", "groups.toml"];

/// `eu` has a0 to a2, `us` has c0 to c2.
fn world(groups: &str) -> World {
    let world = World::empty();
    create_tenants(&world.eu, &["a0", "a1", "a2"]);
    create_tenants(&world.us, &["c0", "c1", "c2"]);
    world.run.write("m/2_name.sql", MIGRATION);
    world.run.write("groups.toml", groups);
    world
}

fn migrate(world: &World, selection: &[&str]) -> CommandOutput {
    world.json(&[&MIGRATE[..], selection].concat())
}

fn block(database: &Database<'_>, tenant: &str) {
    database.sql(&format!("CREATE TABLE {tenant}.blocked ()"));
}

/// The groups of the tenants, in the order of their lines.
fn order(output: &CommandOutput) -> Vec<String> {
    let lines = output.json();
    let groups = lines.iter().filter_map(|line| line["group"].as_str());
    groups.map(str::to_owned).collect()
}

fn of_outcome(output: &CommandOutput, outcome: &str) -> Vec<String> {
    let found = outcomes(output).into_iter();
    let fits = found.filter(|(_, found)| found == outcome);
    fits.map(|(tenant, _)| tenant).collect()
}

#[test]
fn groups_follow_each_other_on_all_targets_and_a_failure_ends_the_run_between_them() {
    let world = world(
        "[[group]]\nname = 'early'\ntenants = ['a0', 'c?']\njobs = 1\n\
         [[group]]\nname = 'main'\nrest = true\njobs = 4\n",
    );
    block(&world.us, "c1");
    // With fewer workers than targets, none waits for another group with a worker in its hand.
    let output = migrate(&world, &["--all", "--total-jobs", "1"]).exits_with(18);
    // The group itself comes to its end.
    assert_eq!(of_outcome(&output, "migrated"), ["a0@eu", "c0@us", "c2@us"]);
    assert_eq!(of_outcome(&output, "failed"), ["c1@us"]);
    assert_eq!(of_outcome(&output, "not_reached"), ["a1@eu", "a2@eu"]);
    assert_eq!(
        summary(&output)["ended_early"],
        "target 'eu': group 'early': 1 tenant failed; target 'us': group 'early': 1 tenant failed",
        "{output}"
    );
    assert_eq!(world.versions()["a1@eu"], "1");
    // The next run continues.
    world.us.sql("DROP TABLE c1.blocked");
    let output = migrate(&world, &["--all"]).succeeds();
    assert_eq!(of_outcome(&output, "migrated"), ["a1@eu", "a2@eu", "c1@us"]);
    let after: Vec<String> = order(&output)
        .into_iter()
        .skip_while(|group| group == "early")
        .collect();
    assert_eq!(after, ["main", "main"], "{output}");
    let output = world
        .run
        .run(&[&MIGRATE[..], &["--all", "--dry-run"], &TARGETS].concat())
        .succeeds();
    assert!(
        output.to_string().contains("0 migrated, 6 up to date"),
        "{output}"
    );
}

#[test]
fn failures_within_the_limit_of_a_group_let_the_next_one_begin() {
    let world = world(
        "[[group]]\nname = 'early'\ntenants = ['a*']\nmax_failures = 2\n\
         [[group]]\nname = 'main'\nrest = true\n",
    );
    block(&world.eu, "a0");
    let output = migrate(&world, &["--all"]).exits_with(18);
    assert_eq!(summary(&output)["migrated"], 5, "{output}");
    assert_eq!(summary(&output)["ended_early"], Value::Null, "{output}");
    // One failure more ends the run at once, also within the group.
    world.run.write("m/3_name.sql", "SELECT 1/0;");
    let output = migrate(&world, &["--all"]).exits_with(18);
    assert_eq!(of_outcome(&output, "failed"), ["a0@eu", "a1@eu"]);
    assert_eq!(summary(&output)["not_reached"], 4, "{output}");
    let reason = summary(&output)["ended_early"].to_string();
    assert!(
        reason.contains("group 'early': 2 tenants failed"),
        "{reason}"
    );
}

#[test]
fn tenant_that_cannot_be_migrated_counts_in_its_group() {
    let world = world(
        "[[group]]\nname = 'early'\ntenants = ['a0', 'a1', 'nobody']\n[[group]]\nname = 'main'\nrest = true\n",
    );
    world
        .eu
        .sql("ALTER TABLE a0.schema_migrations DROP COLUMN version");
    let output = migrate(&world, &["a0", "a1", "a2"]).exits_with(18);
    assert_eq!(of_outcome(&output, "odd"), ["a0@eu"], "{output}");
    assert_eq!(of_outcome(&output, "migrated"), ["a1@eu"]);
    assert_eq!(of_outcome(&output, "not_reached"), ["a2@eu"]);
    // One that does not exist cannot have come to harm.
    let output = migrate(&world, &["nobody", "c0"]).exits_with(18);
    assert_eq!(of_outcome(&output, "migrated"), ["c0@us"], "{output}");
}

#[test]
fn group_comes_from_the_tenants_query_and_applies_to_commands_of_the_app() {
    let world = world("[[group]]\nname = '1'\n[[group]]\nname = '2'\n");
    world.targets("registry = true\n", "", "");
    let query = "SELECT name, wave AS \"group\" FROM (VALUES ('a0', 2), ('a1', 1), ('c0', 1), ('c1', 2)) AS t (name, wave)";
    let output = migrate(&world, &["--tenants-query", query]).succeeds();
    assert_eq!(order(&output), ["1", "1", "2", "2"], "{output}");
    // A command is run group by group too.
    let command = "echo \"$SCHEMASTAMP_TENANT\" >> order";
    world
        .json(&[
            "migrate",
            "--run",
            command,
            "--groups",
            "groups.toml",
            "--tenants-query",
            query,
        ])
        .succeeds();
    let order = world.run.read("order");
    let mut waves: Vec<&str> = order.lines().collect();
    waves[..2].sort_unstable();
    waves[2..].sort_unstable();
    assert_eq!(waves, ["a1", "c0", "a0", "c1"]);
}

#[test]
fn signal_in_a_pause_ends_the_run_truly() {
    let world = world(
        "[[group]]\nname = 'early'\ntenants = ['a0', 'c0']\npause = 3600\n\
         [[group]]\nname = 'main'\nrest = true\n",
    );
    let arguments = [&MIGRATE[..], &["--all", "--format", "json"], &TARGETS].concat();
    let child = world.run.spawn(&arguments);
    wait_for(|| {
        let versions = world.versions();
        versions["a0@eu"] == "2" && versions["c0@us"] == "2"
    });
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(world.versions()["a1@eu"], "1", "the pause");
    let start = Instant::now();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = world.run.finish(child).exits_with(130);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(of_outcome(&output, "migrated"), ["a0@eu", "c0@us"]);
    assert_eq!(summary(&output)["not_reached"], 4, "{output}");
    assert!(
        output
            .to_string()
            .contains("note: group 'early' is done (2 tenants); group 'main' begins in [time]"),
        "{output}"
    );
    // A group in which nothing is left to do has no pause.
    let start = Instant::now();
    let output = migrate(&world, &["--all"]).succeeds();
    assert!(start.elapsed() < Duration::from_mins(1));
    assert_eq!(summary(&output)["migrated"], 4, "{output}");
}

#[test]
fn target_that_is_gone_keeps_the_next_group_from_beginning() {
    let world = world(
        "[[group]]\nname = 'early'\ntenants = ['a0', 'c0']\n[[group]]\nname = 'main'\nrest = true\n",
    );
    world.targets("", "", GONE);
    let output = migrate(&world, &["--all"]).exits_with(18);
    assert_eq!(of_outcome(&output, "migrated"), ["a0@eu", "c0@us"]);
    assert_eq!(summary(&output)["not_reached"], 4, "{output}");
    let reason = summary(&output)["ended_early"].to_string();
    assert!(
        reason.contains("target 'eu': group 'early': a target failed"),
        "{reason}"
    );
    // A target without any of the tenants does not hold them up.
    world.targets("", "", "");
    let output = migrate(&world, &["a1", "a2"]).succeeds();
    assert_eq!(summary(&output)["migrated"], 2, "{output}");
}

#[test]
fn tenants_without_a_group_and_files_without_sense_are_refused_before_anything_is_done() {
    let world = world("[[group]]\nname = 'early'\ntenants = ['a0']\n");
    world.targets("registry = true\n", "", "");
    let error = |arguments: &[&str], code: i32| {
        let output = migrate(&world, arguments).exits_with(code);
        let error = output.json()[0]["error"].clone();
        (
            error["id"].as_str().unwrap().to_owned(),
            error["message"].as_str().unwrap().to_owned(),
        )
    };
    let of = |id: &str, message: &str| (id.to_owned(), message.to_owned());
    assert_eq!(
        error(&["a0", "c0"], 2),
        of("tenant.group", "'c0' is in no group")
    );
    assert_eq!(
        error(&["--all"], 2),
        of(
            "tenant.group",
            "tenants that are selected by --all or --match may be in no group"
        )
    );
    let null = "SELECT 'c0' AS name, NULL::text AS \"group\"";
    assert_eq!(
        error(&["--tenants-query", null], 2),
        of("tenant.group", "'c0' is in no group")
    );
    let unknown = "SELECT 'c0' AS name, 'late' AS \"group\"";
    assert_eq!(
        error(&["--tenants-query", unknown], 2),
        of(
            "tenant.group",
            "the tenants query puts the tenant 'c0' into the group 'late', which the groups file does not have"
        )
    );
    world
        .run
        .write("groups.toml", "[[group]]\nname = 'a'\nwait = 5\n");
    assert_eq!(
        error(&["--all"], 10),
        of(
            "config.groups",
            "'groups.toml', line 3: unknown field `wait`, expected one of `name`, `tenants`, `rest`, `jobs`, `max_failures`, `pause`"
        )
    );
    assert!(world.versions().values().all(|version| version == "1"));
    let output = migrate(&world, &["--all", "--canary", "1"]).exits_with(2);
    assert!(output.to_string().contains("--canary"), "{output}");
}

#[test]
fn entries_of_the_groups_file_without_a_tenant_are_named_in_a_warning() {
    let world = world(
        "[[group]]\nname = 'early'\ntenants = ['A0', 'nosuch', 'a1', 'x*']\n[[group]]\nname = 'main'\nrest = true\n",
    );
    let warning = |output: &CommandOutput| {
        let stderr = output
            .stderr
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let warning = stderr.split_once("warning: no selected tenant matches ");
        warning.map(|(_, rest)| rest.to_owned()).unwrap_or_default()
    };
    let all =
        "'A0' (group 'early'), 'nosuch' (group 'early'), 'x*' (group 'early') of the groups file";
    for selection in [&["--all"][..], &["a1", "c0"], &["--all", "--dry-run"]] {
        let output = migrate(&world, selection).succeeds();
        assert!(warning(&output).starts_with(all), "{selection:?}: {output}");
    }
    let output = migrate(&world, &["--match", "c*"]).succeeds();
    assert!(
        warning(&output).contains("'a1' (group 'early')"),
        "{output}"
    );
    world.run.write(
        "groups.toml",
        "[[group]]\nname = 'early'\ntenants = ['a0', 'c?']\n[[group]]\nname = 'main'\nrest = true\n",
    );
    let output = migrate(&world, &["--all"]).succeeds();
    assert_eq!(warning(&output), "", "{output}");
}

#[test]
fn groups_come_from_standard_input() {
    let world = world("");
    let arguments = [
        &[
            "migrate",
            "--migrations",
            "m",
            "--groups",
            "-",
            "--all",
            "--format",
            "json",
        ][..],
        &TARGETS,
    ]
    .concat();
    let groups =
        "[[group]]\nname = 'early'\ntenants = ['a0']\n[[group]]\nname = 'main'\nrest = true\n";
    let output = world
        .run
        .run_with_input(&arguments, groups.as_bytes())
        .succeeds();
    assert_eq!(order(&output)[0], "early", "{output}");
    let output = world.run.run_with_input(&arguments, b"x").exits_with(10);
    let message = output.json()[0]["error"]["message"].to_string();
    assert!(message.contains("'standard input', line 1"), "{output}");
    let both = [
        "migrate",
        "--migrations",
        "m",
        "--groups",
        "-",
        "--from-file",
        "-",
    ];
    let output = world.run.run_with_input(&both, b"a0").exits_with(2);
    assert!(
        output.stderr.contains("cannot both read standard input"),
        "{output}"
    );
}
