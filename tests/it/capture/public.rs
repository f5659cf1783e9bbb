//! A template that lives in the schema `public`: its extensions stay there, and what is `public`'s own goes nowhere.

use std::process::Command;

use crate::support::{Client, Cluster, Database, Schemastamp};

/// As Rails and Ecto leave it: extensions next to the tables, and everything unqualified in the app's SQL.
const SOURCE: &str = "CREATE EXTENSION citext; CREATE EXTENSION pgcrypto; CREATE EXTENSION pg_trgm;
    CREATE EXTENSION moddatetime; CREATE EXTENSION unaccent;
    CREATE SCHEMA extensions; CREATE EXTENSION hstore SCHEMA extensions;
    CREATE TABLE schema_migrations (version varchar PRIMARY KEY);
    INSERT INTO schema_migrations VALUES ('20240101000000'), ('20240201000000');
    CREATE FUNCTION slug(t text) RETURNS text LANGUAGE sql IMMUTABLE AS
        $$ SELECT lower(public.unaccent('public.unaccent', t)) $$;
    -- An overload of an extension's function, and a table called like one.
    CREATE FUNCTION digest(n int) RETURNS text LANGUAGE sql AS $$ SELECT 'own ' || n $$;
    CREATE TABLE crypt (id serial PRIMARY KEY, note text);
    CREATE TABLE users (id bigserial PRIMARY KEY, email citext NOT NULL UNIQUE, emails citext[], tags extensions.hstore,
        token text DEFAULT encode(gen_random_bytes(8), 'hex'), status varchar CHECK (status IN ('new', 'old')),
        updated_at timestamp, CHECK (email <> 'nobody'), CHECK (slug(email::text) <> ''));
    CREATE INDEX users_email ON users USING gin ((email::text) gin_trgm_ops);
    CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION moddatetime(updated_at);
    CREATE VIEW found AS SELECT u.id, public.hmac(u.token, 'k', 'sha1') AS h FROM users u WHERE u.email = 'A@B'::citext;
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM users WHERE email = 'a@b';
    CREATE FUNCTION same(e citext) RETURNS bigint LANGUAGE sql SET search_path TO 'public', 'pg_temp'
        AS $$ SELECT count(*) FROM users WHERE email = e $$;
    CREATE FUNCTION hashed(t text) RETURNS text LANGUAGE plpgsql AS
        $$ BEGIN PERFORM set_config('search_path', 'public', true); RETURN public.crypt(t, public.gen_salt('md5')) || (SELECT count(*) FROM public.crypt); END $$;
    CREATE TABLE billing_jobs (id int);
    GRANT SELECT ON users TO PUBLIC; GRANT USAGE ON SCHEMA public TO pg_monitor;";

const CHECK: &str = "INSERT INTO acme.users (email, emails, status) VALUES ('A@b', '{X}', 'new');
    UPDATE acme.users SET status = 'old';
    SELECT (updated_at IS NOT NULL) AND length(token) = 16 AND acme.slug('É') = 'e' AND acme.digest(1) = 'own 1'
        AND acme.same('a@B') = 1 AND acme.hashed('x') <> '' AND (SELECT count(*) = 1 FROM acme.found)
        AND email OPERATOR(public.=) 'a@B'::public.citext FROM acme.users";

fn capture<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["capture", "--schema", "public"], more].concat()
}

/// Captures the live schema, and expects that everything agrees on it from then on.
fn agrees(database: &Database<'_>, world: &Schemastamp) -> String {
    let output = world.run(&capture(&["-o", "snapshots/app.sql"])).succeeds();
    for note in [
        "note: left out, as it belongs to the schema public rather than to a tenant: ",
        "note: extensions stay in the schema public, which tenants share (an app whose SQL names them without a schema \
         needs public in its search_path, after the tenant): citext, moddatetime, pg_trgm, pgcrypto, unaccent\n",
        "note: all that is in the schema public goes into each tenant, whichever application it belongs to: tables: \
         billing_jobs, crypt, schema_migrations, users\n",
    ] {
        assert!(output.stderr.contains(note), "{note}: {output}");
    }
    let snapshot = world.read("snapshots/app.sql");
    for wanted in [
        "email public.citext NOT NULL",
        "public.gin_trgm_ops",
        "EXECUTE FUNCTION public.moddatetime(",
        "tags extensions.hstore",
        "SET search_path TO '#{prefix}', 'public', 'pg_temp'",
        "set_config('search_path', '#{prefix}, public', true)",
        "public.unaccent('public.unaccent', t)",
        "public.crypt(t, public.gen_salt('md5')) || (SELECT count(*) FROM #{prefix}.crypt)",
        "GRANT USAGE ON SCHEMA #{prefix} TO pg_monitor",
    ] {
        assert!(snapshot.contains(wanted), "{wanted}: {snapshot}");
    }
    for refused in [
        "ALTER SCHEMA",
        "standard public",
        "ON SCHEMA #{prefix} TO PUBLIC",
        "#{prefix}.citext",
    ] {
        assert!(!snapshot.contains(refused), "{refused}: {snapshot}");
    }
    drop(world.run(&["check", "--schema", "public"]).succeeds());
    world.write("db/20240201000000_a.sql", "SELECT 1;");
    drop(world.run(&["check", "--migrations", "db"]).succeeds());
    drop(world.run(&["refresh", "--migrations", "db"]).succeeds());
    assert_eq!(world.read("snapshots/app.sql"), snapshot);
    drop(world.run(&["provision", "acme"]).succeeds());
    drop(world.run(&["verify", "acme"]).succeeds());
    for path in ["acme", "acme, public"] {
        let check = format!("BEGIN; SET search_path TO {path}; {CHECK}; ROLLBACK");
        assert_eq!(database.query(&check), "t", "{path}");
    }
    assert_eq!(
        database.query(
            "SET search_path TO acme, public; INSERT INTO users (email) VALUES ('C@D'); \
            SELECT count(*) FROM users WHERE email = 'c@d'"
        ),
        "1"
    );
    snapshot
}

#[test]
fn a_template_in_public_shares_its_extensions() {
    let cluster = Cluster::with_extension("pgcrypto");
    let database = cluster.database();
    database.sql(SOURCE);
    let world = Schemastamp::on(&database);
    let live = agrees(&database, &world);

    // As Rails writes structure.sql: with the owner's rights left out, of the database or of the schema.
    for only in [None, Some("--schema=public")] {
        let dump = dumped(&database, only);
        let file = if only.is_some() {
            "schema.sql"
        } else {
            "structure.sql"
        };
        world.write(file, &dump);
        let bare = [
            "--no-owner",
            "--no-privileges",
            "--seed",
            "schema_migrations",
        ];
        let live_bare = world.run(&capture(&bare)).succeeds().stdout;
        // In the same database, whose schema is out of the way meanwhile, and in an empty one.
        let empty = cluster.database();
        if only.is_some() {
            empty.sql(
                "CREATE EXTENSION citext; CREATE EXTENSION pgcrypto; CREATE EXTENSION pg_trgm; \
                CREATE EXTENSION moddatetime; CREATE EXTENSION unaccent",
            );
        }
        empty.sql("CREATE SCHEMA extensions; CREATE EXTENSION hstore SCHEMA extensions");
        for target in [&database.name, &empty.name] {
            let from = ["--from", file, "-d", target.as_str()];
            let output = world.run(&capture(&[&from[..], &bare].concat())).succeeds();
            assert_eq!(body(&output.stdout), body(&live_bare), "{file} in {target}");
        }
        assert_eq!(
            empty.query("SELECT count(*) FROM pg_class WHERE relname = 'users'"),
            "0"
        );
    }
    assert!(live.contains("OWNER TO"));
}

#[test]
fn public_of_older_servers_belongs_to_the_superuser_and_lets_everybody_create() {
    for major in [13, 14, 18] {
        let database = Cluster::of_major(major).database();
        database.sql(
            "CREATE TABLE users (id serial PRIMARY KEY); CREATE TABLE schema_migrations (version varchar PRIMARY KEY);
             INSERT INTO schema_migrations VALUES ('1')",
        );
        let world = Schemastamp::on(&database).client(&Client::of_major(18));
        let output = world.run(&capture(&["-o", "snapshots/app.sql"])).succeeds();
        let everybody = if major < 15 { "ALL" } else { "USAGE" };
        assert!(
            output
                .stderr
                .contains(&format!("{everybody} for everybody")),
            "{major}: {output}"
        );
        let snapshot = world.read("snapshots/app.sql");
        assert!(
            !snapshot.contains("SCHEMA #{prefix} "),
            "{major}: {snapshot}"
        );
        drop(world.run(&["check", "--schema", "public"]).succeeds());
        world.write("db/1_a.sql", "SELECT 1;");
        drop(world.run(&["refresh", "--migrations", "db"]).succeeds());
        assert_eq!(world.read("snapshots/app.sql"), snapshot, "{major}");
        drop(world.run(&["provision", "acme"]).succeeds());
        drop(world.run(&["verify", "acme"]).succeeds());
        assert_eq!(
            database.query("SELECT has_schema_privilege('pg_monitor', 'acme', 'USAGE')"),
            "f",
            "{major}"
        );
    }
}

#[test]
fn an_owner_and_a_comment_of_ones_own_stay() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE TABLE t (id int); ALTER SCHEMA public OWNER TO pg_monitor; COMMENT ON SCHEMA public IS 'the shop'",
    );
    let world = Schemastamp::on(&database);
    let snapshot = world.run(&capture(&[])).succeeds().stdout;
    for wanted in [
        "ALTER SCHEMA #{prefix} OWNER TO pg_monitor;",
        "COMMENT ON SCHEMA #{prefix} IS 'the shop';",
    ] {
        assert!(snapshot.contains(wanted), "{wanted}: {snapshot}");
    }
}

#[test]
fn overloads_of_an_extension_are_asked_where_only_arguments_distinguish_them() {
    let database = Cluster::with_extension("pgcrypto").database();
    database.sql(
        "CREATE EXTENSION pgcrypto; CREATE FUNCTION digest(n int) RETURNS text LANGUAGE sql AS $$ SELECT 'own' $$;
         CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT public.digest(1) $$;",
    );
    let world = Schemastamp::on(&database);
    let output = world.run(&capture(&[])).exits_with(15);
    assert!(
        output
            .stderr
            .contains("an extension's object, or the schema's own of the same name"),
        "{output}"
    );
    let snapshot = world
        .run(&capture(&["--rename", "function f()"]))
        .succeeds()
        .stdout;
    assert!(
        snapshot.contains("SELECT #{prefix}.digest(1)"),
        "{snapshot}"
    );
}

#[test]
fn an_extension_that_cannot_move_names_the_way_out() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let role = format!("owner_{}", database.name);
    database.sql(&format!(
        "CREATE ROLE {role} LOGIN; ALTER DATABASE {0} OWNER TO {role}; SET ROLE {role}; CREATE EXTENSION citext;
         CREATE TABLE users (id int, email citext)",
        database.name
    ));
    let world = Schemastamp::on(&database);
    let dump = dumped(&database, None);
    world.write("structure.sql", &dump);
    // The extension's functions belong to the superuser.
    let from = ["--from", "structure.sql", "--no-owner", "-U", &role];
    let output = world.run(&capture(&from)).exits_with(15);
    assert!(
        output
            .stderr
            .contains("extension citext cannot be installed in an empty schema public")
            && output.stderr.contains("--scratch"),
        "{output}"
    );
    let scratch = cluster.database();
    scratch.sql(&format!("ALTER DATABASE {} OWNER TO {role}", scratch.name));
    let with_scratch = [&from[..], &["--scratch", &scratch.name]].concat();
    drop(world.run(&capture(&with_scratch)).succeeds());
    // The live schema needs no second database.
    drop(world.run(&capture(&["-U", &role])).succeeds());
}

#[test]
fn verify_leaves_public_to_check() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE EXTENSION citext; CREATE TABLE users (id int, email citext);
         CREATE FUNCTION f() RETURNS bigint LANGUAGE sql SET search_path TO public AS $$ SELECT count(*) FROM users $$;",
    );
    let world = Schemastamp::on(&database);
    drop(world.run(&capture(&["-o", "snapshots/app.sql"])).succeeds());
    drop(world.run(&["provision", "acme"]).succeeds());
    for arguments in [
        &["verify", "public"][..],
        &["verify", "acme", "public"],
        &["verify", "acme", "public", "--each-other"],
        &[
            "verify",
            "--tenants-query",
            "SELECT nspname AS name FROM pg_namespace WHERE nspname IN ('acme', 'public')",
        ],
    ] {
        let output = world.run(arguments).exits_with(2);
        assert_eq!(output.stdout, "", "{output}");
        assert!(
            output
                .stderr
                .contains("error: 'public' is shared by all tenants")
                && output.stderr.contains("schemastamp check --schema public"),
            "{output}"
        );
    }
    let output = world
        .run(&["verify", "public", "--format", "json"])
        .exits_with(2);
    assert!(output.stdout.contains("tenant.protected"), "{output}");
    drop(world.run(&["check", "--schema", "public"]).succeeds());
    drop(world.run(&["verify", "acme"]).succeeds());
}

#[test]
fn casts_of_tenants_are_not_those_of_public() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    database.sql(
        "CREATE EXTENSION ltree; CREATE EXTENSION citext; CREATE TYPE ty AS (a int); CREATE TABLE rows (a int);
         CREATE TYPE span AS RANGE (subtype = int); CREATE TYPE ltree_like AS (a int);
         CREATE FUNCTION to_ty(ltree) RETURNS ty LANGUAGE sql AS $$ SELECT row(1)::ty $$;
         CREATE CAST (ltree AS ty) WITH FUNCTION to_ty(ltree);
         CREATE FUNCTION all_to_ty(ltree[]) RETURNS ty LANGUAGE sql AS $$ SELECT row(1)::ty $$;
         CREATE CAST (ltree[] AS ty) WITH FUNCTION all_to_ty(ltree[]);
         CREATE CAST (citext AS rows) WITH INOUT; CREATE CAST (span_multirange AS ltree) WITH INOUT;
         CREATE FUNCTION folded(ltree) RETURNS citext LANGUAGE sql AS $$ SELECT 'x'::citext $$;
         CREATE CAST (ltree AS citext) WITH FUNCTION folded(ltree); CREATE CAST (ltree AS bytea) WITH INOUT;",
    );
    let world = Schemastamp::on(&database);
    let capture_file = capture(&["-o", "snapshots/app.sql"]);
    let output = world.run(&capture_file).succeeds();
    let snapshot = world.read("snapshots/app.sql");
    for (from, to) in [
        ("public.ltree", "#{prefix}.ty"),
        ("public.ltree[]", "#{prefix}.ty"),
        ("public.citext", "#{prefix}.rows"),
        ("#{prefix}.span_multirange", "public.ltree"),
    ] {
        let cast = format!("CREATE CAST ({from} AS {to})");
        assert!(snapshot.contains(&cast), "{cast}: {snapshot}");
    }
    // The database has these once, whichever tenants it has.
    let shared = "CREATE CAST (public.ltree AS public.citext)";
    assert!(output.stderr.contains(shared), "{output}");
    assert!(
        !snapshot.contains(shared) && !snapshot.contains("AS bytea)"),
        "{snapshot}"
    );
    drop(world.run(&["provision", "acme", "globex"]).succeeds());
    drop(world.run(&["verify", "acme", "globex"]).succeeds());
    let output = world.run(&capture_file).succeeds();
    assert_eq!(world.read("snapshots/app.sql"), snapshot);
    assert!(!output.stderr.contains("AS acme."), "{output}");
    drop(world.run(&["check", "--schema", "public"]).succeeds());
    // A lost cast is a difference of the tenant.
    database.sql("DROP CAST (ltree AS globex.ty)");
    let output = world.run(&["verify", "acme", "globex"]).exits_with(1);
    assert!(
        output
            .stdout
            .contains("cast (public.ltree AS ty) is missing"),
        "{output}"
    );
    // A dump of the whole database has the casts of its tenants, too.
    world.write("structure.sql", dumped(&database, None));
    let bare = ["--no-owner", "--no-privileges"];
    let live = world.run(&capture(&bare)).succeeds().stdout;
    let from = [&["--from", "structure.sql"][..], &bare].concat();
    let output = world.run(&capture(&from)).succeeds();
    assert_eq!(body(&output.stdout), body(&live));
    assert!(output.stderr.contains(shared), "{output}");
    assert!(!output.stderr.contains("AS acme."), "{output}");
}

/// A dump as Rails makes it.
fn dumped(database: &Database<'_>, only: Option<&str>) -> String {
    let output = Command::new(Client::installed().pg_dump())
        .args(["--no-owner", "--no-privileges"])
        .args(only)
        .envs(database.environment())
        .output()
        .expect("pg_dump runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A snapshot without its header.
fn body(snapshot: &str) -> &str {
    snapshot
        .split_once("-- sha256: ")
        .map_or(snapshot, |(_, body)| body)
}
