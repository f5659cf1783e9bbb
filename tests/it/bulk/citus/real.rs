//! Tenants on a coordinator and two workers.

use super::nodes::{Nodes, distributed, role};
use crate::provision::{SMALL, snapshot, wait_for};
use crate::support::{Client, Database, Schemastamp, StopMode, psql};

/// A table with a serial column, as `pg_dump` writes it.
const SERIAL: &str = "\
CREATE TABLE #{prefix}.t (id integer NOT NULL);

CREATE SEQUENCE #{prefix}.t_id_seq;

ALTER SEQUENCE #{prefix}.t_id_seq OWNED BY #{prefix}.t.id;

ALTER TABLE ONLY #{prefix}.t ALTER COLUMN id SET DEFAULT nextval('#{prefix}.t_id_seq'::regclass);
";

fn world(database: &Database<'_>, body: &str) -> Schemastamp {
    let world = Schemastamp::on(database);
    world.write("snapshots/app.sql", snapshot(body));
    world
}

#[test]
fn citus_tenant_is_a_distributed_schema() {
    let Some(nodes) = Nodes::shared() else { return };
    let database = nodes.database();
    let world = world(&database, SMALL);
    world
        .run(&["provision", "a", "b", "--citus", "--jobs", "2"])
        .succeeds();
    assert_eq!(distributed(&database), "a b");
    assert_eq!(nodes.on_workers(&database, "a"), 2);
    assert_eq!(database.query("SELECT a.first() + b.first()"), "14");
    world.run(&["provision", "c"]).succeeds();
    let output = world.run(&["status", "a", "c", "--format", "json"]);
    let lines = output.json();
    assert_eq!(lines[0]["distributed"], true, "{output}");
    assert_eq!(lines[1]["distributed"], false, "{output}");
    let output = world.run(&["verify", "a", "b", "c"]).succeeds();
    assert!(
        output
            .stderr
            .contains("on the coordinator only, while other tenants are distributed by Citus: c\n"),
        "{output}"
    );
    world.run(&["drop", "a", "--yes"]).succeeds();
    assert_eq!(distributed(&database), "b");
    assert_eq!(nodes.on_workers(&database, "a"), 0);
}

/// Each of these settings makes the same statements create a schema on the coordinator only.
#[test]
fn settings_of_citus_do_not_leave_a_tenant_on_the_coordinator() {
    let Some(nodes) = Nodes::shared() else { return };
    let database = nodes.database();
    for (tenant, setting) in [
        ("a", "citus.create_object_propagation=deferred"),
        ("b", "citus.enable_ddl_propagation=off"),
        ("c", "citus.enable_metadata_sync=off"),
    ] {
        world(&database, SMALL)
            .env("SCHEMASTAMP_OPTIONS", format!("-c {setting}"))
            .run(&["provision", tenant, "--citus"])
            .succeeds();
        assert_eq!(nodes.on_workers(&database, tenant), 2, "{setting}");
    }
    assert_eq!(distributed(&database), "a b c");
}

#[test]
fn snapshot_that_undoes_the_distribution_creates_nothing() {
    let Some(nodes) = Nodes::shared() else { return };
    let database = nodes.database();
    let body = "SELECT pg_catalog.citus_schema_undistribute('#{prefix}');\n";
    let world = world(&database, &format!("{SMALL}{body}"));
    let output = world
        .run(&["provision", "a", "--citus", "--format", "json"])
        .exits_with(10);
    assert_eq!(
        output.json()[0]["error"]["id"],
        "config.not_distributed",
        "{output}"
    );
    assert_eq!(
        database.query("SELECT count(*) FROM pg_namespace WHERE nspname = 'a'"),
        "0"
    );
}

#[test]
fn ordinary_role_is_told_before_the_run_that_it_cannot_create_serial_columns() {
    let Some(nodes) = Nodes::shared() else { return };
    let database = nodes.database();
    let serial = world(&database, SERIAL);
    serial.run(&["provision", "a", "--citus"]).succeeds();
    let app = role(&database);
    for arguments in [["-U", &app], ["--role", &app]] {
        let mut run = vec!["provision", "b", "--citus"];
        run.extend(arguments);
        let output = serial.run(&run).exits_with(15);
        assert!(
            output.stderr.contains(
                "  default in table t: only the extension's owner can create a default that uses a sequence; \
                 connect as postgres without --role"
            ),
            "{output}"
        );
    }
    let identity = "CREATE TABLE #{prefix}.t (id bigint NOT NULL, n text);\n\
        ALTER TABLE #{prefix}.t ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE NAME #{prefix}.t_id_seq\n);\n";
    let identity = world(&database, identity);
    identity
        .run(&["provision", "c", "--citus", "-U", &app])
        .succeeds();
    database.sql("INSERT INTO c.t (n) VALUES ('x')");
    assert_eq!(distributed(&database), "a c");
}

#[test]
fn role_that_citus_has_not_recorded_is_refused_with_what_records_it() {
    let Some(nodes) = Nodes::shared() else { return };
    let database = nodes.database();
    let role = format!("late_{}", database.name);
    database.sql(&format!(
        "SET citus.enable_ddl_propagation TO off; CREATE ROLE {role} LOGIN"
    ));
    let world = world(&database, SMALL);
    let cure = format!("GRANT {role} TO CURRENT_USER");
    for option in ["-U", "--role"] {
        let refused = world
            .run(&["provision", "a", "--citus", option, &role])
            .exits_with(10);
        assert!(refused.stderr.contains(&cure), "{refused}");
    }
    database.sql(&cure);
    database.sql(&format!(
        "GRANT CREATE ON DATABASE {} TO {role}",
        database.name
    ));
    world
        .run(&["provision", "a", "--citus", "-U", &role])
        .succeeds();
    assert_eq!(distributed(&database), "a");
}

#[test]
fn copy_of_a_distributed_tenant_is_distributed() {
    let Some(nodes) = Nodes::shared() else { return };
    let database = nodes.database();
    let world = world(&database, SERIAL);
    world.run(&["provision", "a", "--citus"]).succeeds();
    database.sql("INSERT INTO a.t SELECT FROM generate_series(1, 20000); CREATE INDEX ON a.t (id)");
    world.run(&["clone", "a", "b"]).succeeds();
    assert_eq!(distributed(&database), "a b");
    assert_eq!(database.query("SELECT count(*) FROM b.t"), "20000");
    world.run(&["verify", "a", "b", "--each-other"]).succeeds();
    let preview = world.run(&["drop", "b", "--dry-run", "--format", "json"]);
    let content = &preview.json()[0]["content"];
    assert_eq!(content["distributed"], true, "{preview}");
    assert!(content["bytes"].as_u64().unwrap() > 500_000, "{preview}");
    world.run(&["rename", "b", "c"]).succeeds();
    assert_eq!(distributed(&database), "a c");
    assert_eq!(nodes.on_workers(&database, "c"), 2);
}

/// Partitions, a materialized view on the coordinator, a policy, identities and a foreign key to a reference table.
const RICH: &str = "\
CREATE TABLE #{prefix}.users (
    id bigint NOT NULL,
    plan integer
);

ALTER TABLE #{prefix}.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME #{prefix}.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE MATERIALIZED VIEW #{prefix}.totals AS
 SELECT count(*) AS count
   FROM #{prefix}.users
  WITH NO DATA;

CREATE TABLE #{prefix}.log (
    at date NOT NULL,
    what text
)
PARTITION BY RANGE (at);

CREATE TABLE #{prefix}.log_2026 (
    at date NOT NULL,
    what text
);

ALTER TABLE ONLY #{prefix}.log ATTACH PARTITION #{prefix}.log_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

ALTER TABLE ONLY #{prefix}.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY #{prefix}.users
    ADD CONSTRAINT users_plan_fkey FOREIGN KEY (plan) REFERENCES public.plans(id);

ALTER TABLE #{prefix}.users ENABLE ROW LEVEL SECURITY;

CREATE POLICY own ON #{prefix}.users USING ((id = (current_setting('app.user'::text))::bigint));

REFRESH MATERIALIZED VIEW #{prefix}.totals;
";

#[test]
fn every_command_takes_a_distributed_tenant_that_leaves_a_view_on_the_coordinator() {
    let Some(nodes) = Nodes::shared() else { return };
    let database = nodes.database();
    database.sql(
        "CREATE TABLE public.plans (id integer PRIMARY KEY); INSERT INTO public.plans VALUES (1)",
    );
    database.sql("SELECT create_reference_table('public.plans')");
    let body = format!(
        "{RICH}\nCREATE TABLE #{{prefix}}.schema_migrations (version character varying PRIMARY KEY);\n\
         INSERT INTO #{{prefix}}.schema_migrations (version) VALUES\n    ('1');\n"
    );
    let world = world(&database, &body);
    world.run(&["provision", "a", "--citus"]).succeeds();
    database.sql("INSERT INTO a.users (plan) SELECT 1 FROM generate_series(1, 100)");
    database.sql("INSERT INTO a.log VALUES ('2026-05-01', 'x')");
    world.run(&["clone", "a", "b"]).succeeds();
    assert_eq!(distributed(&database), "a b");
    assert_eq!(
        database.query("SELECT (SELECT count(*) FROM b.users) || ' ' || (SELECT what FROM b.log)"),
        "100 x"
    );
    world.run(&["verify", "a", "b"]).succeeds();
    world.run(&["rename", "b", "c"]).succeeds();
    assert_eq!(nodes.on_workers(&database, "c"), 2);
    world.write(
        "migrations/2.up.sql",
        "ALTER TABLE users ADD COLUMN nick text;\n",
    );
    world.write(
        "migrations/2.down.sql",
        "ALTER TABLE users DROP COLUMN nick;\n",
    );
    world
        .run(&[
            "migrate",
            "a",
            "c",
            "--migrations",
            "migrations",
            "--record",
        ])
        .succeeds();
    let answer = world.run(&[
        "query",
        "a",
        "-c",
        "SELECT count(nick) FROM users",
        "--format",
        "csv",
    ]);
    assert!(answer.stdout.contains("a,0"), "{answer}");
    let run = database.query("SELECT DISTINCT run FROM schemastamp_runs.applied");
    world
        .run(&[
            "migrate",
            "--all",
            "--migrations",
            "migrations",
            "--undo",
            &run,
        ])
        .succeeds();
    world.run(&["verify", "a", "c"]).succeeds();
    let preview = world
        .run(&["drop", "c", "--dry-run", "--format", "json"])
        .succeeds();
    assert_eq!(
        preview.json()[0]["content"]["distributed"],
        true,
        "{preview}"
    );
    world.run(&["drop", "c", "--yes"]).succeeds();
    assert_eq!(distributed(&database), "a");
    assert_eq!(nodes.on_workers(&database, "c"), 0);
}

#[test]
fn spares_of_distributed_tenants_are_claimed() {
    let Some(nodes) = Nodes::shared() else { return };
    let database = nodes.database();
    let world = world(&database, SMALL);
    world
        .run(&["pool", "fill", "--size", "2", "--citus"])
        .succeeds();
    // A claim of an ordinary tenant does not take one.
    world.run(&["provision", "plain", "--from-pool"]).succeeds();
    let output = world
        .run(&[
            "provision",
            "a",
            "--from-pool",
            "--citus",
            "--format",
            "json",
        ])
        .succeeds();
    assert_eq!(output.json()[0]["source"], "pool", "{output}");
    assert_eq!(database.query("SELECT a.first()"), "7");
    assert_eq!(nodes.on_workers(&database, "a"), 2);
    let schemas = distributed(&database);
    assert!(
        schemas.starts_with("a schemastamp") && !schemas.contains("plain"),
        "{schemas}"
    );
    world.run(&["pool", "drain", "--all", "--citus"]).succeeds();
    assert_eq!(distributed(&database), "a");
}

#[test]
fn ordinary_tenant_refers_to_a_reference_table() {
    let Some(nodes) = Nodes::shared() else { return };
    let database = nodes.database();
    let body = "CREATE TABLE #{prefix}.t (id integer);\n\
        ALTER TABLE ONLY #{prefix}.t ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES public.reference(id);\n";
    let world = world(&database, body);
    world.run(&["provision", "a"]).succeeds();
    assert_eq!(distributed(&database), "");
    assert_eq!(
        database.query(
            "SELECT count(*) FROM pg_constraint WHERE conrelid = 'a.t'::regclass AND contype = 'f'"
        ),
        "1"
    );
    // Where new schemas are distributed, an ordinary tenant was not what the server was set up for.
    let output = world
        .env(
            "SCHEMASTAMP_OPTIONS",
            "-c citus.enable_schema_based_sharding=on",
        )
        .run(&["provision", "b", "--format", "json"])
        .exits_with(10);
    assert_eq!(
        output.json()[0]["error"]["id"],
        "config.distributes",
        "{output}"
    );
}

#[test]
fn worker_is_no_target() {
    let Some(nodes) = Nodes::shared() else { return };
    let database = nodes.database();
    let world = world(&database, SMALL)
        .env("PGHOST", nodes.workers[0].socket_folder())
        .env("PGPORT", nodes.workers[0].port().to_string());
    let output = world.run(&["provision", "a", "--citus"]).exits_with(10);
    assert!(
        output
            .stderr
            .contains("error: the server is a worker of Citus"),
        "{output}"
    );
}

#[test]
fn what_stays_on_the_coordinator_is_reported_once() {
    let Some(nodes) = Nodes::shared() else { return };
    let database = nodes.database();
    let body = "CREATE VIEW #{prefix}.v AS SELECT id FROM public.plain;\n";
    let output = world(&database, body)
        .run(&["provision", "a", "b", "--citus"])
        .succeeds();
    let said = output
        .stderr
        .matches("will be created only locally")
        .count();
    assert_eq!(said, 1, "{output}");
}

#[test]
fn refused_statement_has_its_line() {
    let Some(nodes) = Nodes::shared() else { return };
    let database = nodes.database();
    let body = format!("{SMALL}ALTER TABLE #{{prefix}}.t ALTER COLUMN id RESET (n_distinct);\n");
    let output = world(&database, &body)
        .run(&["provision", "a", "--citus"])
        .exits_with(14);
    assert!(output.stderr.contains("in table t (line "), "{output}");
}

#[test]
fn tenant_whose_worker_is_lost_midway_is_tried_again() {
    let Some(nodes) = Nodes::start() else { return };
    let database = nodes.database();
    let body = format!("{SERIAL}\nCOMMENT ON TABLE #{{prefix}}.t IS 'x';\n");
    let world = world(&database, &body);
    // A comment waits for this lock when the transaction is already open on the workers.
    let environment = database.environment();
    let holder = std::thread::spawn(move || {
        let lock = "BEGIN; LOCK TABLE pg_catalog.pg_description; SELECT pg_sleep(600)";
        psql(&Client::installed(), &environment, lock)
    });
    let locks = |granted: bool| {
        let table = "relation = 'pg_description'::regclass AND database = (SELECT oid FROM pg_database \
                     WHERE datname = current_database())";
        database.query(&format!(
            "SELECT count(*) > 0 FROM pg_locks WHERE granted = {granted} AND mode LIKE '%Exclusive%' AND {table}"
        ))
    };
    wait_for(|| locks(true) == "t");
    let child = world.spawn(&["provision", "a", "--citus", "--format", "json"]);
    wait_for(|| locks(false) == "t");
    let lost = &nodes.workers[0];
    lost.stop(StopMode::Immediate);
    lost.start_again();
    database.query(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' \
         AND pid <> pg_backend_pid()",
    );
    drop(holder.join());
    let output = world.finish(child).succeeds();
    assert_eq!(output.json()[0]["outcome"], "created", "{output}");
    assert_eq!(output.json()[0]["attempts"], 2, "{output}");
    assert_eq!(distributed(&database), "a");
    assert_eq!(nodes.on_workers(&database, "a"), 2);
}

#[test]
fn worker_that_is_down_costs_its_own_tenants_only() {
    let Some(nodes) = Nodes::start() else { return };
    let database = nodes.database();
    let body = "CREATE TABLE #{prefix}.schema_migrations (version character varying PRIMARY KEY);\n\
        INSERT INTO #{prefix}.schema_migrations (version) VALUES\n    ('20260101000000');\n";
    let world = world(&database, body);
    world.run(&["provision", "a", "b", "--citus"]).succeeds();
    let port = database.query(
        "SELECT nodeport FROM citus_shards WHERE table_name = 'b.schema_migrations'::regclass",
    );
    let down = nodes
        .workers
        .iter()
        .find(|worker| worker.port().to_string() == port)
        .unwrap();
    down.stop(StopMode::Immediate);
    let output = world.run(&["status", "a", "b", "--format", "json"]);
    let lines = output.json();
    assert_eq!(lines[0]["outcome"], "current", "{output}");
    assert_eq!(lines[1]["outcome"], "odd", "{output}");
    assert!(
        lines[1]["odd"]
            .as_str()
            .unwrap()
            .starts_with("its node cannot be reached: "),
        "{output}"
    );
    down.start_again();
    world.run(&["provision", "c", "--citus"]).succeeds();
    assert_eq!(distributed(&database), "a b c");
}
