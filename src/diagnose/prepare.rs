use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::config::{Connection, Environment, Origin, Setting};
use crate::pg::PasswordCommand;
use crate::process::EnvValue;
use crate::tls::judge::JudgementContext;
use crate::tls::{
    Feature, Files, Named, Roots, SYSTEM, SslMode, Terms, TlsError, TlsRange, effective_mode,
    resolve,
};

/// The TLS behaviour of a connection.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The mode that counts.
    pub mode: SslMode,
    /// The files, looked at and judged. Empty for Unix sockets and `disable`, where libpq opens none.
    pub files: Files,
    /// The TLS versions that libpq may offer.
    pub range: TlsRange,
    /// TLS begins without a request for it.
    pub direct: bool,
    /// Every host is a Unix socket.
    pub socket: bool,
}

impl Prepared {
    /// The settings that decide how much is verified.
    pub fn terms(&self) -> Terms {
        let root_cert = self.files.verifies() || matches!(self.files.roots, Roots::System(_));
        Terms {
            mode: self.mode,
            root_cert,
            socket: self.socket,
        }
    }
}

/// Settles what a connection does about TLS before it is tried, and refuses what cannot work.
///
/// Called before every command connects. The connection then names each file explicitly: `~/.postgresql/root.crt` is used
/// only for `verify-ca` and `verify-full`; a client certificate is used only when it is named; `sslrootcert=system` becomes
/// a file for a libpq that does not know the word.
///
/// # Errors
/// A file that libpq could not use, a combination that it would refuse, or a setting that this libpq would ignore.
pub fn prepare(
    connection: &mut Connection,
    environment: &Environment,
    libpq_major: u32,
) -> Result<Prepared, TlsError> {
    let prepared = settle(connection, environment, libpq_major)?;
    match prepared.files.fatal() {
        Some(problem) => Err(problem.clone().into()),
        None => Ok(prepared),
    }
}

/// Like [`prepare`], but hands over files that cannot be used instead of refusing them: for a report on all of them.
///
/// # Errors
/// A combination that libpq would refuse, or a setting that this libpq would ignore.
pub fn settle(
    connection: &mut Connection,
    environment: &Environment,
    libpq_major: u32,
) -> Result<Prepared, TlsError> {
    let value = |keyword: &str| connection.value(keyword);
    let system_roots = value("sslrootcert") == Some(SYSTEM);
    let direct = value("sslnegotiation") == Some("direct");
    let configured = connection
        .get("sslmode")
        .filter(|mode| !matches!(mode.origin, Origin::Default(_)));
    let configured = configured
        .map(|mode| mode.value.parse::<SslMode>())
        .transpose()?;
    let mode = effective_mode(configured, system_roots, direct)?;
    let range = TlsRange::new(
        value("ssl_min_protocol_version"),
        value("ssl_max_protocol_version"),
    )?;
    refuse_unknown(connection, libpq_major)?;

    let hosts = connection.hosts();
    let socket = hosts.iter().all(crate::config::Host::is_socket);
    let unnamed = hosts
        .iter()
        .any(|host| host.name.is_none() && host.address.is_some());
    if mode == SslMode::VerifyFull && unnamed {
        return Err(TlsError::NoHostName);
    }
    let files = if socket {
        Files::default()
    } else {
        let circumstances = JudgementContext {
            mode,
            libpq_major,
            now: now(),
        };
        resolve(
            &named(connection, environment),
            environment.home(libpq_major).as_deref(),
            circumstances,
        )?
    };
    let prepared = Prepared {
        mode,
        files,
        range,
        direct,
        socket,
    };
    name_explicitly(connection, &prepared, system_roots);
    Ok(prepared)
}

/// The command that prints the password of each new connection, ready to be run.
pub fn password_command(
    connection: &Connection,
    environment: &Environment,
) -> Option<PasswordCommand> {
    let Setting { value, origin } = connection.password_command()?;
    let directory = environment.absolute(Path::new("."));
    Some(PasswordCommand::new(
        value.program(),
        value.arguments().iter().cloned(),
        directory.unwrap_or_else(|| PathBuf::from("/")),
        connection.password_command_environment(environment),
        origin.to_string(),
    ))
}

/// Now, in seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn named(connection: &Connection, environment: &Environment) -> Named {
    let path = |keyword: &str| {
        connection
            .path(keyword)
            .map(|setting| setting.value.to_owned())
    };
    let sends = connection.value("sslcertmode") != Some("disable");
    Named {
        root_cert: path("sslrootcert"),
        system_roots: connection.value("sslrootcert") == Some(SYSTEM),
        crl: path("sslcrl"),
        client_cert: path("sslcert").filter(|_| sends),
        client_key: path("sslkey").filter(|_| sends),
        ssl_cert_file: environment.get("SSL_CERT_FILE").map(PathBuf::from),
    }
}

/// A setting whose loss would weaken the connection, with the values that may be lost without harm.
struct Guard {
    keyword: &'static str,
    variable: &'static str,
    feature: Feature,
    harmless: &'static [&'static str],
}

const GUARDS: [Guard; 5] = [
    Guard {
        keyword: "sslcertmode",
        variable: "PGSSLCERTMODE",
        feature: Feature::SslCertMode,
        // `disable` is done by naming no file as well, `allow` is the default.
        harmless: &["disable", "allow"],
    },
    Guard {
        keyword: "sslnegotiation",
        variable: "PGSSLNEGOTIATION",
        feature: Feature::SslNegotiation,
        harmless: &["postgres"],
    },
    Guard {
        keyword: "require_auth",
        variable: "PGREQUIREAUTH",
        feature: Feature::RequireAuth,
        harmless: &[],
    },
    Guard {
        keyword: "sslcrldir",
        variable: "PGSSLCRLDIR",
        feature: Feature::CrlDirectory,
        harmless: &[],
    },
    Guard {
        keyword: "sslrootcert",
        variable: "PGSSLROOTCERT",
        feature: Feature::SystemRoots,
        harmless: &[],
    },
];

impl Guard {
    /// Returns `true` if a libpq that does not know the value would verify less.
    fn guards(&self, value: &str) -> bool {
        !self.harmless.contains(&value) && (self.feature != Feature::SystemRoots || value == SYSTEM)
    }

    fn refuse(&self, value: &str, program: &'static str, libpq_major: u32) -> TlsError {
        TlsError::TooOld {
            program,
            setting: format!("{}={}", self.keyword, crate::text::safe(value)),
            feature: self.feature,
            libpq_major,
        }
    }
}

/// Refuses settings that psql's libpq would ignore. The system's roots are not among them: they become a file.
fn refuse_unknown(connection: &Connection, libpq_major: u32) -> Result<(), TlsError> {
    for guard in &GUARDS {
        let value = connection
            .value(guard.keyword)
            .filter(|value| guard.feature != Feature::SystemRoots && guard.guards(value));
        if let Some(value) = value.filter(|_| !guard.feature.known_to(libpq_major)) {
            return Err(guard.refuse(value, "psql", libpq_major));
        }
    }
    Ok(())
}

/// Refuses variables of a child that the libpq of another program would ignore: `pg_dump` may load an older one than psql.
///
/// # Errors
/// The first variable that this libpq does not know, or whose value it takes for something else.
pub fn refuse_ignored(
    environment: &BTreeMap<String, EnvValue>,
    program: &'static str,
    libpq_major: u32,
) -> Result<(), TlsError> {
    match guarded(environment).find(|(guard, _)| !guard.feature.known_to(libpq_major)) {
        Some((guard, value)) => Err(guard.refuse(value, program, libpq_major)),
        None => Ok(()),
    }
}

/// Returns `true` if an older libpq would ignore a variable of a child.
pub fn has_guarded(environment: &BTreeMap<String, EnvValue>) -> bool {
    guarded(environment).next().is_some()
}

fn guarded(
    environment: &BTreeMap<String, EnvValue>,
) -> impl Iterator<Item = (&'static Guard, &str)> {
    GUARDS.iter().filter_map(|guard| {
        let EnvValue::Plain(value) = environment.get(guard.variable)? else {
            return None;
        };
        let value = value.to_str()?;
        guard.guards(value).then_some((guard, value))
    })
}

fn name_explicitly(connection: &mut Connection, prepared: &Prepared, system_roots: bool) {
    let mut changes = Vec::new();
    if let Roots::File(used) = &prepared.files.roots
        && used.by_default
    {
        let whose = if system_roots {
            "the system's authorities"
        } else {
            "libpq's file in the home directory"
        };
        let path = used.observed.path.to_string_lossy().into_owned();
        changes.push(("sslrootcert", Setting::new(path, Origin::Default(whose))));
    }
    if system_roots {
        let origin = match connection.get("sslmode") {
            Some(Setting { origin, .. }) if !matches!(origin, Origin::Default(_)) => origin.clone(),
            _ => Origin::Default("libpq's for sslrootcert=system"),
        };
        changes.push((
            "sslmode",
            Setting::new(prepared.mode.keyword().to_owned(), origin),
        ));
    }
    for (keyword, setting) in changes {
        if let Err(error) = connection.set(keyword, setting) {
            // Both values are of a kind that `set` takes; should it not, psql decides by what stands there.
            tracing::warn!(%error, "{keyword} is not named explicitly");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConnectionFlags;

    fn connection(variables: &[(&str, &str)]) -> (Connection, Environment) {
        let all = [("PGUSER", "u"), ("PGHOST", "h")]
            .iter()
            .chain(variables)
            .copied();
        let environment: Environment = all.collect::<Environment>().in_directory("/w");
        (
            Connection::resolve(&ConnectionFlags::default(), &environment).unwrap(),
            environment,
        )
    }

    fn refused(variables: &[(&str, &str)], libpq_major: u32) -> String {
        let (mut connection, environment) = connection(variables);
        prepare(&mut connection, &environment, libpq_major)
            .unwrap_err()
            .id()
    }

    fn accepted(variables: &[(&str, &str)], libpq_major: u32) -> (Connection, Prepared) {
        let (mut connection, environment) = connection(variables);
        let prepared = prepare(&mut connection, &environment, libpq_major).unwrap();
        (connection, prepared)
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().to_str().unwrap();
        assert_eq!(
            refused(&[("PGSSLMODE", "verify-full"), ("HOME", home)], 15),
            "tls.root_cert.missing"
        );
        assert_eq!(
            refused(
                &[("PGSSLNEGOTIATION", "direct"), ("PGSSLMODE", "require")],
                16
            ),
            "program.libpq_too_old"
        );
        assert_eq!(
            refused(&[("PGSSLNEGOTIATION", "direct")], 17),
            "config.weak_sslmode"
        );
        assert_eq!(
            refused(&[("PGSSLROOTCERT", "system"), ("PGSSLMODE", "require")], 15),
            "config.weak_sslmode"
        );
        assert_eq!(
            refused(&[("PGSSLCERTMODE", "require")], 15),
            "program.libpq_too_old"
        );
        assert_eq!(
            refused(&[("PGSSLMAXPROTOCOLVERSION", "TLSv1.1")], 15),
            "config.protocol_range"
        );
    }

    #[test]
    fn a_stray_root_certificate_counts_only_where_one_is_needed() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".postgresql");
        std::fs::create_dir(&folder).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = rcgen::CertificateParams::new(vec![])
            .unwrap()
            .self_signed(&key)
            .unwrap()
            .pem();
        for name in ["root.crt", "postgresql.crt"] {
            crate::path::write_atomic(&folder.join(name), pem.as_bytes()).unwrap();
        }
        let home = home.path().to_str().unwrap();
        for mode in ["prefer", "require"] {
            let (connection, prepared) = accepted(&[("PGSSLMODE", mode), ("HOME", home)], 15);
            assert!(
                connection.get("sslrootcert").is_none() && !prepared.files.verifies(),
                "{mode}"
            );
            assert!(!prepared.files.sends_client_cert());
        }
        let (connection, prepared) = accepted(&[("PGSSLMODE", "verify-full"), ("HOME", home)], 15);
        assert_eq!(
            connection.value("sslrootcert"),
            folder.join("root.crt").to_str()
        );
        assert!(prepared.terms().protection().host_name);
    }

    #[test]
    fn the_systems_roots_become_a_file_for_a_libpq_that_does_not_know_them() {
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("bundle.pem");
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = rcgen::CertificateParams::new(vec![])
            .unwrap()
            .self_signed(&key)
            .unwrap()
            .pem();
        crate::path::write_atomic(&bundle, pem.as_bytes()).unwrap();
        let bundle = bundle.to_str().unwrap();
        let variables = [("PGSSLROOTCERT", "system"), ("SSL_CERT_FILE", bundle)];
        let (old, prepared) = accepted(&variables, 15);
        assert_eq!(
            (old.value("sslrootcert"), prepared.mode),
            (Some(bundle), SslMode::VerifyFull)
        );
        assert_eq!(old.value("sslmode"), Some("verify-full"));
        let (new, _) = accepted(&variables, 16);
        assert_eq!(new.value("sslrootcert"), Some("system"));
    }

    #[test]
    fn on_a_socket_no_file_is_opened() {
        let (_, prepared) = accepted(
            &[
                ("PGHOST", "/run"),
                ("PGSSLMODE", "verify-full"),
                ("HOME", "/none"),
            ],
            15,
        );
        assert!(prepared.terms().sentence().starts_with("not encrypted"));
    }
}
