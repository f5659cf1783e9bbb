use super::world::{SMALL, schemas, world};
use crate::support::{Cluster, Options, Schemastamp};

#[test]
fn the_statement_that_failed_is_named_and_nothing_is_left() {
    let database = Cluster::shared().database();
    let body = format!(
        "{SMALL}\n-- table u\nCREATE TABLE #{{prefix}}.u (\n    id integer,\n    t integer REFERENCES #{{prefix}}.nowhere\n);\n\n\
         CREATE TABLE #{{prefix}}.v (id integer);\n"
    );
    let world = world(&database, &body);
    insta::assert_snapshot!(world.run(&["provision", "acme"]), @r#"
    --- stderr ---
    error: tenant 'acme': relation "acme.nowhere" does not exist (SQLSTATE 42P01), in table u (line 19 of the snapshot)
      statement: CREATE TABLE acme.u ( id integer, t integer REFERENCES acme.nowhere )
    hint: the snapshot itself does not make it, or only further down; was it edited? capture it again
    [exit status: 14]
    "#);
    insta::assert_snapshot!(world.run(&["provision", "acme", "--format", "json"]), @r#"
    {"type":"tenant","tenant":"acme","outcome":"failed","ms":0.0,"error":{"code":14,"id":"sql.undefined_table","message":"relation \"acme.nowhere\" does not exist (SQLSTATE 42P01), in table u (line 19 of the snapshot)","statement":"CREATE TABLE acme.u ( id integer, t integer REFERENCES acme.nowhere )","hint":"the snapshot itself does not make it, or only further down; was it edited? capture it again"}}
    {"type":"summary","summary":{"command":"provision","created":0,"skipped":0,"failed":1,"ms":0.0}}
    --- stderr ---
    error: tenant 'acme': relation "acme.nowhere" does not exist (SQLSTATE 42P01), in table u (line 19 of the snapshot)
      statement: CREATE TABLE acme.u ( id integer, t integer REFERENCES acme.nowhere )
    hint: the snapshot itself does not make it, or only further down; was it edited? capture it again
    [exit status: 14]
    "#);
    assert_eq!(schemas(&database), "");
    assert!(world.leftovers().is_empty());
}

#[test]
fn a_run_goes_on_behind_a_tenant_that_failed() {
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
    error: tenant 'abc': new row for relation "t" violates check constraint "t_check" (SQLSTATE 23514), in table t (line 8 of the snapshot)
      statement: INSERT INTO abc.t (id) VALUES (1)
      detail: Failing row contains (1, 1).
    2 created, 0 skipped, 1 failed ([time])
    failed: abc
    [exit status: 18]
    "#);
    assert_eq!(schemas(&database), "ab\nc");
}

#[test]
fn roles_that_are_missing() {
    let database = Cluster::shared().database();
    let body = format!(
        "{SMALL}\nALTER TABLE #{{prefix}}.t OWNER TO nobody_has_this;\n\nGRANT SELECT ON TABLE #{{prefix}}.t TO nor_this;\n"
    );
    let world = world(&database, &body);
    insta::assert_snapshot!(world.run(&["provision", "acme"]), @r#"
    --- stderr ---
    error: tenant 'acme': role "nobody_has_this" does not exist (SQLSTATE 42704), in table t (line 18 of the snapshot)
      statement: ALTER TABLE acme.t OWNER TO nobody_has_this
    hint: create the role (CREATE ROLE "nobody_has_this"), or leave owners and grants out with --no-owner and --no-privileges
    [exit status: 14]
    "#);
    insta::assert_snapshot!(world.run(&["provision", "acme", "--no-owner"]), @r#"
    --- stderr ---
    error: tenant 'acme': role "nor_this" does not exist (SQLSTATE 42704), in table t (line 20 of the snapshot)
      statement: GRANT SELECT ON TABLE acme.t TO nor_this
    hint: create the role (CREATE ROLE "nor_this"), or leave owners and grants out with --no-owner and --no-privileges
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
    hint: create the role that --role names, or name another
    [exit status: 14]
    "#);
}

#[test]
fn a_role_creates_the_tenant_as_its_own() {
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
    error: tenant 'b': permission denied for database $DATABASE (SQLSTATE 42501), in schema b (line 5 of the snapshot)
      statement: CREATE SCHEMA b
    hint: grant the right to the role that provisions: GRANT CREATE ON DATABASE … TO …; or provision as one that has it (--role, --username)
    [exit status: 14]
    ");
    insta::assert_snapshot!(world.run(&["provision", "b", "-U", &login, "--role", "postgres"]), @r#"
    --- stderr ---
    error: tenant 'b': permission denied to set role "postgres" (SQLSTATE 42501), in: SET LOCAL ROLE postgres
      statement: SET LOCAL ROLE postgres
    hint: grant that role to the one that logs in: GRANT … TO …
    [exit status: 14]
    "#);
    database.sql(&format!(
        "DROP OWNED BY {owner}; DROP ROLE {owner}, {login}"
    ));
}

#[test]
fn what_the_snapshot_needs_outside() {
    let database = Cluster::shared().database();
    let stderr = |body: &str| {
        let world = world(&database, body);
        world.run(&["provision", "acme"]).exits_with(14).stderr
    };
    insta::assert_snapshot!(stderr("CREATE TABLE #{prefix}.t (a shared.citext);\n"), @r#"
    error: tenant 'acme': schema "shared" does not exist (SQLSTATE 3F000), in table t (line 7 of the snapshot)
      statement: CREATE TABLE acme.t (a shared.citext)
    hint: create the shared schema first: the snapshot needs it beside the tenant's own
    "#);
    insta::assert_snapshot!(stderr("CREATE TABLE #{prefix}.t (a public.citext);\n"), @r#"
    error: tenant 'acme': type "public.citext" does not exist (SQLSTATE 42704), in table t (line 7 of the snapshot)
      statement: CREATE TABLE acme.t (a public.citext)
    hint: install the extension that it comes from, into the schema that the snapshot names
    "#);
    insta::assert_snapshot!(stderr("CREATE TABLE #{prefix}.t (a int) USING columnar;\n"), @r#"
    error: tenant 'acme': access method "columnar" does not exist (SQLSTATE 42704), in table t (line 7 of the snapshot)
      statement: CREATE TABLE acme.t (a int) USING columnar
    hint: install the extension that it comes from, into the schema that the snapshot names
    "#);
    insta::assert_snapshot!(stderr("CREATE VIEW #{prefix}.v AS SELECT public.crypt('a');\n"), @"
    error: tenant 'acme': function public.crypt(unknown) does not exist (SQLSTATE 42883), in view v (line 7 of the snapshot)
      statement: CREATE VIEW acme.v AS SELECT public.crypt('a')
    hint: the snapshot needs this function outside the tenant's schema; create it, or the extension it comes from, first
    ");
    insta::assert_snapshot!(stderr("CREATE VIEW #{prefix}.v AS SELECT a FROM public.plans;\n"), @r#"
    error: tenant 'acme': relation "public.plans" does not exist (SQLSTATE 42P01), in view v (line 7 of the snapshot)
      statement: CREATE VIEW acme.v AS SELECT a FROM public.plans
    hint: the snapshot needs this relation outside the tenant's schema; create it first, in the schema that the snapshot names
    "#);
    insta::assert_snapshot!(stderr("CREATE TABLE #{prefix}.t (a int) GARBAGE;\n"), @r#"
    error: tenant 'acme': syntax error at or near "GARBAGE" (SQLSTATE 42601), in table t (line 7 of the snapshot)
      statement: CREATE TABLE acme.t (a int) GARBAGE
    hint: the server does not know this syntax; the snapshot may be from a newer PostgreSQL, or was edited
    "#);
    assert_eq!(schemas(&database), "");
}

#[test]
fn other_sessions_in_the_way_are_waited_out() {
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
    warning: tenant 'acme': trying again: in the way (SQLSTATE 40P01)
    warning: tenant 'acme': trying again: in the way (SQLSTATE 40P01)
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
fn a_server_without_room_for_the_locks() {
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
    hint: raise max_locks_per_transaction on the server: every object of a tenant takes a lock
    [exit status: 14]
    ");
    assert_eq!(schemas(&database), "");
}

#[test]
fn without_a_server() {
    let world = Schemastamp::new()
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", "1")
        .env("PGUSER", "app");
    world.write("snapshots/app.sql", super::world::snapshot(SMALL));
    insta::assert_snapshot!(world.run(&["provision", "acme"]), @r#"
    --- stderr ---
    warning: tenant 'acme': trying again: cannot connect: connection to server at "127.0.0.1", port 1 failed: Connection refused
    warning: tenant 'acme': trying again: cannot connect: connection to server at "127.0.0.1", port 1 failed: Connection refused
    error: tenant 'acme': cannot connect: nothing listens at the address and port (net.refused, says the network)
    caused by: connection to server at "127.0.0.1", port 1 failed: Connection refused
    	Is the server running on that host and accepting TCP/IP connections?
    caused by: the server is down, or listens elsewhere
    hint: start the server, or correct host and port (127.0.0.1, 1); see listen_addresses
    [exit status: 13]
    "#);
    insta::assert_snapshot!(world.run(&["provision", "acme", "--format", "json"]), @r#"
    {"type":"tenant","tenant":"acme","outcome":"failed","ms":0.0,"error":{"code":13,"id":"net.refused","message":"cannot connect: nothing listens at the address and port (net.refused, says the network): connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?: the server is down, or listens elsewhere","causes":["connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?","the server is down, or listens elsewhere"],"hint":"start the server, or correct host and port (127.0.0.1, 1); see listen_addresses"}}
    {"type":"summary","summary":{"command":"provision","created":0,"skipped":0,"failed":1,"ms":0.0}}
    --- stderr ---
    warning: tenant 'acme': trying again: cannot connect: connection to server at "127.0.0.1", port 1 failed: Connection refused
    warning: tenant 'acme': trying again: cannot connect: connection to server at "127.0.0.1", port 1 failed: Connection refused
    error: tenant 'acme': cannot connect: nothing listens at the address and port (net.refused, says the network)
    caused by: connection to server at "127.0.0.1", port 1 failed: Connection refused
    	Is the server running on that host and accepting TCP/IP connections?
    caused by: the server is down, or listens elsewhere
    hint: start the server, or correct host and port (127.0.0.1, 1); see listen_addresses
    [exit status: 13]
    "#);
    let diagnosed = world
        .run(&["provision", "acme", "--diagnose"])
        .exits_with(13);
    assert!(diagnosed.stdout.contains("net.refused"), "{diagnosed}");
}
