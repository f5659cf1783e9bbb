//! Checks the values of keywords, as strictly as the strictest libpq, and more strictly where libpq
//! ignores a mistake.

use std::net::IpAddr;
use std::path::Path;

use super::conninfo::{Form, form, pairs};
use super::error::shown;
use super::keyword::{Keyword, PASSWORD_COMMAND_KEYWORD, ValueKind};
use super::{ConfigError, Environment, Origin};

/// A value from some source, not yet checked. No `Debug`: it may be a password.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) keyword: &'static Keyword,
    pub(super) value: String,
    /// `true` if an error may show the value.
    pub(super) showable: bool,
    pub(super) origin: Origin,
}

impl Given {
    pub(super) fn new(keyword: &'static Keyword, value: impl Into<String>, origin: Origin) -> Self {
        Self {
            keyword,
            value: value.into(),
            showable: !keyword.is_secret(),
            origin,
        }
    }

    /// The command that prints the password. Errors do not show it.
    pub(super) fn command(line: impl Into<String>, origin: Origin) -> Self {
        Self {
            showable: false,
            ..Self::new(&PASSWORD_COMMAND_KEYWORD, line, origin)
        }
    }

    /// Returns the value as the child gets it: lists and numbers without blanks, paths absolute.
    pub(super) fn checked(&self, environment: &Environment) -> Result<String, ConfigError> {
        if self.value.is_empty() {
            return Err(ConfigError::Empty {
                origin: self.origin.clone(),
            });
        }
        let value = self.value.as_str();
        let trimmed = value.trim();
        match &self.keyword.kind {
            ValueKind::Text | ValueKind::Secret => self.accept(!value.contains('\0'), value, || "without NUL characters".into()),
            ValueKind::Choice(words) => self.accept(words.contains(&value), value, || one_of(words)),
            ValueKind::ChoiceAnyCase(words) => {
                // libpq compares these in any letter case; the canonical spelling makes them comparable.
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(value));
                self.accept(word.is_some(), word.copied().unwrap_or_default(), || one_of(words))
            }
            ValueKind::Integer(least, unit) => {
                let in_range = trimmed.parse::<i32>().is_ok_and(|number| number >= *least);
                self.accept(in_range, trimmed, || format!("a whole number of {unit}"))
            }
            ValueKind::Hosts => self.accept(value.split(',').all(is_host), value, || {
                "host names or absolute socket directories, separated by commas, without ports and blanks".to_owned()
            }),
            ValueKind::Addresses => {
                self.accept(value.split(',').all(is_address), value, || "IP addresses, separated by commas".to_owned())
            }
            ValueKind::Ports => {
                let ports: Vec<&str> = value.split(',').map(str::trim).collect();
                // In a list an empty entry is the default port, as a URI with several hosts writes it.
                let fine = ports.iter().all(|port| (port.is_empty() && ports.len() > 1) || is_port(port));
                self.accept(fine, &ports.join(","), || "a port from 1 to 65535, or several with commas".to_owned())
            }
            ValueKind::Database => self.database(),
            ValueKind::RootCertificate if value == "system" => Ok(value.to_owned()),
            // The text itself is never shown: it may be a private key.
            ValueKind::Path | ValueKind::RootCertificate | ValueKind::Key if value.contains("-----BEGIN ") => {
                Err(ConfigError::Pem { origin: self.origin.clone() })
            }
            // With a colon that is not the second character, libpq reads `engine:key`.
            ValueKind::Key if value.find(':').is_some_and(|at| at != 1) => Ok(value.to_owned()),
            ValueKind::Path | ValueKind::RootCertificate | ValueKind::Key => self.path(environment),
            ValueKind::Methods => self.accept(are_methods(value), value, || {
                "authentication methods of libpq, separated by commas, either all with '!' or none".to_owned()
            }),
        }
    }

    fn accept(
        &self,
        fine: bool,
        value: &str,
        expected: impl FnOnce() -> String,
    ) -> Result<String, ConfigError> {
        if fine {
            Ok(value.to_owned())
        } else {
            Err(self.refuse(expected()))
        }
    }

    fn refuse(&self, expected: String) -> ConfigError {
        let value = Some(self.value.as_str())
            .filter(|value| self.showable && !may_hold_a_password(value))
            .map(shown);
        ConfigError::Value {
            origin: self.origin.clone(),
            value,
            expected,
        }
    }

    /// libpq takes these values for names, and the server would log them with the password that may be in them.
    fn database(&self) -> Result<String, ConfigError> {
        let string = match form(&self.value) {
            Form::Uri(_) => true,
            Form::Pairs(text) => pairs(text).is_ok(),
            Form::Foreign(_) | Form::Name(_) => false,
        };
        if string {
            return Err(ConfigError::NotName {
                origin: self.origin.clone(),
                instead: "--dbname or DATABASE_URL",
            });
        }
        self.accept(!self.value.contains('\0'), &self.value, || {
            "without NUL characters".into()
        })
    }

    fn path(&self, environment: &Environment) -> Result<String, ConfigError> {
        if self.value.contains('\0') {
            return Err(self.refuse("a path without NUL characters".into()));
        }
        let path = environment
            .absolute(Path::new(&self.value))
            .ok_or_else(|| ConfigError::NoDirectory {
                origin: self.origin.clone(),
            })?;
        path.into_os_string()
            .into_string()
            .map_err(|_| ConfigError::NotUtf8 {
                origin: self.origin.clone(),
            })
    }
}

/// Returns `true` if a misplaced value could be a whole connection string.
pub(super) fn may_hold_a_password(value: &str) -> bool {
    value.contains('@') || value.contains("://") || value.to_ascii_lowercase().contains("password")
}

fn one_of(words: &[&str]) -> String {
    match words {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// An entry of a host list: empty for the default, a socket directory, an abstract socket, a name or an address.
fn is_host(host: &str) -> bool {
    if host.starts_with(['/', '@']) {
        return !host.contains('\0');
    }
    let name =
        !host.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@'));
    (name && !has_port(host)) || is_address(host)
}

/// Returns `true` if a port follows a name. Other colons are part of a name, such as
/// `project:instance` in certificates of Cloud SQL.
fn has_port(host: &str) -> bool {
    host.rsplit_once(':')
        .is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns `true` if a host is a name with a colon, which no resolver knows.
pub(super) fn has_colon(host: &str) -> bool {
    !host.starts_with(['/', '@']) && host.contains(':') && !is_address(host)
}

/// A numeric address, an IPv6 one also with a zone: `fe80::1%eth0`.
fn is_address(text: &str) -> bool {
    match text.split_once('%') {
        Some((address, zone)) => {
            !zone.is_empty()
                && address
                    .parse::<IpAddr>()
                    .is_ok_and(|address| address.is_ipv6())
        }
        None => text.parse::<IpAddr>().is_ok(),
    }
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0)
}

fn are_methods(list: &str) -> bool {
    let known = [
        "password",
        "md5",
        "gss",
        "sspi",
        "scram-sha-256",
        "oauth",
        "none",
    ];
    let negated = list.starts_with('!');
    list.split(',').all(|method| {
        method.starts_with('!') == negated
            && known.contains(&method.strip_prefix('!').unwrap_or(method))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str) -> Result<String, String> {
        let given = Given::new(
            Keyword::named(name).unwrap(),
            value,
            Origin::Variable("X".to_owned()),
        );
        given
            .checked(&Environment::default().in_directory("/srv"))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn good_values_pass_and_are_normalised() {
        for (name, value, expected) in [
            ("sslmode", "verify-full", "verify-full"),
            ("ssl_min_protocol_version", "tlsv1.2", "TLSv1.2"),
            ("port", " 5432 ", "5432"),
            ("port", "5432,,6432", "5432,,6432"),
            ("connect_timeout", "+3", "+3"),
            ("connect_timeout", "-1", "-1"),
            ("host", "a,b", "a,b"),
            ("host", "/var/run/postgresql", "/var/run/postgresql"),
            ("host", "@abstract", "@abstract"),
            ("host", "::1", "::1"),
            ("hostaddr", "fe80::1%eth0", "fe80::1%eth0"),
            ("sslcert", "client.crt", "/srv/client.crt"),
            ("sslrootcert", "system", "system"),
            ("sslrootcert", "certs/ca.pem", "/srv/certs/ca.pem"),
            ("sslkey", "pkcs11:token", "pkcs11:token"),
            ("require_auth", "!password,!md5", "!password,!md5"),
            ("dbname", "a=b", "a=b"),
        ] {
            assert_eq!(
                check(name, value).as_deref(),
                Ok(expected),
                "{name}={value}"
            );
        }
    }

    #[test]
    fn bad_values_are_refused_and_name_their_source() {
        for (name, value, expected) in [
            ("sslmode", "", "X is empty; give it a value or remove it"),
            (
                "sslmode",
                "Require",
                "X must be disable, allow, prefer, require, verify-ca or verify-full, and is 'Require'",
            ),
            ("sslsni", "2", "X must be 0 or 1, and is '2'"),
            (
                "port",
                "0",
                "X must be a port from 1 to 65535, or several with commas, and is '0'",
            ),
            (
                "port",
                "65536",
                "X must be a port from 1 to 65535, or several with commas, and is '65536'",
            ),
            (
                "connect_timeout",
                "5s",
                "X must be a whole number of seconds, and is '5s'",
            ),
            (
                "keepalives_idle",
                "-1",
                "X must be a whole number of seconds, and is '-1'",
            ),
            (
                "hostaddr",
                "db",
                "X must be IP addresses, separated by commas, and is 'db'",
            ),
            (
                "dbname",
                "postgres://u:p@h/d",
                "X must be the name of a database, and holds a connection string; put that into --dbname or DATABASE_URL",
            ),
        ] {
            assert_eq!(
                check(name, value),
                Err(expected.to_owned()),
                "{name}={value}"
            );
        }
        for (name, value) in [
            ("host", "localhost:5432"),
            ("host", "db "),
            ("host", "tmp/socket"),
            ("host", "postgres://u:p@h/d"),
            ("require_auth", "!password,md5"),
            ("require_auth", "kerberos"),
            ("dbname", "host=h password=p"),
            ("user", "a\0b"),
        ] {
            let error = check(name, value).unwrap_err();
            assert!(
                error.starts_with("X must be") || error.starts_with("X "),
                "{error}"
            );
            assert!(
                !error.contains("u:p") && !error.contains("password=p"),
                "{error}"
            );
        }
    }
}
