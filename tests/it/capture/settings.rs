//! What a role, a database or a server sets has no influence on a snapshot.

use crate::support::{Cluster, Options, Schemastamp};

/// Everything whose text depends on a setting of the session.
const SOURCE: &str = "CREATE SCHEMA app;
    CREATE TABLE app.events (at timestamptz NOT NULL, day date DEFAULT '2026-03-04') PARTITION BY RANGE (at);
    CREATE TABLE app.events_2026 PARTITION OF app.events FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2027-01-01 00:00+00');
    ALTER TABLE app.events ADD CONSTRAINT sane CHECK (at < '2100-01-01 00:00+00'::timestamptz);
    CREATE VIEW app.recent AS SELECT *, '1 year 2 days -3 hours'::interval AS late FROM app.events WHERE at > '2026-06-01 00:00+00'::timestamptz;
    CREATE TABLE app.t (id int PRIMARY KEY, raw bytea DEFAULT '\\000\\377'::bytea, price money DEFAULT '1234.5'::money,
        rate float8 DEFAULT 0.1, span interval DEFAULT '-1 day 02:03:04', list text[] DEFAULT '{a,NULL}', doc DOC);
    CREATE INDEX i ON app.t (id) WHERE raw > '\\001'::bytea;
    CREATE FUNCTION app.f(\"a\" integer, b timestamptz DEFAULT '2026-01-01 00:00+00'::timestamptz) RETURNS integer LANGUAGE sql AS 'SELECT a';
    CREATE FUNCTION app.g() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1 WHERE '2026-01-01 00:00+00'::timestamptz < now(); END;
    CREATE MATERIALIZED VIEW app.m AS SELECT id, price, raw FROM app.t;
    CREATE TABLE app.seeds (id int PRIMARY KEY, at timestamptz, price money, raw bytea, span interval, rate float8);
    INSERT INTO app.seeds VALUES (1, '2026-01-01 00:00+00', '1234.5', '\\001', '-1 day 02:03:04', 0.1);";

/// [`SOURCE`] for a server that may have been built without XML.
fn source(cluster: &Cluster) -> String {
    let has_xml = cluster
        .maintenance()
        .try_query("SELECT '<a/>'::xml")
        .is_ok();
    SOURCE.replace(
        "DOC",
        if has_xml {
            "xml DEFAULT '<a/>'"
        } else {
            "text"
        },
    )
}

/// Sets every parameter that anybody may set to another legal value, for a role; says which.
///
/// Left out are those that only stop a session: a read-only transaction, a timeout of a millisecond.
fn set_everything(cluster: &Cluster, role: &str) -> Vec<String> {
    let maintenance = cluster.maintenance();
    let body = format!(
        "DECLARE p record; v text; BEGIN
         FOR p IN SELECT * FROM pg_settings WHERE context = 'user' AND name <> 'default_transaction_read_only' ORDER BY name LOOP
           v := CASE
             WHEN p.name ~ '_timeout$' THEN '1000000'
             WHEN p.name = 'TimeZone' THEN 'Asia/Kathmandu' WHEN p.name = 'DateStyle' THEN 'German, DMY'
             WHEN p.name = 'search_path' THEN 'app, public' WHEN p.name = 'default_text_search_config' THEN 'pg_catalog.german'
             WHEN p.name = 'client_encoding' THEN 'LATIN1' WHEN p.name = 'application_name' THEN 'a ''b'
             WHEN p.name ~ '^lc_' THEN CASE WHEN p.setting = 'C' THEN 'C.UTF-8' ELSE 'C' END
             WHEN p.name = 'timezone_abbreviations' THEN 'India' WHEN p.name = 'default_tablespace' THEN 'pg_default'
             WHEN p.vartype = 'bool' THEN CASE p.setting WHEN 'on' THEN 'off' ELSE 'on' END
             WHEN p.vartype = 'enum' THEN (SELECT max(e) FROM unnest(p.enumvals) e WHERE e <> p.setting)
             WHEN p.vartype = 'integer' THEN (SELECT min(n)::text FROM unnest(ARRAY[p.setting::int8 + 1, p.setting::int8 - 1]) n
                 WHERE n BETWEEN p.min_val::int8 AND p.max_val::int8)
             WHEN p.vartype = 'real' THEN (SELECT min(n)::text FROM unnest(ARRAY[p.setting::float8 + 0.5, p.setting::float8 - 0.5]) n
                 WHERE n BETWEEN p.min_val::float8 AND p.max_val::float8)
           END;
           IF v IS NOT NULL THEN
             BEGIN EXECUTE format('ALTER ROLE {role} SET %I = %L', p.name, v); EXCEPTION WHEN OTHERS THEN NULL; END;
           END IF;
         END LOOP; END"
    );
    maintenance.sql(&format!("DO $do$ {body} $do$;"));
    // A list is one that the role cannot give as a single string.
    maintenance.sql(&format!("ALTER ROLE {role} SET search_path = app, public"));
    let set = maintenance.query(&format!(
        "SELECT split_part(s, '=', 1) FROM pg_db_role_setting, unnest(setconfig) s WHERE setrole = '{role}'::regrole ORDER BY 1"
    ));
    set.lines().map(str::to_owned).collect()
}

#[test]
fn no_parameter_of_a_role_changes_a_snapshot() {
    let cluster = Cluster::start(&Options::default());
    let database = cluster.database();
    database.sql(&format!(
        "CREATE ROLE plain LOGIN; CREATE ROLE odd LOGIN; GRANT odd TO plain; GRANT CREATE ON DATABASE {} TO plain, odd;
         SET ROLE odd; {}",
        database.name,
        source(&cluster)
    ));
    let set = set_everything(&cluster, "odd");
    for name in [
        "TimeZone",
        "bytea_output",
        "quote_all_identifiers",
        "lc_monetary",
        "array_nulls",
        "IntervalStyle",
        "DateStyle",
        "extra_float_digits",
        "standard_conforming_strings",
        "transform_null_equals",
        "xmloption",
    ] {
        assert!(set.iter().any(|other| other == name), "{name}: {set:?}");
    }
    assert!(set.len() > 100, "{} parameters: {set:?}", set.len());
    let world = Schemastamp::on(&database);
    let capture = |role: &str, file: &str| {
        let arguments = [
            "-U", role, "capture", "--schema", "app", "--seed", "seeds", "-q", "-o", file,
        ];
        world.run(&arguments).succeeds();
        world.read(file)
    };
    let plain = capture("plain", "snapshots/app.sql");
    assert_eq!(capture("odd", "odd.sql"), plain);
    for role in ["plain", "odd"] {
        world
            .run(&["-U", role, "check", "--schema", "app"])
            .succeeds();
        world.run(&["-U", role, "provision", role]).succeeds();
        world
            .run(&["-U", role, "check", "--schema", role])
            .succeeds();
    }
    // What the one made, the other finds to be the same.
    for (role, tenant) in [("plain", "odd"), ("odd", "plain")] {
        world.run(&["-U", role, "verify", tenant]).succeeds();
        world
            .run(&["-U", role, "check", "--schema", tenant])
            .succeeds();
    }
    let seeds = |tenant: &str| {
        database.query(&format!(
            "SET timezone = 'UTC'; SELECT * FROM {tenant}.seeds"
        ))
    };
    assert_eq!(seeds("odd"), seeds("plain"));
    world
        .run(&["-U", "odd", "clone", "plain", "copy"])
        .succeeds();
    world
        .run(&["-U", "odd", "rename", "copy", "moved", "--yes"])
        .succeeds();
    world.run(&["-U", "plain", "verify", "moved"]).succeeds();
}

#[test]
fn a_database_that_is_read_only_by_default_is_named_in_the_error() {
    let cluster = Cluster::start(&Options::default());
    let database = cluster.database();
    database.sql(&format!(
        "{} ALTER DATABASE {} SET default_transaction_read_only = on",
        source(&cluster),
        database.name
    ));
    let output = Schemastamp::on(&database).run(&["capture", "--schema", "app"]);
    assert!(output.stderr.contains("read-only transaction"), "{output}");
}
