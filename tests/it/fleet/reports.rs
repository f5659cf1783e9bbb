//! The files of `--report` and `--metrics`.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use super::selection::create_tenants;
use crate::bulk::target;
use crate::provision::{SMALL, snapshot};
use crate::support::{Cluster, Schemastamp};

const FILES: [&str; 6] = [
    "--report",
    "out/report.md",
    "--report",
    "out/report.html",
    "--metrics",
    "out/schemastamp.prom",
];

/// The lines of the metrics that hold a number which does not depend on time.
fn metrics(run: &Schemastamp) -> Vec<String> {
    let text = run.read("out/schemastamp.prom");
    let lines = text.lines();
    lines
        .filter(|line| !line.starts_with('#') && !line.contains("_seconds"))
        .map(|line| line.strip_prefix("schemastamp_").unwrap().to_owned())
        .collect()
}

#[test]
fn status_reports_all_targets_in_three_forms() {
    let (eu, us) = (Cluster::shared().database(), Cluster::shared().database());
    create_tenants(&eu, &["a", "<script>|`x`"]);
    create_tenants(&us, &["c", "d"]);
    us.sql("DROP TABLE d.schema_migrations; CREATE TABLE d.schema_migrations (x int)");
    eu.sql("INSERT INTO a.schema_migrations VALUES ('2')");
    let run = Schemastamp::new();
    let gone = "[[target]]\nname = 'gone'\nhost = '127.0.0.1'\nport = 1\nuser = 'u'\nweight = 0\n";
    let file = format!(
        "{}{}{gone}",
        target("eu", &eu, "tenants = ['a', '<*']"),
        target("us", &us, "tenants = ['c', 'd']")
    );
    run.write("targets.toml", file);
    run.write("m/2_name.sql", "ALTER TABLE #{prefix}.users ADD name text;");
    // An older file of another mode is replaced: the collector runs as another user.
    let old = run.write("out/schemastamp.prom", "old");
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o600)).unwrap();
    let status = ["status", "--migrations", "m", "--targets", "targets.toml"];
    drop(run.run(&[&status[..], &FILES].concat()).exits_with(18));

    let mode = std::fs::metadata(&old).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    assert_eq!(
        metrics(&run),
        [
            "tenants{command=\"status\",target=\"eu\"} 2",
            "tenants{command=\"status\",target=\"us\"} 2",
            "tenants_by_version{command=\"status\",target=\"eu\",version=\"2\"} 1",
            "tenants_by_version{command=\"status\",target=\"eu\",version=\"1\"} 1",
            "tenants_by_version{command=\"status\",target=\"us\",version=\"1\"} 1",
            "tenants_by_version{command=\"status\",target=\"us\",version=\"\"} 1",
            "tenants_by_outcome{command=\"status\",target=\"eu\",outcome=\"behind\"} 1",
            "tenants_by_outcome{command=\"status\",target=\"eu\",outcome=\"current\"} 1",
            "tenants_by_outcome{command=\"status\",target=\"us\",outcome=\"odd\"} 1",
            "tenants_by_outcome{command=\"status\",target=\"us\",outcome=\"behind\"} 1",
            "tenants_behind{command=\"status\",target=\"eu\"} 1",
            "tenants_behind{command=\"status\",target=\"us\"} 1",
            "tenants_with_problems{command=\"status\",target=\"eu\"} 0",
            "tenants_with_problems{command=\"status\",target=\"us\"} 1",
            "target_up{command=\"status\",target=\"eu\"} 1",
            "target_up{command=\"status\",target=\"us\"} 1",
            "target_up{command=\"status\",target=\"gone\"} 0",
            "last_run_exit_code{command=\"status\"} 18",
        ]
    );
    let markdown = run.read("out/report.md");
    for part in [
        "## schemastamp status: 1 target not reached, 1 with problems, 2 behind, 1 current\n",
        "| behind | 2 | at 1, 1 behind | <code>&#60;script&#62;&#124;&#96;x&#96; at eu</code>, <code>c at us</code> |",
        "| <code>gone</code> | 0 | 0 | cannot connect&#58; nothing listens",
    ] {
        assert!(markdown.contains(part), "{part}\n{markdown}");
    }
    let html = run.read("out/report.html");
    assert!(
        html.contains("<code>&lt;script&gt;|`x` at eu</code>"),
        "{html}"
    );
    assert!(
        html.contains("<span class=\"badge problem\">not reached</span>"),
        "{html}"
    );
    assert!(run.leftovers().is_empty());
    let names = std::fs::read_dir(run.path("out")).unwrap();
    assert_eq!(names.count(), 3, "no temporary file is left");
}

#[test]
fn verify_reports_the_objects_of_each_variant_side_by_side() {
    let database = Cluster::shared().database();
    let run = Schemastamp::on(&database);
    run.write("snapshots/app.sql", snapshot(SMALL));
    drop(run.run(&["provision", "a", "b", "c", "e"]).succeeds());
    database.sql(
        "ALTER TABLE b.t ADD note text DEFAULT '<b>|'; ALTER TABLE e.t ADD note text DEFAULT '<b>|';
         ALTER TABLE c.t ALTER id TYPE bigint",
    );
    drop(
        run.run(&[&["verify", "--all"][..], &FILES].concat())
            .exits_with(1),
    );
    let html = run.read("out/report.html");
    for part in [
        "<h3><span class=\"badge problem\">different</span> 2 tenants ",
        "<p class=\"names\"><code>b</code> <code>e</code></p>",
        "column <code>t.note</code>",
        "<td data-label=\"Expected\"><pre>integer</pre></td><td data-label=\"Found\"><pre>bigint</pre></td>",
        "&#39;&lt;b&gt;|&#39;",
    ] {
        assert!(html.contains(part), "{part}\n{html}");
    }
    let markdown = run.read("out/report.md");
    for part in [
        "## schemastamp verify: 3 different, 1 equal\n",
        "### Drift: 2 tenants\n\n<code>b</code>, <code>e</code>\n",
        "| <code>integer</code> | <code>bigint</code> |\n",
    ] {
        assert!(markdown.contains(part), "{part}\n{markdown}");
    }
    let metrics = metrics(&run);
    assert!(
        metrics.contains(&"tenants_drifted{command=\"verify\"} 3".to_owned()),
        "{metrics:?}"
    );
}

/// A view of a hundred columns, of which the last one differs.
#[test]
fn long_definitions_are_shown_where_they_differ() {
    let database = Cluster::shared().database();
    let columns: Vec<String> = (0..100).map(|at| format!("{at} AS column_{at}")).collect();
    let view = |schema: &str, last: &str| {
        let columns = columns.join(", ");
        format!("CREATE VIEW {schema}.v AS SELECT {columns}, '{last}'::text AS last;")
    };
    create_tenants(&database, &["a", "b"]);
    database.sql(&format!("{}{}", view("a", "expected"), view("b", "found")));
    let run = Schemastamp::on(&database);
    drop(
        run.run(&["capture", "--schema", "a", "-o", "snapshots/app.sql"])
            .succeeds(),
    );
    let verify = [&["verify", "--all"][..], &FILES].concat();
    let output = run.run(&verify).exits_with(1);
    let (markdown, html) = (run.read("out/report.md"), run.read("out/report.html"));
    for text in [&output.stdout, &markdown] {
        assert!(
            text.contains("expected") && text.contains("found"),
            "{text}"
        );
        assert!(!text.contains("column_1,"), "{text}");
    }
    assert!(
        html.contains("column_1,") && html.contains("column_99"),
        "{html}"
    );
}

#[test]
fn a_version_with_several_references_is_counted_once() {
    let database = Cluster::shared().database();
    create_tenants(&database, &["a"]);
    let run = Schemastamp::on(&database);
    let captured = run.run(&["capture", "--schema", "a", "-o", "snapshots/app.sql"]);
    drop(captured.succeeds());
    drop(run.run(&["provision", "b", "c", "d"]).succeeds());
    database.sql("INSERT INTO d.schema_migrations VALUES ('0')");
    let metrics_file = ["--metrics", "out/schemastamp.prom"];
    let verify = run.run(&[&["verify", "--all"][..], &metrics_file].concat());
    assert!(verify.stderr.ends_with("\n4 equal\n"), "{verify}");
    let by_version = |found: &[String]| -> Vec<String> {
        let of_version = found
            .iter()
            .filter(|line| line.starts_with("tenants_by_version"));
        of_version.cloned().collect()
    };
    let found = metrics(&run);
    assert_eq!(
        by_version(&found),
        ["tenants_by_version{command=\"verify\",version=\"1\"} 4"],
        "{verify}"
    );
    // With another version, the summary tells them apart.
    database.sql("INSERT INTO c.schema_migrations VALUES ('2')");
    let verify = run.run(&[&["verify", "--all"][..], &metrics_file].concat());
    assert!(
        verify.stderr.ends_with("\n3 equal at 1, 1 equal at 2\n"),
        "{verify}"
    );
    let found = metrics(&run);
    assert_eq!(by_version(&found).len(), 2, "{found:?}");
    let series: BTreeSet<&str> = found
        .iter()
        .filter_map(|line| line.split_once("} "))
        .map(|(series, _)| series)
        .collect();
    assert_eq!(
        series.len(),
        found.len(),
        "each series is written once: {found:?}"
    );
}

#[test]
fn migrate_reports_failures_by_group_and_ready_tenants_are_counted() {
    let database = Cluster::shared().database();
    create_tenants(&database, &["a", "b", "c"]);
    database.sql("INSERT INTO b.users VALUES (1); INSERT INTO c.users VALUES (1)");
    let run = Schemastamp::on(&database);
    run.write("m/2_row.sql", "INSERT INTO #{prefix}.users VALUES (1);");
    run.write("snapshots/app.sql", snapshot(SMALL));
    let migrate = ["migrate", "--all", "--migrations", "m"];
    let output = run.run(&[&migrate[..], &FILES].concat()).exits_with(18);
    assert!(output.stderr.contains("1 migrated"), "{output}");
    let markdown = run.read("out/report.md");
    let group = "| failed | 2 | 23505 duplicate key value violates unique constraint &#34;users_pkey&#34; in 2_row.sql";
    assert!(markdown.contains(group), "{markdown}");
    assert!(
        run.read("out/report.html")
            .contains("<code>2</code> 1 tenant ")
    );
    assert!(metrics(&run).contains(&"tenants_behind{command=\"migrate\"} 2".to_owned()));

    drop(run.run(&["pool", "fill", "--size", "2"]).succeeds());
    drop(
        run.run(&["status", "--metrics", "out/schemastamp.prom"])
            .succeeds(),
    );
    let found = metrics(&run);
    let ready = found
        .iter()
        .find(|line| line.starts_with("pool_ready{"))
        .unwrap();
    assert!(ready.ends_with("\"} 2"), "{ready}");
}

#[test]
fn an_undo_reports_what_cannot_be_undone() {
    let database = Cluster::shared().database();
    create_tenants(&database, &["a", "b"]);
    let run = Schemastamp::on(&database);
    run.write("m/2_x.up.sql", "CREATE TABLE #{prefix}.x ();");
    run.write("m/2_x.down.sql", "DROP TABLE #{prefix}.x;");
    let migrate = ["migrate", "--migrations", "m", "--format", "json"];
    let recorded = run.run(&[&migrate[..], &["--all", "--record"]].concat());
    let lines = recorded.succeeds().json();
    let id = lines.last().unwrap()["summary"]["run"].as_str().unwrap();
    database.sql("INSERT INTO b.schema_migrations VALUES ('3')");
    drop(
        run.run(&[&migrate[..], &["--undo", id], &FILES].concat())
            .exits_with(18),
    );
    assert_eq!(
        metrics(&run),
        [
            "tenants{command=\"undo\"} 2",
            "tenants_by_version{command=\"undo\",version=\"3\"} 1",
            "tenants_by_version{command=\"undo\",version=\"1\"} 1",
            "tenants_by_outcome{command=\"undo\",outcome=\"refused\"} 1",
            "tenants_by_outcome{command=\"undo\",outcome=\"undone\"} 1",
            "tenants_with_problems{command=\"undo\"} 1",
            "last_run_exit_code{command=\"undo\"} 18",
        ]
    );
    let markdown = run.read("out/report.md");
    assert!(
        markdown.starts_with("## schemastamp undo: 1 refused, 1 undone\n"),
        "{markdown}"
    );
    assert!(
        markdown.contains("| refused | 1 | it has newer versions, which the run did not apply&#58; 3 | <code>b</code> |"),
        "{markdown}"
    );
    assert!(
        run.read("out/report.html")
            .contains("<title>schemastamp undo")
    );
}

#[test]
fn files_that_cannot_be_written_are_errors_after_the_summary() {
    let database = Cluster::shared().database();
    create_tenants(&database, &["a"]);
    let run = Schemastamp::on(&database);
    let output = run.run(&["status", "--report", "report.txt"]).exits_with(2);
    assert!(
        output.stderr.contains("must end in .md or .html"),
        "{output}"
    );
    run.write("file", "");
    let output = run.run(&["status", "--metrics", "file/x.prom", "--format", "json"]);
    let output = output.exits_with(12);
    let lines = output.json();
    let types: Vec<_> = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["tenant", "summary", "error"], "{output}");
}

#[test]
fn two_files_of_a_run_that_are_one_are_refused_before_it() {
    let world = Schemastamp::new();
    std::os::unix::fs::symlink("r.md", world.path("link.md")).unwrap();
    for (command, files, options) in [
        (
            "status",
            ["--report", "r.md", "--metrics", "r.md"],
            "--report and --metrics",
        ),
        (
            "verify",
            ["--metrics", "./r.md", "--report", "link.md"],
            "--report and --metrics",
        ),
        (
            "migrate",
            ["--report", "r.md", "--report", "./r.md"],
            "--report and --report",
        ),
    ] {
        let output = world
            .run(&[&[command, "--all"][..], &files].concat())
            .exits_with(2);
        let words = format!("error: {options} both write '");
        assert!(output.stderr.contains(&words), "{command}: {output}");
        assert!(!world.path("r.md").exists(), "{command}");
    }
}
