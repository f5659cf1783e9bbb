//! What a snapshot leaves out, shares or keeps as text is reported, asked or refused.

use schemastamp::snapshot::capture::{Captured, ConcernId, Note};
use schemastamp::snapshot::{Decision, Decisions};

use super::{capture_of, chain, provision, run};
use crate::support::{Cluster, Database, Schemastamp};

fn concern(captured: &Captured, id: ConcernId) -> Vec<&str> {
    captured.objects_of(id).iter().map(String::as_str).collect()
}

fn capture(database: &Database<'_>) -> Captured {
    run(capture_of(database, "tenant_a")).unwrap_or_else(|error| panic!("{}", chain(&error)))
}

/// A capture with decisions that were just given; the error on one line.
fn decided(
    database: &Database<'_>,
    decisions: &[(&str, Decision)],
    seeds: &[&str],
) -> Result<Captured, String> {
    let mut capture = capture_of(database, "tenant_a");
    capture.seeds = seeds.iter().map(|seed| (*seed).to_owned()).collect();
    for (object, decision) in decisions {
        capture.decisions.add(object, *decision);
    }
    run(capture).map_err(|error| match &error {
        schemastamp::snapshot::capture::CaptureError::Doubtful(undecided) => undecided
            .doubts
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; "),
        _ => chain(&error),
    })
}

const OUTSIDE: &str = "CREATE SCHEMA auth; CREATE TABLE auth.users (id int PRIMARY KEY, email text);
    CREATE SCHEMA tenant_a; CREATE TABLE tenant_a.profiles (id int PRIMARY KEY, email text);
    CREATE FUNCTION tenant_a.on_user() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO tenant_a.profiles VALUES (NEW.id, NEW.email); RETURN NEW; END $$;
    CREATE TRIGGER on_user AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION tenant_a.on_user();
    ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;
    CREATE POLICY seen ON auth.users USING (EXISTS (SELECT FROM tenant_a.profiles p WHERE p.id = users.id));
    CREATE VIEW public.all_profiles AS SELECT p.* FROM tenant_a.profiles p;
    CREATE TABLE public.refers (id int REFERENCES tenant_a.profiles);
    CREATE PUBLICATION p FOR TABLE tenant_a.profiles;
    CREATE SCHEMA demo_parts; CREATE TABLE tenant_a.events (at date NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE tenant_a.e26 PARTITION OF tenant_a.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE TABLE demo_parts.e25 PARTITION OF tenant_a.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE TABLE tenant_a.people (name text); CREATE TABLE demo_parts.clients (since date) INHERITS (tenant_a.people);";

#[test]
fn what_is_outside_is_reported_by_name_live_and_from_a_dump() {
    let database = Cluster::shared().database();
    database.sql(OUTSIDE);
    let live = capture(&database);
    let mut from_dump = capture_of(&database, "tenant_a");
    let dump = std::process::Command::new(crate::support::Client::installed().pg_dump())
        .env_clear()
        .envs(database.environment())
        .output()
        .expect("pg_dump starts");
    from_dump.source = schemastamp::snapshot::capture::CaptureSource::Dump(
        String::from_utf8(dump.stdout).expect("UTF-8"),
    );
    let from_dump = run(from_dump).unwrap_or_else(|error| panic!("{}", chain(&error)));
    for captured in [&live, &from_dump] {
        assert_eq!(
            concern(captured, ConcernId::PartitionsOutside),
            ["demo_parts.e25"]
        );
        assert_eq!(
            concern(captured, ConcernId::ChildrenOutside),
            ["demo_parts.clients"]
        );
        let used = concern(captured, ConcernId::UsedOutside).join(", ");
        for name in ["refers", "seen", "on_user", "all_profiles"] {
            assert!(used.contains(name), "{name}: {used}");
        }
    }
    assert!(
        concern(&live, ConcernId::UsedOutside)
            .join(", ")
            .contains("publication p")
    );
    provision(&database, &live.snapshot, "tenant_b").unwrap();
}

#[test]
fn settings_registries_hypertables_and_invalid_indexes_are_reported() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let role = format!("{}_app", database.name);
    database.sql(&format!(
        "CREATE SCHEMA tenant_a; CREATE TABLE tenant_a.metrics (at timestamptz NOT NULL, v float8);
         CREATE ROLE {role}; ALTER ROLE {role} IN DATABASE {db} SET search_path = tenant_a, public;
         ALTER DATABASE {db} SET my.schema = 'tenant_a'; ALTER ROLE {role} SET my.other = 'tenant_ab';
         CREATE SCHEMA _timescaledb_functions;
         CREATE FUNCTION _timescaledb_functions.insert_blocker() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
         CREATE TRIGGER ts_insert_blocker BEFORE INSERT ON tenant_a.metrics FOR EACH ROW EXECUTE FUNCTION _timescaledb_functions.insert_blocker();
         CREATE SCHEMA cron; CREATE TABLE cron.job (command text); INSERT INTO cron.job VALUES ('CALL tenant_a.rollup()');
         CREATE SCHEMA partman; CREATE TABLE partman.part_config (parent_table text); INSERT INTO partman.part_config VALUES ('tenant_a.metrics');
         CREATE TABLE partman.part_config_sub (sub_parent text); INSERT INTO partman.part_config_sub VALUES ('tenant_ab.x');
         CREATE TABLE tenant_a.t (email text); INSERT INTO tenant_a.t VALUES ('a'), ('a');",
        db = database.name
    ));
    // Meant to fail: it leaves an invalid index behind.
    assert!(
        database
            .try_query("CREATE UNIQUE INDEX CONCURRENTLY t_email ON tenant_a.t (email)")
            .is_err()
    );
    let captured = capture(&database);
    assert_eq!(
        concern(&captured, ConcernId::Settings),
        [
            &format!("database {} (my.schema)", database.name),
            &format!("role {role} in database {} (search_path)", database.name)
        ]
    );
    assert_eq!(
        concern(&captured, ConcernId::Registered),
        ["cron.job", "partman.part_config"]
    );
    assert_eq!(concern(&captured, ConcernId::Hypertables), ["metrics"]);
    assert_eq!(concern(&captured, ConcernId::InvalidIndexes), ["t_email"]);
    database.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn names_that_are_handed_to_others_are_asked() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA hooks; CREATE FUNCTION hooks.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
         CREATE FUNCTION hooks.post(text) RETURNS void LANGUAGE sql AS '';
         CREATE SCHEMA tenant_a; CREATE TABLE tenant_a.t (i int);",
    );
    for argument in [
        "tenant_a",
        "\"tenant_a\"",
        "tenant_a,public",
        "tenant_a.orders",
        "https://x.org/hooks/tenant_a",
        "https://x.org/?schema=tenant_a",
        "{\"schema\":\"tenant_a\"}",
        "[\"tenant_a\",\"b\"]",
        "tenant_a:orders",
        "tenant_a/orders",
        "tenant_a|orders",
        "schema=tenant_a table=orders",
        "X-Tenant: tenant_a",
    ] {
        database.sql(&format!(
            "DROP TRIGGER IF EXISTS x ON tenant_a.t;
             CREATE TRIGGER x AFTER INSERT ON tenant_a.t FOR EACH ROW EXECUTE FUNCTION hooks.f('{argument}')"
        ));
        let asked = decided(&database, &[], &[]).expect_err(argument);
        assert!(asked.starts_with("trigger x on t#1"), "{argument}: {asked}");
    }
    database.sql("DROP TRIGGER x ON tenant_a.t");
    for (definition, asks) in [
        (
            "LANGUAGE sql SET search_path = 'tenant_a, public' AS 'SELECT 1'",
            true,
        ),
        (
            "LANGUAGE sql SET search_path = '\"tenant_a\"' AS 'SELECT 1'",
            true,
        ),
        (
            "LANGUAGE sql SET app.schema = 'tenant_a' AS 'SELECT 1'",
            true,
        ),
        (
            "LANGUAGE plpgsql AS $$ BEGIN SET LOCAL search_path = 'tenant_a, public'; RETURN 1; END $$",
            true,
        ),
        (
            "LANGUAGE plpgsql AS $$ BEGIN PERFORM hooks.post('https://x.org/hooks/tenant_a'); RETURN 1; END $$",
            true,
        ),
        (
            "LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('app.schema', 'tenant_a', true); RETURN 1; END $$",
            true,
        ),
        (
            "LANGUAGE sql SET search_path = tenant_a, public AS 'SELECT 1'",
            false,
        ),
        (
            "LANGUAGE sql SET app.schema = 'tenant_ab' AS 'SELECT 1'",
            false,
        ),
        (
            "LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('tenant_a:events', '{\"schema\":\"tenant_a\"}'); RETURN 1; END $$",
            false,
        ),
    ] {
        database.sql(&format!(
            "CREATE OR REPLACE FUNCTION tenant_a.g() RETURNS int {definition}"
        ));
        match decided(&database, &[], &[]) {
            Ok(captured) => {
                assert!(!asks, "{definition}");
                if definition.contains("pg_notify") {
                    assert_eq!(
                        concern(&captured, ConcernId::NameInText),
                        ["function g() (2 places)"]
                    );
                }
            }
            Err(asked) => assert!(
                asks && asked.starts_with("function g()#1"),
                "{definition}: {asked}"
            ),
        }
    }
}

#[test]
fn words_in_constants_are_reported_and_can_be_decided() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA tenant_a;
         CREATE DOMAIN tenant_a.name AS text DEFAULT 'tenant_a' CHECK (VALUE <> 'tenant_a/');
         CREATE TABLE tenant_a.orders (id int PRIMARY KEY, tenant text NOT NULL DEFAULT 'tenant_a' CHECK (tenant = 'tenant_a'),
           ref text GENERATED ALWAYS AS ('tenant_a/' || id::text) STORED);
         CREATE INDEX own ON tenant_a.orders (id) WHERE tenant = 'tenant_a';
         ALTER TABLE tenant_a.orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON tenant_a.orders USING (tenant = 'tenant_a');
         CREATE VIEW tenant_a.export AS SELECT 'tenant_a' AS tenant, id FROM tenant_a.orders;
         CREATE TABLE tenant_a.parts (k text) PARTITION BY LIST (k);
         CREATE TABLE tenant_a.part PARTITION OF tenant_a.parts FOR VALUES IN ('tenant_a');
         CREATE FUNCTION tenant_a.who() RETURNS text LANGUAGE sql RETURN 'tenant_a';",
    );
    let kept = capture(&database);
    let named = concern(&kept, ConcernId::NameInText).join(", ");
    for object in [
        "domain name (2 places)",
        "table orders (3 places)",
        "index own on orders",
        "policy own on orders",
        "view export",
        "table parts",
        "function who()",
    ] {
        assert!(named.contains(object), "{object}: {named}");
    }
    // Decisions for the objects, as if they were doubtful, have no effect and say so.
    let error = decided(&database, &[("table orders", Decision::Rename)], &[]).unwrap_err();
    assert!(
        error.starts_with("nothing doubtful is called 'table orders'; there are: ")
            && error.contains("text of table orders"),
        "{error}"
    );
    let renamed = decided(&database, &[("text of *", Decision::Rename)], &[]).unwrap();
    assert_eq!(concern(&renamed, ConcernId::NameInText), Vec::<&str>::new());
    for tenant in ["tenant_b", "tenant-c"] {
        provision(&database, &renamed.snapshot, tenant).unwrap();
        let facts = format!(
            "INSERT INTO \"{tenant}\".orders (id) VALUES (1); INSERT INTO \"{tenant}\".parts VALUES ('{tenant}');
             SELECT o.tenant, o.ref, e.tenant, \"{tenant}\".who() FROM \"{tenant}\".orders o, \"{tenant}\".export e"
        );
        assert_eq!(
            database.query(&facts),
            format!("{tenant}|{tenant}/1|{tenant}|{tenant}")
        );
    }
}

#[test]
fn a_decision_without_effect_is_an_error_or_leaves_the_header() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA tenant_a; CREATE TABLE tenant_a.settings (v text);
         CREATE FUNCTION tenant_a.f() RETURNS regclass LANGUAGE plpgsql AS $$ BEGIN RETURN format('%I.settings', 'tenant_a'); END $$;",
    );
    for object in [
        "function f#2",
        "function g",
        "table settings",
        "rows of settings",
        "x*",
    ] {
        let both = [("function f()", Decision::Rename), (object, Decision::Keep)];
        let error = decided(&database, &both, &[]).unwrap_err();
        assert_eq!(
            error,
            format!("nothing doubtful is called '{object}'; there are: function f()")
        );
    }
    let mut capture = capture_of(&database, "tenant_a");
    capture.decisions.add("function f()", Decision::Rename);
    for (object, decision) in [
        ("function gone", Decision::Keep),
        ("function gone too", Decision::Rename),
        ("table settings", Decision::Keep),
    ] {
        capture.decisions.add_remembered(object, decision);
    }
    let captured = run(capture).unwrap();
    let dropped: Vec<&Note> = captured
        .notes
        .iter()
        .filter(|note| matches!(note, Note::DroppedDecision(_)))
        .collect();
    assert_eq!(
        dropped,
        [
            &Note::DroppedDecision("function gone".to_owned()),
            &Note::DroppedDecision("function gone too".to_owned())
        ]
    );
    let mut left = Decisions::default();
    left.add("function f()", Decision::Rename);
    left.add("table settings", Decision::Keep);
    assert_eq!(captured.snapshot.header().decisions, left);
}

#[test]
fn oids_in_text_and_rows_are_asked() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA tenant_a; CREATE TABLE tenant_a.base (i int); CREATE TABLE tenant_a.total (n bigint);
         CREATE DOMAIN public.lo AS oid; CREATE DOMAIN public.lo2 AS public.lo;
         CREATE TABLE tenant_a.refs (id int PRIMARY KEY, r oid, rs oid[]); INSERT INTO tenant_a.refs VALUES (1, 'tenant_a.base'::regclass, NULL);
         CREATE TABLE tenant_a.lists (id int PRIMARY KEY, rs oid[]); INSERT INTO tenant_a.lists VALUES (1, ARRAY['tenant_a'::regnamespace::oid]);
         CREATE TABLE tenant_a.files (id int PRIMARY KEY, body public.lo2); INSERT INTO tenant_a.files VALUES (1, lo_from_bytea(0, 'x'));
         CREATE TABLE tenant_a.harmless (id int PRIMARY KEY, body oid); INSERT INTO tenant_a.harmless VALUES (1, 7), (2, NULL);
         CREATE FUNCTION public.bump() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;",
    );
    for (table, what) in [
        ("refs", "objects of the schema"),
        ("lists", "objects of the schema"),
        ("files", "large objects"),
    ] {
        let error = decided(&database, &[], &[table]).unwrap_err();
        assert!(
            error.contains(&format!("of table '{table}' holds OIDs of {what}")),
            "{error}"
        );
        let rows = format!("rows of {table}");
        decided(&database, &[(&rows, Decision::Keep)], &[table]).unwrap();
    }
    decided(&database, &[], &["harmless"]).unwrap();
    let total = database.query("SELECT 'tenant_a.total'::regclass::oid");
    for definition in [
        format!(
            "CREATE TRIGGER x AFTER INSERT ON tenant_a.base FOR EACH ROW EXECUTE FUNCTION public.bump('{total}')"
        ),
        format!("CREATE VIEW tenant_a.v AS SELECT {total}::oid::regclass AS r"),
        format!(
            "CREATE FUNCTION tenant_a.f() RETURNS regclass LANGUAGE plpgsql AS $$ BEGIN RETURN {total}::regclass; END $$"
        ),
    ] {
        database.sql(&definition);
        let asked = decided(&database, &[], &[]).expect_err(&definition);
        assert!(
            asked.contains("the number is the OID of table total"),
            "{definition}: {asked}"
        );
        database.sql(
            "DROP TRIGGER IF EXISTS x ON tenant_a.base; DROP VIEW IF EXISTS tenant_a.v; DROP FUNCTION IF EXISTS tenant_a.f()",
        );
    }
}

#[test]
fn roles_that_are_called_like_the_schema_are_reported() {
    let database = Cluster::shared().database();
    database.sql(
        "DO $$ BEGIN CREATE ROLE tenant_a; CREATE ROLE tenant_a_ro; CREATE ROLE other; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
         CREATE SCHEMA tenant_a AUTHORIZATION tenant_a; CREATE TABLE tenant_a.secrets (x text);
         GRANT SELECT ON tenant_a.secrets TO tenant_a_ro, other;",
    );
    assert_eq!(
        concern(&capture(&database), ConcernId::RolesLikeSchema),
        ["tenant_a", "tenant_a_ro"]
    );
    let mut bare = capture_of(&database, "tenant_a");
    (bare.owners, bare.privileges) = (false, false);
    let bare = run(bare).unwrap();
    assert_eq!(
        concern(&bare, ConcernId::RolesLikeSchema),
        Vec::<&str>::new()
    );
}

#[test]
fn views_that_an_empty_copy_cannot_fill_stay_unfilled() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA tenant_a; CREATE TABLE tenant_a.sales (amount int); INSERT INTO tenant_a.sales VALUES (10);
         CREATE MATERIALIZED VIEW tenant_a.share AS SELECT 100 / count(*) AS each FROM tenant_a.sales;
         CREATE FUNCTION tenant_a.one() RETURNS int LANGUAGE plpgsql AS $$ DECLARE a int; BEGIN SELECT amount INTO STRICT a FROM tenant_a.sales; RETURN a; END $$;
         CREATE MATERIALIZED VIEW tenant_a.strict AS SELECT tenant_a.one();
         SET demo.tenant_id = '7';
         CREATE MATERIALIZED VIEW tenant_a.mine AS SELECT current_setting('demo.tenant_id') AS id;
         CREATE MATERIALIZED VIEW tenant_a.fine AS SELECT count(*) FROM tenant_a.sales;
         -- Reads another view through a function, and is made before it.
         CREATE FUNCTION tenant_a.late() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM tenant_a.zz); END $$;
         CREATE MATERIALIZED VIEW tenant_a.aa AS SELECT tenant_a.late() AS n WITH NO DATA;
         CREATE MATERIALIZED VIEW tenant_a.zz AS SELECT 1 AS i; REFRESH MATERIALIZED VIEW tenant_a.aa;",
    );
    let captured = capture(&database);
    let unfilled = concern(&captured, ConcernId::UnfilledViews).join("; ");
    for part in ["share (division by zero)", "strict (", "mine ("] {
        assert!(unfilled.contains(part), "{unfilled}");
    }
    provision(&database, &captured.snapshot, "tenant_b").unwrap();
    let filled = "SELECT string_agg(matviewname, ' ' ORDER BY matviewname) FROM pg_matviews WHERE schemaname = 'tenant_b' AND ispopulated";
    assert_eq!(database.query(filled), "aa fine zz");
}

#[test]
fn a_body_that_does_not_parse_is_named() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    let dump = |body: &str| {
        format!(
            "CREATE SCHEMA IF NOT EXISTS \"tenant_a\";\nCREATE TABLE IF NOT EXISTS \"tenant_a\".\"t\" (\"id\" bigint NOT NULL);\n\
             CREATE OR REPLACE FUNCTION \"tenant_a\".\"both\"(\"a\" boolean) RETURNS integer LANGUAGE \"plpgsql\" AS $$\n{body}\n$$;\n"
        )
    };
    for (body, fails) in [
        (
            "BEGIN IF a THEN IF a THEN RETURN 1; END IF; RETURN 0; END;",
            true,
        ),
        ("BEGIN RETURN (SELECT count(* FROM nowhere); END;", true),
        ("DECLARE x nowhere.t; BEGIN RETURN 1; END;", false),
        ("BEGIN RETURN (SELECT count(*) FROM nowhere); END;", false),
    ] {
        world.write("dump.sql", dump(body));
        let output = world.run(&["capture", "--schema", "tenant_a", "--from", "dump.sql"]);
        assert_eq!(
            output.stderr.contains(
                "the dump itself does not load: function both(\"a\" boolean) (line 3 of the dump)"
            ),
            fails,
            "{body}: {output}"
        );
        assert!(
            fails || output.stdout.contains("CREATE TABLE #{prefix}.\"t\""),
            "{output}"
        );
    }
}

#[test]
fn a_dump_of_definitions_says_what_it_cannot_say() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write(
        "dump.sql",
        "CREATE SCHEMA tenant_a;\nCREATE TYPE tenant_a.ty AS ENUM ('a');\nCREATE TABLE tenant_a.schema_migrations (version text);\n\
         CREATE MATERIALIZED VIEW tenant_a.m AS SELECT 1 AS i WITH NO DATA;\n",
    );
    let output = world
        .run(&[
            "capture", "--schema", "tenant_a", "--from", "dump.sql", "-o", "x.sql", "--format",
            "json",
        ])
        .succeeds();
    let concerns = output.json().pop().unwrap()["summary"]["concerns"].clone();
    assert_eq!(concerns[0]["id"], "not_in_dump");
    let said = concerns[0]["objects"].to_string();
    for part in [
        "the rows of schema_migrations",
        "materialized views",
        "casts",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn the_function_that_does_not_find_a_name_is_named() {
    for (source, function) in [
        (
            "CREATE FUNCTION enc(bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT encode($1, 'hex') $$;
             CREATE FUNCTION enc(uuid) RETURNS text LANGUAGE sql IMMUTABLE AS
               $$ SELECT enc(decode(replace($1::text, '-', ''), 'hex')) $$;
             CREATE TABLE docs (id uuid PRIMARY KEY, short text GENERATED ALWAYS AS (enc(id)) STORED)",
            "enc",
        ),
        (
            "CREATE FUNCTION g(int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT $1 $$;
             CREATE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT g($1) $$;
             CREATE TABLE parts (i int) PARTITION BY RANGE (f(i))",
            "f",
        ),
        (
            "CREATE FUNCTION g(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 > 0 $$;
             CREATE FUNCTION f(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT g($1) $$;
             CREATE TABLE t (i int); CREATE INDEX positive ON t (i) WHERE f(i)",
            "f",
        ),
    ] {
        let database = Cluster::shared().database();
        // PostgreSQL 17 runs CREATE INDEX with a search_path of its own, so that there is no such source.
        if source.contains("CREATE INDEX") && database.major() >= 17 {
            continue;
        }
        database.sql(&format!(
            "CREATE SCHEMA tenant_a; SET search_path = tenant_a; {source}"
        ));
        let run = Schemastamp::on(&database);
        for command in [
            &["capture", "--schema", "tenant_a", "-o", "a.sql"][..],
            &["clone", "tenant_a", "b"],
        ] {
            let output = run.run(command).exits_with(14);
            let hint = format!("hint: function {function} uses this name without a schema");
            assert!(output.stderr.contains(&hint), "{output}");
        }
    }
}

#[test]
fn a_partition_of_a_table_elsewhere_is_refused_by_its_name() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE TABLE public.events (at int) PARTITION BY RANGE (at); CREATE SCHEMA tenant_a;
         CREATE TABLE tenant_a.own (id int);
         CREATE TABLE tenant_a.\"Early\" PARTITION OF public.events FOR VALUES FROM (0) TO (10)",
    );
    let run = Schemastamp::on(&database);
    let capture = ["capture", "--schema", "tenant_a", "-o", "snapshots/a.sql"];
    let output = run.run(&capture).exits_with(15);
    assert!(
        output
            .stderr
            .contains("tenant_a.\"Early\" of public.events"),
        "{output}"
    );
    let output = run.run(&[&capture[..], &["--format", "json"]].concat());
    assert!(
        output.stdout.contains("\"capture.partition_elsewhere\""),
        "{output}"
    );
    // The ways on that the hint names.
    run.run(&[&capture[..], &["--no-prove"]].concat())
        .succeeds();
    run.run(&["provision", "b"]).succeeds();
    database.sql("ALTER TABLE public.events DETACH PARTITION tenant_a.\"Early\"");
    run.run(&capture).succeeds();
    run.run(&["provision", "c"]).succeeds();
    assert_eq!(
        database.query("SELECT count(*) FROM pg_class WHERE relname = 'Early'"),
        "3"
    );
}

#[test]
fn the_name_within_values_of_seed_rows_is_reported() {
    let database = Cluster::shared().database();
    database.sql(
        r#"CREATE SCHEMA tenant_a; CREATE TABLE tenant_a.hooks (id int PRIMARY KEY, what jsonb, url text);
           INSERT INTO tenant_a.hooks VALUES (1, '{"schema": "tenant_a"}', 'https://x.org/hooks/tenant_a'),
             (2, '"tenant_a"', 'SELECT * FROM tenant_a.t'), (3, '"tenant_ab"', 'https://x.org/my_tenant_a');
           CREATE TABLE tenant_a.plain (name text); INSERT INTO tenant_a.plain VALUES ('tenant_a'), ('x');"#,
    );
    let seeds = &["hooks", "plain"];
    let captured = decided(&database, &[], seeds).unwrap();
    assert_eq!(
        concern(&captured, ConcernId::NameWithinRows),
        ["rows of hooks (4 values)"]
    );
    let captured = decided(&database, &[("rows of hooks", Decision::Keep)], seeds).unwrap();
    assert_eq!(concern(&captured, ConcernId::NameWithinRows), [""; 0]);
    // It would change nothing.
    decided(&database, &[("rows of hooks", Decision::Rename)], seeds).unwrap_err();
}

#[test]
fn an_object_is_reported_once() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE TABLE public.base (i int); CREATE SCHEMA tenant_a; CREATE TABLE tenant_a.child () INHERITS (public.base);",
    );
    let captured = capture(&database);
    let notes = captured.notes.iter().filter_map(Note::as_concern);
    let parents = notes.filter(|concern| concern.id == ConcernId::ParentsOutside);
    let parents: Vec<&Vec<String>> = parents.map(|concern| &concern.objects).collect();
    assert_eq!(parents, [&["child (public.base)"]]);
}
