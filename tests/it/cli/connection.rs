use crate::provision::{SMALL, snapshot};
use crate::support::{Cluster, Options, Schemastamp};

#[test]
fn failed_login_is_explained() {
    let cluster = Cluster::start(&Options::default().hba(&[
        "host all locked 127.0.0.1/32 scram-sha-256",
        "host all all 127.0.0.1/32 trust",
    ]));
    let database = cluster.database();
    database.sql("CREATE ROLE locked LOGIN PASSWORD 'right'");
    let world = Schemastamp::on(&database).envs(&database.tcp_environment());
    world.write("snapshots/app.sql", snapshot(SMALL));
    insta::assert_snapshot!(world.run(&["provision", "a", "-U", "locked"]), @r#"
    --- stderr ---
    error: tenant 'a': cannot connect: the server wants a password and none is configured (login.no_password, reported by libpq)
    caused by: connection to server at "127.0.0.1", port $PORT failed: fe_sendauth: no password supplied
    caused by: psql is not allowed to prompt for one
    hint: set PGPASSWORD to the password of role 'locked', or let a program print it (SCHEMASTAMP_PASSWORD_COMMAND), or add the line '127.0.0.1:$PORT:$DATABASE:locked:PASSWORD' to a password file of mode 0600
    [exit status: 13]
    "#);
    insta::assert_snapshot!(world.run(&["provision", "a", "-U", "nobody_here"]), @r#"
    --- stderr ---
    error: tenant 'a': cannot connect: the role does not exist (login.unknown_role, reported by PostgreSQL)
    caused by: connection to server at "127.0.0.1", port $PORT failed: FATAL:  role "nobody_here" does not exist
    caused by: the server has no role of that name
    hint: CREATE ROLE nobody_here LOGIN, or correct the name in --username
    [exit status: 13]
    "#);
    insta::assert_snapshot!(world.run(&["capture", "--schema", "a", "-d", "no_such_database"]), @r#"
    --- stderr ---
    error: cannot connect: the database does not exist (server.unknown_database, reported by PostgreSQL)
    caused by: connection to server at "127.0.0.1", port $PORT failed: FATAL:  database "no_such_database" does not exist
    caused by: the server has none of that name
    hint: CREATE DATABASE no_such_database, or correct the name in --dbname
    [exit status: 13]
    "#);
    let world = world.env("PGPASSWORD", "wrong");
    insta::assert_snapshot!(world.run(&["provision", "a", "-U", "locked"]), @r#"
    --- stderr ---
    error: tenant 'a': cannot connect: the password is wrong, or the role does not exist (login.wrong_password, reported by PostgreSQL)
    caused by: connection to server at "127.0.0.1", port $PORT failed: FATAL:  password authentication failed for user "locked"
    caused by: the server does not tell these apart, nor a role that has no password, or one that is past its VALID UNTIL
    hint: correct the password in PGPASSWORD of role 'locked', or the role's name in --username, or set the role's password again at the server (\password in psql)
    [exit status: 13]
    "#);
}

#[test]
fn tls_that_the_server_does_not_have_is_named() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database).envs(&database.tcp_environment());
    world.write("snapshots/app.sql", snapshot(SMALL));
    insta::assert_snapshot!(world.run(&["provision", "a", "--sslmode", "require", "--format", "json"]), @r#"
    {"type":"tenant","tenant":"a","outcome":"failed","ms":0.0,"error":{"code":13,"id":"tls.server_without_tls","message":"cannot connect: the server has no TLS (tls.server_without_tls, reported by libpq): connection to server at \"127.0.0.1\", port $PORT failed: server does not support SSL, but SSL was required: it answered the request for TLS with 'no'","causes":["connection to server at \"127.0.0.1\", port $PORT failed: server does not support SSL, but SSL was required","it answered the request for TLS with 'no'"],"hint":"switch TLS on at the server (ssl=on, client_tls_sslmode), or pass --sslmode disable where plaintext is acceptable"}}
    {"type":"summary","summary":{"command":"provision","created":0,"skipped":0,"failed":1,"ms":0.0}}
    --- stderr ---
    error: tenant 'a': cannot connect: the server has no TLS (tls.server_without_tls, reported by libpq)
    caused by: connection to server at "127.0.0.1", port $PORT failed: server does not support SSL, but SSL was required
    caused by: it answered the request for TLS with 'no'
    hint: switch TLS on at the server (ssl=on, client_tls_sslmode), or pass --sslmode disable where plaintext is acceptable
    [exit status: 13]
    "#);
}

#[test]
fn diagnose_flag_runs_the_report_after_a_failed_connection() {
    let world = Schemastamp::new()
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", "1")
        .env("PGUSER", "app");
    world.write("snapshots/app.sql", snapshot(SMALL));
    let output = world
        .run(&["--diagnose", "capture", "--schema", "s"])
        .exits_with(13);
    assert!(
        output.stderr.starts_with("error: cannot connect"),
        "{output}"
    );
    assert!(output.stdout.contains("net.refused"), "{output}");
    let output = world.run(&["--diagnose", "render", "a"]).succeeds();
    assert!(!output.stdout.contains("net.refused"), "{output}");
}
