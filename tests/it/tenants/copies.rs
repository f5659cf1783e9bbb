//! Clones are whole, share nothing with their source, or are refused.

use crate::support::{Cluster, Database, Schemastamp};

fn clone_of(database: &Database<'_>, source: &str) -> crate::support::CommandOutput {
    database.sql(source);
    Schemastamp::on(database).run(&["clone", "tenant_a", "tenant_b"])
}

#[test]
fn a_clone_without_its_parts_elsewhere_is_refused() {
    for (parts, named) in [
        (
            "CREATE TABLE tenant_a.events (at date NOT NULL) PARTITION BY RANGE (at);
             CREATE TABLE parts.e25 PARTITION OF tenant_a.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');",
            "parts.e25",
        ),
        (
            "CREATE TABLE tenant_a.a (i int) PARTITION BY LIST (i); CREATE TABLE tenant_a.b PARTITION OF tenant_a.a DEFAULT PARTITION BY LIST (i);
             CREATE TABLE parts.sub PARTITION OF tenant_a.b FOR VALUES IN (1);",
            "parts.sub",
        ),
        (
            "CREATE TABLE tenant_a.people (name text); CREATE TABLE parts.clients () INHERITS (tenant_a.people);",
            "parts.clients",
        ),
        (
            "CREATE TABLE parts.root (i int); CREATE TABLE tenant_a.mine () INHERITS (parts.root);",
            "mine (parts.root)",
        ),
    ] {
        let database = Cluster::shared().database();
        let output = clone_of(
            &database,
            &format!("CREATE SCHEMA tenant_a; CREATE SCHEMA parts; {parts}"),
        )
        .exits_with(15);
        assert!(output.stderr.contains(named), "{output}");
    }
}

#[test]
fn a_clone_that_would_share_oids_is_refused() {
    for (table, what) in [
        (
            "body oid); INSERT INTO tenant_a.t VALUES (lo_from_bytea(0, 'x'))",
            "large objects",
        ),
        (
            "body public.lo); INSERT INTO tenant_a.t VALUES (lo_from_bytea(0, 'x'))",
            "large objects",
        ),
        (
            "r oid); INSERT INTO tenant_a.t VALUES ('tenant_a.t'::regclass)",
            "objects of the tenant",
        ),
        (
            "r oid[]); INSERT INTO tenant_a.t VALUES (ARRAY['tenant_a.t'::regclass::oid])",
            "objects of the tenant",
        ),
    ] {
        let database = Cluster::shared().database();
        let source = format!(
            "CREATE DOMAIN public.lo AS oid; CREATE SCHEMA tenant_a; CREATE TABLE tenant_a.t ({table}"
        );
        let output = clone_of(&database, &source).exits_with(15);
        assert!(output.stderr.contains(what), "{output}");
        Schemastamp::on(&database)
            .run(&["clone", "tenant_a", "tenant_b", "--keep", "rows of t"])
            .succeeds();
    }
}

#[test]
fn rows_that_the_source_has_come_along() {
    for (source, check) in [
        // CHECKs, of a table and of a domain, that read another table; and their comment and NOT VALID rows.
        (
            "CREATE TABLE tenant_a.plans (code text PRIMARY KEY);
             CREATE FUNCTION tenant_a.known(text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN EXISTS (SELECT FROM tenant_a.plans WHERE code = $1); END $$;
             CREATE DOMAIN tenant_a.plan AS text; CREATE TABLE tenant_a.accounts (id int PRIMARY KEY, plan text CONSTRAINT k CHECK (tenant_a.known(plan)), p tenant_a.plan);
             COMMENT ON CONSTRAINT k ON tenant_a.accounts IS 'must exist';
             INSERT INTO tenant_a.plans VALUES ('pro'); INSERT INTO tenant_a.accounts VALUES (1, 'pro', 'pro');
             ALTER DOMAIN tenant_a.plan ADD CONSTRAINT kd CHECK (tenant_a.known(VALUE));",
            "SELECT count(*) = 1 AND (SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conname = 'k' AND connamespace = 'tenant_b'::regnamespace) = 'must exist'
             AND (SELECT count(*) FROM pg_constraint WHERE conname = 'kd') = 2 FROM tenant_b.accounts",
        ),
        // A CHECK that reads its own table, the parent behind the child.
        (
            "CREATE TABLE tenant_a.tree (id int PRIMARY KEY, parent int);
             CREATE FUNCTION tenant_a.has(int) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN $1 IS NULL OR EXISTS (SELECT FROM tenant_a.tree WHERE id = $1); END $$;
             INSERT INTO tenant_a.tree VALUES (2, 1), (1, NULL); ALTER TABLE tenant_a.tree ADD CHECK (tenant_a.has(parent));",
            "SELECT count(*) = 2 FROM tenant_b.tree",
        ),
        // A generated column that reads another table.
        (
            "CREATE TABLE tenant_a.a (i int, g int); CREATE TABLE tenant_a.z (v int); INSERT INTO tenant_a.z VALUES (7);
             CREATE FUNCTION tenant_a.seven(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT v FROM tenant_a.z); END $$;
             ALTER TABLE tenant_a.a ADD x int GENERATED ALWAYS AS (tenant_a.seven(i)) STORED; INSERT INTO tenant_a.a VALUES (1);",
            "SELECT x = 7 FROM tenant_b.a",
        ),
        // Hash partitions by the tenant's own enum, also below a range and through a domain.
        (
            "CREATE TYPE tenant_a.kind AS ENUM ('a','b','c','d','e','f','g','h'); CREATE DOMAIN tenant_a.dkind AS tenant_a.kind;
             CREATE TABLE tenant_a.items (k tenant_a.dkind, n int) PARTITION BY HASH (k);
             CREATE TABLE tenant_a.items_0 PARTITION OF tenant_a.items FOR VALUES WITH (MODULUS 3, REMAINDER 0);
             CREATE TABLE tenant_a.items_1 PARTITION OF tenant_a.items FOR VALUES WITH (MODULUS 3, REMAINDER 1);
             CREATE TABLE tenant_a.items_2 PARTITION OF tenant_a.items FOR VALUES WITH (MODULUS 3, REMAINDER 2);
             CREATE TABLE tenant_a.deep (n int, k tenant_a.kind) PARTITION BY RANGE (n);
             CREATE TABLE tenant_a.deep_1 PARTITION OF tenant_a.deep FOR VALUES FROM (0) TO (9) PARTITION BY HASH (k);
             CREATE TABLE tenant_a.deep_1a PARTITION OF tenant_a.deep_1 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
             CREATE TABLE tenant_a.deep_1b PARTITION OF tenant_a.deep_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
             INSERT INTO tenant_a.items SELECT k, 1 FROM unnest(enum_range(NULL::tenant_a.kind)) AS k;
             INSERT INTO tenant_a.deep SELECT 1, k FROM unnest(enum_range(NULL::tenant_a.kind)) AS k;",
            "SELECT (SELECT count(*) FROM tenant_b.items) = 8 AND (SELECT count(*) FROM tenant_b.deep) = 8",
        ),
        // A materialized view that needs the tenant's search_path, and one that an empty copy could not fill.
        (
            "SET search_path = tenant_a; CREATE TABLE docs (body text); INSERT INTO docs VALUES ('x');
             CREATE FUNCTION words(t text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM docs) + length(t); END $$;
             CREATE MATERIALIZED VIEW m AS SELECT words(body) FROM docs; CREATE MATERIALIZED VIEW share AS SELECT 100 / count(*) AS each FROM docs;",
            "SELECT (SELECT words FROM tenant_b.m) = 2 AND (SELECT each FROM tenant_b.share) = 100",
        ),
        // A row that a constraint which is not valid would refuse.
        (
            "CREATE TABLE tenant_a.t (i int); INSERT INTO tenant_a.t VALUES (-1); ALTER TABLE tenant_a.t ADD CONSTRAINT pos CHECK (i > 0) NOT VALID;",
            "SELECT count(*) = 1 FROM tenant_b.t",
        ),
        // An invalid index stays behind.
        ("CREATE TABLE tenant_a.t (i int);", "SELECT true"),
    ] {
        let database = Cluster::shared().database();
        // PostgreSQL 17 fills materialized views with a search_path of its own, so that there is no such source.
        if source.contains("MATERIALIZED VIEW m AS SELECT words") && database.major() >= 17 {
            continue;
        }
        let output = clone_of(&database, &format!("CREATE SCHEMA tenant_a; {source}"));
        assert_eq!(output.code, Some(0), "{source}\n{output}");
        assert_eq!(database.query(check), "t", "{source}");
        // It can be renamed, too, and keeps what it has.
        let world = Schemastamp::on(&database);
        world
            .run(&["rename", "tenant_b", "tenant_c", "--yes", "--not-a-tenant"])
            .succeeds();
        assert_eq!(
            database.query(&check.replace("tenant_b", "tenant_c")),
            "t",
            "{source}"
        );
    }
}

#[test]
fn a_clone_says_what_it_leaves_out() {
    let database = Cluster::shared().database();
    let output = clone_of(
        &database,
        "CREATE SCHEMA auth; CREATE TABLE auth.users (id int PRIMARY KEY);
         CREATE SCHEMA tenant_a; CREATE TABLE tenant_a.profiles (id int PRIMARY KEY, tenant text DEFAULT 'tenant_a');
         CREATE FUNCTION tenant_a.on_user() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER on_user AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION tenant_a.on_user();
         CREATE VIEW public.all_profiles AS SELECT * FROM tenant_a.profiles",
    )
    .succeeds();
    for said in [
        "trigger on_user on table auth.users",
        "view public.all_profiles",
        "table profiles",
    ] {
        assert!(output.stderr.contains(said), "{said}: {output}");
    }
    let output = Schemastamp::on(&database)
        .run(&["clone", "tenant_a", "tenant_c", "--format", "json"])
        .succeeds();
    let concerns = output.json()[0]["concerns"].clone();
    assert_eq!(concerns[0]["id"], "used_outside", "{output}");
}

#[test]
fn drop_counts_the_large_objects_that_stay() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE EXTENSION IF NOT EXISTS lo SCHEMA public; CREATE SCHEMA tenant_a;
         CREATE TABLE tenant_a.files (body public.lo); CREATE TABLE tenant_a.more (ids oid[]);
         CREATE TABLE tenant_a.schema_migrations (version text PRIMARY KEY);
         INSERT INTO tenant_a.files VALUES (lo_from_bytea(0, 'a')), (NULL), (7);
         INSERT INTO tenant_a.more VALUES (ARRAY[lo_from_bytea(0, 'b'), lo_from_bytea(0, 'c')]);
         CREATE SCHEMA plain; CREATE TABLE plain.schema_migrations (version text PRIMARY KEY)",
    );
    let run = Schemastamp::on(&database);
    let output = run
        .run(&["drop", "tenant_a", "plain", "--dry-run"])
        .succeeds();
    assert_eq!(
        output.stderr.matches("3 large objects whose ids").count(),
        1,
        "{output}"
    );
    let output = run
        .run(&["drop", "tenant_a", "plain", "--dry-run", "--format", "json"])
        .succeeds();
    let lines = output.json();
    for (index, count) in [3, 0].into_iter().enumerate() {
        assert_eq!(lines[index]["content"]["large_objects"], count, "{output}");
    }
}

#[test]
fn a_tenant_with_partitions_of_tables_elsewhere_is_renamed_and_not_cloned() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA parts; CREATE TABLE parts.users (id int PRIMARY KEY);
         CREATE TABLE parts.events (id int NOT NULL, at int NOT NULL, who int REFERENCES parts.users, PRIMARY KEY (id, at), CHECK (at > 0))
           PARTITION BY RANGE (at);
         CREATE INDEX by_who ON parts.events (who);
         CREATE FUNCTION parts.seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER seen AFTER INSERT ON parts.events FOR EACH ROW EXECUTE FUNCTION parts.seen();
         CREATE SCHEMA tenant_a; CREATE TABLE tenant_a.schema_migrations (version text PRIMARY KEY);
         CREATE TABLE tenant_a.early PARTITION OF parts.events FOR VALUES FROM (1) TO (10);
         CREATE TABLE tenant_a.late PARTITION OF parts.events FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id);
         CREATE TABLE tenant_a.late_1 PARTITION OF tenant_a.late FOR VALUES IN (1);
         INSERT INTO parts.events VALUES (1, 2, NULL), (1, 12, NULL);",
    );
    let run = Schemastamp::on(&database);
    let output = run.run(&["clone", "tenant_a", "tenant_b"]).exits_with(15);
    assert!(
        output.stderr.contains("tenant_a.early of parts.events"),
        "{output}"
    );
    run.run(&["rename", "tenant_a", "Tenant-Z", "--yes"])
        .succeeds();
    assert_eq!(
        database.query("INSERT INTO parts.events VALUES (1, 3, NULL); SELECT count(*) FROM parts.events; SELECT count(*) FROM \"Tenant-Z\".early"),
        "3\n2"
    );
    // Text that keeps the old name is found as in any other tenant.
    database.sql(
        "ALTER TABLE \"Tenant-Z\".early ADD CONSTRAINT own CHECK (id > 0);
         CREATE FUNCTION \"Tenant-Z\".f() RETURNS text LANGUAGE sql AS $$ SELECT 'Tenant-Z'::text $$;",
    );
    run.run(&["rename", "Tenant-Z", "back", "--yes"])
        .exits_with(15);
    run.run(&[
        "rename",
        "Tenant-Z",
        "back",
        "--yes",
        "--rename",
        "function f()",
    ])
    .succeeds();
    assert_eq!(database.query("SELECT back.f()"), "back");
}
