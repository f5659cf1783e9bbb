use super::world::{SMALL, schemas, snapshot, world};
use crate::support::Cluster;

#[test]
fn existing_tenant_is_an_error_and_left_untouched() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    database.sql(
        "CREATE SCHEMA acme; COMMENT ON SCHEMA acme IS 'ours'; CREATE TABLE acme.other (a int)",
    );
    insta::assert_snapshot!(world.run(&["provision", "acme"]), @r#"
    --- stderr ---
    error: tenant 'acme': the schema "acme" exists
    hint: it was left untouched; pass --if-exists skip to accept an existing, complete tenant
    [exit status: 17]
    "#);
    insta::assert_snapshot!(world.run(&["provision", "acme", "--format", "json"]), @r#"
    {"type":"tenant","tenant":"acme","outcome":"failed","ms":0.0,"error":{"code":17,"id":"tenant.exists","message":"the schema \"acme\" exists","hint":"it was left untouched; pass --if-exists skip to accept an existing, complete tenant"}}
    {"type":"summary","summary":{"command":"provision","created":0,"skipped":0,"failed":1,"ms":0.0}}
    --- stderr ---
    error: tenant 'acme': the schema "acme" exists
    hint: it was left untouched; pass --if-exists skip to accept an existing, complete tenant
    [exit status: 17]
    "#);
    assert_eq!(
        database.query("SELECT obj_description('acme'::regnamespace)"),
        "ours"
    );
    assert_eq!(
        database.query("SELECT relname FROM pg_class WHERE relnamespace = 'acme'::regnamespace"),
        "other"
    );
}

#[test]
fn skip_accepts_a_complete_tenant() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    world.run(&["provision", "acme"]).succeeds();
    insta::assert_snapshot!(world.run(&["provision", "acme", "new", "--if-exists", "skip"]), @"
    skipped acme: created from this snapshot ([time])
    created new ([time])
    --- stderr ---
    1 created, 1 skipped, 0 failed ([time])
    [exit status: 0]
    ");
    world.write(
        "snapshots/app.sql",
        snapshot(&format!(
            "{SMALL}\nCREATE TABLE #{{prefix}}.later (id integer);\n"
        )),
    );
    insta::assert_snapshot!(world.run(&["provision", "acme", "--if-exists", "skip"]), @"
    skipped acme: created from another snapshot ([time])
    [exit status: 0]
    ");
    insta::assert_snapshot!(world.run(&["provision", "acme", "--if-exists", "skip", "--format", "json"]), @r#"
    {"type":"tenant","tenant":"acme","outcome":"skipped","ms":0.0,"made_of":"another_snapshot"}
    {"type":"summary","summary":{"command":"provision","created":0,"skipped":1,"failed":0,"ms":0.0}}
    [exit status: 0]
    "#);
    database.sql("COMMENT ON SCHEMA acme IS NULL");
    insta::assert_snapshot!(world.run(&["provision", "acme", "--if-exists", "skip"]), @r#"
    --- stderr ---
    error: tenant 'acme': the schema "acme" exists but lacks 1 of the 3 objects of the snapshot: table later
    hint: it was left untouched; check what it is, then drop or rename it
    [exit status: 17]
    "#);
    database.sql("CREATE TABLE acme.later (id integer)");
    insta::assert_snapshot!(world.run(&["provision", "acme", "--if-exists", "skip"]), @"
    skipped acme: not created by schemastamp, but it has every object of the snapshot ([time])
    [exit status: 0]
    ");
}

#[test]
fn incomplete_tenant_is_never_skipped() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    database.sql("CREATE SCHEMA acme; CREATE TABLE acme.t (a int); CREATE SCHEMA empty");
    let output = world.run(&[
        "provision",
        "acme",
        "empty",
        "--if-exists",
        "skip",
        "--format",
        "json",
    ]);
    insta::assert_snapshot!(output, @r#"
    {"type":"tenant","tenant":"acme","outcome":"failed","ms":0.0,"error":{"code":17,"id":"tenant.exists_in_part","message":"the schema \"acme\" exists but lacks 1 of the 2 objects of the snapshot: function first()","hint":"it was left untouched; check what it is, then drop or rename it","missing":["function first()"]}}
    {"type":"tenant","tenant":"empty","outcome":"failed","ms":0.0,"error":{"code":17,"id":"tenant.exists_in_part","message":"the schema \"empty\" exists but lacks 2 of the 2 objects of the snapshot: table t, function first()","hint":"it was left untouched; check what it is, then drop or rename it","missing":["table t","function first()"]}}
    {"type":"summary","summary":{"command":"provision","created":0,"skipped":0,"failed":2,"ms":0.0}}
    --- stderr ---
    error: tenant 'acme': the schema "acme" exists but lacks 1 of the 2 objects of the snapshot: function first()
    hint: it was left untouched; check what it is, then drop or rename it
    error: tenant 'empty': the schema "empty" exists but lacks 2 of the 2 objects of the snapshot: table t, function first()
    hint: it was left untouched; check what it is, then drop or rename it
    failed: acme, empty
    [exit status: 18]
    "#);
}

#[test]
fn twenty_concurrent_runs_create_the_tenant_once() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let children: Vec<_> = (0..20)
        .map(|_| world.spawn(&["provision", "acme"]))
        .collect();
    let codes: Vec<_> = children
        .into_iter()
        .map(|child| world.finish(child).code.unwrap())
        .collect();
    assert_eq!(
        codes.iter().filter(|code| **code == 0).count(),
        1,
        "{codes:?}"
    );
    assert_eq!(
        codes.iter().filter(|code| **code == 17).count(),
        19,
        "{codes:?}"
    );
    let children: Vec<_> = (0..4)
        .map(|_| world.spawn(&["provision", "b", "--if-exists", "skip"]))
        .collect();
    let outputs: Vec<_> = children
        .into_iter()
        .map(|child| world.finish(child).succeeds().stdout)
        .collect();
    assert_eq!(
        outputs
            .iter()
            .filter(|output| output.starts_with("created"))
            .count(),
        1,
        "{outputs:?}"
    );
    assert_eq!(schemas(&database), "acme\nb");
    assert!(world.leftovers().is_empty());
}

#[test]
fn existing_tenant_is_reported_without_create_privilege() {
    let database = Cluster::shared().database();
    let role = format!("{}_limited", database.name);
    database.sql(&format!("CREATE ROLE {role} LOGIN"));
    let world = world(&database, SMALL);
    world.run(&["provision", "acme"]).succeeds();
    let limited = ["provision", "acme", "-U", &role];
    world.run(&limited).exits_with(14);
    world
        .run(&[&limited[..], &["--if-exists", "skip"]].concat())
        .succeeds();
    database.sql(&format!("DROP ROLE {role}"));
}
