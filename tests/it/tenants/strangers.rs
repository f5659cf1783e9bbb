//! Roles in the same database that may create schemas, and a superuser that runs commands.

use crate::provision::{SMALL, snapshot};
use crate::support::{Cluster, Database, Schemastamp};

/// A database in which a role may create schemas, and runs what it is given.
struct Stranger<'a> {
    database: Database<'a>,
    world: Schemastamp,
    role: String,
}

impl Stranger<'_> {
    /// A function `ESCAPE` in a script must never run as another role: it records its role in a
    /// table.
    fn plants(script: &str) -> Self {
        let database = Cluster::shared().database();
        let role = format!("{}_mallory", database.name);
        database.sql(&format!(
            "CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {0} TO {role}; GRANT CREATE ON SCHEMA public TO {role}; \
             CREATE TABLE public.caught (who name); GRANT INSERT ON public.caught TO PUBLIC; \
             SET ROLE {role}; {1}",
            database.name,
            script.replace("ESCAPE", "INSERT INTO public.caught VALUES (current_user)")
        ));
        let world = Schemastamp::on(&database);
        world.write("snapshots/app.sql", snapshot(SMALL));
        Self {
            database,
            world,
            role,
        }
    }

    /// The commands end as they do, and nothing has run as the superuser.
    #[track_caller]
    fn catches_nobody(&self, commands: &[&str]) {
        for command in commands {
            let output = self.world.run(&command.split(' ').collect::<Vec<_>>());
            let caught = format!(
                "SELECT count(*) FROM public.caught WHERE who <> '{}'",
                self.role
            );
            assert_eq!(self.database.query(&caught), "0", "{command}: {output}");
        }
    }
}

impl Drop for Stranger<'_> {
    fn drop(&mut self) {
        drop(self.database.try_query(&format!(
            "DROP OWNED BY {0} CASCADE; DROP ROLE {0}",
            self.role
        )));
    }
}

/// A function and an operator that would be called for the types of a question to the catalogs.
fn trap(schema: &str, operator: &str, left: &str, right: &str, result: &str) -> String {
    let name = format!("{schema}.\"trap {operator} {left} {right}\"");
    format!(
        "CREATE FUNCTION {name}(a {left}, b {right}) RETURNS {result} LANGUAGE plpgsql AS \
         $$ BEGIN ESCAPE; RETURN NULL; END $$; \
         CREATE OPERATOR {schema}.{operator} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = {name});\n"
    )
}

/// Those that the catalogs' questions were caught by, once.
fn traps(schema: &str) -> String {
    [
        ("!~", "name", "name", "boolean"),
        ("~", "name", "name", "boolean"),
        ("<>", "oid", "regclass", "boolean"),
        ("=", "oid", "regclass", "boolean"),
        ("=", "regclass", "oid", "boolean"),
        ("=", "regclass", "regclass", "boolean"),
        ("=", "oid", "integer", "boolean"),
        ("<>", "oid", "integer", "boolean"),
        ("=", "varchar", "varchar", "boolean"),
        ("*", "integer", "numeric", "numeric"),
        ("||", "text", "integer", "text"),
        ("||", "name", "name", "text"),
        ("||", "text", "name", "text"),
    ]
    .map(|(operator, left, right, result)| trap(schema, operator, left, right, result))
    .concat()
}

const COMMANDS: [&str; 14] = [
    "status --all",
    "provision a b",
    "provision a --if-exists skip",
    "verify --all",
    "capture --schema a",
    "check --schema a",
    "pool fill --size 1",
    "pool status",
    "pool drain --all",
    "rename a c --yes",
    "clone b d",
    "migrate --all --migrations m",
    "drop c --yes",
    "diagnose",
];

#[test]
fn operators_in_public_are_not_called() {
    let stranger = Stranger::plants(&traps("public"));
    stranger
        .world
        .write("m/2_x.sql", "CREATE TABLE #{prefix}.x (id integer);");
    stranger.catches_nobody(&COMMANDS);
}

#[test]
fn operators_of_another_role_are_reported_and_not_called() {
    let tenant = "CREATE SCHEMA ten; CREATE TABLE ten.schema_migrations (version varchar PRIMARY KEY); \
        INSERT INTO ten.schema_migrations VALUES ('1');";
    let stranger = Stranger::plants(&format!("{tenant} {}", traps("ten")));
    stranger.catches_nobody(&[
        "status --all",
        "verify --all",
        "clone ten x",
        "rename ten y --yes",
        "drop ten --dry-run",
    ]);
    let output = stranger
        .world
        .run(&["capture", "--schema", "ten"])
        .exits_with(14);
    assert!(
        output
            .stderr
            .contains("operators of another role would take the place of PostgreSQL's own: "),
        "{output}"
    );
    assert!(
        output
            .stderr
            .contains("hint: they run as whoever compares the schema"),
        "{output}"
    );
    stranger.catches_nobody(&[]);
    // Their owner may: they run as the owner anyway.
    stranger
        .world
        .run(&[
            "capture",
            "--schema",
            "ten",
            "--no-prove",
            "-U",
            &stranger.role,
        ])
        .succeeds();
}

#[test]
fn casts_of_types_in_versions_tables_are_not_called() {
    let cast = |schema: &str, to: &str, value: &str| {
        format!(
            "CREATE SCHEMA {schema}; CREATE TYPE {schema}.e AS ENUM ('x'); \
             CREATE FUNCTION {schema}.c({schema}.e) RETURNS {to} LANGUAGE plpgsql AS $$ BEGIN ESCAPE; RETURN {value}; END $$; \
             CREATE CAST ({schema}.e AS {to}) WITH FUNCTION {schema}.c({schema}.e) AS IMPLICIT;\n"
        )
    };
    let stranger = Stranger::plants(
        &[
            cast("m1", "json", "'false'"),
            "CREATE TABLE m1.schema_migrations (version bigint, dirty m1.e); INSERT INTO m1.schema_migrations VALUES (1, 'x');"
                .to_owned(),
            cast("m2", "boolean", "true"),
            "CREATE TABLE m2.goose_db_version (id int, version_id bigint, is_applied m2.e); \
             INSERT INTO m2.goose_db_version VALUES (1, 1, 'x');"
                .to_owned(),
            cast("m3", "text", "'x'"),
            "CREATE TABLE m3.schema_migrations (version m3.e); INSERT INTO m3.schema_migrations VALUES ('x');".to_owned(),
        ]
        .concat(),
    );
    stranger.catches_nobody(&[
        "status --all",
        "verify --all",
        "capture --schema m3 --no-prove",
        "clone m3 m4",
    ]);
}

#[test]
fn copied_marker_does_not_make_a_tenant() {
    let stranger = Stranger::plants("");
    stranger.world.run(&["provision", "acme"]).succeeds();
    let mark = "SELECT obj_description('acme'::regnamespace, 'pg_namespace')";
    let mark = stranger.database.query(mark);
    let planted = format!(
        "SET ROLE {}; CREATE SCHEMA globex; COMMENT ON SCHEMA globex IS '{mark}'",
        stranger.role
    );
    stranger.database.sql(&planted);
    stranger.world.write("names", "acme\nglobex\n");
    for arguments in [
        &["provision", "globex", "--if-exists", "skip"][..],
        &[
            "provision",
            "globex",
            "--if-exists",
            "resume",
            "--from-pool",
        ],
    ] {
        let output = stranger.world.run(arguments).exits_with(17);
        assert!(
            output
                .stderr
                .contains(&format!("exists and belongs to role \"{}\"", stranger.role)),
            "{output}"
        );
    }
    let output = stranger
        .world
        .run(&["provision", "--from-file", "names", "--format", "json"])
        .exits_with(18);
    let outcome = |name: &str| {
        let lines = output.json();
        lines.iter().find(|line| line["tenant"] == name).unwrap()["outcome"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        (outcome("acme"), outcome("globex")),
        ("skipped".to_owned(), "failed".to_owned()),
        "{output}"
    );
}

#[test]
fn marker_counts_for_the_role_of_the_snapshot() {
    let stranger = Stranger::plants("");
    let owned = format!(
        "ALTER SCHEMA #{{prefix}} OWNER TO {};\n\n{SMALL}",
        stranger.role
    );
    stranger.world.write("owned.sql", snapshot(&owned));
    for (file, more) in [
        ("owned.sql", &[][..]),
        ("snapshots/app.sql", &["--role", &stranger.role]),
    ] {
        let tenant = if more.is_empty() { "one" } else { "two" };
        let run = [
            &[
                "provision",
                tenant,
                "--snapshot",
                file,
                "--if-exists",
                "resume",
                "--format",
                "json",
            ],
            more,
        ]
        .concat();
        for outcome in ["created", "skipped"] {
            assert_eq!(
                stranger.world.run(&run).succeeds().json()[0]["outcome"],
                outcome
            );
        }
    }
}
