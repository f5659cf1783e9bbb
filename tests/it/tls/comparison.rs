//! The same scenes for psql, `pg_isready` and `openssl s_client`: who names the root cause?

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use super::all_scenes;
use super::scene::{Scene, healthy};
use crate::support::{Client, Schemastamp};

/// Words that name a cause, in whoever's mouth: generous, any of them will do.
fn words(finding: &str) -> &'static [&'static str] {
    match finding {
        "tls.server_requires_tls" => &["SSL required", "no encryption"],
        "tls.server_without_tls" => &["does not support SSL", "STARTTLS"],
        "tls.server_cert.expired" | "tls.root_cert.expired" => &["certificate has expired"],
        "tls.server_cert.not_yet_valid"
        | "tls.root_cert.not_yet_valid"
        | "tls.client_cert.not_yet_valid" => &["not yet valid"],
        "tls.server_cert.self_signed" => &["self-signed certificate", "self signed certificate"],
        "tls.server_cert.unknown_issuer" | "tls.server_cert.incomplete_chain" => &[
            "unable to get local issuer",
            "self-signed certificate in certificate chain",
        ],
        "tls.root_cert.incomplete" => &["unable to get issuer", "unable to get local issuer"],
        "tls.server_cert.other_key" => &[
            "certificate signature failure",
            "self-signed certificate in certificate chain",
        ],
        "tls.server_cert.revoked" => &["certificate revoked"],
        "tls.server_cert.name" => &[
            "does not match host name",
            "ostname mismatch",
            "IP address mismatch",
        ],
        "tls.root_cert.missing" | "tls.crl.missing" => &["does not exist", "No such file"],
        "tls.client_cert.missing" => &["No such file", "does not exist"],
        "tls.client_key.missing" => &["certificate present, but not private key", "No such file"],
        "tls.root_cert.unreadable" | "tls.client_cert.unreadable" | "tls.client_key.unreadable" => {
            &["Permission denied", "Too many levels"]
        }
        "tls.root_cert.invalid" | "tls.client_cert.invalid" | "tls.client_key.invalid" => &[
            "no certificate or crl found",
            "no start line",
            "unsupported",
            "Could not read",
        ],
        "tls.root_cert.not_a_file" | "tls.client_cert.not_a_file" => {
            &["Is a directory", "not a regular file"]
        }
        "tls.client_key.not_a_file" => &["not a regular file", "Is a directory"],
        "tls.client_key.permissions" | "login.password_file" => &["has group or world access"],
        "tls.client_key.mismatch" => &["key values mismatch"],
        "tls.client_key.encrypted" => &["pass phrase", "password", "processing error"],
        "tls.client_key.colon" => &["engine"],
        "tls.client_cert.unknown_ca" => &["unknown ca"],
        "tls.client_cert.is_ca" => &["CA certificate"],
        "tls.client_cert.expired" => &["certificate expired", "certificate has expired"],
        "tls.client_cert.wrong_purpose" => &["unsupported certificate"],
        "tls.client_cert.required" => &["valid client certificate", "certificate required"],
        "tls.protocol_version" => &["protocol version"],
        "tls.plaintext" => &["not encrypted", "plaintext"],
        "config.protocol_range" => &["protocol version range"],
        "config.no_host_name" => &["host name must be specified"],
        "config.weak_sslmode" => &["weak sslmode"],
        "config.invalid" => &["invalid sslmode value", "protocol version range"],
        "program.libpq_too_old" => &["invalid connection option", "sslnegotiation"],
        "net.dns" | "net.private_name" => {
            &["could not translate host name", "Name or service not known"]
        }
        "net.refused" => &["Connection refused"],
        "net.socket_missing" => &["No such file or directory"],
        "net.not_postgresql" => &["invalid response", "wrong version number"],
        "net.closed" => &["closed the connection unexpectedly"],
        "login.wrong_password" => &["password authentication failed"],
        "login.no_password" => &["no password supplied"],
        "login.unknown_role" => &["role \"nemo\" does not exist"],
        "login.not_permitted" => &["not permitted to log in"],
        "login.no_hba_entry" => &["no pg_hba.conf entry"],
        "login.hba_reject" => &["pg_hba.conf rejects"],
        "login.certificate_user" => &["certificate authentication failed", "CN mismatch"],
        "login.not_pooler_user" => &["no such user"],
        "server.too_many_for_role" => &["too many connections for role"],
        "server.unknown_database" => &["does not exist"],
        "server.no_connect_right" => &["permission denied for database"],
        "server.no_create_right" => &["permission denied"],
        "environment.interference" => &["HOME"],
        "tls.openssl_config" => &["no ciphers"],
        "login.gssapi" => &["No Kerberos credentials"],
        "config.gssencmode" => &["no credential cache"],
        "server.database_closed" => &["invalid database"],
        "tls.crl.invalid" | "tls.crl.not_a_file" => &["Could not read", "Unable to load CRL"],
        "tls.crl.unreadable" => &["Permission denied"],
        "config.service" => &["definition of service"],
        "config.file" => &["service file"],
        "config.value" => &["is too long"],
        "net.unreachable" => &["Invalid argument"],
        "login.refused" => &["LDAP authentication failed"],
        "login.peer" => &["Ident authentication failed"],
        "login.channel_binding" => &["channel binding required"],
        "tls.crl.incomplete" => &["unable to get certificate CRL"],
        "server.target_session" => &["not in hot standby mode"],
        // Nothing fails, and nobody says that the rest of a script would.
        "config.not_as_meant" | "server.read_only" => &["read-only transaction"],
        "login.requirepeer" => &["requirepeer"],
        "tls.handshake" => &["internal error"],
        "login.scram" => &["incorrect server signature", "malformed SCRAM message"],
        "server.startup_parameter" => &["command-line argument", "invalid value for parameter"],
        other => panic!("{other} is not compared yet"),
    }
}

#[test]
fn who_names_the_root_cause() {
    let mut table = String::from(
        "| scene | finding | psql | pg_isready | openssl s_client |\n|---|---|---|---|---|\n",
    );
    let mut right = [0; 3];
    let scenes: Vec<Scene> = all_scenes()
        .into_iter()
        .filter(|scene| !scene.finding.is_empty())
        .collect();
    for scene in &scenes {
        let app = (scene.stage)(healthy());
        let said = [by_psql(&app), by_pg_isready(&app), by_openssl(&app)];
        let names = said.map(|said| words(scene.finding).iter().any(|word| said.contains(word)));
        for (count, named) in right.iter_mut().zip(names) {
            *count += usize::from(named);
        }
        let [psql, pg_isready, openssl] = names.map(|named| if named { "yes" } else { "–" });
        writeln!(
            table,
            "| {} | `{}` | {psql} | {pg_isready} | {openssl} |",
            scene.name, scene.finding
        )
        .unwrap();
    }
    let total = scenes.len();
    writeln!(
        table,
        "\n{total} scenes: psql {}, pg_isready {}, openssl s_client {}",
        right[0], right[1], right[2]
    )
    .unwrap();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    std::fs::write(folder.join("tls-comparison.md"), &table).unwrap();
    // Diagnose is right in all of them, or the other tests fail.
    assert!(total >= 60, "{total} scenes");
    assert!(right.iter().all(|count| *count < total), "{table}");
}

/// The variable as the scene has it.
fn variable(app: &Schemastamp, name: &str) -> Option<String> {
    let command = app.command_of("/bin/true".as_ref(), &[]);
    let value = command.get_envs().find(|(key, _)| *key == name)?.1?;
    Some(value.to_str().unwrap().to_owned())
}

/// Everything that a program says.
fn output(mut command: Command) -> String {
    command.stdin(Stdio::null()).env("LC_ALL", "C");
    let output = command.output().unwrap();
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn by_psql(app: &Schemastamp) -> String {
    // Devices and pipes would make psql hang for ever.
    let timeout = "timeout".as_ref();
    let psql = Client::installed().psql();
    let query = "CREATE SCHEMA x; DROP SCHEMA x";
    output(app.command_of(
        timeout,
        &["2", psql.to_str().unwrap(), "-X", "-w", "-c", query],
    ))
}

fn by_pg_isready(app: &Schemastamp) -> String {
    let program = Client::installed().bin.join("pg_isready");
    output(app.command_of(
        "timeout".as_ref(),
        &["2", program.to_str().unwrap(), "-t", "2"],
    ))
}

fn by_openssl(app: &Schemastamp) -> String {
    let host = variable(app, "PGHOST").unwrap_or_default();
    let address = variable(app, "PGHOSTADDR").unwrap_or_else(|| host.clone());
    let address = if address.contains(':') {
        format!("[{address}]")
    } else {
        address
    };
    let place = format!("{address}:{}", variable(app, "PGPORT").unwrap());
    let mut arguments = vec!["2".to_owned(), "openssl".to_owned()];
    let fixed = [
        "s_client",
        "-starttls",
        "postgres",
        "-verify_return_error",
        "-connect",
        &place,
    ];
    arguments.extend(fixed.map(str::to_owned));
    let mode = variable(app, "PGSSLMODE").unwrap_or_default();
    let mut add = |option: &str, value: Option<String>| {
        if let Some(value) = value {
            arguments.extend([option.to_owned(), value]);
        }
    };
    add(
        "-CAfile",
        variable(app, "PGSSLROOTCERT").filter(|path| path != "system"),
    );
    add(
        "-verify_hostname",
        Some(host.clone()).filter(|_| mode == "verify-full" && !host.is_empty()),
    );
    add("-cert", variable(app, "PGSSLCERT"));
    add("-key", variable(app, "PGSSLKEY"));
    if let Some(list) = variable(app, "PGSSLCRL") {
        arguments.extend(["-CRL".to_owned(), list, "-crl_check".to_owned()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    output(app.command_of("timeout".as_ref(), &arguments))
}
