use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use secrecy::ExposeSecret;

use super::cure::Origins;
use super::prepare::{Prepared, now};
use super::probe::ServerProbe;
use crate::config::{ConfigWarning, Connection, Environment, Host, Origin, PasswordFileMiss};
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
    /// The password that the sources have, or the reason why they have none.
    pub password: ConfiguredPassword,
    /// Names that nobody chose.
    pub unnamed: Unnamed,
    /// The operating system's user that runs this process.
    pub account: Option<String>,
    /// A directory of revocation lists of which OpenSSL finds none, and why.
    pub crl_directory: Option<(PathBuf, CrlDirectory)>,
    /// The file in `OPENSSL_CONF`.
    pub openssl_conf: Option<String>,
    /// `sslrootcert=system`, and what is known of the system's roots.
    pub system_roots: Option<SystemRoots>,
    /// The password is a token that says when it expires.
    pub token: Option<PasswordToken>,
}

/// The password of a connection, as far as its sources show it. The password itself is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfiguredPassword {
    /// It was not looked for.
    #[default]
    Unknown,
    /// There is one, which may have the form of something else.
    Given(Option<PasswordForm>),
    /// No source has one; a password file that could have had it.
    None(Option<UnusedPasswordFile>),
}

impl ConfiguredPassword {
    fn new(connection: &Connection, password: Option<&str>) -> Self {
        if connection.has_no_password() {
            Self::None(unused_password_file(connection))
        } else {
            Self::Given(password.and_then(PasswordForm::new))
        }
    }
}

/// Names that no source has, and that libpq takes from elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unnamed {
    /// The role is the operating system's user.
    pub user: bool,
    /// The database is the one of the role's name.
    pub database: bool,
}

/// A password file that gave no password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnusedPasswordFile {
    /// Others may read it, and libpq ignores it.
    Open(PathBuf),
    /// It cannot be used for another reason.
    Unusable {
        /// The file.
        path: PathBuf,
        /// The reason, as a clause about the file.
        problem: String,
    },
    /// It has no line for this connection.
    NoLine(PasswordFileMiss),
}

/// The reason why OpenSSL finds no revocation list in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlDirectory {
    /// There is none.
    Missing,
    /// It is something else than a directory.
    NotADirectory,
    /// This user may not read it.
    Unreadable,
    /// No file in it is named by its hash.
    Unhashed,
}

/// A password that looks like something else than a password. The password itself is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasswordForm {
    /// It stands for a password: `${PASSWORD}`, `[YOUR-PASSWORD]`.
    Placeholder,
    /// It is in quotes, which belong to it.
    Quoted,
    /// It begins or ends with a blank or a line break, which belongs to it.
    Padded,
}

impl PasswordForm {
    /// Returns the form of a password that is probably not meant, if it has one.
    pub fn new(password: &str) -> Option<Self> {
        let within = |before: &str, after: &str| {
            password
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .filter(|inside| !inside.is_empty())
        };
        let is_name = |name: &str| {
            name.trim().len() > 1
                && name
                    .trim()
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_-. ".contains(&byte))
        };
        let braces = [
            ("${", "}"),
            ("{{", "}}"),
            ("<", ">"),
            ("[", "]"),
            ("%", "%"),
            ("$(", ")"),
        ];
        let stands_for = braces
            .iter()
            .any(|(before, after)| within(before, after).is_some_and(is_name));
        let variable = password.strip_prefix('$').is_some_and(|name| {
            name.len() > 2
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        });
        if stands_for || variable {
            Some(Self::Placeholder)
        } else if within("\"", "\"").is_some() || within("'", "'").is_some() {
            Some(Self::Quoted)
        } else if password.trim() != password {
            Some(Self::Padded)
        } else {
            None
        }
    }
}

/// Facts of a client certificate, against which a server's alert is held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShownCertificate {
    /// The subject, safe to print.
    pub subject: String,
    /// The subject as `pg_ident.conf` compares it: the common name, or the whole name by RFC 2253.
    pub names: (Option<String>, String),
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
            names: (
                certificate.common_name.clone(),
                certificate.distinguished_name(),
            ),
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

    /// Returns `true` if a private key is named without a certificate, so that libpq uses neither.
    pub(super) fn has_lone_client_key(&self) -> bool {
        self.origins.has("sslkey") && !self.origins.has("sslcert")
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
        let password = connection
            .password()
            .map(|password| password.value.expose_secret());
        let is_default = |keyword: &str| {
            connection
                .get(keyword)
                .is_some_and(|setting| matches!(setting.origin, Origin::Default(_)))
        };
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
            password: ConfiguredPassword::new(connection, password),
            unnamed: Unnamed {
                user: is_default("user"),
                database: is_default("dbname"),
            },
            account: environment.account().map(|account| account.name.clone()),
            crl_directory: connection.path("sslcrldir").and_then(|setting| {
                Some((setting.value.to_owned(), without_lists(setting.value)?))
            }),
            openssl_conf: environment
                .get("OPENSSL_CONF")
                .map(|path| text::safe(&path.to_string_lossy())),
            system_roots: system_roots(connection, environment),
            token: password.and_then(PasswordToken::read),
        }
    }
}

fn unused_password_file(connection: &Connection) -> Option<UnusedPasswordFile> {
    let unused = connection
        .warnings()
        .iter()
        .find_map(|warning| match warning {
            ConfigWarning::PasswordFile { path, .. } if is_open_to_others(path) => {
                Some(UnusedPasswordFile::Open(path.clone()))
            }
            ConfigWarning::PasswordFile { path, problem } => Some(UnusedPasswordFile::Unusable {
                path: path.clone(),
                problem: problem.clone(),
            }),
            _ => None,
        });
    let miss = || {
        let miss = connection.password_file_miss()?;
        Some(UnusedPasswordFile::NoLine(miss.clone()))
    };
    unused.or_else(miss)
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

/// Returns the reason why OpenSSL finds no revocation list in a directory; `None` if it finds one.
fn without_lists(directory: &Path) -> Option<CrlDirectory> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            return Some(match error.kind() {
                ErrorKind::NotFound => CrlDirectory::Missing,
                ErrorKind::NotADirectory => CrlDirectory::NotADirectory,
                _ => CrlDirectory::Unreadable,
            });
        }
    };
    let has_list = entries.flatten().any(|entry| {
        let name = entry.file_name();
        name.to_str().is_some_and(is_hashed_list)
    });
    (!has_list).then_some(CrlDirectory::Unhashed)
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
        let unhashed = Some(CrlDirectory::Unhashed);
        assert_eq!(without_lists(directory.path()), unhashed);
        write("root.crl");
        write("0123456.r0");
        assert_eq!(without_lists(directory.path()), unhashed);
        write("0a1b2c3d.r0");
        assert_eq!(without_lists(directory.path()), None);
        let missing = Path::new("/nonexistent");
        assert_eq!(without_lists(missing), Some(CrlDirectory::Missing));
        let file = directory.path().join("root.crl");
        assert_eq!(without_lists(&file), Some(CrlDirectory::NotADirectory));
    }

    #[test]
    fn what_stands_in_place_of_a_password_is_recognised() {
        let placeholder = Some(PasswordForm::Placeholder);
        for (password, form) in [
            ("${DB_PASSWORD}", placeholder),
            ("$DB_PASSWORD", placeholder),
            ("$(pass show db)", placeholder),
            ("{{ db_password }}", placeholder),
            ("[YOUR-PASSWORD]", placeholder),
            ("<password>", placeholder),
            ("%DB_PASSWORD%", placeholder),
            ("\"hunter2\"", Some(PasswordForm::Quoted)),
            ("'hunter2'", Some(PasswordForm::Quoted)),
            ("hunter2\n", Some(PasswordForm::Padded)),
            (" hunter2", Some(PasswordForm::Padded)),
            ("hunter2", None),
            ("$ecret", None),
            ("a$B", None),
            ("<a&b=>", None),
            ("[]", None),
        ] {
            assert_eq!(PasswordForm::new(password), form, "{password}");
        }
    }
}
