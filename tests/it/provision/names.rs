use super::world::{SMALL, schemas, world};
use crate::support::{Cluster, Schemastamp};

#[test]
fn every_legal_name_is_used_unchanged() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let longest = format!("{}é", "x".repeat(61));
    let names = [
        "plain",
        "Upper",
        "select",
        "user",
        "t",
        "with-dash",
        "with space",
        " ",
        "1st",
        "O'Neil",
        "a\"b",
        "'';--",
        "$$",
        "$body$",
        "$1",
        "new\nline",
        "tab\t",
        "back\\slash",
        "\\'",
        "#{prefix}",
        "#{#}",
        "%s",
        ":name",
        ":'x'",
        "Ünïcödé",
        "日本",
        "🐘",
        "PG_X",
        "a.b",
        "*/",
        "\u{202e}x",
        &longest,
    ];
    let arguments: Vec<&str> = ["provision", "--"].into_iter().chain(names).collect();
    let output = world.run(&arguments).succeeds();
    assert!(
        !output.stdout.contains('\t') && !output.stdout.contains("new\nline"),
        "{output}"
    );
    for name in names {
        let quoted = schemastamp::sql::quote(name);
        assert_eq!(
            database.query(&format!("SELECT {quoted}.first()")),
            "7",
            "{name}"
        );
        let body = format!(
            "SELECT prosrc LIKE '%-- the first%' FROM pg_proc WHERE pronamespace = (SELECT oid FROM pg_namespace \
             WHERE nspname = {})",
            schemastamp::sql::quote_literal(name)
        );
        assert_eq!(database.query(&body), "t", "{name}");
    }
    assert_eq!(
        schemas(&database)
            .replace("new\nline", "")
            .split('\n')
            .count(),
        names.len()
    );
}

#[test]
fn impossible_names_are_usage_errors() {
    let world = Schemastamp::new()
        .env("PGHOST", "nowhere.invalid")
        .env("PGUSER", "app");
    world.write("snapshots/app.sql", super::world::snapshot(SMALL));
    let stderr = |name: &str| world.run(&["provision", "--", name]).exits_with(2).stderr;
    insta::assert_snapshot!(stderr(""), @"error: a tenant's name cannot be empty");
    insta::assert_snapshot!(stderr(&"x".repeat(64)), @"error: the name 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' has 64 bytes; PostgreSQL's identifiers have at most 63");
    insta::assert_snapshot!(stderr(&"é".repeat(32)), @"error: the name 'éééééééééééééééééééééééééééééééé' has 64 bytes; PostgreSQL's identifiers have at most 63");
    insta::assert_snapshot!(stderr("pg_x"), @"error: the name 'pg_x' begins with 'pg_', which PostgreSQL reserves for its own schemas");
    insta::assert_snapshot!(stderr("information_schema"), @"error: 'information_schema' is a system schema");
    insta::assert_snapshot!(world.run(&["render", "pg_x", "--format", "json"]), @r#"
    {"type":"error","error":{"code":2,"id":"tenant.name","message":"the name 'pg_x' begins with 'pg_', which PostgreSQL reserves for its own schemas"}}
    --- stderr ---
    error: the name 'pg_x' begins with 'pg_', which PostgreSQL reserves for its own schemas
    [exit status: 2]
    "#);
}
