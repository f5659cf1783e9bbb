//! Names that are no tenant's, and schemas that are left alone.

use super::world::World;
use crate::support::{Client, Cluster, Options, Schemastamp};

const SNAPSHOT: &str = "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\nCREATE TABLE #{prefix}.t (id int);\n";

#[test]
fn names_of_schemastamps_own_schemas_are_refused() {
    let world = World::new();
    world.tenants(&["a"]);
    let run = Schemastamp::on(&world.database);
    run.write("snapshots/app.sql", SNAPSHOT);
    for own in [
        "schemastamp_pool",
        "schemastamp_scratch_0123456789abcdef01234567",
        "schemastamp_spare_0123456789abcdef01234567",
        "schemastamp_spare_x",
    ] {
        for command in [
            &["provision", own][..],
            &["rename", "a", own, "--yes"],
            &["clone", "a", own],
            &["drop", own, "--yes", "--not-a-tenant"],
            &["render", own],
        ] {
            let output = run.run(&[command, &["--format", "json"]].concat());
            let output = output.exits_with(2);
            assert!(output.stdout.contains("\"tenant.name\""), "{output}");
        }
    }
    assert_eq!(
        world
            .database
            .query("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^schemastamp'"),
        "0"
    );
}

#[test]
fn names_that_the_server_would_store_in_another_form_are_refused() {
    let maintenance = Cluster::shared().maintenance();
    // Two bytes in UTF-8, three in EUC_JP; and the broken bar, of which EUC_JP makes a whole one.
    let (long, folded) = ("é".repeat(30), "a\u{a6}b");
    for (encoding, refused) in [
        ("EUC_JP", &[long.as_str(), folded][..]),
        ("LATIN1", &[]),
        ("UTF8", &[]),
    ] {
        let name = format!("names_{}", encoding.to_lowercase());
        maintenance.sql(&format!(
            "CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        ));
        let run = Schemastamp::on(&maintenance).env("PGDATABASE", &name);
        run.write("snapshots/app.sql", SNAPSHOT);
        run.run(&["provision", "source", "é"]).succeeds();
        for tenant in refused {
            for command in [
                &["provision", tenant][..],
                &["rename", "source", tenant, "--yes"],
                &["clone", "source", tenant],
            ] {
                let output = run
                    .run(&[command, &["--format", "json"]].concat())
                    .exits_with(2);
                assert!(output.stdout.contains("\"tenant.name\""), "{output}");
            }
        }
        if refused.is_empty() {
            run.run(&["provision", &long]).succeeds();
        }
        let count = run
            .run(&["status", "--all", "--format", "json"])
            .succeeds()
            .stdout
            .matches(r#""type":"tenant""#)
            .count();
        assert_eq!(count, 2 + usize::from(refused.is_empty()), "{encoding}");
        maintenance.sql(&format!("DROP DATABASE {name} WITH (FORCE)"));
    }
}

#[test]
fn a_list_with_a_schema_that_is_left_alone_drops_nothing() {
    let world = World::new();
    world.tenants(&["a", "b"]);
    world.database.sql(
        "CREATE SCHEMA reports; CREATE TABLE reports.t (id int); CREATE SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext",
    );
    let run = Schemastamp::on(&world.database);
    for (list, id) in [
        (&["a", "public"][..], "tenant.protected"),
        (&["a", "ext", "b"], "tenant.protected"),
        (&["a", "reports"], "tenant.not_a_tenant"),
        (&["a", "reports", "--not-a-tenant"], "usage"),
        (&["a", "pg_catalog"], "tenant.name"),
        (&["information_schema"], "tenant.name"),
        (
            &["public", "--not-a-tenant", "--cascade"],
            "tenant.protected",
        ),
    ] {
        let output = run
            .run(&[&["drop", "--yes", "--format", "json"], list].concat())
            .exits_with(2);
        assert_eq!(output.json()[0]["error"]["id"], id, "{output}");
    }
    let schemas = "SELECT string_agg(nspname, ' ' ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^(pg_|information)'";
    assert_eq!(world.database.query(schemas), "a b ext public reports");
    run.run(&["drop", "reports", "--not-a-tenant", "--yes"])
        .succeeds();
    assert_eq!(world.database.query(schemas), "a b ext public");
}

#[test]
fn drop_says_which_publications_lose_tables() {
    let world = World::new();
    world.tenants(&["a", "b"]);
    world.database.sql(
        "CREATE PUBLICATION mine FOR TABLE a.users, b.users; CREATE PUBLICATION of_b FOR TABLE b.users; \
         CREATE PUBLICATION of_schema FOR TABLES IN SCHEMA a; CREATE PUBLICATION everything FOR ALL TABLES",
    );
    let run = Schemastamp::on(&world.database);
    let output = run.run(&["drop", "a", "--dry-run"]).succeeds();
    for (publication, is_named) in [
        ("mine", true),
        ("of_schema", true),
        ("of_b", false),
        ("everything", false),
    ] {
        let said = format!("the publication '{publication}' loses its tables");
        assert_eq!(output.stderr.contains(&said), is_named, "{output}");
    }
}

#[test]
fn settings_that_name_the_schema_are_told_with_the_statement_to_run() {
    let cluster = Cluster::start(&Options::default());
    let database = cluster.database();
    database.sql(&format!(
        "CREATE SCHEMA acme; CREATE TABLE acme.schema_migrations (version varchar PRIMARY KEY); CREATE ROLE app;
         ALTER ROLE app SET search_path = acme, public; ALTER DATABASE {0} SET search_path = public, \"acme\";
         ALTER ROLE app IN DATABASE {0} SET my.tenant = 'acme'; ALTER ROLE ALL SET my.other = 'acme2';
         CREATE DATABASE other; ALTER DATABASE other SET search_path = acme",
        database.name
    ));
    let run = Schemastamp::on(&database);
    let output = run.run(&["drop", "acme", "--dry-run"]).succeeds();
    for statement in [
        "ALTER ROLE app RESET search_path".to_owned(),
        format!("ALTER DATABASE {} RESET search_path", database.name),
        format!(
            "ALTER ROLE app IN DATABASE {} RESET my.tenant",
            database.name
        ),
    ] {
        assert!(output.stderr.contains(&statement), "{statement}: {output}");
    }
    assert_eq!(
        output.stderr.matches("still names it").count(),
        3,
        "{output}"
    );
    let output = run
        .run(&["rename", "acme", "Ber-lin", "--yes", "--format", "json"])
        .succeeds();
    let lines = output.json();
    let statements = lines[0]["settings"].as_array().unwrap();
    assert_eq!(statements.len(), 3, "{output}");
    for statement in statements {
        database.sql(statement.as_str().unwrap());
    }
    assert_eq!(
        database.query(
            "SELECT count(*) FROM pg_db_role_setting s, unnest(setconfig) c WHERE c ~ 'Ber-lin' AND c !~ 'acme'"
        ),
        "3"
    );
}

#[test]
fn text_elsewhere_that_names_the_schema_is_told() {
    let cluster = Cluster::start(&Options::default());
    let database = cluster.database();
    database.sql(
        "CREATE SCHEMA acme; CREATE TABLE acme.schema_migrations (version varchar PRIMARY KEY); CREATE TABLE acme.t (i int PRIMARY KEY);
         CREATE FUNCTION public.plain() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM acme.t $$;
         CREATE FUNCTION public.dynamic() RETURNS void LANGUAGE plpgsql AS
           $$ BEGIN EXECUTE format('SELECT 1 FROM %I.t', 'acme'); END $$;
         CREATE FUNCTION public.by_path() RETURNS int LANGUAGE sql SET search_path = public, acme AS 'SELECT 1';
         CREATE FUNCTION public.other() RETURNS bigint LANGUAGE plpgsql AS
           $$ DECLARE acme int; BEGIN RETURN acme + (SELECT count(*) FROM acme2.t); END $$;
         CREATE FUNCTION public.hook() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TABLE public.watched (i int);
         CREATE TRIGGER told AFTER INSERT ON public.watched FOR EACH ROW EXECUTE FUNCTION public.hook('https://x.org/acme/in');
         CREATE TRIGGER silent AFTER INSERT ON public.watched FOR EACH ROW EXECUTE FUNCTION public.hook('acme2');
         CREATE SCHEMA neighbour; CREATE TABLE neighbour.schema_migrations (version varchar);
         CREATE FUNCTION neighbour.of_a_tenant() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM acme.t $$;
         CREATE SCHEMA cron; CREATE TABLE cron.job (command text); INSERT INTO cron.job VALUES ('CALL acme.rollup()');
         CREATE SUBSCRIPTION sub CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false);
         SET allow_system_table_mods = on; INSERT INTO pg_subscription_rel SELECT oid, 'acme.t'::regclass, 'r' FROM pg_subscription;",
    );
    let named = [
        "function public.by_path()",
        "function public.dynamic()",
        "function public.plain()",
        "rows of cron.job",
        "table acme.t in subscription sub",
        "trigger told on table public.watched",
    ];
    let is_complete = |objects: &serde_json::Value| {
        let objects = objects.as_array().unwrap().iter();
        let mut objects: Vec<&str> = objects.map(|object| object.as_str().unwrap()).collect();
        objects.sort_unstable();
        assert_eq!(objects, named);
    };
    let run = Schemastamp::on(&database);
    let output = run.run(&["drop", "acme", "--dry-run"]).succeeds();
    assert!(
        output
            .stderr
            .contains("text outside of it still names it: "),
        "{output}"
    );
    let output = run
        .run(&["drop", "acme", "--dry-run", "--format", "json"])
        .succeeds();
    is_complete(&output.json()[0]["content"]["elsewhere"]);
    let capture = [
        "capture", "--schema", "acme", "-o", "a.sql", "--format", "json",
    ];
    let output = run.run(&capture).succeeds();
    let concerns = &output.json().pop().unwrap()["summary"]["concerns"];
    for (id, count) in [("used_outside", 5), ("registered", 1)] {
        let concern = concerns
            .as_array()
            .unwrap()
            .iter()
            .find(|concern| concern["id"] == id);
        assert_eq!(
            concern.unwrap()["objects"].as_array().unwrap().len(),
            count,
            "{output}"
        );
    }
    let output = run
        .run(&["rename", "acme", "new", "--yes", "--format", "json"])
        .succeeds();
    is_complete(&output.json()[0]["elsewhere"]);
    let output = run.run(&["rename", "new", "newer", "--yes"]).succeeds();
    assert!(!output.stderr.contains("function "), "{output}");
    database.sql(
        "ALTER SUBSCRIPTION sub DISABLE; ALTER SUBSCRIPTION sub SET (slot_name = NONE); DROP SUBSCRIPTION sub",
    );
}

#[test]
fn a_role_without_rights_finds_text_elsewhere_on_every_server() {
    for major in [13, 14, 18] {
        let database = Cluster::of_major(major).database();
        let role = format!("{}_plain", database.name);
        database.sql(&format!(
            "CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {0} TO {role}; CREATE SCHEMA acme AUTHORIZATION {role};
             SET SESSION AUTHORIZATION {role}; CREATE TABLE acme.schema_migrations (version varchar PRIMARY KEY);
             RESET SESSION AUTHORIZATION;
             CREATE FUNCTION public.report() RETURNS bigint LANGUAGE plpgsql AS
               $$ BEGIN RETURN (SELECT count(*) FROM acme.schema_migrations); END $$",
            database.name
        ));
        let run = Schemastamp::on(&database)
            .client(&Client::of_major(18))
            .env("PGUSER", &role);
        for command in [
            &["drop", "acme", "--dry-run"][..],
            &["rename", "acme", "new", "--yes"],
        ] {
            let output = run.run(command).succeeds();
            assert!(
                output.stderr.contains("function public.report()"),
                "{output}"
            );
        }
    }
}
