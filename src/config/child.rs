//! The part of a connection that psql and `pg_dump` receive.

use std::collections::BTreeMap;

use super::keyword::{Handling, KEYWORDS};
use super::{Connection, Environment};
use crate::process::EnvValue;

/// Passed on only where GSSAPI is asked for.
pub(super) const KERBEROS: &[&str] = &[
    "KRB5CCNAME",
    "KRB5_CONFIG",
    "KRB5_CLIENT_KTNAME",
    "KRB5_KTNAME",
];

/// Variables that the command inherits besides those that every child inherits: what programs need
/// to find their own configuration and credentials, a proxy and a certificate bundle.
const NAMES: &[&str] = &[
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "DBUS_SESSION_BUS_ADDRESS",
    "SSH_AUTH_SOCK",
    "GNUPGHOME",
    "PASSWORD_STORE_DIR",
    "CREDENTIALS_DIRECTORY",
    "BW_SESSION",
    "KUBECONFIG",
    "KRB5CCNAME",
    "KRB5_CONFIG",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "NIX_SSL_CERT_FILE",
];

/// Beginnings of further variables that the command inherits, each of one tool or service.
const PREFIXES: &[&str] = &[
    "XDG_",
    "AWS_",
    "AZURE_",
    "ARM_",
    "MSI_",
    "IDENTITY_",
    "IMDS_",
    "GOOGLE_",
    "CLOUDSDK_",
    "GCLOUD_",
    "GCP_",
    "OCI_",
    "ALIBABA_CLOUD_",
    "IBMCLOUD_",
    "DIGITALOCEAN_",
    "DATABRICKS_",
    "VAULT_",
    "BAO_",
    "OP_",
    "SOPS_",
    "DOPPLER_",
    "INFISICAL_",
    "CONJUR_",
    "TELEPORT_",
    "KUBERNETES_",
];

/// Settings of the connection that the command gets, by libpq's variable.
const CONNECTION: [(&str, &str); 5] = [
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("dbname", "PGDATABASE"),
];

impl Connection {
    /// Every variable of libpq for a child whose environment is otherwise empty of them.
    ///
    /// Names every file that libpq would search for in a home directory: the configured one, or
    /// [`EnvValue::Absent`]. Values of keywords without a variable are in
    /// [`Self::conninfo_arguments`].
    pub fn child_environment(&self) -> BTreeMap<String, EnvValue> {
        let plain = |value: &str| EnvValue::Plain(value.into());
        let mut environment: BTreeMap<String, EnvValue> = KEYWORDS
            .iter()
            .filter(|keyword| matches!(keyword.handling, Handling::Adopt | Handling::Deliberate))
            .filter_map(|keyword| {
                Some((
                    keyword.variable?.to_owned(),
                    plain(self.value(keyword.name)?),
                ))
            })
            .collect();

        let certificate_meant =
            self.get("sslcert").is_some() && self.value("sslcertmode") != Some("disable");
        if !certificate_meant {
            // libpq before 16 does not know PGSSLCERTMODE: for it, a file that is not there means the same.
            environment.insert("PGSSLCERT".to_owned(), EnvValue::Absent);
            environment.insert("PGSSLKEY".to_owned(), EnvValue::Absent);
        }
        let mode = plain(if certificate_meant {
            "allow"
        } else {
            "disable"
        });
        environment
            .entry("PGSSLCERTMODE".to_owned())
            .or_insert(mode);
        // A root.crt in the home directory would make every TLS mode verify the chain, and `prefer` fall back to
        // plaintext when that fails.
        for variable in ["PGSSLKEY", "PGSSLROOTCERT"] {
            environment
                .entry(variable.to_owned())
                .or_insert(EnvValue::Absent);
        }
        // With a directory of CRLs, libpq searches for no default file. A CRL file that does not
        // exist would disable the directory.
        if self.get("sslcrldir").is_none() {
            environment
                .entry("PGSSLCRL".to_owned())
                .or_insert(EnvValue::Absent);
        }

        let passfile = match self.value("passfile") {
            Some(path) if self.hands_over_passfile => plain(path),
            _ => EnvValue::Absent,
        };
        environment.insert("PGPASSFILE".to_owned(), passfile);
        // The service has been read: its settings are among the others, each with its origin.
        environment.insert("PGSERVICEFILE".to_owned(), EnvValue::Absent);
        if let Some(password) = &self.password {
            environment.insert(
                "PGPASSWORD".to_owned(),
                EnvValue::Secret(password.value.clone()),
            );
        }
        if self.asks_for_gss() {
            environment.extend(self.kerberos.clone());
        }
        environment
    }

    /// Returns the settings without a variable, as `key=value` pairs. Joined with spaces, they are
    /// an argument for `--dbname` of psql and `pg_dump`, and the variables still count. None is a
    /// secret.
    pub fn conninfo_arguments(&self) -> Vec<String> {
        KEYWORDS
            .iter()
            .filter(|keyword| keyword.handling == Handling::Argument)
            .filter_map(|keyword| {
                Some(format!(
                    "{}={}",
                    keyword.name,
                    quoted(self.value(keyword.name)?)
                ))
            })
            .collect()
    }

    /// The whole environment of the command that prints the password.
    ///
    /// Of the parent's variables those count that lead tools to their configuration and credentials,
    /// and none of this program's. All are kept out of logs. `PGHOST`, `PGPORT`, `PGUSER` and
    /// `PGDATABASE` are those of this connection.
    pub fn password_command_environment(
        &self,
        environment: &Environment,
    ) -> BTreeMap<String, EnvValue> {
        let mut variables = environment.inherited();
        for (name, value) in environment.iter() {
            let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else {
                continue;
            };
            if NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
                variables.insert(name.to_owned(), EnvValue::Secret(value.into()));
            }
        }
        for (keyword, variable) in CONNECTION {
            if let Some(value) = self.value(keyword) {
                variables.insert(variable.to_owned(), EnvValue::Plain(value.into()));
            }
        }
        variables
    }

    fn asks_for_gss(&self) -> bool {
        self.value("gssencmode")
            .is_some_and(|mode| mode != "disable")
            || ["krbsrvname", "gsslib", "gssdelegation"]
                .iter()
                .any(|keyword| self.get(keyword).is_some())
            || self
                .value("require_auth")
                .is_some_and(|methods| methods.split(',').any(|method| method == "gss"))
    }
}

/// A value as libpq's `key=value` strings have it.
fn quoted(value: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '+');
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::conninfo::pairs;
    use crate::config::{ConnectionFlags, Environment};

    /// The child's variables as `NAME=value` lines, in the order of their names.
    fn child(variables: &[(&str, &str)]) -> Vec<String> {
        let environment: Environment = variables.iter().copied().chain([("PGUSER", "u")]).collect();
        let connection =
            Connection::resolve(&ConnectionFlags::default(), &environment.in_directory("/w"))
                .unwrap();
        let show = |value: EnvValue| match value {
            EnvValue::Plain(value) => value.into_string().unwrap(),
            EnvValue::Secret(_) => "[redacted]".to_owned(),
            EnvValue::Absent => "[absent]".to_owned(),
        };
        connection
            .child_environment()
            .into_iter()
            .map(|(name, value)| format!("{name}={}", show(value)))
            .collect()
    }

    #[test]
    fn everything_is_named_when_nothing_is_set() {
        assert_eq!(
            child(&[]),
            [
                "PGAPPNAME=schemastamp",
                "PGCLIENTENCODING=UTF8",
                "PGDATABASE=u",
                "PGGSSENCMODE=disable",
                "PGPASSFILE=[absent]",
                "PGPORT=5432",
                "PGSERVICEFILE=[absent]",
                "PGSSLCERT=[absent]",
                "PGSSLCERTMODE=disable",
                "PGSSLCRL=[absent]",
                "PGSSLKEY=[absent]",
                "PGSSLMODE=prefer",
                "PGSSLROOTCERT=[absent]",
                "PGUSER=u",
            ]
        );
    }

    fn has(lines: &[String], line: &str) -> bool {
        lines.iter().any(|have| have == line)
    }

    #[test]
    fn a_certificate_that_is_meant_is_sent() {
        let lines = child(&[("PGSSLCERT", "c.crt"), ("PGSSLKEY", "/k.key")]);
        assert!(
            has(&lines, "PGSSLCERT=/w/c.crt")
                && has(&lines, "PGSSLKEY=/k.key")
                && has(&lines, "PGSSLCERTMODE=allow")
        );
        let lines = child(&[
            ("PGSSLCERT", "c.crt"),
            ("PGSSLKEY", "/k.key"),
            ("PGSSLCERTMODE", "disable"),
        ]);
        assert!(has(&lines, "PGSSLCERT=[absent]") && has(&lines, "PGSSLKEY=[absent]"));
        let lines = child(&[("PGSSLCERT", "c.crt")]);
        assert!(has(&lines, "PGSSLKEY=[absent]"));
    }

    #[test]
    fn a_folder_of_crls_is_not_disabled_by_an_absent_file() {
        let lines = child(&[("PGSSLCRLDIR", "crl")]);
        assert!(has(&lines, "PGSSLCRLDIR=/w/crl"));
        assert!(
            !lines.iter().any(|line| line.starts_with("PGSSLCRL=")),
            "{lines:?}"
        );
    }

    #[test]
    fn the_parents_variables_that_change_sql_do_not_reach_the_child() {
        let lines = child(&[
            ("PGOPTIONS", "-c role=x"),
            ("PGTZ", "UTC"),
            ("PGCLIENTENCODING", "LATIN1"),
            ("PGGEQO", "off"),
        ]);
        assert!(has(&lines, "PGCLIENTENCODING=UTF8"));
        assert!(!lines.iter().any(|line| line.starts_with("PGOPTIONS")
            || line.starts_with("PGTZ")
            || line.starts_with("PGGEQO")));
        assert!(has(
            &child(&[("SCHEMASTAMP_OPTIONS", "-c role=x")]),
            "PGOPTIONS=-c role=x"
        ));
    }

    #[test]
    fn kerberos_reaches_the_child_only_where_gss_is_asked_for() {
        assert!(!has(&child(&[("KRB5CCNAME", "/c")]), "KRB5CCNAME=/c"));
        assert!(has(
            &child(&[("KRB5CCNAME", "/c"), ("PGGSSENCMODE", "prefer")]),
            "KRB5CCNAME=/c"
        ));
    }

    #[test]
    fn keywords_without_variable_become_arguments() {
        let environment = Environment::from_iter([(
            "DATABASE_URL",
            "postgres://u:hunter2@h/d?keepalives_idle=30&fallback_application_name=it%27s",
        )]);
        let connection = Connection::resolve(&ConnectionFlags::default(), &environment).unwrap();
        assert_eq!(
            connection.conninfo_arguments(),
            [r"fallback_application_name='it\'s'", "keepalives_idle=30"]
        );
    }

    #[test]
    fn the_command_inherits_what_tools_need_and_no_other_secret() {
        let environment = Environment::from_iter([
            ("PATH", "/bin"),
            ("HOME", "/home/app"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
            ("PGPASSWORD", "hunter2"),
            ("DATABASE_URL", "postgres://u:hunter2@db:6432/d"),
            ("SCHEMASTAMP_USER", "app"),
            ("PYTHONPATH", "/evil"),
        ]);
        let connection = Connection::resolve(&ConnectionFlags::default(), &environment).unwrap();
        let variables = connection.password_command_environment(&environment);
        let names: Vec<&str> = variables.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "AWS_SECRET_ACCESS_KEY",
                "HOME",
                "PATH",
                "PGDATABASE",
                "PGHOST",
                "PGPORT",
                "PGUSER"
            ]
        );
        assert!(matches!(
            &variables["AWS_SECRET_ACCESS_KEY"],
            EnvValue::Secret(_)
        ));
        assert!(matches!(&variables["PGHOST"], EnvValue::Plain(host) if host == "db"));
    }

    proptest! {
        #[test]
        fn quoting_round_trips(value in "\\PC*") {
            let text = format!("options={}", quoted(&value));
            let parts = pairs(&text).unwrap();
            prop_assert_eq!(&parts[0].value, &value);
        }
    }
}
