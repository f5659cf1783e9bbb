use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use secrecy::ExposeSecret;

use super::cure::Origins;
use super::prepare::{Prepared, now};
use super::probe::ServerProbe;
use crate::config::{ConfigWarning, Connection, Environment, Host};
use crate::pg::{EventTrigger, PasswordCommand, PasswordToken};
use crate::text;
use crate::tls::{
    Certificate, FileType, SYSTEM, SYSTEM_BUNDLES, SslMode, ValidityStatus, is_hashed_list, moment,
    observe,
};

/// Facts about a connection that failed. They correct what words alone would mean, and make the words of a finding concrete.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The mode that psql was given.
    pub sslmode: Option<SslMode>,
    /// The role.
    pub user: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// Host name, address or socket directory.
    pub host: Option<String>,
    /// The port.
    pub port: Option<String>,
    /// Facts of the configuration that only some failures depend on.
    pub configured: Configured,
    /// The command that prints the password. It knows the last token that it printed.
    pub password_command: Option<PasswordCommand>,
    /// The origins of the settings, for cures in their form.
    pub origins: Origins,
    /// The server as this program saw it, once it has looked. Clones share it.
    pub probe: ProbeSlot,
    /// The event triggers that run for DDL, once they were queried. Clones share them.
    pub event_triggers: Arc<OnceLock<Vec<EventTrigger>>>,
    /// The schemas of the database, once they were queried. Clones share them.
    pub schemas: Arc<OnceLock<Vec<String>>>,
}

/// The observations of a server, once it was probed.
#[derive(Clone, Debug, Default)]
pub struct ProbeSlot(Arc<OnceLock<Arc<ServerProbe>>>);

impl ProbeSlot {
    /// Returns the observations, or `None` before the first probe.
    pub fn get(&self) -> Option<&ServerProbe> {
        self.0.get().map(|probe| &**probe)
    }

    /// Keeps the observations. The first ones count.
    pub(super) fn fill(&self, probe: Arc<ServerProbe>) {
        self.0.get_or_init(|| probe);
    }
}

/// Facts of the configuration that only some failures depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Configured {
    /// TLS begins without a request for it (`sslnegotiation=direct`).
    pub direct: bool,
    /// Several hosts are tried in turn.
    pub several_hosts: bool,
    /// The client certificate that is shown to a server that asks for one.
    pub client_cert: Option<ShownCertificate>,
    /// The TLS handshake does not name the host, and why: `sslsni=0`, or an address as host.
    pub no_server_name: Option<String>,
    /// The version of libpq, where it was found out.
    pub libpq_major: Option<u32>,
    /// A password file that libpq ignores, and why.
    pub ignored_password_file: Option<PathBuf>,
    /// A directory of revocation lists of which OpenSSL finds none.
    pub unhashed_crl_directory: Option<PathBuf>,
    /// The file in `OPENSSL_CONF`.
    pub openssl_conf: Option<String>,
    /// `sslrootcert=system`, and what is known of the system's roots.
    pub system_roots: Option<SystemRoots>,
    /// The password is a token that says when it expires.
    pub token: Option<PasswordToken>,
}

/// Facts of a client certificate, against which a server's alert is held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShownCertificate {
    /// The subject, safe to print.
    pub subject: String,
    /// The issuer, safe to print.
    pub issuer: String,
    /// The last moment of its validity, if now is within: `2026-11-23 08:40:00Z`.
    pub valid_until: Option<String>,
    /// OpenSSL's security level refuses the kind and length of its key.
    pub has_weak_key: bool,
    /// OpenSSL's security level refuses the digest of its signature.
    pub has_weak_digest: bool,
}

impl ShownCertificate {
    fn new(certificate: &Certificate) -> Self {
        let validity = certificate.validity;
        Self {
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            valid_until: (validity.standing(now()) == ValidityStatus::Valid)
                .then(|| moment(validity.not_after)),
            has_weak_key: certificate.has_weak_key(),
            has_weak_digest: certificate.weak_digest.is_some(),
        }
    }
}

/// The roots that OpenSSL finds by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemRoots {
    /// `SSL_CERT_FILE` or `SSL_CERT_DIR` leads to no certificate, and nothing else does: the variable and its value.
    pub misled_by: Option<String>,
    /// The usual file of this machine, if there is one.
    pub bundle: Option<PathBuf>,
}

impl Context {
    /// The facts of a connection that has been settled.
    pub fn new(connection: &Connection, prepared: &Prepared, environment: &Environment) -> Self {
        let value = |keyword: &str| connection.value(keyword).map(str::to_owned);
        Self {
            sslmode: Some(prepared.mode),
            user: value("user"),
            database: value("dbname"),
            host: value("host").or_else(|| value("hostaddr")),
            port: value("port"),
            configured: Configured::new(connection, prepared, environment),
            password_command: None,
            origins: Origins::new(connection, environment),
            probe: ProbeSlot::default(),
            event_triggers: Arc::default(),
            schemas: Arc::default(),
        }
    }

    /// Returns the token that is the password, if it is one.
    pub fn token(&self) -> Option<PasswordToken> {
        let printed = self.password_command.as_ref();
        printed
            .and_then(PasswordCommand::last_token)
            .or_else(|| self.configured.token.clone())
    }

    /// Returns the token, if it has expired by now.
    pub(super) fn expired_token(&self) -> Option<PasswordToken> {
        self.token().filter(|token| token.expired(now()))
    }

    /// The same with what was seen of the server.
    #[must_use]
    pub fn with_probe(&self, probe: Arc<ServerProbe>) -> Self {
        let slot = ProbeSlot::default();
        slot.fill(probe);
        Self {
            probe: slot,
            ..self.clone()
        }
    }
}

impl Configured {
    fn new(connection: &Connection, prepared: &Prepared, environment: &Environment) -> Self {
        let hosts = connection.hosts();
        let ignored = connection
            .warnings()
            .iter()
            .find_map(|warning| match warning {
                ConfigWarning::PasswordFile { path, .. } => Some(path.clone()),
                _ => None,
            });
        let password = connection.password().map(|password| &password.value);
        Self {
            direct: prepared.direct,
            several_hosts: hosts.len() > 1,
            client_cert: prepared
                .files
                .client_cert
                .as_ref()
                .and_then(|used| used.judged.content.as_ref()?.first())
                .map(ShownCertificate::new),
            no_server_name: no_server_name(connection, &hosts),
            libpq_major: None,
            ignored_password_file: ignored
                .filter(|path| password.is_none() && is_open_to_others(path)),
            unhashed_crl_directory: connection
                .path("sslcrldir")
                .map(|setting| setting.value)
                .filter(|directory| has_no_hashed_list(directory))
                .map(Path::to_owned),
            openssl_conf: environment
                .get("OPENSSL_CONF")
                .map(|path| text::safe(&path.to_string_lossy())),
            system_roots: system_roots(connection, environment),
            token: password.and_then(|password| PasswordToken::read(password.expose_secret())),
        }
    }
}

/// Returns whether libpq ignores a password file for its mode, so that `chmod` cures it.
fn is_open_to_others(path: &Path) -> bool {
    observe(path)
        .stat
        .is_ok_and(|stat| stat.file_type == FileType::Regular && stat.mode & 0o077 != 0)
}

fn no_server_name(connection: &Connection, hosts: &[Host]) -> Option<String> {
    if connection.value("sslsni") == Some("0") {
        return Some("sslsni=0 keeps the host's name out of the handshake".to_owned());
    }
    let host = hosts.first().filter(|host| !host.is_socket())?;
    match &host.name {
        None => Some("there is an address and no host name".to_owned()),
        Some(name) if name.parse::<std::net::IpAddr>().is_ok() => Some(format!(
            "host is the address {}, and only a name can be named in the handshake",
            text::safe(name)
        )),
        Some(_) => None,
    }
}

/// Returns `true` if OpenSSL finds no revocation list in a directory, which it can read.
fn has_no_hashed_list(directory: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return false;
    };
    !entries.flatten().any(|entry| {
        let name = entry.file_name();
        name.to_str().is_some_and(is_hashed_list)
    })
}

/// The certificates that OpenSSL finds for `sslrootcert=system`. Its variables override its
/// compiled-in directory, which is not known here.
fn system_roots(connection: &Connection, environment: &Environment) -> Option<SystemRoots> {
    // An older libpq was given a file instead, which has been judged.
    if connection.value("sslrootcert") != Some(SYSTEM) {
        return None;
    }
    let variable = |name: &str| environment.get(name).map(PathBuf::from);
    let file = variable("SSL_CERT_FILE");
    let directory = variable("SSL_CERT_DIR");
    let has_certificate = |path: &Path| {
        crate::path::read(path).is_ok_and(|bytes| {
            bytes
                .windows(b"CERTIFICATE-----".len())
                .any(|part| part == b"CERTIFICATE-----")
        })
    };
    let file_works = file.as_deref().is_some_and(has_certificate);
    let directory_works = directory.as_deref().is_some_and(|directory| {
        std::fs::read_dir(directory).is_ok_and(|mut all| all.next().is_some())
    });
    let shown = |name: &str, path: &Option<PathBuf>| {
        let path = path.as_ref()?;
        Some(format!("{name}={}", text::safe(&path.to_string_lossy())))
    };
    let misled_by = shown("SSL_CERT_FILE", &file).filter(|_| !file_works && !directory_works);
    let bundle = SYSTEM_BUNDLES
        .iter()
        .map(PathBuf::from)
        .find(|path| has_certificate(path));
    Some(SystemRoots { misled_by, bundle })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_found_by_their_hash() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            crate::path::write_atomic(&directory.path().join(name), b"x").unwrap();
        };
        assert!(has_no_hashed_list(directory.path()));
        write("root.crl");
        write("0123456.r0");
        assert!(has_no_hashed_list(directory.path()));
        write("0a1b2c3d.r0");
        assert!(!has_no_hashed_list(directory.path()));
        assert!(!has_no_hashed_list(Path::new("/nonexistent")));
    }
}
