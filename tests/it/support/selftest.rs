//! The harness itself: what other tests take for granted.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{
    Authority, Bouncer, BouncerOptions, Client, Cluster, Expectation, HardCase, Leaf, Options,
    Release, Schemastamp, ServerUser, StopMode, Supervisor, psql,
};

#[test]
fn a_database_is_fresh_and_goes() {
    let cluster = Cluster::shared();
    let name = {
        let database = cluster.database();
        database.sql("CREATE TABLE t (a int)");
        assert_eq!(
            database.query("SELECT count(*) FROM t; SELECT 1, 'x'"),
            "0\n1|x"
        );
        assert!(
            database
                .try_query("SELECT 1/0")
                .unwrap_err()
                .contains("division by zero")
        );
        assert!(database.url().ends_with(&database.name));
        assert_eq!(
            cluster.database().query("SELECT to_regclass('t') IS NULL"),
            "t"
        );
        database.name.clone()
    };
    assert_eq!(
        cluster.maintenance().query(&format!(
            "SELECT count(*) FROM pg_database WHERE datname = '{name}'"
        )),
        "0"
    );
}

#[test]
fn every_major_version_starts() {
    for major in [13, 14, 16, 17, 18] {
        let database = Cluster::of_major(major).database();
        assert_eq!(
            database.query("SELECT current_setting('server_version_num')::int / 10000"),
            major.to_string()
        );
    }
}

#[test]
fn the_older_and_the_embedded_release_start() {
    let version = |release| -> u32 {
        let database = Cluster::of_release(release).database();
        database.query("SHOW server_version_num").parse().unwrap()
    };
    let (older, installed) = (version(Release::Older), version(Release::Installed));
    assert_eq!(older / 10_000, 15);
    // POSTGRES_BIN may have chosen the older one.
    let chosen = std::env::var_os("POSTGRES_BIN").is_some();
    assert!(
        older < installed || chosen,
        "{older} is not older than {installed}"
    );
    assert_eq!(version(Release::Embedded) / 10_000, 18);
    assert!(version(Release::Embedded) > version(Release::Major(18)));
}

#[test]
fn clients_of_other_versions_connect() {
    let database = Cluster::shared().database();
    let others = [
        Release::Older,
        Release::Major(16),
        Release::Major(18),
        Release::Embedded,
    ];
    for client in others
        .into_iter()
        .filter(|release| release.has_client())
        .map(Client::of_release)
    {
        assert_eq!(
            psql(&client, &database.environment(), "SELECT 2").as_deref(),
            Ok("2")
        );
        assert!(client.pg_dump().exists());
    }
    let error = psql(&Client::of_major(18), &require_tls(&database), "SELECT 2").unwrap_err();
    assert!(error.contains("SSL support is not compiled in"), "{error}");
}

#[test]
fn a_server_stops_comes_back_and_is_reconfigured() {
    let cluster = Cluster::start(
        &Options::default()
            .listen("localhost")
            .setting("work_mem", "5MB")
            .fsync(),
    );
    let database = cluster.database();
    database.sql("CREATE TABLE t (a int)");
    let first = cluster.pid();
    cluster.stop(StopMode::Immediate);
    assert!(database.try_query("SELECT 1").is_err());
    cluster.start_again();
    assert_ne!(cluster.pid(), first);
    assert!(
        cluster.log().contains("automatic recovery in progress"),
        "{}",
        cluster.log()
    );
    cluster.reconfigure(|options| options.setting("work_mem", "6MB"));
    assert_eq!(
        database.query("SHOW work_mem; SHOW fsync; SELECT count(*) FROM t"),
        "6MB\non\n0"
    );
}

#[test]
fn tls_is_verified_and_client_certificates_are_asked_for() {
    let (root, clients) = (Authority::root("root"), Authority::root("clients"));
    let server = root
        .intermediate("middle")
        .issue(&Leaf::server(&["localhost", "127.0.0.1"]));
    let rules = ["hostssl all all 127.0.0.1/32 trust clientcert=verify-full"];
    let cluster = Cluster::start(
        &Options::default()
            .tls(server.server_tls_asking(&clients))
            .hba(&rules),
    );
    let database = cluster.database();
    let world = Schemastamp::new();
    let client = clients.issue(&Leaf::client("postgres"));
    let mut environment = require_tls(&database);
    for (variable, name, content) in [
        ("PGSSLROOTCERT", "root.crt", &root.certificate),
        ("PGSSLCERT", "client.crt", &client.certificate),
        ("PGSSLKEY", "client.key", &client.key),
    ] {
        let path = world.write(name, content);
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        environment.insert(variable.to_owned(), path.display().to_string());
    }
    environment.insert("PGSSLMODE".to_owned(), "verify-full".to_owned());
    for tool in [
        Client::installed(),
        Client::with_tls(16),
        Client::with_tls(18),
    ] {
        let encrypted = psql(
            &tool,
            &environment,
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        );
        assert_eq!(encrypted.as_deref(), Ok("t"), "{tool:?}");
    }

    world.write("root.crt", &clients.certificate);
    assert!(
        psql(&Client::installed(), &environment, "")
            .unwrap_err()
            .contains("certificate verify failed")
    );
    world.write("root.crt", &root.certificate);
    world.write(
        "client.crt",
        &root.issue(&Leaf::client("postgres")).certificate,
    );
    assert!(
        psql(&Client::installed(), &environment, "")
            .unwrap_err()
            .contains("key values mismatch")
    );
}

#[test]
fn certificates_are_what_openssl_says_they_are() {
    let root = Authority::root("root");
    let world = Schemastamp::new();
    world.write("root.crt", &root.certificate);
    let verify = |identity: &super::Identity, more: &[&str]| {
        world.write("leaf.crt", &identity.certificate);
        let output = Command::new("openssl")
            .args(["verify", "-CAfile", "root.crt"])
            .args(more)
            .arg("leaf.crt")
            .current_dir(world.root())
            .output()
            .unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let leaf = Leaf::server(&["db.example", "10.1.2.3"]).organization("Näßler & Söhne");
    let good = root.issue(&leaf);
    assert_eq!(verify(&good, &["-verify_ip", "10.1.2.3"]), "leaf.crt: OK\n");
    assert!(verify(&good, &["-verify_hostname", "other.example"]).contains("hostname mismatch"));
    let named_in_common_name = root.issue(&Leaf::server_by_common_name("db.example"));
    assert_eq!(
        verify(&named_in_common_name, &["-verify_hostname", "db.example"]),
        "leaf.crt: OK\n"
    );
    assert!(verify(&root.issue(&leaf.clone().expired()), &[]).contains("certificate has expired"));
    assert!(
        verify(&root.issue(&leaf.clone().not_yet_valid()), &[])
            .contains("certificate is not yet valid")
    );
    assert!(verify(&leaf.self_signed(), &[]).contains("self-signed certificate"));
    assert!(
        verify(&root.intermediate("middle").issue(&leaf), &[])
            .contains("unable to get local issuer")
    );
    world.write("list.pem", root.revocation_list(&[&good]));
    assert!(verify(&good, &["-crl_check", "-CRLfile", "list.pem"]).contains("certificate revoked"));
    world.write("list.pem", root.revocation_list(&[]));
    assert_eq!(
        verify(&good, &["-crl_check", "-CRLfile", "list.pem"]),
        "leaf.crt: OK\n"
    );
    assert!(root.key.starts_with("-----BEGIN PRIVATE KEY-----"));
}

#[test]
fn a_bouncer_pools_transactions_and_can_require_tls() {
    let cluster = Cluster::start(&Options::default());
    let database = cluster.database();
    let bouncer = Bouncer::start(
        &cluster,
        &BouncerOptions::default().setting("default_pool_size", "1"),
    );
    let environment = bouncer.environment(&database);
    let query = "SELECT pg_backend_pid()";
    let first = psql(&Client::installed(), &environment, query).unwrap();
    assert_eq!(
        psql(&Client::installed(), &environment, query).unwrap(),
        first,
        "one server connection for both"
    );
    bouncer.restart();
    assert_ne!(
        psql(&Client::installed(), &environment, query).unwrap(),
        first
    );

    let server = Authority::root("root").issue(&Leaf::server(&["localhost"]));
    let options = BouncerOptions::default()
        .client_tls("require", server.server_tls())
        .user("app", "secret");
    let bouncer = Bouncer::start(&cluster, &options);
    let mut environment = bouncer.environment(&database);
    environment.insert("PGSSLMODE".to_owned(), "disable".to_owned());
    assert!(
        psql(&Client::installed(), &environment, query)
            .unwrap_err()
            .contains("FATAL:  SSL required")
    );
    environment.insert("PGSSLMODE".to_owned(), "require".to_owned());
    environment.insert("PGUSER".to_owned(), "app".to_owned());
    let unknown = psql(&Client::installed(), &environment, query).unwrap_err();
    assert!(
        unknown.contains("role \"app\" does not exist"),
        "the pooler knows app, the server does not: {unknown}"
    );

    let broken = Bouncer::start(
        &cluster,
        &BouncerOptions::default()
            .server_port(1)
            .setting("query_wait_timeout", "1"),
    );
    assert_ne!(broken.port(), bouncer.port());
    assert!(psql(&Client::installed(), &broken.environment(&database), query).is_err());
    assert!(broken.log().contains("failed"), "{}", broken.log());
}

#[test]
fn a_supervised_server_ends_with_its_pipe_and_leaves_nothing() {
    let folder = Supervisor::make_folder();
    // What a killed test process leaves: its end of the pipe closes, and nobody asks for an orderly end.
    let supervisor = Supervisor::start(&folder, &["/bin/sleep", "1000"]);
    assert!(supervisor.folder().exists());
    drop(supervisor);
    let deadline = Instant::now() + Duration::from_secs(10);
    while folder.exists() {
        assert!(Instant::now() < deadline, "the folder is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_binary_runs_in_a_world_of_its_own() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database)
        .env("LEFT_OUT", "x")
        .without("LEFT_OUT");
    assert!(world.run(&["--help"]).succeeds().stderr.is_empty());
    let command = world.command(&[]);
    let mut variables: Vec<_> = command
        .get_envs()
        .map(|(name, _)| name.to_str().unwrap())
        .collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        [
            "HOME",
            "PATH",
            "PGDATABASE",
            "PGHOST",
            "PGPORT",
            "PGUSER",
            "TMPDIR"
        ]
    );
    assert!(world.leftovers().is_empty());
    assert_eq!(
        world.read(
            world
                .write("a/b", "c")
                .strip_prefix(world.root())
                .unwrap()
                .to_str()
                .unwrap()
        ),
        "c"
    );
}

#[test]
fn output_is_the_same_on_every_run() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    let shell = |script: &str| {
        let child = Command::new("/bin/sh")
            .args(["-c", script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        world.finish(child.unwrap())
    };
    let root = world.root().display();
    let output = shell(&format!(
        r#"printf '%s\n' '{root}/x took 12.5 ms' '{{"ms":3.25,"tenant":"a"}}' '\restrict abc123'; printf tail >&2; exit 3"#
    ));
    assert_eq!(
        shell(r#"echo '{"ms":3.25,"tenant":"a"}'"#)
            .succeeds()
            .json()[0]["tenant"],
        "a"
    );
    insta::assert_snapshot!(output, @r#"
    $ROOT/x took [time]
    {"ms":0.0,"tenant":"a"}
    \restrict [key]
    --- stderr ---
    tail[no newline]
    [exit status: 3]
    "#);
    insta::assert_snapshot!(shell("kill -9 $$"), @"[signal: 9]");
}

#[test]
fn root_can_run_the_binary_as_another_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let user = ServerUser::get();
    let world = Schemastamp::new();
    world.write("file", "");
    let world = world.run_as(user);
    assert!(world.run(&["--help"]).succeeds().stderr.is_empty());
    assert_eq!(
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(world.path("file")).unwrap()),
        user.uid
    );
}

fn require_tls(database: &super::Database<'_>) -> std::collections::BTreeMap<String, String> {
    let mut environment = database.tcp_environment();
    environment.insert("PGSSLMODE".to_owned(), "require".to_owned());
    environment
}

#[test]
fn the_sample_app_loads_and_works() {
    let database = Cluster::shared().database();
    database.load("testdata/sample-app.sql");
    let tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'tenant_demo'::regnamespace AND relkind IN ('r', 'p')";
    assert_eq!(database.query(tables), "44");
    let used = "SET search_path = tenant_demo;
        CALL close_month('2030-01-01');
        SELECT invoice_gross(1), gross FROM open_invoices(1);
        SELECT count(*) FROM audit_log; SELECT net_cents FROM revenue_by_month;
        UPDATE customer_names SET name = 'Renamed'; SELECT name FROM customers; SELECT labels()";
    assert_eq!(
        database.query(used),
        "1\n113038|113038\n3\n94990\nRenamed\nopen, written off"
    );
}

#[test]
fn every_hard_case_loads_and_its_check_holds_on_the_source_itself() {
    let mut failures = Vec::new();
    for case in HardCase::all() {
        assert_ne!(case.expect, Expectation::default());
        assert!(!case.tenants.is_empty() && case.seeds.iter().all(|seed| case.sql.contains(seed)));
        let cluster = case.cluster();
        let database = cluster.database();
        let result = database
            .try_query(&case.sql)
            .and_then(|_| database.try_query(&case.check(&case.schema)));
        // The source's own rows and positions, which a tenant does not get, stand in the way of some checks.
        let row = result
            .as_deref()
            .map(|rows| rows.rsplit('\n').next().unwrap_or_default());
        let used = case.sql.contains("INSERT INTO app.t") && row == Ok("f");
        if !used && row != Ok("t") {
            failures.push(format!("{}: {result:?}", case.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
