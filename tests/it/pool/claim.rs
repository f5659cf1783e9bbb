//! A spare becomes a tenant.

use std::collections::BTreeSet;
use std::thread;

use super::{LIVING, spares, world};
use crate::bulk::{marked, names};
use crate::provision::SMALL;
use crate::support::{Bouncer, BouncerOptions, Cluster};

#[test]
fn claimed_tenant_does_not_refer_to_the_spare() {
    let database = Cluster::shared().database();
    let world = world(&database, LIVING);
    world.run(&["pool", "fill", "--size", "2"]).succeeds();
    let before = spares(&database);
    let output = world
        .run(&[
            "provision",
            "O'Neil",
            "plain",
            "--from-pool",
            "--format",
            "json",
        ])
        .succeeds();
    assert!(
        output.json()[..2]
            .iter()
            .all(|line| line["source"] == "pool"),
        "{output}"
    );
    assert_eq!((spares(&database).len(), marked(&database, "%")), (0, 2));
    // A new schema with the spare's name must not affect the tenant.
    for spare in &before {
        database.sql(&format!(
            "CREATE SCHEMA {spare}; CREATE TABLE {spare}.log (id int, what text); \
             INSERT INTO {spare}.log SELECT n FROM generate_series(1, 500) n"
        ));
    }
    for (name, schema) in [("O'Neil", "\"O'Neil\""), ("plain", "plain")] {
        database.sql(&format!("INSERT INTO {schema}.log DEFAULT VALUES"));
        let seen = database.query(&format!(
            "SELECT {schema}.rows(), {schema}.by_path(), {schema}.tree(), what, at, id, (SELECT name FROM {schema}.names) \
             FROM {schema}.log"
        ));
        assert_eq!(seen, format!("1|1|1|{name}|{name}|1|{name}"));
        let policy = database.query(&format!(
            "SELECT pg_get_expr(polqual, polrelid), obj_description(oid, 'pg_policy') FROM pg_policy \
             WHERE polrelid = {}::regclass",
            schemastamp::sql::quote_literal(&format!("{schema}.log"))
        ));
        assert_eq!(
            policy,
            format!("(what = '{}'::text)|only its own", name.replace('\'', "''"))
        );
    }
    for spare in &before {
        database.sql(&format!("DROP SCHEMA {spare} CASCADE"));
    }
    world.run(&["verify", "O'Neil", "plain"]).succeeds();
}

#[test]
fn a_hundred_claims_at_once_get_a_hundred_spares() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    world.run(&["pool", "fill", "--size", "100"]).succeeds();
    let oids = |condition: &str| {
        let found = database.query(&format!(
            "SELECT oid FROM pg_namespace WHERE nspname ~ '{condition}'"
        ));
        found.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let before = oids("^schemastamp_spare_");
    assert_eq!(before.len(), 100);
    let outputs: Vec<_> = thread::scope(|scope| {
        let runs: Vec<_> = (0..10)
            .map(|process| {
                let world = &world;
                scope.spawn(move || {
                    let names = names(&format!("claimed_{process}_"), 10);
                    let run = [
                        "provision",
                        "--from-pool",
                        "--from-file",
                        "-",
                        "--jobs",
                        "2",
                        "--format",
                        "json",
                    ];
                    world.run_with_input(&run, names.as_bytes()).succeeds()
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for output in &outputs {
        assert!(
            output.json()[..10]
                .iter()
                .all(|line| line["source"] == "pool"),
            "{output}"
        );
    }
    assert_eq!(oids("^claimed_"), before, "each spare went to one tenant");
    assert_eq!(
        database.query("SELECT count(*) FROM schemastamp_pool.spares"),
        "0"
    );
    assert_eq!(database.query("SELECT claimed_3_4.first()"), "7");
}

#[test]
fn empty_or_missing_pool_falls_back_to_creating() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    world.run(&["provision", "a", "--from-pool"]).succeeds();
    world.run(&["pool", "fill", "--size", "1"]).succeeds();
    let output = world
        .run(&["provision", "b", "c", "--from-pool", "--format", "json"])
        .succeeds();
    let lines = output.json();
    assert_eq!(
        (lines[0]["source"].as_str(), lines[1]["source"].as_str()),
        (Some("pool"), None),
        "{output}"
    );
    assert_eq!(marked(&database, "_"), 3);
}

#[test]
fn taken_name_uses_no_spare() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    world.run(&["pool", "fill", "--size", "1"]).succeeds();
    database.sql("CREATE SCHEMA acme");
    let output = world
        .run(&["provision", "acme", "--from-pool", "--format", "json"])
        .exits_with(17);
    assert_eq!(output.json()[0]["error"]["id"], "tenant.exists");
    assert_eq!(spares(&database).len(), 1);
    let output = world
        .run(&[
            "provision",
            "new",
            "--from-pool",
            "--refill",
            "2",
            "--format",
            "json",
        ])
        .succeeds();
    assert_eq!(output.json()[0]["source"], "pool");
    assert_eq!(spares(&database).len(), 2, "the pool is full again");
}

#[test]
fn dry_run_script_claims_a_spare() {
    let database = Cluster::shared().database();
    let world = world(&database, LIVING);
    world.run(&["pool", "fill", "--size", "1"]).succeeds();
    let spare = spares(&database);
    let output = world
        .run(&[
            "provision",
            "acme",
            "--from-pool",
            "--dry-run",
            "--format",
            "json",
        ])
        .succeeds();
    assert_eq!(spares(&database), spare, "nothing is claimed by looking");
    let claimed = database.query(output.json()[0]["claim"].as_str().unwrap());
    // Behind the run's own token, which says that the server has answered.
    let (_, name) = claimed.lines().last().unwrap().split_once(' ').unwrap();
    assert_eq!([name], [spare[0].as_str()]);
    world.run(&["verify", "acme"]).succeeds();
    let text = world
        .run(&["provision", "b", "--from-pool", "--dry-run"])
        .succeeds()
        .stdout;
    let (claim, creation) = text.split_once("-- without a spare:\n").unwrap();
    assert!(
        claim.contains("-- first, a spare of the pool:\n")
            && claim.contains("FOR UPDATE SKIP LOCKED"),
        "{text}"
    );
    assert!(creation.contains("CREATE SCHEMA b \\;"), "{text}");
}

#[test]
fn stream_refills_the_pool() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let run = [
        "provision",
        "--from-pool",
        "--refill",
        "3",
        "--from-file",
        "-",
        "--jobs",
        "1",
    ];
    let names = names("s", 8);
    let output = world.run_with_input(&run, names.as_bytes()).succeeds();
    assert!(
        !output.stderr.contains("cannot refill the pool"),
        "{output}"
    );
    assert_eq!((spares(&database).len(), marked(&database, "s_")), (3, 8));
    assert_eq!(
        database.query("SELECT count(*) FROM schemastamp_pool.spares"),
        "3"
    );
}

#[test]
fn claims_skip_schemas_that_are_no_longer_spares() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    world.run(&["pool", "fill", "--size", "4"]).succeeds();
    let oldest =
        database.query("SELECT string_agg(name, ' ' ORDER BY made) FROM schemastamp_pool.spares");
    let oldest: Vec<&str> = oldest.split(' ').collect();
    database.sql(&format!(
        "DROP SCHEMA {} CASCADE; COMMENT ON SCHEMA {} IS 'mine now'; ALTER SCHEMA {} RENAME TO taken",
        oldest[0], oldest[1], oldest[2]
    ));
    let status = world
        .run(&["pool", "status", "--format", "json"])
        .succeeds();
    assert_eq!(
        (&status.json()[0]["ready"], &status.json()[0]["broken"]),
        (&1.into(), &3.into()),
        "{status}"
    );
    let output = world
        .run(&["provision", "a", "b", "--from-pool", "--format", "json"])
        .succeeds();
    let lines = output.json();
    assert_eq!(
        (lines[0]["source"].as_str(), lines[1]["source"].as_str()),
        (Some("pool"), None),
        "{output}"
    );
    assert_eq!(
        database.query(&format!(
            "SELECT obj_description('{}'::regnamespace)",
            oldest[1]
        )),
        "mine now"
    );
    assert_eq!(
        database.query("SELECT to_regnamespace('taken') IS NOT NULL"),
        "t"
    );
}

#[test]
fn edited_spare_is_not_handed_out() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    world.run(&["pool", "fill", "--size", "1"]).succeeds();
    let spare = spares(&database).remove(0);
    database.sql(&format!(
        "CREATE FUNCTION {spare}.added() RETURNS int LANGUAGE sql AS 'SELECT id FROM {spare}.t'; \
         COMMENT ON TABLE {spare}.t IS 'of {spare}'"
    ));
    let output = world
        .run(&["provision", "acme", "--from-pool", "--format", "json"])
        .succeeds();
    assert_eq!(output.json()[0]["source"].as_str(), None, "{output}");
    assert!(
        output.stderr.contains("function added")
            && output.stderr.contains("comment on table acme.t"),
        "{output}"
    );
    assert_eq!(
        database.query("SELECT to_regprocedure('acme.added()') IS NULL"),
        "t"
    );
    let status = world.run(&["pool", "status"]).succeeds();
    assert!(
        status
            .stdout
            .contains(&format!("stray {spare}: in no pool")),
        "{status}"
    );
}

#[test]
fn claims_work_on_every_major_version() {
    // BEGIN ATOMIC came with 14.
    let (before, after) = LIVING
        .split_once("CREATE FUNCTION #{prefix}.tree()")
        .unwrap();
    let after = after.split_once("END;\n").unwrap().1;
    let plain = format!("{before}{after}");
    for major in [13, 14, 16, 17, 18] {
        let database = Cluster::of_major(major).database();
        let world = world(&database, if major == 13 { &plain } else { LIVING });
        world.write("names", names("n", 4));
        world.run(&["pool", "fill", "--size", "2"]).succeeds();
        let output = world
            .run(&[
                "provision",
                "--from-file",
                "names",
                "--from-pool",
                "--jobs",
                "2",
            ])
            .succeeds();
        assert_eq!(
            output.stdout.matches("from the pool").count(),
            2,
            "{major}: {output}"
        );
        database.sql("INSERT INTO n0.log DEFAULT VALUES; INSERT INTO n3.log DEFAULT VALUES");
        assert_eq!(
            database.query("SELECT n0.rows(), n3.by_path(), (SELECT what FROM n0.log)"),
            "1|1|n0",
            "{major}"
        );
        world.run(&["verify", "--all"]).succeeds();
    }
}

#[test]
fn pool_planted_by_another_role_is_not_used() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let [app, stranger] = ["app", "stranger"].map(|role| format!("{}_{role}", database.name));
    database.sql(&format!(
        "CREATE ROLE {app} LOGIN; CREATE ROLE {stranger} LOGIN"
    ));
    database.sql(&format!(
        "GRANT CREATE ON DATABASE {} TO {app}, {stranger}",
        database.name
    ));
    // A trigger of the table would run as the claiming role.
    database.sql(&format!(
        "SET ROLE {stranger}; CREATE SCHEMA schemastamp_pool; GRANT ALL ON SCHEMA schemastamp_pool TO PUBLIC; \
         CREATE TABLE schemastamp_pool.spares (name name, snapshot text, options text, owner name, made timestamptz); \
         CREATE FUNCTION schemastamp_pool.f() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN EXECUTE 'CREATE SCHEMA owned'; RETURN NEW; END $$; \
         CREATE TRIGGER f BEFORE DELETE OR INSERT ON schemastamp_pool.spares EXECUTE FUNCTION schemastamp_pool.f(); \
         GRANT ALL ON schemastamp_pool.spares TO PUBLIC"
    ));
    for (tenant, role) in [("a", "postgres"), ("b", app.as_str())] {
        let output = world
            .run(&[
                "provision",
                tenant,
                "--from-pool",
                "-U",
                role,
                "--format",
                "json",
            ])
            .succeeds();
        assert_eq!(output.json()[0]["source"].as_str(), None, "{output}");
        let output = world
            .run(&["pool", "fill", "--size", "1", "-U", role])
            .exits_with(14);
        assert!(
            output
                .stderr
                .contains("schemastamp_pool.spares is not a table of this role"),
            "{output}"
        );
        let told =
            format!("warning: the pool belongs to role {stranger}, and this role cannot use it");
        for command in [
            &["pool", "status", "-U", role][..],
            &["pool", "drain", "--all", "-U", role],
        ] {
            let output = world.run(command).succeeds();
            assert!(output.stderr.contains(&told), "{output}");
        }
    }
    assert_eq!(
        database.query("SELECT to_regnamespace('owned') IS NULL"),
        "t"
    );
    database.sql(&format!(
        "DROP OWNED BY {app}, {stranger} CASCADE; DROP ROLE {app}, {stranger}"
    ));
}

#[test]
fn noinherit_member_fills_and_claims_with_role() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let [login, app] = ["login", "common"].map(|role| format!("{}_{role}", database.name));
    database.sql(&format!(
        "CREATE ROLE {app}; CREATE ROLE {login} LOGIN NOINHERIT IN ROLE {app}"
    ));
    database.sql(&format!(
        "GRANT CREATE ON DATABASE {} TO {app}",
        database.name
    ));
    for size in ["1", "3"] {
        world
            .run(&["pool", "fill", "--size", size, "-U", &login, "--role", &app])
            .succeeds();
    }
    let run = [
        "provision",
        "acme",
        "--from-pool",
        "-U",
        &login,
        "--role",
        &app,
        "--format",
        "json",
    ];
    assert_eq!(world.run(&run).succeeds().json()[0]["source"], "pool");
    world
        .run(&["pool", "drain", "--all", "-U", &login, "--role", &app])
        .succeeds();
    assert_eq!(
        database.query("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^schemastamp'"),
        "0"
    );
    database.sql(&format!(
        "DROP OWNED BY {app} CASCADE; DROP ROLE {login}, {app}"
    ));
}

#[test]
fn spares_belong_to_a_role() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let [maker, other] = ["maker", "other"].map(|role| format!("{}_{role}", database.name));
    database.sql(&format!(
        "CREATE ROLE {maker} LOGIN; CREATE ROLE {other} LOGIN"
    ));
    database.sql(&format!(
        "GRANT CREATE ON DATABASE {} TO {maker}, {other}",
        database.name
    ));
    world
        .run(&["pool", "fill", "--size", "2", "-U", &maker])
        .succeeds();
    let from = |tenant: &str, arguments: &[&str]| {
        let all = [
            &["provision", tenant, "--from-pool", "--format", "json"],
            arguments,
        ]
        .concat();
        let output = world.run(&all).succeeds();
        let owner = database.query(&format!(
            "SELECT nspowner::regrole FROM pg_namespace WHERE nspname = '{tenant}'"
        ));
        (
            output.json()[0]["source"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            owner,
        )
    };
    // A tenant belongs to the claiming role, as without a pool.
    assert_eq!(from("a", &[]), (String::new(), "postgres".to_owned()));
    assert_eq!(
        from("b", &["-U", &other]),
        (String::new(), other.clone()),
        "who may not look finds none"
    );
    assert_eq!(
        from("c", &["-U", &maker]),
        ("pool".to_owned(), maker.clone())
    );
    assert_eq!(
        from("d", &["--role", &maker]),
        ("pool".to_owned(), maker.clone())
    );
    database.sql(&format!(
        "DROP OWNED BY {maker}, {other} CASCADE; DROP ROLE {maker}, {other}"
    ));
}

#[test]
fn claim_through_a_pooler_leaves_no_setting_behind() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let bouncer = Bouncer::start(
        cluster,
        &BouncerOptions::default().setting("default_pool_size", "1"),
    );
    let through = bouncer.environment(&database);
    let world = world(&database, LIVING).envs(&through);
    world.run(&["pool", "fill", "--size", "3"]).succeeds();
    let settings = || {
        let query = "SELECT pg_backend_pid(); SELECT name, setting FROM pg_settings WHERE name !~ '^plpgsql[.]' ORDER BY 1; \
                     SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";
        crate::support::psql(&crate::support::Client::installed(), &through, query).unwrap()
    };
    let before = settings();
    world
        .run(&["provision", "a", "b", "c", "--from-pool"])
        .succeeds();
    assert_eq!(settings(), before);
    assert_eq!(
        database.query("SELECT a.rows() + b.tree() + c.by_path()"),
        "0"
    );
}
