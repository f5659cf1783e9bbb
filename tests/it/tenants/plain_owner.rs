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

#[test]
fn objects_of_another_owner_need_no_right_to_create_in_the_schema() {
    for grants in [
        "GRANT USAGE, CREATE ON SCHEMA tenant_a TO team",
        // The role had it only once.
        "GRANT CREATE ON SCHEMA tenant_a TO team; SELECT 1",
        "GRANT USAGE ON SCHEMA tenant_a TO team; GRANT CREATE ON SCHEMA tenant_a TO team, \"Other Team\"",
    ] {
        let cluster = Cluster::start(&Options::default());
        let database = cluster.database();
        database.sql(&format!(
            "CREATE ROLE team; CREATE ROLE \"Other Team\"; CREATE ROLE dep LOGIN; GRANT team, \"Other Team\" TO dep;
             GRANT CREATE ON DATABASE {} TO dep; CREATE SCHEMA tenant_a AUTHORIZATION dep",
            database.name
        ));
        let revoke = if grants.ends_with("SELECT 1") {
            "REVOKE CREATE ON SCHEMA tenant_a FROM team"
        } else {
            ""
        };
        as_role(
            &database,
            "dep",
            &format!(
                "CREATE TABLE tenant_a.t (i int); CREATE FUNCTION tenant_a.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
                 CREATE SEQUENCE tenant_a.s; CREATE TYPE tenant_a.ty AS (a int); CREATE DOMAIN tenant_a.d AS int;
                 CREATE VIEW tenant_a.v AS SELECT 1 AS a; CREATE MATERIALIZED VIEW tenant_a.m AS SELECT 1 AS a; {grants};
                 ALTER TABLE tenant_a.t OWNER TO team; ALTER FUNCTION tenant_a.f() OWNER TO team;
                 ALTER SEQUENCE tenant_a.s OWNER TO team; ALTER TYPE tenant_a.ty OWNER TO team; ALTER DOMAIN tenant_a.d OWNER TO team;
                 ALTER VIEW tenant_a.v OWNER TO team; ALTER MATERIALIZED VIEW tenant_a.m OWNER TO team; {revoke}"
            ),
        );
        let run = Schemastamp::on(&database).env("PGUSER", "dep");
        run.run(&["capture", "--schema", "tenant_a", "-o", "snapshots/app.sql"])
            .succeeds();
        run.run(&["provision", "b"]).succeeds();
        run.run(&["provision", "c", "d", "--jobs", "2"]).succeeds();
        run.run(&["clone", "tenant_a", "e"]).succeeds();
        run.run(&["verify", "b", "c", "d", "e", "--owners", "--privileges"])
            .succeeds();
        let schemas = "SELECT count(DISTINCT COALESCE(nspacl::text, '')) FROM pg_namespace WHERE nspname IN ('tenant_a', 'b', 'e')";
        assert_eq!(database.query(schemas), "1", "{grants}");
        run.run(&["rename", "b", "g", "--yes"]).succeeds();
    }
}

#[test]
fn default_privileges_of_roles_that_one_is_no_member_of_are_left_out_and_told() {
    let cluster = Cluster::start(&Options::default());
    let database = cluster.database();
    database.sql(&format!(
        "CREATE ROLE platform; CREATE ROLE \"My Ops\"; CREATE ROLE app LOGIN; GRANT CREATE ON DATABASE {} TO app;
         CREATE SCHEMA tenant_a AUTHORIZATION app",
        database.name
    ));
    as_role(
        &database,
        "app",
        "CREATE TABLE tenant_a.t (i int); GRANT SELECT ON tenant_a.t TO PUBLIC;
         CREATE TABLE tenant_a.schema_migrations (version text PRIMARY KEY);
         ALTER DEFAULT PRIVILEGES IN SCHEMA tenant_a GRANT SELECT ON TABLES TO PUBLIC",
    );
    database.sql(
        "ALTER DEFAULT PRIVILEGES FOR ROLE platform IN SCHEMA tenant_a GRANT ALL ON TABLES TO app;
         ALTER DEFAULT PRIVILEGES FOR ROLE \"My Ops\" IN SCHEMA tenant_a GRANT ALL ON SEQUENCES TO app",
    );
    let run = Schemastamp::on(&database).env("PGUSER", "app");
    let said = "only members of these roles can set them: default privileges for what is created by: \"My Ops\", platform";
    let output = run
        .run(&["capture", "--schema", "tenant_a", "-o", "snapshots/app.sql"])
        .succeeds();
    assert!(output.stderr.contains(said), "{output}");
    let snapshot = run.read("snapshots/app.sql");
    assert!(
        snapshot.contains("FOR ROLE app ") && !snapshot.contains("platform"),
        "{snapshot}"
    );
    run.run(&["provision", "b"]).succeeds();
    let output = run.run(&["clone", "tenant_a", "c"]).succeeds();
    assert!(output.stderr.contains(said), "{output}");
    run.run(&["rename", "tenant_a", "d", "--yes"]).succeeds();
    // A member carries them, and whoever is none is told what to ask for.
    let owner = Schemastamp::on(&database);
    owner
        .run(&["capture", "--schema", "d", "-o", "snapshots/app.sql"])
        .succeeds();
    run.write("snapshots/app.sql", owner.read("snapshots/app.sql"));
    let output = run.run(&["provision", "e"]).exits_with(14);
    assert!(
        output.stderr.contains("run GRANT ") && output.stderr.contains("--no-privileges"),
        "{output}"
    );
    run.run(&["provision", "e", "--no-privileges"]).succeeds();
}

#[test]
fn parameters_that_a_role_may_not_set_are_named_with_the_grant() {
    let cluster = Cluster::start(&Options::default());
    let database = cluster.database();
    database.sql(&format!(
        "CREATE ROLE app LOGIN; GRANT CREATE ON DATABASE {} TO app; CREATE SCHEMA tenant_a AUTHORIZATION app;
         CREATE FUNCTION tenant_a.f() RETURNS text LANGUAGE sql SET demo.scope = 'system' AS 'SELECT 1::text';
         ALTER FUNCTION tenant_a.f() OWNER TO app",
        database.name
    ));
    let owner = Schemastamp::on(&database);
    owner
        .run(&["capture", "--schema", "tenant_a", "-o", "snapshots/app.sql"])
        .succeeds();
    let run = Schemastamp::on(&database).env("PGUSER", "app");
    run.write("snapshots/app.sql", owner.read("snapshots/app.sql"));
    let commands = [
        &["capture", "--schema", "tenant_a", "-o", "b.sql"][..],
        &["provision", "b"],
        &["clone", "tenant_a", "c"],
        &["pool", "fill", "--size", "1"],
    ];
    for command in commands {
        let output = run.run(command).exits_with(14);
        assert!(
            output
                .stderr
                .contains("GRANT SET ON PARAMETER \"demo.scope\" TO app"),
            "{command:?} {output}"
        );
        assert!(!output.stderr.contains("may create schemas"), "{output}");
    }
    database.sql("GRANT SET ON PARAMETER demo.scope TO app");
    for command in commands {
        run.run(command).succeeds();
    }
}
