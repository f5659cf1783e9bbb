//! The same input to this library and to psql: same verdict, same server, same password; except for parameters of a URI
//! that only frameworks read, which psql refuses.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use schemastamp::config::{ConfigWarning, Connection, ConnectionFlags, Environment};
use schemastamp::process::EnvValue;

use super::fake_server::password_taker;

/// The newest psql of Debian's folders, else the one in `PATH`; never Debian's wrapper.
fn psql() -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<PathBuf> = installed
        .map(|entry| entry.path().join("bin/psql"))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| "psql".into())
}

/// What psql says on stderr when it tries to connect with these variables and this `--dbname`.
fn said(variables: &BTreeMap<String, OsString>, dbname: Option<&str>) -> String {
    let mut command = Command::new(psql());
    command
        .env_clear()
        .envs(variables)
        .args(["-X", "-w", "-c", ""])
        .stdin(Stdio::null());
    if let Some(dbname) = dbname {
        command.arg("--dbname").arg(dbname);
    }
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The socket paths that psql tried, in order; `None` when it refused the input before trying.
fn tried(stderr: &str) -> Option<Vec<&str>> {
    let sockets: Vec<&str> = stderr
        .lines()
        .filter_map(|line| {
            line.split_once("connection to server on socket \"")?
                .1
                .split_once('"')
        })
        .map(|(socket, _)| socket)
        .collect();
    let elsewhere = stderr.contains("connection to server at")
        || stderr.contains("could not translate host name");
    (elsewhere || !sockets.is_empty()).then_some(sockets)
}

fn sockets(connection: &Connection) -> Vec<String> {
    let hosts = connection.hosts();
    hosts
        .iter()
        .map(|host| {
            format!(
                "{}/.s.PGSQL.{}",
                host.name.as_deref().unwrap_or("DEFAULT"),
                host.port
            )
        })
        .collect()
}

/// The child's variables as the process layer would set them.
fn variables(connection: &Connection) -> BTreeMap<String, OsString> {
    use secrecy::ExposeSecret;
    let value = |value| match value {
        EnvValue::Plain(value) => value,
        EnvValue::Secret(value) => value.expose_secret().into(),
        EnvValue::Absent => "/nonexistent/schemastamp".into(),
    };
    connection
        .child_environment()
        .into_iter()
        .map(|(name, given)| (name, value(given)))
        .collect()
}

/// Compares one `--dbname` string: the verdict, the sockets tried, and the sockets that the child tries with what was resolved.
fn compare(text: &str) {
    let theirs = said(&BTreeMap::new(), Some(text));
    let flags = ConnectionFlags {
        dbname: Some(text.to_owned()),
        ..ConnectionFlags::default()
    };
    let environment = Environment::from_iter([("SCHEMASTAMP_USER", "u")]).in_directory("/");
    match (Connection::resolve(&flags, &environment), tried(&theirs)) {
        (Ok(connection), Some(theirs)) => {
            assert_eq!(sockets(&connection), theirs, "{text}");
            let arguments = connection.conninfo_arguments().join(" ");
            let ours = said(
                &variables(&connection),
                Some(&arguments)
                    .filter(|text| !text.is_empty())
                    .map(String::as_str),
            );
            assert_eq!(
                tried(&ours).as_deref(),
                Some(theirs.as_slice()),
                "{text}: {ours}"
            );
        }
        (Err(_), None) => {}
        (ours, _) => panic!("{text}: schemastamp says {ours:?}, psql says {theirs}"),
    }
}

#[test]
fn psql_gives_the_same_verdict_and_goes_to_the_same_server() {
    for text in [
        "host=/none",
        "  host = /none  port=6000 ",
        "host='/none' port='6000'",
        r"host=/no\ ne user=it\'s",
        "host='/it\\'s' dbname=x",
        "host=/a,/b port=1,2",
        "host=/a,/b port=7",
        "host=/a,/b port=1,2,3",
        "host=/a port=70000",
        "host=/a port=0",
        "host=/a port=x",
        "host=/a bogus=1",
        "host=/a user='x",
        "host=/a user",
        "host=/a sslmode=foo",
        "host=/a sslmode=''",
        "host=/a gssencmode=bad",
        "host=/a channel_binding=bad",
        "host=/a target_session_attrs=bad",
        "host=/a ssl_min_protocol_version=TLSv9",
        "host=/a ssl_min_protocol_version=tlsv1.2",
        "host=/a ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2",
        "host=/a keepalives=0 keepalives_idle=5 tcp_user_timeout=1000 connect_timeout=2",
        "requiressl=1 host=/a",
        "postgres:///d?host=/none&port=7",
        "postgres://%2Fnone/d",
        "postgres://%2Fnone:7,%2Fother:8/d",
        "postgresql://u:p%40@%2Fnone/d?ssl=true",
        "postgres://u:p@%2Fnone/d?application_name=a%20b&connect_timeout=3",
        "postgres://u:p%zz@%2Fnone/d",
        "postgres://u:p%00@%2Fnone/d",
        "postgres://[::1/d",
        "postgres://[]/d",
        "postgres://[::1]x/d",
        "postgres://%2Fnone/d?sslmode",
        "postgres://%2Fnone/d?sslmode=a=b",
        "postgres://%2Fnone/d?sslmod=require",
        "postgres://%2Fnone/d?&",
        "postgres://%2Fnone/d?",
        "postgres://%2Fnone/d?ssl=false",
        "postgres://%2Fnone:abc/d",
        "postgres://%2Fnone:/d",
        "postgres://u:pa/ss@%2Fnone/d",
    ] {
        compare(text);
    }
}

#[test]
fn a_service_is_read_as_psql_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("services.conf");
    let content = "# c\n[a]\nhost=/first\nhost=/second\n\n [b]\n  host=/indented  \nport=7\n[c]\nhost = /x\n[d]\nfoo=1\n\
                   [e]\nservice=a\n[f]\nnoequals\n[g]\n#host=/x\nhost=/g\n[a]\nport=9\n";
    schemastamp::path::write_atomic(&file, content.as_bytes()).unwrap();
    for service in ["a", "b", "c", "d", "e", "f", "g", "nosuch"] {
        let set = [
            ("PGSERVICEFILE", file.to_str().unwrap()),
            ("PGSERVICE", service),
            ("PGSYSCONFDIR", "/nonexistent"),
        ];
        let theirs = said(
            &set.iter()
                .map(|(name, value)| ((*name).to_owned(), value.into()))
                .collect(),
            None,
        );
        let environment: Environment = set.into_iter().chain([("SCHEMASTAMP_USER", "u")]).collect();
        let ours = Connection::resolve(&ConnectionFlags::default(), &environment);
        let ours = ours.as_ref().map(sockets).map_err(|_| ());
        assert_eq!(
            ours.ok().as_deref(),
            tried(&theirs)
                .map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())
                .as_deref(),
            "{service}: {theirs}"
        );
    }
}

/// Asks psql and the library for the password of `u` in `d` on 127.0.0.1, from a password file of this mode.
fn passwords(line: &str, mode: u32, folder: &Path) -> (Option<String>, Option<String>) {
    let (port, server) = password_taker();
    let file = folder.join("pgpass");
    schemastamp::path::write_atomic(&file, line.replace("PORT", &port.to_string()).as_bytes())
        .unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    let port = port.to_string();
    let set = [
        ("PGPASSFILE", file.to_str().unwrap()),
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", &port),
        ("PGUSER", "u"),
        ("PGDATABASE", "d"),
        ("PGSSLMODE", "disable"),
        ("PGGSSENCMODE", "disable"),
    ];
    said(
        &set.iter()
            .map(|(name, value)| ((*name).to_owned(), value.into()))
            .collect(),
        None,
    );
    let theirs = server.join().unwrap();
    let connection =
        Connection::resolve(&ConnectionFlags::default(), &set.into_iter().collect()).unwrap();
    let ours = connection
        .password()
        .map(|password| secrecy::ExposeSecret::expose_secret(&password.value).to_owned());
    (ours, theirs)
}

#[test]
fn the_password_file_gives_psql_the_same_password() {
    let folder = tempfile::tempdir().unwrap();
    for (line, mode, found) in [
        ("127.0.0.1:PORT:d:u:plain\n", 0o600, true),
        ("*:*:*:*:any", 0o400, true),
        ("127.0.0.1:PORT:d:u:wide\n", 0o640, false),
        ("127.0.0.1:PORT:d:u:crlf\r\n", 0o600, true),
        ("#127.0.0.1:PORT:d:u:no\n127.0.0.1:*:d:u:yes\n", 0o600, true),
        (
            "127.0.0.1:1:d:u:no\n127.0.0.1:PORT:x:u:no\n*:*:d:*:third\n*:*:*:*:fourth\n",
            0o600,
            true,
        ),
        (r"127.0.0.1:PORT:\d:u:a\:b\\c:rest", 0o600, true),
        ("127.0.0.1:PORT:d:uu:no\n127.0.0.1:PORT:d\n", 0o600, false),
        (r"127.0.0.1:PORT:d:u:end\", 0o600, true),
        ("localhost:PORT:d:u:name\n", 0o600, false),
    ] {
        let (ours, theirs) = passwords(line, mode, folder.path());
        assert_eq!(ours, theirs, "{line}");
        assert_eq!(ours.is_some(), found, "{line}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_pair_string_gets_the_same_verdict(text in r"(host|port|user|dbname|sslmode|x)?( )?=?('|\\|/|a|1| |=){0,6}( user=u)?( (port|user)='?[12]{0,3}'?)?") {
        // Empty values are errors here and defaults in libpq.
        let text = format!("{text} host=/none");
        let theirs = said(&BTreeMap::new(), Some(&text));
        let flags = ConnectionFlags { dbname: Some(text.clone()), ..ConnectionFlags::default() };
        let environment = Environment::from_iter([("SCHEMASTAMP_USER", "u")]).in_directory("/");
        match Connection::resolve(&flags, &environment) {
            Ok(connection) if connection.value("host").is_some_and(|host| host.starts_with('/')) => {
                let ours = sockets(&connection);
                prop_assert_eq!(Some(ours.iter().map(String::as_str).collect::<Vec<_>>()), tried(&theirs), "{}: {}", text, theirs);
            }
            Ok(_) => prop_assert!(tried(&theirs).is_some(), "{}: {}", text, theirs),
            Err(error) if error.to_string().contains("is empty") => {}
            Err(error) => prop_assert!(tried(&theirs).is_none_or(|_| error.to_string().contains("must be")), "{}: {} / {}", text, error, theirs),
        }
    }

    #[test]
    fn any_uri_gets_the_same_verdict(text in r"(u|u:p|:p|u:%41)?@?(%2Fnone|\[::1\]|%2Fa,%2Fb)(:[0-9x]{0,3})?(,%2Fc:1)?/?[d%4@1]{0,4}(\?((port|ssl|dbname|x)=?[0-9a-d%=]{0,4}&?){0,2})?") {
        let text = format!("postgres://{text}");
        let theirs = said(&BTreeMap::new(), Some(&text));
        let flags = ConnectionFlags { dbname: Some(text.clone()), ..ConnectionFlags::default() };
        let environment = Environment::from_iter([("SCHEMASTAMP_USER", "u")]).in_directory("/");
        match Connection::resolve(&flags, &environment) {
            // What frameworks add is ignored with a warning.
            Ok(connection) if connection.warnings().iter().any(|warning| matches!(warning, ConfigWarning::UnknownParameters { .. })) => {
                prop_assert!(theirs.contains("invalid URI query parameter"), "{}: {}", text, theirs);
            }
            Ok(connection) => {
                let tried = tried(&theirs);
                prop_assert!(tried.is_some(), "{}: {}", text, theirs);
                let local = connection.hosts().iter().all(|host| host.name.as_deref().is_some_and(|name| name.starts_with('/')));
                let ours = sockets(&connection);
                let ours: Vec<&str> = ours.iter().map(String::as_str).collect();
                prop_assert!(!local || tried == Some(ours), "{}: {}", text, theirs);
            }
            // Stricter than libpq on purpose.
            Err(error) if ["is empty", "there is an '@'", "not valid UTF-8", "must be host names"].iter().any(|part| error.to_string().contains(part)) => {}
            // libpq looks at a host's port only when it gets to that host.
            Err(error) => {
                let refused = tried(&theirs).is_none() || theirs.contains("invalid integer value") || theirs.contains("invalid port number");
                prop_assert!(refused, "{}: {} / {}", text, error, theirs);
            }
        }
    }
}
