use super::world::{SMALL, schemas, world};
use crate::support::{Cluster, Options, Schemastamp};

#[test]
fn failed_statement_is_named_and_nothing_is_left_behind() {
    let database = Cluster::shared().database();
    let body = format!(
        "{SMALL}\n-- table u\nCREATE TABLE #{{prefix}}.u (\n    id integer,\n    t integer REFERENCES #{{prefix}}.nowhere\n);\n\n\
         CREATE TABLE #{{prefix}}.v (id integer);\n"
    );
    let world = world(&database, &body);
    insta::assert_snapshot!(world.run(&["provision", "acme"]), @r#"
    --- stderr ---
    error: tenant 'acme': relation "acme.nowhere" does not exist (SQLSTATE 42P01), in table u (line 20 of the snapshot)
      statement: CREATE TABLE acme.u ( id integer, t integer REFERENCES acme.nowhere )
    hint: capture the snapshot again: it does not create this object, or only further down; it may have been edited
    [exit status: 14]
    "#);
    insta::assert_snapshot!(world.run(&["provision", "acme", "--format", "json"]), @r#"
    {"type":"tenant","tenant":"acme","outcome":"failed","ms":0.0,"error":{"code":14,"id":"sql.undefined_table","message":"relation \"acme.nowhere\" does not exist (SQLSTATE 42P01), in table u (line 20 of the snapshot)","statement":"CREATE TABLE acme.u ( id integer, t integer REFERENCES acme.nowhere )","hint":"capture the snapshot again: it does not create this object, or only further down; it may have been edited"}}
    {"type":"summary","summary":{"command":"provision","created":0,"skipped":0,"failed":1,"ms":0.0}}
    --- stderr ---
    error: tenant 'acme': relation "acme.nowhere" does not exist (SQLSTATE 42P01), in table u (line 20 of the snapshot)
      statement: CREATE TABLE acme.u ( id integer, t integer REFERENCES acme.nowhere )
    hint: capture the snapshot again: it does not create this object, or only further down; it may have been edited
    [exit status: 14]
    "#);
    assert_eq!(schemas(&database), "");
    assert!(world.leftovers().is_empty());
}

#[test]
fn run_continues_after_a_failed_tenant() {
    let database = Cluster::shared().database();
    let world = world(
        &database,
        "CREATE TABLE #{prefix}.t (id integer CHECK (length('#{prefix}') < 3), n integer DEFAULT 1);\n\
        INSERT INTO #{prefix}.t (id) VALUES (1);\n",
    );
    insta::assert_snapshot!(world.run(&["provision", "ab", "abc", "c"]), @r#"
    created ab ([time])
    created c ([time])
    --- stderr ---
    error: tenant 'abc': new row for relation "t" violates check constraint "t_check" (SQLSTATE 23514), in table t (line 9 of the snapshot)
      statement: INSERT INTO abc.t (id) VALUES (1)
      detail: Failing row contains (1, 1).
    2 created, 0 skipped, 1 failed ([time])
    failed: abc
    [exit status: 18]
    "#);
    assert_eq!(schemas(&database), "ab\nc");
}

#[test]
fn missing_roles_are_reported() {
    let database = Cluster::shared().database();
    let body = format!(
        "{SMALL}\nALTER TABLE #{{prefix}}.t OWNER TO nobody_has_this;\n\nGRANT SELECT ON TABLE #{{prefix}}.t TO nor_this;\n"
    );
    let world = world(&database, &body);
    insta::assert_snapshot!(world.run(&["provision", "acme"]), @r#"
    --- stderr ---
    error: tenant 'acme': role "nobody_has_this" does not exist (SQLSTATE 42704), in table t (line 19 of the snapshot)
      statement: ALTER TABLE acme.t OWNER TO nobody_has_this
    hint: create the role (CREATE ROLE "nobody_has_this"), or pass --no-owner and --no-privileges to leave out owners and grants
    [exit status: 14]
    "#);
    insta::assert_snapshot!(world.run(&["provision", "acme", "--no-owner"]), @r#"
    --- stderr ---
    error: tenant 'acme': role "nor_this" does not exist (SQLSTATE 42704), in table t (line 21 of the snapshot)
      statement: GRANT SELECT ON TABLE acme.t TO nor_this
    hint: create the role (CREATE ROLE "nor_this"), or pass --no-owner and --no-privileges to leave out owners and grants
    [exit status: 14]
    "#);
    world
        .run(&["provision", "acme", "--no-owner", "--no-privileges"])
        .succeeds();
    assert_eq!(database.query("SELECT acme.first()"), "7");
    insta::assert_snapshot!(world.run(&["provision", "b", "--no-owner", "--no-privileges", "--role", "nobody"]), @r#"
    --- stderr ---
    error: tenant 'b': role "nobody" does not exist (SQLSTATE 22023), in: SET LOCAL ROLE nobody
      statement: SET LOCAL ROLE nobody
    hint: create the role that --role names, or pass another role
    [exit status: 14]
    "#);
}

#[test]
fn role_option_sets_the_owner() {
    let database = Cluster::shared().database();
    let [owner, login] = ["owner", "login"].map(|what| format!("{}_{what}", database.name));
    database.sql(&format!(
        "CREATE ROLE {owner}; CREATE ROLE {login} LOGIN NOINHERIT; GRANT {owner} TO {login}; \
         GRANT CREATE ON DATABASE {} TO {owner}",
        database.name
    ));
    let world = world(&database, SMALL)
        .hide(&owner, "$OWNER")
        .hide(&login, "$LOGIN");
    world
        .run(&["provision", "acme", "-U", &login, "--role", &owner])
        .succeeds();
    let owners = "SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'acme'::regnamespace \
                  UNION SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'acme'";
    assert_eq!(database.query(owners), owner);
    insta::assert_snapshot!(world.run(&["provision", "b", "-U", &login]), @"
    --- stderr ---
    error: tenant 'b': permission denied for database $DATABASE (SQLSTATE 42501), in schema b (line 6 of the snapshot)
      statement: CREATE SCHEMA b
    hint: run GRANT CREATE ON DATABASE $DATABASE TO $LOGIN, or provision as a role that may create schemas (--role or --username)
    [exit status: 14]
    ");
    insta::assert_snapshot!(world.run(&["provision", "b", "-U", &login, "--role", "postgres"]), @r#"
    --- stderr ---
    error: tenant 'b': permission denied to set role "postgres" (SQLSTATE 42501), in: SET LOCAL ROLE postgres
      statement: SET LOCAL ROLE postgres
    hint: run GRANT "postgres" TO $LOGIN
    [exit status: 14]
    "#);
    database.sql(&format!(
        "DROP OWNED BY {owner}; DROP ROLE {owner}, {login}"
    ));
}

#[test]
fn missing_outside_objects_are_reported() {
    let database = Cluster::shared().database();
    let stderr = |body: &str| {
        let world = world(&database, body);
        world.run(&["provision", "acme"]).exits_with(14).stderr
    };
    insta::assert_snapshot!(stderr("CREATE TABLE #{prefix}.t (a shared.citext);\n"), @r#"
    error: tenant 'acme': schema "shared" does not exist (SQLSTATE 3F000), in table t (line 8 of the snapshot)
      statement: CREATE TABLE acme.t (a shared.citext)
    hint: create the shared schema first: the snapshot needs it in addition to the tenant's own
    "#);
    insta::assert_snapshot!(stderr("CREATE TABLE #{prefix}.t (a public.citext);\n"), @r#"
    error: tenant 'acme': type "public.citext" does not exist (SQLSTATE 42704), in table t (line 8 of the snapshot)
      statement: CREATE TABLE acme.t (a public.citext)
    hint: install its extension into the schema that the snapshot names, or check the spelling if you edited the snapshot
    "#);
    insta::assert_snapshot!(stderr("CREATE TABLE #{prefix}.t (a int) USING columnar;\n"), @r#"
    error: tenant 'acme': access method "columnar" does not exist (SQLSTATE 42704), in table t (line 8 of the snapshot)
      statement: CREATE TABLE acme.t (a int) USING columnar
    hint: install its extension into the schema that the snapshot names, or check the spelling if you edited the snapshot
    "#);
    insta::assert_snapshot!(stderr("CREATE VIEW #{prefix}.v AS SELECT public.crypt('a');\n"), @"
    error: tenant 'acme': function public.crypt(unknown) does not exist (SQLSTATE 42883), in view v (line 8 of the snapshot)
      statement: CREATE VIEW acme.v AS SELECT public.crypt('a')
    hint: create this function or its extension first: the snapshot needs it outside of the tenant's schema
    ");
    insta::assert_snapshot!(stderr("CREATE VIEW #{prefix}.v AS SELECT a FROM public.plans;\n"), @r#"
    error: tenant 'acme': relation "public.plans" does not exist (SQLSTATE 42P01), in view v (line 8 of the snapshot)
      statement: CREATE VIEW acme.v AS SELECT a FROM public.plans
    hint: create this relation first, in the schema that the snapshot names: the snapshot needs it outside of the tenant's schema
    "#);
    insta::assert_snapshot!(stderr("CREATE TABLE #{prefix}.t (a int) GARBAGE;\n"), @r#"
    error: tenant 'acme': syntax error at or near "GARBAGE" (SQLSTATE 42601), in table t (line 8 of the snapshot)
      statement: CREATE TABLE acme.t (a int) GARBAGE
    hint: check whether the snapshot was edited, or comes from a newer PostgreSQL: the server does not know this syntax
    "#);
    assert_eq!(schemas(&database), "");
}

#[test]
fn locks_of_other_sessions_are_waited_for() {
    let database = Cluster::shared().database();
    // Nothing of a failed attempt stays but the sequence's count.
    database.sql("CREATE SEQUENCE public.attempts");
    let body = |fails: u32| {
        format!(
            "{SMALL}\nDO $$ BEGIN IF nextval('public.attempts') <= {fails} THEN \
             RAISE EXCEPTION 'in the way' USING ERRCODE = '40P01'; END IF; END $$;\n"
        )
    };
    let world = world(&database, &body(2));
    insta::assert_snapshot!(world.run(&["provision", "acme"]), @"
    created acme ([time], 3 attempts)
    --- stderr ---
    warning: tenant 'acme': retrying: in the way (SQLSTATE 40P01)
    warning: tenant 'acme': retrying: in the way (SQLSTATE 40P01)
    [exit status: 0]
    ");
    assert_eq!(
        database.query("SELECT last_value, acme.first() FROM public.attempts"),
        "3|7"
    );
    world.write("snapshots/app.sql", super::world::snapshot(&body(9)));
    let output = world.run(&["provision", "b", "-q"]).exits_with(14);
    assert!(
        output.stderr.contains("in the way (SQLSTATE 40P01)"),
        "{output}"
    );
    assert_eq!(
        database.query("SELECT last_value FROM public.attempts"),
        "6"
    );
}

#[test]
fn exhausted_lock_table_is_reported() {
    let cluster = Cluster::start(
        &Options::default()
            .setting("max_locks_per_transaction", "10")
            .setting("max_connections", "4"),
    );
    let database = cluster.database();
    let world = world(&database, &super::world::tables(1500));
    insta::assert_snapshot!(world.run(&["provision", "acme"]), @"
    --- stderr ---
    error: tenant 'acme': out of shared memory (SQLSTATE 53200)
    hint: raise max_locks_per_transaction on the server: each object of a tenant takes a lock
    [exit status: 14]
    ");
    assert_eq!(schemas(&database), "");
}

#[test]
fn unreachable_server_is_reported() {
    let world = Schemastamp::new()
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", "1")
        .env("PGUSER", "app");
    world.write("snapshots/app.sql", super::world::snapshot(SMALL));
    insta::assert_snapshot!(world.run(&["provision", "acme"]), @r#"
    --- stderr ---
    warning: tenant 'acme': retrying: cannot connect: connection to server at "127.0.0.1", port 1 failed: Connection refused
    warning: tenant 'acme': retrying: cannot connect: connection to server at "127.0.0.1", port 1 failed: Connection refused
    error: tenant 'acme': cannot connect: nothing listens at the address and port (net.refused, reported by the network)
    caused by: connection to server at "127.0.0.1", port 1 failed: Connection refused
    	Is the server running on that host and accepting TCP/IP connections?
    caused by: the server is down, or listens elsewhere
    hint: start the server, or correct PGHOST and PGPORT (127.0.0.1, 1); see listen_addresses
    [exit status: 13]
    "#);
    insta::assert_snapshot!(world.run(&["provision", "acme", "--format", "json"]), @r#"
    {"type":"tenant","tenant":"acme","outcome":"failed","ms":0.0,"error":{"code":13,"id":"net.refused","message":"cannot connect: nothing listens at the address and port (net.refused, reported by the network): connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?: the server is down, or listens elsewhere","causes":["connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?","the server is down, or listens elsewhere"],"hint":"start the server, or correct PGHOST and PGPORT (127.0.0.1, 1); see listen_addresses"}}
    {"type":"summary","summary":{"command":"provision","created":0,"skipped":0,"failed":1,"ms":0.0}}
    --- stderr ---
    warning: tenant 'acme': retrying: cannot connect: connection to server at "127.0.0.1", port 1 failed: Connection refused
    warning: tenant 'acme': retrying: cannot connect: connection to server at "127.0.0.1", port 1 failed: Connection refused
    error: tenant 'acme': cannot connect: nothing listens at the address and port (net.refused, reported by the network)
    caused by: connection to server at "127.0.0.1", port 1 failed: Connection refused
    	Is the server running on that host and accepting TCP/IP connections?
    caused by: the server is down, or listens elsewhere
    hint: start the server, or correct PGHOST and PGPORT (127.0.0.1, 1); see listen_addresses
    [exit status: 13]
    "#);
    let diagnosed = world
        .run(&["provision", "acme", "--diagnose"])
        .exits_with(13);
    assert!(diagnosed.stdout.contains("net.refused"), "{diagnosed}");
}
