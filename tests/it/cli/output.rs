use std::process::Stdio;

use crate::provision::{SMALL, snapshot};
use crate::support::{Cluster, Schemastamp};

#[test]
fn psql_runs_rendered_sql_as_is() {
    let database = Cluster::shared().database();
    let world = Schemastamp::new();
    world.write("snapshots/app.sql", snapshot(SMALL));
    let script = world.run(&["render", "O'Neil"]).succeeds().stdout;
    database.sql(&script);
    assert_eq!(database.query("SELECT \"O'Neil\".first()"), "7");
    let (_, own) = script.split_once("pg_advisory_xact_lock").unwrap();
    let (own, _) = own.split_once("$$;").unwrap();
    insta::assert_snapshot!(own.replace(&sha256_of_mark(&script), "[fingerprint]"), @r#"
    (-5671012553091024823);
    CREATE SCHEMA "O'Neil";
    COMMENT ON SCHEMA "O'Neil" IS 'schemastamp: [fingerprint]';
    CREATE TABLE "O'Neil".t (id integer PRIMARY KEY);
    INSERT INTO "O'Neil".t (id) VALUES
        (7);
    CREATE FUNCTION "O'Neil".first() RETURNS integer
        LANGUAGE sql
        AS $$
      SELECT id FROM "O'Neil".t ORDER BY id LIMIT 1 -- the first
    "#);
    assert!(script.starts_with("BEGIN;\n") && script.ends_with("COMMIT;\n"));
    let json = world
        .run(&["render", "O'Neil", "--format", "json"])
        .succeeds()
        .json();
    assert_eq!(
        (json[0]["tenant"].as_str(), json[0]["script"].as_str()),
        (Some("O'Neil"), Some(script.as_str()))
    );
}

fn sha256_of_mark(script: &str) -> String {
    let (_, mark) = script.split_once("'schemastamp: ").unwrap();
    mark.chars().take(64).collect()
}

#[test]
fn owner_privilege_and_role_flags_change_the_script() {
    let world = Schemastamp::new();
    let body = format!(
        "{SMALL}\nALTER TABLE #{{prefix}}.t OWNER TO app;\n\nGRANT SELECT ON TABLE #{{prefix}}.t TO reader;\n"
    );
    world.write("snapshots/app.sql", snapshot(&body));
    let has = |arguments: &[&str]| {
        let script = world
            .run(&[&["render", "a"], arguments].concat())
            .succeeds()
            .stdout;
        ["OWNER TO app", "GRANT SELECT", "SET LOCAL ROLE \"My Role\""]
            .map(|text| script.contains(text))
    };
    assert_eq!(has(&[]), [true, true, false]);
    assert_eq!(
        has(&["--no-owner", "--role", "My Role"]),
        [false, true, true]
    );
    assert_eq!(has(&["--no-privileges"]), [true, false, false]);
}

#[test]
fn minify_writes_to_stdout_or_a_file() {
    let world = Schemastamp::new();
    let path = world.write("snapshots/app.sql", snapshot(SMALL));
    insta::assert_snapshot!(world.run(&["minify"]), @"
    -- schemastamp snapshot, format 2
    -- objects: 1 table, 1 function
    -- fingerprint: 065a57e92cabac80b39d30d9f6c7a4f04b766d5eb96a5e01d4bfc245707bd5c2
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
    wrote 'small.sql': reduced 268 bytes to 252
    [exit status: 0]
    ");
    assert_eq!(
        world.read("small.sql"),
        world
            .run(&["minify", path.to_str().unwrap()])
            .succeeds()
            .stdout
    );
    assert_eq!(
        world.run(&["minify", "small.sql"]).succeeds().stdout,
        world.read("small.sql"),
        "it stays as it is"
    );
    insta::assert_snapshot!(world.run(&["minify", "-o", "small.sql", "--format", "json"]), @r#"
    {"type":"summary","summary":{"command":"minify","file":"small.sql","before":268,"after":252,"changed":false,"ms":0.0}}
    [exit status: 0]
    "#);
    world
        .run(&["minify", "-o", "small.sql/small.sql"])
        .exits_with(12);
}

#[test]
fn printing_commands_succeed_when_stdout_is_closed() {
    let world = Schemastamp::new();
    let rows = crate::provision::tables(20_000);
    world.write("snapshots/app.sql", snapshot(&rows));
    for arguments in [
        &["render", "a"] as &[&str],
        &["minify"],
        &["render", "a", "--format", "json"],
    ] {
        let mut child = world
            .command(arguments)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = world.finish(child).succeeds();
        assert!(output.stderr.is_empty(), "{output}");
    }
}

#[test]
fn color_follows_flag_and_terminal() {
    let world = Schemastamp::new();
    let coloured = |arguments: &[&str]| {
        world
            .run(arguments)
            .exits_with(10)
            .stderr
            .contains('\u{1b}')
    };
    assert!(!coloured(&["render", "a"]));
    assert!(!coloured(&["render", "a", "--color", "never"]));
    assert!(coloured(&["render", "a", "--color", "always"]));
}

#[test]
fn quiet_prints_errors_failures_and_the_summary() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write("snapshots/app.sql", snapshot(SMALL).replace("(7)", "(8)"));
    let both = |arguments: &[&str]| {
        let output = world.run(&[arguments, &["-q"]].concat());
        (output.code, output.stdout, output.stderr)
    };
    let (code, stdout, stderr) = both(&["provision", "a", "b"]);
    assert_eq!((code, stdout.as_str()), (Some(0), ""));
    assert!(
        stderr.starts_with("2 created, 0 skipped, 0 failed"),
        "{stderr}"
    );
    assert_eq!(
        both(&["provision", "c"]),
        (Some(0), String::new(), String::new())
    );
    let (code, _, stderr) = both(&["provision", "a"]);
    assert_eq!(code, Some(17));
    assert!(stderr.starts_with("error: tenant 'a'"), "{stderr}");
    for (arguments, summary) in [
        (&["verify", "--all"] as &[&str], "3 equal\n"),
        (&["status"], "3 tenants, 0 behind, 3 with problems\n"),
        (&["rename", "c", "d", "--yes"], ""),
        (&["clone", "d", "e"], ""),
        (&["drop", "d", "e", "--yes"], "2 dropped, 0 failed\n"),
        (&["capture", "--schema", "a", "-o", "snapshots/app.sql"], ""),
        (&["check", "--schema", "a"], ""),
    ] {
        let (code, stdout, stderr) = both(arguments);
        assert_eq!((code, stderr.as_str()), (Some(0), summary), "{arguments:?}");
        let failures = stdout.lines().filter(|line| line.starts_with("problem "));
        assert_eq!(
            failures.count(),
            stdout.lines().count(),
            "{arguments:?}: {stdout}"
        );
    }
    database.sql("ALTER TABLE b.t ADD COLUMN extra int");
    let (code, stdout, stderr) = both(&["verify", "--all"]);
    assert_eq!(code, Some(1));
    assert!(stdout.starts_with("different 1 tenant: b"), "{stdout}");
    assert_eq!(stderr, "1 equal, 1 in 1 variant\n");
    let output = world.run(&["provision", "c", "-vv"]).succeeds();
    assert!(output.stderr.contains("starting"), "{output}");
}
