//! The commands as a role without superuser rights, as hosted servers (RDS, Cloud SQL, Azure) give them.

use super::pooler::{TENANT, run_all};
use crate::support::{Client, Cluster, Database, Options, Schemastamp, psql};

/// Runs SQL as a role.
fn as_role(database: &Database<'_>, role: &str, sql: &str) {
    let mut environment = database.environment();
    environment.insert("PGUSER".to_owned(), role.to_owned());
    psql(&Client::installed(), &environment, sql).unwrap_or_else(|error| panic!("{role}: {error}"));
}

#[test]
fn the_owner_of_a_database_needs_no_superuser() {
    let cluster = Cluster::start(&Options::default());
    let database = cluster.database();
    database.sql(&format!(
        "CREATE ROLE plain LOGIN NOSUPERUSER; ALTER DATABASE {} OWNER TO plain",
        database.name
    ));
    as_role(&database, "plain", TENANT);
    let world = Schemastamp::on(&database).env("PGUSER", "plain");
    world.write("names.txt", "c\nd\n");
    run_all(&world);
}

#[test]
fn a_role_that_may_create_schemas_needs_nothing_else() {
    let cluster = Cluster::start(&Options::default());
    let database = cluster.database();
    database.sql(&format!(
        "CREATE ROLE deployer LOGIN NOSUPERUSER; GRANT CREATE ON DATABASE {} TO deployer",
        database.name
    ));
    as_role(&database, "deployer", TENANT);
    let world = Schemastamp::on(&database).env("PGUSER", "deployer");
    world.write("names.txt", "c\nd\n");
    run_all(&world);
}

#[test]
fn what_a_role_may_not_do_is_refused_with_what_to_ask_for() {
    let cluster = Cluster::start(&Options::default());
    let database = cluster.database();
    database.sql(&format!(
        "CREATE ROLE guest LOGIN NOSUPERUSER; {TENANT}; GRANT USAGE ON SCHEMA old TO guest; \
         GRANT SELECT ON ALL TABLES IN SCHEMA old TO guest"
    ));
    let owner = Schemastamp::on(&database);
    owner
        .run(&["capture", "--schema", "old", "-o", "snapshots/app.sql"])
        .succeeds();
    let world = Schemastamp::on(&database).env("PGUSER", "guest");
    world.write("snapshots/app.sql", owner.read("snapshots/app.sql"));
    world.write(
        "m/2_age.sql",
        "ALTER TABLE #{prefix}.users ADD age integer;",
    );
    for (line, ask) in [
        ("provision a", "GRANT CREATE ON DATABASE"),
        ("pool fill --size 1", "GRANT CREATE ON DATABASE"),
        ("clone old b", "hint:"),
        ("rename old b --yes", "hint:"),
        ("verify old", "hint:"),
        ("refresh --migrations m", "GRANT CREATE ON DATABASE"),
        ("drop old --yes", "hint:"),
    ] {
        let output = world.run(&line.split(' ').collect::<Vec<_>>());
        assert_ne!(output.code, Some(0), "{line}: {output}");
        assert!(output.stderr.contains(ask), "{line}: {output}");
        assert!(
            output.stderr.contains("permission denied")
                || output.stderr.contains("must be owner")
                || output.stderr.contains("may not"),
            "{line}: {output}"
        );
    }
    assert_eq!(
        database.query("SELECT string_agg(nspname, ' ' ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^(pg_|info)'"),
        "old public"
    );
}
