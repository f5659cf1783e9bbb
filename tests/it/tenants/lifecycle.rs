//! The rest of a tenant's life.

use std::os::unix::fs::PermissionsExt as _;

use schemastamp::process::Shutdown;
use schemastamp::snapshot::{Decision, Decisions};
use schemastamp::tenant::lifecycle::{
    CopyObstacle, DropError, DropOptions, LifecycleError, MoveOptions, SchemaRefusal, clone_tenant,
    drop_tenant, preview_drop, rename_tenant,
};

use super::world::{World, name};
use crate::provision::snapshot;
use crate::support::{Client, Schemastamp};

#[tokio::test]
async fn drop_removes_only_the_tenant() {
    let world = World::new();
    world.tenants(&["o'ne\"il", "other"]);
    let tenant = name("o'ne\"il");
    let never = Shutdown::new();
    let seen = preview_drop(&world.server, &tenant, None, &never)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((seen.tables, seen.views, seen.outside.len()), (2, 0, 0));
    assert!(seen.bytes > 0);
    world.database.sql(
        "CREATE TYPE \"o'ne\"\"il\".mood AS ENUM ('a'); CREATE DOMAIN \"o'ne\"\"il\".pos AS int CHECK (VALUE > 0);\n\
         CREATE VIEW \"o'ne\"\"il\".v AS SELECT * FROM \"o'ne\"\"il\".users; \n\
         CREATE TABLE \"o'ne\"\"il\".notes (u int REFERENCES \"o'ne\"\"il\".users, m \"o'ne\"\"il\".mood DEFAULT 'a', x text, n serial);\n\
         CREATE RULE r AS ON DELETE TO \"o'ne\"\"il\".notes DO NOTHING; CREATE POLICY p ON \"o'ne\"\"il\".notes USING (n > 0);\n\
         ALTER DEFAULT PRIVILEGES IN SCHEMA \"o'ne\"\"il\" GRANT SELECT ON TABLES TO PUBLIC;",
    );
    drop_tenant(&world.server, &tenant, &DropOptions::new(), &never)
        .await
        .unwrap();
    assert!(
        preview_drop(&world.server, &tenant, None, &never)
            .await
            .unwrap()
            .is_none()
    );
    assert!(matches!(
        drop_tenant(&world.server, &tenant, &DropOptions::new(), &never).await,
        Err(DropError::Missing(_))
    ));
    assert_eq!(world.versions("other"), "1");
}

#[tokio::test]
async fn dependent_objects_are_dropped_only_with_cascade() {
    let world = World::new();
    let never = Shutdown::new();
    for dependent in [
        "CREATE VIEW report AS SELECT * FROM acme.users",
        "CREATE TABLE refers (id int REFERENCES acme.users)",
        "CREATE TABLE typed (m acme.mood)",
        "CREATE FUNCTION f(acme.users) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ] {
        world.tenants(&["acme"]);
        world.database.sql("CREATE TYPE acme.mood AS ENUM ('a')");
        let tenant = name("acme");
        world.database.sql(dependent);
        let error = drop_tenant(&world.server, &tenant, &DropOptions::new(), &never)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, DropError::Outside(found) if !found.is_empty()),
            "{dependent}: {error:?}"
        );
        assert_eq!(world.versions("acme"), "1");
        let mut cascade = DropOptions::new();
        cascade.cascade = true;
        drop_tenant(&world.server, &tenant, &cascade, &never)
            .await
            .unwrap();
        world.database.sql("DROP TABLE IF EXISTS refers, typed");
    }
}

#[tokio::test]
async fn outgoing_references_do_not_prevent_a_drop() {
    let world = World::new();
    world.tenants(&["acme"]);
    world.database.sql(
        "CREATE TABLE currencies (code text PRIMARY KEY); ALTER TABLE acme.users ADD currency text REFERENCES currencies;
         CREATE TYPE acme.span AS RANGE (subtype = int); CREATE TYPE acme.pair AS (a int, b int);
         CREATE FUNCTION acme.pair_of(text) RETURNS acme.pair LANGUAGE sql AS $$ SELECT ROW(1, 2)::acme.pair $$;
         CREATE CAST (text AS acme.pair) WITH FUNCTION acme.pair_of(text);",
    );
    drop_tenant(
        &world.server,
        &name("acme"),
        &DropOptions::new(),
        &Shutdown::new(),
    )
    .await
    .unwrap();
    assert_eq!(
        world.database.query("SELECT count(*) FROM currencies"),
        "0",
        "it is there"
    );
}

#[tokio::test]
async fn big_schema_is_dropped_in_steps() {
    let world = World::new();
    world.database.sql(
        "CREATE SCHEMA big; DO $$ BEGIN FOR i IN 1..2500 LOOP EXECUTE format('CREATE TABLE big.t%s (id int PRIMARY KEY)', i); \
         IF i % 200 = 0 THEN COMMIT; END IF; END LOOP; END $$; \
         CREATE TABLE big.p (id int) PARTITION BY LIST (id); CREATE TABLE big.p1 PARTITION OF big.p FOR VALUES IN (1); \
         CREATE VIEW big.v AS SELECT * FROM big.t1;",
    );
    let mut options = DropOptions::new();
    options.not_a_tenant = true;
    drop_tenant(&world.server, &name("big"), &options, &Shutdown::new())
        .await
        .unwrap();
    assert_eq!(
        world
            .database
            .query("SELECT count(*) FROM pg_namespace WHERE nspname = 'big'"),
        "0"
    );
}

fn renaming(object: &str) -> MoveOptions {
    let mut decisions = Decisions::default();
    decisions.add(object, Decision::Rename);
    let mut options = MoveOptions::new(decisions);
    options.not_a_tenant = true;
    options
}

const LIVING: &str = "CREATE SCHEMA acme;
    CREATE TYPE acme.mood AS ENUM ('calm', 'cross'); CREATE DOMAIN acme.pos AS int CHECK (VALUE > 0);
    CREATE TYPE acme.pair AS (a int, m acme.mood);
    CREATE TABLE acme.users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL, mood acme.mood DEFAULT 'calm',
        moods acme.mood[], n acme.pos, p acme.pair, upper text GENERATED ALWAYS AS (upper(email)) STORED, \"Odd col\" int);
    INSERT INTO acme.users (email, moods, n, p) VALUES ('a', '{calm,cross}', 1, '(1,cross)'), ('b', NULL, 2, NULL);
    CREATE TABLE acme.notes (id serial, user_id bigint REFERENCES acme.users, text text);
    INSERT INTO acme.notes (user_id, text) VALUES (1, 'x'), (2, 'y');
    CREATE TABLE acme.log (at date, what text) PARTITION BY RANGE (at);
    CREATE TABLE acme.log_2024 PARTITION OF acme.log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    INSERT INTO acme.log VALUES ('2024-05-05', 'z');
    CREATE TABLE acme.none ();
    CREATE FUNCTION acme.count() RETURNS bigint LANGUAGE sql SET search_path TO 'acme' AS $$ SELECT count(*) FROM acme.users $$;
    CREATE FUNCTION acme.audit() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO acme.log VALUES ('2024-06-06', TG_ARGV[0]); RETURN NEW; END $$;
    CREATE TRIGGER audit AFTER INSERT ON acme.notes FOR EACH ROW EXECUTE FUNCTION acme.audit('acme.users');
    CREATE VIEW acme.calm AS SELECT * FROM acme.users WHERE mood = 'calm';
    CREATE MATERIALIZED VIEW acme.totals AS SELECT count(*) AS n FROM acme.notes;
    CREATE INDEX notes_text ON acme.notes (text);
    ALTER TABLE acme.notes ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON acme.notes USING (user_id > 0);
    COMMENT ON TABLE acme.notes IS 'see acme.users'; COMMENT ON SCHEMA acme IS 'the first';";

#[tokio::test]
async fn disabled_triggers_stay_disabled() {
    let world = World::new();
    world.database.sql(
        "CREATE SCHEMA acme; CREATE TABLE acme.log (t text); CREATE TABLE acme.t (a int);
         CREATE FUNCTION acme.tf() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN EXECUTE format('INSERT INTO %I.log VALUES (%L)', TG_ARGV[0], TG_TABLE_NAME); RETURN NULL; END $$;
         CREATE TABLE acme.p (a int) PARTITION BY RANGE (a); CREATE TABLE acme.p1 PARTITION OF acme.p FOR VALUES FROM (0) TO (10);
         CREATE TABLE acme.p2 PARTITION OF acme.p DEFAULT;
         CREATE TRIGGER off AFTER INSERT ON acme.t FOR EACH ROW EXECUTE FUNCTION acme.tf('acme');
         CREATE TRIGGER part AFTER INSERT ON acme.p FOR EACH ROW EXECUTE FUNCTION acme.tf('acme');
         ALTER TABLE acme.t DISABLE TRIGGER off; ALTER TABLE acme.p1 DISABLE TRIGGER part;
         ALTER TABLE acme.p2 ENABLE ALWAYS TRIGGER part",
    );
    let mut decisions = renaming("trigger off on t");
    decisions
        .decisions
        .add("trigger part on p", Decision::Rename);
    let (from, to, never) = (name("acme"), name("o'neil"), Shutdown::new());
    rename_tenant(
        &world.server,
        &world.pg_dump(),
        &from,
        &to,
        &decisions,
        &never,
    )
    .await
    .unwrap();
    world
        .database
        .sql("INSERT INTO \"o'neil\".t VALUES (1); INSERT INTO \"o'neil\".p VALUES (1), (20)");
    assert_eq!(
        world
            .database
            .query("SELECT string_agg(t, ' ') FROM \"o'neil\".log"),
        "p2"
    );
    let switched = "SELECT string_agg(tgenabled::text, '' ORDER BY tgrelid::regclass::text) FROM pg_trigger \
        WHERE tgname IN ('off', 'part')";
    assert_eq!(world.database.query(switched), "ODAD");
}

#[tokio::test]
async fn object_references_in_rows_follow_the_clone() {
    let world = World::new();
    world.database.sql(&format!(
        "ALTER DATABASE {} SET extra_float_digits = 0",
        world.database.name
    ));
    world.database.sql(
        "CREATE SCHEMA acme; CREATE TABLE acme.users (id int); CREATE TYPE acme.mood AS (f float8, d date);
         CREATE FUNCTION acme.f(acme.users) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE DOMAIN acme.rc AS regclass;
         CREATE TABLE acme.refers (t regclass, f regprocedure, n regnamespace, d acme.rc, many regclass[], none regclass[],
            elsewhere regclass, m acme.mood);
         INSERT INTO acme.refers VALUES ('acme.users', 'acme.f(acme.users)', 'acme', 'acme.users',
            '{acme.users,pg_class,acme.refers}', NULL, 'pg_catalog.pg_class', ROW(0.1::float8 + 0.2::float8, '2024-02-01'))",
    );
    let (from, to, never) = (name("acme"), name("o'ne\"il\\1"), Shutdown::new());
    let none = MoveOptions::default();
    clone_tenant(&world.server, &world.pg_dump(), &from, &to, &none, &never)
        .await
        .unwrap();
    let seen = world.database.query(
        "SET search_path = \"o'ne\"\"il\\1\"; SELECT t, f, n = to_regnamespace('acme'), d, many, none IS NULL, elsewhere, \
         (m).f = 0.1::float8 + 0.2::float8 FROM refers",
    );
    assert_eq!(
        seen,
        "users|f(users)|f|users|{users,pg_class,refers}|t|pg_class|t"
    );
}

#[tokio::test]
async fn renamed_tenant_is_equal_and_keeps_no_old_name() {
    let world = World::new();
    world.database.sql(LIVING);
    let (old, never, decisions) = (
        name("acme"),
        Shutdown::new(),
        renaming("trigger audit on notes"),
    );
    for (from, to) in [("acme", "Ber-lin's"), ("Ber-lin's", "users")] {
        let renamed = rename_tenant(
            &world.server,
            &world.pg_dump(),
            &name(from),
            &name(to),
            &decisions,
            &never,
        )
        .await
        .unwrap();
        assert!(renamed.objects > 20);
        assert!(
            renamed.rewritten.contains(&"function count()".to_owned()),
            "{renamed:?}"
        );
        assert!(
            renamed
                .rewritten
                .contains(&"trigger audit on notes".to_owned()),
            "{renamed:?}"
        );
        let schema = name(to).quoted();
        world.database.sql(&format!(
            "INSERT INTO {schema}.notes (user_id, text) VALUES (1, 'after')"
        ));
        assert_eq!(
            world.database.query(&format!("SELECT {schema}.count()")),
            "2"
        );
        let left = format!(
            "SELECT count(*) FROM pg_proc WHERE strpos(prosrc || proconfig::text, {}) > 0",
            schemastamp::sql::quote_literal(from)
        );
        assert_eq!(world.database.query(&left), "0");
    }
    assert_eq!(
        world
            .database
            .query("SELECT what FROM users.log WHERE at = '2024-06-06' ORDER BY 1"),
        "\"Ber-lin's\".users\nusers.users"
    );
    let missing = rename_tenant(
        &world.server,
        &world.pg_dump(),
        &old,
        &name("b"),
        &decisions,
        &never,
    )
    .await;
    assert!(matches!(missing, Err(LifecycleError::Missing(_))));
    world.database.sql("CREATE SCHEMA taken");
    let taken = rename_tenant(
        &world.server,
        &world.pg_dump(),
        &name("users"),
        &name("taken"),
        &decisions,
        &never,
    )
    .await;
    assert!(matches!(taken, Err(LifecycleError::Exists(_))));
    world.assert_nothing_left();
}

#[tokio::test]
async fn text_that_cannot_be_rewritten_prevents_a_rename() {
    let world = World::new();
    world.database.sql(
        "CREATE SCHEMA acme; CREATE TABLE acme.t (id int); \
         ALTER TABLE acme.t ADD CONSTRAINT c CHECK (id < length('acme.t'))",
    );
    let (never, decisions) = (Shutdown::new(), renaming("table t"));
    let result = rename_tenant(
        &world.server,
        &world.pg_dump(),
        &name("acme"),
        &name("b"),
        &decisions,
        &never,
    )
    .await;
    assert!(
        matches!(&result, Err(LifecycleError::NotProven(found)) if found[0].object.name() == "c on t"),
        "{result:?}"
    );
    assert_eq!(
        world.database.query("SELECT count(*) FROM acme.t"),
        "0",
        "it has its old name"
    );
}

#[tokio::test]
async fn clone_has_rows_and_sequence_positions() {
    let world = World::new();
    world.database.sql(LIVING);
    let (never, decisions, copy) = (
        Shutdown::new(),
        renaming("trigger audit on notes"),
        name("Copy of acme"),
    );
    let cloned = clone_tenant(
        &world.server,
        &world.pg_dump(),
        &name("acme"),
        &copy,
        &decisions,
        &never,
    )
    .await
    .unwrap();
    assert_eq!((cloned.tables, cloned.sequences), (4, 2));
    for table in ["users", "notes", "log", "totals"] {
        let rows = |schema: &str| {
            world.database.query(&format!(
                "SELECT t::text FROM {schema}.{table} t ORDER BY 1"
            ))
        };
        assert_eq!(rows("acme"), rows("\"Copy of acme\""), "{table}");
    }
    world.database.sql(
        "INSERT INTO \"Copy of acme\".notes (user_id, text) VALUES (1, 'new'); INSERT INTO \"Copy of acme\".users (email) VALUES ('c')",
    );
    assert_eq!(
        world
            .database
            .query("SELECT max(id) FROM \"Copy of acme\".notes"),
        "3"
    );
    assert_eq!(
        world
            .database
            .query("SELECT max(id) FROM \"Copy of acme\".users"),
        "3"
    );
    assert_eq!(
        world.database.query("SELECT count(*) FROM acme.log"),
        "1",
        "the old tenant's log is its own"
    );
    assert_eq!(
        world
            .database
            .query("SELECT obj_description('\"Copy of acme\"'::regnamespace)"),
        "the first"
    );
    let taken = clone_tenant(
        &world.server,
        &world.pg_dump(),
        &name("acme"),
        &copy,
        &decisions,
        &never,
    )
    .await;
    assert!(matches!(taken, Err(LifecycleError::Exists(_))));
}

#[tokio::test]
async fn what_is_no_tenant_is_neither_dropped_nor_renamed_unasked() {
    let world = World::new();
    world.tenants(&["versions"]);
    world.database.sql(&format!(
        "CREATE SCHEMA marked; COMMENT ON SCHEMA marked IS 'schemastamp: {}'; \
         CREATE SCHEMA own_table; CREATE TABLE own_table.done (version int); \
         CREATE SCHEMA reports; CREATE TABLE reports.t (id int)",
        "0f".repeat(32)
    ));
    let never = Shutdown::new();
    let (from, to) = (name("reports"), name("reports2"));
    let mut options = MoveOptions::default();
    let refused = rename_tenant(
        &world.server,
        &world.pg_dump(),
        &from,
        &to,
        &options,
        &never,
    )
    .await
    .unwrap_err();
    assert!(
        matches!(
            refused,
            LifecycleError::Refused(SchemaRefusal::NotATenant(_))
        ),
        "{refused:?}"
    );
    options.not_a_tenant = true;
    rename_tenant(
        &world.server,
        &world.pg_dump(),
        &from,
        &to,
        &options,
        &never,
    )
    .await
    .unwrap();
    let mut drop = DropOptions::new();
    for schema in ["reports2", "own_table"] {
        let refused = drop_tenant(&world.server, &name(schema), &drop, &never)
            .await
            .unwrap_err();
        assert!(
            matches!(refused, DropError::Refused(SchemaRefusal::NotATenant(_))),
            "{refused:?}"
        );
    }
    for schema in ["versions", "marked"] {
        drop_tenant(&world.server, &name(schema), &drop, &never)
            .await
            .unwrap();
    }
    drop.versions_table = Some("done".to_owned());
    drop_tenant(&world.server, &name("own_table"), &drop, &never)
        .await
        .unwrap();
    drop.not_a_tenant = true;
    drop_tenant(&world.server, &name("reports2"), &drop, &never)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_belongs_to_all_is_left_alone_whatever_is_said() {
    let world = World::new();
    world.database.sql(
        "CREATE TABLE public.schema_migrations (version varchar PRIMARY KEY); \
         CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; \
         CREATE SCHEMA made; CREATE EXTENSION hstore; ALTER EXTENSION hstore ADD SCHEMA made; \
         CREATE TABLE made.schema_migrations (version varchar PRIMARY KEY)",
    );
    let never = Shutdown::new();
    let mut drop = DropOptions::new();
    drop.not_a_tenant = true;
    drop.cascade = true;
    let mut moving = MoveOptions::default();
    moving.not_a_tenant = true;
    for schema in ["public", "ext", "made"] {
        let (from, to) = (name(schema), name("elsewhere"));
        let refused = drop_tenant(&world.server, &from, &drop, &never).await;
        assert!(
            matches!(refused, Err(DropError::Refused(_))),
            "{schema}: {refused:?}"
        );
        let refused =
            rename_tenant(&world.server, &world.pg_dump(), &from, &to, &moving, &never).await;
        assert!(
            matches!(refused, Err(LifecycleError::Refused(_))),
            "{schema}: {refused:?}"
        );
        let refused =
            clone_tenant(&world.server, &world.pg_dump(), &from, &to, &moving, &never).await;
        assert!(
            matches!(refused, Err(LifecycleError::Refused(_))),
            "{schema}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn names_within_domains_and_arrays_are_those_of_the_clone_and_others_are_refused() {
    let world = World::new();
    world.database.sql(
        "CREATE SCHEMA rc; CREATE TABLE rc.target (id int); CREATE DOMAIN rc.dreg AS regclass; CREATE DOMAIN rc.ddreg AS rc.dreg;
         CREATE TABLE rc.x (dd rc.ddreg, da rc.dreg[], dda rc.ddreg[]);
         INSERT INTO rc.x VALUES ('rc.target', '{rc.target,pg_class}', '{rc.target}')",
    );
    let (from, never, none) = (name("rc"), Shutdown::new(), MoveOptions::default());
    let clone = async |to: &str| {
        clone_tenant(
            &world.server,
            &world.pg_dump(),
            &from,
            &name(to),
            &none,
            &never,
        )
        .await
    };
    clone("copy").await.unwrap();
    assert_eq!(
        world.database.query("SELECT * FROM copy.x"),
        "copy.target|{copy.target,pg_class}|{copy.target}"
    );
    world.database.sql(
        "CREATE TYPE rc.comp AS (a int, r regclass); CREATE TYPE public.outer_comp AS (a int, c rc.comp);
         CREATE DOMAIN rc.many AS regclass[]; CREATE TYPE rc.span AS RANGE (subtype = regclass, subtype_opclass = oid_ops)",
    );
    for (number, (kind, value)) in [
        ("rc.comp", "(1,rc.target)"),
        ("rc.comp[]", "{\"(1,rc.target)\"}"),
        ("public.outer_comp", "(1,\"(1,rc.target)\")"),
        ("rc.many", "{rc.target}"),
        ("rc.span", "[rc.target,rc.target]"),
        ("regclass[]", "{{rc.target},{rc.target}}"),
    ]
    .into_iter()
    .enumerate()
    {
        let to = format!("copy{number}");
        world.database.sql(&format!(
            "CREATE TABLE rc.nested (v {kind}); INSERT INTO rc.nested VALUES (NULL)"
        ));
        clone(&to).await.unwrap();
        world
            .database
            .sql(&format!("INSERT INTO rc.nested VALUES ('{value}')"));
        let refused = clone(&format!("{to}_refused")).await;
        assert!(
            matches!(&refused, Err(LifecycleError::NestedNames(found)) if found == "nested.v"),
            "{kind}: {refused:?}"
        );
        world.database.sql("DROP TABLE rc.nested");
    }
}

#[tokio::test]
async fn a_clone_shares_no_large_object_and_has_no_half_table() {
    let world = World::new();
    world.database.sql(
        "CREATE EXTENSION lo; CREATE SCHEMA a; CREATE DOMAIN a.file AS lo;
         CREATE TABLE a.files (id int, body lo, plain oid, own a.file, many lo[], big bigint);
         INSERT INTO a.files VALUES (1, NULL, 1259, NULL, '{}', 5)",
    );
    let (never, none) = (Shutdown::new(), MoveOptions::default());
    let clone = async |from: &str, to: &str| {
        clone_tenant(
            &world.server,
            &world.pg_dump(),
            &name(from),
            &name(to),
            &none,
            &never,
        )
        .await
    };
    clone("a", "without").await.unwrap();
    for column in ["body", "plain", "own", "many"] {
        let id = "lo_from_bytea(0, 'x')";
        let value = if column == "many" {
            format!("ARRAY[{id}::lo]")
        } else {
            id.to_owned()
        };
        world.database.sql(&format!(
            "DELETE FROM a.files; INSERT INTO a.files ({column}) VALUES ({value})"
        ));
        let refused = clone("a", "b").await;
        assert!(
            matches!(&refused, Err(LifecycleError::Copy(CopyObstacle::Oids { column: found, .. })) if found == column),
            "{refused:?}"
        );
    }
    world.database.sql(
        "CREATE SCHEMA parts; CREATE SCHEMA p; CREATE TABLE p.events (n int) PARTITION BY LIST (n);
         CREATE TABLE p.one PARTITION OF p.events FOR VALUES IN (1);
         CREATE TABLE parts.two PARTITION OF p.events FOR VALUES IN (2);
         CREATE SCHEMA i; CREATE TABLE i.base (n int); CREATE TABLE parts.child () INHERITS (i.base)",
    );
    for (schema, part) in [("p", "parts.two"), ("i", "parts.child")] {
        let refused = clone(schema, "b").await;
        assert!(
            matches!(&refused, Err(LifecycleError::Copy(CopyObstacle::PartsOutside(found))) if found[0].contains(part)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_clone_has_hash_partitions_of_enums_and_views_that_need_the_path() {
    let world = World::new();
    world.database.sql(
        "CREATE SCHEMA a; CREATE TYPE a.state AS ENUM ('new', 'open', 'done', 'lost', 'sold', 'kept');
         CREATE TABLE a.items (s a.state, n int) PARTITION BY HASH (s);
         CREATE TABLE a.items_0 PARTITION OF a.items FOR VALUES WITH (MODULUS 3, REMAINDER 0);
         CREATE TABLE a.items_1 PARTITION OF a.items FOR VALUES WITH (MODULUS 3, REMAINDER 1);
         CREATE TABLE a.items_2 PARTITION OF a.items FOR VALUES WITH (MODULUS 3, REMAINDER 2) PARTITION BY RANGE (n);
         CREATE TABLE a.items_2a PARTITION OF a.items_2 DEFAULT;
         INSERT INTO a.items SELECT s, n FROM unnest(enum_range(NULL::a.state)) s, generate_series(1, 5) n;
         CREATE TABLE a.docs (body text); INSERT INTO a.docs VALUES ('x');
         CREATE FUNCTION a.words(t text) RETURNS bigint LANGUAGE plpgsql STABLE AS
            'BEGIN RETURN (SELECT count(*) FROM docs) + length(t); END'",
    );
    // PostgreSQL 17 fills materialized views with a search_path of its own.
    world.database.sql(match world.database.major() {
        ..17 => "SET search_path = a; CREATE MATERIALIZED VIEW m AS SELECT words(body) FROM docs",
        _ => "CREATE MATERIALIZED VIEW a.m AS SELECT 1 + length(body) AS words FROM a.docs",
    });
    let (never, none) = (Shutdown::new(), MoveOptions::default());
    for (from, to) in [("a", "b"), ("b", "c")] {
        clone_tenant(
            &world.server,
            &world.pg_dump(),
            &name(from),
            &name(to),
            &none,
            &never,
        )
        .await
        .unwrap();
        let rows = format!("SELECT count(*), sum(n) FROM {to}.items WHERE s::text <> ''");
        assert_eq!(world.database.query(&rows), "30|90");
        assert_eq!(
            world.database.query(&format!("SELECT words FROM {to}.m")),
            "2"
        );
    }
}

/// A stand-in for `pg_dump` that leaves a file behind when it dumps.
fn noticed_dump(run: &Schemastamp) -> std::path::PathBuf {
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] || touch {}\nexec {} \"$@\"\n",
        run.path("dumped").display(),
        Client::installed().pg_dump().display()
    );
    let program = run.write("bin/pg_dump", script);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[test]
fn a_tenant_that_is_like_its_snapshot_is_renamed_without_a_dump() {
    let world = World::new();
    let run = Schemastamp::on(&world.database);
    let body = "CREATE TABLE #{prefix}.t (id int PRIMARY KEY, note text);\n\
        CREATE FUNCTION #{prefix}.own() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM #{prefix}.t); END $$;\n\
        INSERT INTO #{prefix}.t VALUES (1);\nCREATE MATERIALIZED VIEW #{prefix}.m AS SELECT id FROM #{prefix}.t WITH NO DATA;\n\
        REFRESH MATERIALIZED VIEW #{prefix}.m;\n";
    run.write("snapshots/app.sql", snapshot(body));
    drop(run.run(&["provision", "a", "b", "c"]).succeeds());
    let program = noticed_dump(&run);
    let run = run.env("SCHEMASTAMP_PG_DUMP", program);
    let output = run.run(&["rename", "a", "O'Neil & Co", "--yes"]).succeeds();
    assert!(
        output.stderr.contains("rewritten: function own()"),
        "{output}"
    );
    assert!(!run.path("dumped").exists(), "{output}");
    let found = world.database.query(
        "SELECT \"O'Neil & Co\".own(), count(*) FROM \"O'Neil & Co\".m; INSERT INTO \"O'Neil & Co\".t VALUES (2) RETURNING id",
    );
    assert_eq!(found, "1|1\n2");
    drop(run.run(&["verify", "O'Neil & Co"]).succeeds());
    // One that has something else is captured.
    world.database.sql(
        "CREATE FUNCTION b.more() RETURNS text LANGUAGE sql AS $$ SELECT 'b.t'::regclass::text $$",
    );
    let output = run.run(&["rename", "b", "b2", "--yes"]).succeeds();
    assert!(run.path("dumped").exists(), "{output}");
    assert_eq!(world.database.query("SELECT b2.more()"), "b2.t");
    world.assert_nothing_left();
    // Another snapshot, and one that is changed, are not the tenant's.
    std::fs::remove_file(run.path("dumped")).unwrap();
    run.write(
        "snapshots/app.sql",
        snapshot(&body.replace("note text", "note varchar")),
    );
    drop(run.run(&["rename", "c", "d", "--yes"]).succeeds());
    assert!(run.path("dumped").exists());
    assert_eq!(world.database.query("SELECT d.own()"), "1");
}
