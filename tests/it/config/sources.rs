//! Which source wins, and what is an error.

use std::path::Path;

use schemastamp::config::{Account, Connection, ConnectionFlags, Environment, Setting};
use secrecy::ExposeSecret;

/// A connection from variables alone, as user `me` without a home.
fn from(variables: &[(&str, &str)]) -> Result<Connection, String> {
    with(&ConnectionFlags::default(), variables)
}

fn with(flags: &ConnectionFlags, variables: &[(&str, &str)]) -> Result<Connection, String> {
    let account = Account {
        name: "me".to_owned(),
        home: "/nonexistent".into(),
    };
    let environment = variables
        .iter()
        .copied()
        .collect::<Environment>()
        .with_account(Some(account))
        .in_directory("/work");
    Connection::resolve(flags, &environment).map_err(|error| error.to_string())
}

fn dbname(text: &str) -> ConnectionFlags {
    ConnectionFlags {
        dbname: Some(text.to_owned()),
        ..ConnectionFlags::default()
    }
}

/// `value (origin)` of a keyword.
fn line(connection: &Connection, keyword: &str) -> String {
    let described = connection
        .describe()
        .find(|described| described.keyword == keyword);
    described
        .map(|described| format!("{} ({})", described.value, described.origin))
        .unwrap_or_default()
}

fn password(connection: &Connection) -> Option<&str> {
    connection
        .password()
        .map(|password| password.value.expose_secret())
}

fn warnings(connection: &Connection) -> Vec<String> {
    connection
        .warnings()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn the_first_source_wins_for_each_keyword() {
    let flags = ConnectionFlags {
        host: Some("flag".to_owned()),
        ..ConnectionFlags::default()
    };
    let connection = with(
        &flags,
        &[
            ("SCHEMASTAMP_HOST", "app"),
            ("SCHEMASTAMP_PORT", "1001"),
            (
                "DATABASE_URL",
                "postgres://url_user:secret@url:1002/url_db?sslmode=require",
            ),
            ("PGUSER", "pg_user"),
            ("PGSSLMODE", "disable"),
            ("PGAPPNAME", "reports"),
        ],
    )
    .unwrap();
    assert_eq!(line(&connection, "host"), "flag (--host)");
    assert_eq!(line(&connection, "port"), "1001 (SCHEMASTAMP_PORT)");
    assert_eq!(line(&connection, "user"), "url_user (user in DATABASE_URL)");
    assert_eq!(
        line(&connection, "dbname"),
        "url_db (dbname in DATABASE_URL)"
    );
    assert_eq!(
        line(&connection, "password"),
        "[redacted] (password in DATABASE_URL)"
    );
    assert_eq!(
        line(&connection, "sslmode"),
        "require (sslmode in DATABASE_URL)"
    );
    assert_eq!(line(&connection, "application_name"), "reports (PGAPPNAME)");
    assert_eq!(
        line(&connection, "gssencmode"),
        "disable (default (schemastamp))"
    );
    let interfering: Vec<String> = connection
        .interfering()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        interfering,
        [
            "PGUSER would count for psql where nothing else does; user in DATABASE_URL counts instead",
            "PGSSLMODE would count for psql where nothing else does; sslmode in DATABASE_URL counts instead",
        ]
    );
}

#[test]
fn defaults_are_those_of_libpq() {
    let connection = from(&[]).unwrap();
    assert_eq!(
        line(&connection, "user"),
        "me (default (the account of this process))"
    );
    assert_eq!(line(&connection, "dbname"), "me (default (the user name))");
    assert_eq!(line(&connection, "sslmode"), "prefer (default (libpq))");
    let [host] = connection.hosts().try_into().unwrap();
    assert_eq!(
        (host.name.as_deref(), host.port, host.is_socket()),
        (None, 5432, true)
    );
    assert_eq!(
        line(&from(&[("PGSSLROOTCERT", "system")]).unwrap(), "sslmode"),
        "verify-full (default (libpq))"
    );
    assert_eq!(
        line(&from(&[("PGREQUIRESSL", "1")]).unwrap(), "sslmode"),
        "require (PGREQUIRESSL)"
    );
    assert_eq!(
        line(
            &from(&[("PGREQUIRESSL", "1"), ("PGSSLMODE", "allow")]).unwrap(),
            "sslmode"
        ),
        "allow (PGSSLMODE)"
    );
}

#[test]
fn without_an_account_and_a_user_name_there_is_an_error() {
    let connect = |variables: &[(&str, &str)]| {
        Connection::resolve(
            &ConnectionFlags::default(),
            &variables.iter().copied().collect(),
        )
    };
    assert!(
        connect(&[])
            .unwrap_err()
            .to_string()
            .contains("--username or PGUSER")
    );
    assert_eq!(connect(&[("PGUSER", "u")]).unwrap().database(), "u");
}

#[test]
fn a_connection_string_in_dbname_wins_over_the_flags_of_psql_and_loses_to_the_tls_flags() {
    let flags = ConnectionFlags {
        host: Some("flag".to_owned()),
        sslmode: Some("verify-full".to_owned()),
        ..dbname("host=string user=su sslmode=disable")
    };
    let connection = with(
        &flags,
        &[("DATABASE_URL", "postgres://other:hunter2@url/url_db")],
    )
    .unwrap();
    assert_eq!(line(&connection, "host"), "string (host in --dbname)");
    assert_eq!(line(&connection, "sslmode"), "verify-full (--sslmode)");
    assert_eq!(
        warnings(&connection),
        ["--host is not used: host in --dbname wins, as in psql"]
    );
    // The password in DATABASE_URL is for another server.
    assert_eq!(password(&connection), None);
    assert_eq!(connection.database(), "su");
}

#[test]
fn a_name_in_dbname_goes_with_the_server_of_database_url() {
    let connection = with(
        &dbname("tenants"),
        &[("DATABASE_URL", "postgres://u:hunter2@url/url_db")],
    )
    .unwrap();
    assert_eq!(line(&connection, "dbname"), "tenants (--dbname)");
    assert_eq!(line(&connection, "host"), "url (host in DATABASE_URL)");
    assert_eq!(password(&connection), Some("hunter2"));
}

#[test]
fn an_own_url_stands_in_for_database_url() {
    let variables = [
        ("SCHEMASTAMP_DATABASE_URL", "postgres://own/d"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d?pool=5"),
    ];
    let connection = from(&variables).unwrap();
    assert_eq!(
        (line(&connection, "host"), password(&connection)),
        ("own (host in SCHEMASTAMP_DATABASE_URL)".into(), None)
    );
}

#[test]
fn the_spellings_of_ecto_and_rails_are_read() {
    for url in [
        "ecto://u:p@h/d",
        "postgis://u:p@h/d",
        "postgresql://u:p@h/d",
        "user=u password=p host=h dbname=d",
    ] {
        let connection = from(&[("DATABASE_URL", url)]).unwrap();
        assert_eq!(
            (
                connection.user(),
                connection.database(),
                password(&connection)
            ),
            ("u", "d", Some("p")),
            "{url}"
        );
    }
}

#[test]
fn errors_name_their_source_and_say_what_to_do() {
    for (variable, value, expected) in [
        (
            "PGPORT",
            "x",
            "PGPORT must be a port from 1 to 65535, or several with commas, and is 'x'",
        ),
        (
            "PGSSLMODE",
            "",
            "PGSSLMODE is empty; give it a value or remove it",
        ),
        (
            "PGHOST",
            "",
            "PGHOST is empty; give it a value or remove it",
        ),
        (
            "DATABASE_URL",
            "app",
            "DATABASE_URL must be a postgres:// URI or a key=value string",
        ),
        (
            "DATABASE_URL",
            "mysql://u:hunter2@h/d",
            "DATABASE_URL must be a postgres:// URI or a key=value string, and its scheme is 'mysql'",
        ),
        (
            "DATABASE_URL",
            "postgres://u:hunter2@h:70000/d",
            "port in DATABASE_URL must be a port from 1 to 65535, or several with commas",
        ),
        (
            "DATABASE_URL",
            "postgres://u:hunter2@h/d?sslmode=Require",
            "sslmode in DATABASE_URL must be disable, allow, prefer, require, verify-ca or verify-full, and is 'Require'",
        ),
        (
            "DATABASE_URL",
            "postgres://u:100%hunter2@h/d",
            "DATABASE_URL cannot be read as a connection string: in the password, '%' is not followed by two hexadecimal \
             digits; write a '%' itself as %25",
        ),
        (
            "DATABASE_URL",
            "postgres://h/d?password=",
            "password in DATABASE_URL is empty; give it a value or remove it",
        ),
        (
            "SCHEMASTAMP_SSLPASSWORD",
            "hunter2",
            "SCHEMASTAMP_SSLPASSWORD: sslpassword is not supported: libpq takes it only as an argument that everyone can \
             see; decrypt the key with `openssl pkey` instead",
        ),
        (
            "PGDATABASE",
            "postgres://u:hunter2@h/d",
            "PGDATABASE must be the name of a database, and holds a connection string; put that into --dbname or \
             DATABASE_URL",
        ),
    ] {
        let error = from(&[(variable, value)]).unwrap_err();
        assert_eq!(error, expected);
    }
}

#[test]
fn lists_must_fit_each_other() {
    let error = from(&[
        ("DATABASE_URL", "postgres://a,b/d"),
        ("SCHEMASTAMP_PORT", "1,2,3"),
    ])
    .unwrap_err();
    assert_eq!(
        error,
        "3 ports from SCHEMASTAMP_PORT do not fit 2 hosts from host in DATABASE_URL; give one per host"
    );
    assert!(
        from(&[("PGHOST", "a,b"), ("PGHOSTADDR", "10.0.0.1")])
            .unwrap_err()
            .contains("1 addresses from PGHOSTADDR")
    );
    let error = from(&[
        ("PGSSLMINPROTOCOLVERSION", "TLSv1.3"),
        ("PGSSLMAXPROTOCOLVERSION", "tlsv1.2"),
    ])
    .unwrap_err();
    assert_eq!(
        error,
        "PGSSLMINPROTOCOLVERSION (TLSv1.3) is above PGSSLMAXPROTOCOLVERSION (TLSv1.2); no TLS version is left"
    );
    let hosts = from(&[("DATABASE_URL", "postgres://a:1,[::1],%2Ftmp:3/d")])
        .unwrap()
        .hosts();
    let shown: Vec<_> = hosts
        .iter()
        .map(|host| (host.name.as_deref().unwrap(), host.port, host.is_socket()))
        .collect();
    assert_eq!(
        shown,
        [("a", 1, false), ("::1", 5432, false), ("/tmp", 3, true)]
    );
    assert_eq!(
        from(&[("PGHOST", "a,b"), ("PGPORT", "7")]).unwrap().hosts()[1].port,
        7
    );
}

#[test]
fn odd_combinations_are_said() {
    let connection = from(&[
        ("DATABASE_URL", "postgres://db/d"),
        ("PGHOSTADDR", "10.0.0.1"),
        ("PGOPTIONS", "-c role=x"),
        ("SCHEMASTAMP_CLIENT_ENCODING", "LATIN1"),
        ("PGSSLCERT", "~/client.crt"),
    ])
    .unwrap();
    assert_eq!(
        warnings(&connection),
        [
            "the connection goes to the address from PGHOSTADDR; host in DATABASE_URL is not resolved; unset the one that is not \
             meant",
            "SCHEMASTAMP_CLIENT_ENCODING is not used: schemastamp speaks UTF8 with the server",
            "PGOPTIONS is not passed on to psql; set SCHEMASTAMP_OPTIONS if it is meant",
            "PGSSLCERT begins with '~', which is read as a directory of that name; write the home directory in full",
        ]
    );
    assert_eq!(
        from(&[("PGHOST", "db"), ("PGHOSTADDR", "10.0.0.1")])
            .unwrap()
            .warnings(),
        []
    );
}

#[test]
fn a_service_counts_right_after_what_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("services.conf");
    schemastamp::path::write_atomic(
        &file,
        b"[prod]\nhost=svc\nuser=svc_user\ndbname=svc_db\npassword=hunter2\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();

    let connection = from(&[
        ("PGSERVICEFILE", file),
        ("PGSERVICE", "prod"),
        ("PGHOST", "pg"),
    ])
    .unwrap();
    assert_eq!(line(&connection, "host"), "pg (PGHOST)");
    assert_eq!(
        line(&connection, "dbname"),
        format!("svc_db (service 'prod' in '{file}', line 4)")
    );
    assert_eq!(password(&connection), Some("hunter2"));
    assert!(
        warnings(&connection)[0].starts_with("PGHOST wins over the service's host"),
        "{:?}",
        connection.warnings()
    );

    let variables = [
        ("PGSERVICEFILE", file),
        ("DATABASE_URL", "postgres://url/url_db"),
        ("PGUSER", "pg"),
    ];
    let connection = with(&dbname("service=prod user=flag"), &variables).unwrap();
    assert_eq!(line(&connection, "user"), "flag (user in --dbname)");
    assert_eq!(
        line(&connection, "host"),
        format!("svc (service 'prod' in '{file}', line 2)")
    );
    assert_eq!(line(&connection, "service"), "prod (service in --dbname)");

    let missing = from(&[
        ("PGSERVICEFILE", file),
        ("PGSERVICE", "test"),
        ("PGSYSCONFDIR", "/nonexistent"),
    ])
    .unwrap_err();
    assert_eq!(
        missing,
        format!("service 'test' from PGSERVICE is not in '{file}'")
    );
    let error = from(&[("PGSERVICEFILE", "/nonexistent/f"), ("PGSERVICE", "test")]).unwrap_err();
    assert_eq!(error, "the file named by PGSERVICEFILE cannot be used");
}

#[test]
fn hosts_with_passwords_of_their_own_leave_the_file_to_libpq() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pgpass");
    schemastamp::path::write_atomic(&file, b"a:5432:*:*:one\nb:5432:*:*:two\nc:5432:*:*:one\n")
        .unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let file = file.to_str().unwrap();
    let child = |hosts: &str| {
        from(&[("PGPASSFILE", file), ("PGHOST", hosts)])
            .unwrap()
            .child_environment()
    };

    let different = child("a,b");
    assert!(!different.contains_key("PGPASSWORD"));
    assert_eq!(
        format!("{:?}", different["PGPASSFILE"]),
        format!("Plain({file:?})")
    );
    let same = child("a,c");
    assert_eq!(format!("{:?}", same["PGPASSFILE"]), "Absent");
    assert!(
        matches!(&same["PGPASSWORD"], schemastamp::process::EnvValue::Secret(password) if password.expose_secret() == "one")
    );
    assert!(!child("x").contains_key("PGPASSWORD"));
}

#[test]
fn a_program_may_set_what_it_knows_better() {
    let mut connection = Connection::parse(
        "postgres://u@h/d",
        &Environment::from_iter([("PGHOST", "other")]),
    )
    .unwrap();
    assert_eq!(line(&connection, "host"), "h (host in the calling program)");
    let setting = |value: &str| Setting::new(value.to_owned(), schemastamp::config::Origin::Code);
    connection
        .set("sslrootcert", setting("/etc/ca.pem"))
        .unwrap();
    assert_eq!(
        connection.path("sslrootcert").unwrap().value,
        Path::new("/etc/ca.pem")
    );
    assert!(
        connection
            .set("sslrootcert", setting("ca.pem"))
            .unwrap_err()
            .to_string()
            .contains("make it absolute")
    );
    assert!(
        connection
            .set("sslrootcrt", setting("/x"))
            .unwrap_err()
            .to_string()
            .contains("did you mean sslrootcert?")
    );
    assert!(connection.set("port", setting("1,2")).is_err());
    connection.unset("sslrootcert");
    assert_eq!(connection.get("sslrootcert"), None);
    connection.set("sslcertmode", setting("require")).unwrap();
    assert_eq!(
        connection
            .unknown_to(15)
            .map(|(keyword, _)| keyword.name)
            .collect::<Vec<_>>(),
        ["sslcertmode"]
    );
}

#[test]
fn the_documentation_lists_every_keyword_and_variable() {
    let text = include_str!("../../../docs/configuration.md");
    for keyword in schemastamp::config::KEYWORDS {
        assert!(
            text.contains(&format!("`{}`", keyword.name)),
            "{} is missing",
            keyword.name
        );
        let deliberate = ["client_encoding", "options"].contains(&keyword.name);
        if let Some(variable) = keyword.variable.filter(|_| !deliberate) {
            assert!(
                text.contains(&format!("`{variable}`")),
                "{variable} is missing"
            );
        }
    }
}

/// Resolves `SCHEMASTAMP_PASSWORD_COMMAND=/bin/token` with further variables and flags.
fn resolve(flags: &ConnectionFlags, variables: &[(&str, &str)]) -> Result<String, String> {
    let fixed = [
        ("PGUSER", "u"),
        ("SCHEMASTAMP_PASSWORD_COMMAND", "/bin/token hunter2"),
    ];
    let environment: Environment = fixed.iter().chain(variables).copied().collect();
    let connection = Connection::resolve(flags, &environment).map_err(|error| error.to_string())?;
    let password = connection
        .password()
        .map(|password| password.origin.to_string());
    let command = connection
        .password_command()
        .map(|command| command.origin.to_string());
    assert!(!format!("{connection:?}").contains("hunter2"));
    Ok(password.or(command).unwrap_or_default())
}

#[test]
fn the_strongest_source_of_a_password_counts() {
    let flags = ConnectionFlags::default();
    let command = Ok("SCHEMASTAMP_PASSWORD_COMMAND".to_owned());
    assert_eq!(resolve(&flags, &[]), command);
    assert_eq!(resolve(&flags, &[("PGPASSWORD", "x")]), command);
    assert_eq!(
        resolve(&flags, &[("DATABASE_URL", "postgres://u:x@h/d")]),
        command
    );
    let url = ConnectionFlags {
        dbname: Some("postgres://u:x@h/d".to_owned()),
        ..ConnectionFlags::default()
    };
    assert_eq!(resolve(&url, &[]), Ok("password in --dbname".to_owned()));
    let flag = ConnectionFlags {
        password_command: Some("/bin/other".to_owned()),
        ..ConnectionFlags::default()
    };
    assert_eq!(
        resolve(&flag, &[("SCHEMASTAMP_PASSWORD", "x")]),
        Ok("--password-command".to_owned())
    );
    assert_eq!(
        resolve(&flags, &[("SCHEMASTAMP_PASSWORD", "x")]).unwrap_err(),
        "SCHEMASTAMP_PASSWORD and SCHEMASTAMP_PASSWORD_COMMAND both give the password; remove one of them"
    );
}
