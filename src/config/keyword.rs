/// A connection keyword of libpq.
///
/// The table follows `PQconninfoOptions` in libpq's `fe-connect.c`.
#[derive(Debug, PartialEq, Eq)]
pub struct Keyword {
    /// The keyword: `sslmode`.
    pub name: &'static str,
    /// The environment variable that libpq reads for it, if there is one.
    pub variable: Option<&'static str>,
    /// The major version of libpq that knows it first; 0 when every supported one does.
    pub since: u32,
    pub(super) kind: ValueKind,
    pub(super) handling: Handling,
}

/// The values that a keyword can have.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ValueKind {
    /// Any text.
    Text,
    /// Any text, shown as `[redacted]`.
    Secret,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One of these words in any letter case.
    ChoiceAnyCase(&'static [&'static str]),
    /// A whole number from this one up to what a C `int` holds, in this unit.
    Integer(i32, &'static str),
    /// Host names and socket directories, separated by commas.
    Hosts,
    /// IP addresses, separated by commas.
    Addresses,
    /// Ports, separated by commas.
    Ports,
    /// The name of a database.
    Database,
    /// A path.
    Path,
    /// A path, or the word `system`.
    RootCertificate,
    /// A path, or `engine:key`.
    Key,
    /// Names of authentication methods, separated by commas.
    Methods,
}

/// The treatment of a keyword.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Handling {
    /// Its variable goes to the child; the parent's variable counts.
    Adopt,
    /// Its variable goes to the child when set deliberately; the parent's variable does not count.
    Deliberate,
    /// It has no variable: psql gets it as an argument.
    Argument,
    /// It is used up while resolving: services and password files.
    Consumed,
    /// It is refused, for this reason.
    Refused(&'static str),
}

use Handling::{Adopt, Argument, Consumed, Deliberate, Refused};
use ValueKind::{
    Addresses, Choice, ChoiceAnyCase, Database, Hosts, Integer, Key, Methods, Path, Ports,
    RootCertificate, Secret, Text,
};

pub(crate) const SSL_MODES: &[&str] = &[
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];
pub(super) const TLS_VERSIONS: &[&str] = &["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const SESSION_ATTRIBUTES: &[&str] = &[
    "any",
    "read-write",
    "read-only",
    "primary",
    "standby",
    "prefer-standby",
];
const SWITCH: &[&str] = &["0", "1"];
const SECRET_IN_ARGUMENTS: &str =
    "it is a secret without an environment variable, and would show in the process list";

const fn keyword(
    name: &'static str,
    variable: &'static str,
    since: u32,
    kind: ValueKind,
    handling: Handling,
) -> Keyword {
    Keyword {
        name,
        variable: if variable.is_empty() {
            None
        } else {
            Some(variable)
        },
        since,
        kind,
        handling,
    }
}

/// The name of the setting whose command prints the password. It is this tool's, not libpq's.
pub(super) const PASSWORD_COMMAND: &str = "password_command";

pub(super) static PASSWORD_COMMAND_KEYWORD: Keyword =
    keyword(PASSWORD_COMMAND, "", 0, Text, Consumed);

/// Every keyword of libpq, the more important ones first.
pub static KEYWORDS: &[Keyword] = &[
    keyword("host", "PGHOST", 0, Hosts, Adopt),
    keyword("hostaddr", "PGHOSTADDR", 0, Addresses, Adopt),
    keyword("port", "PGPORT", 0, Ports, Adopt),
    keyword("user", "PGUSER", 0, Text, Adopt),
    keyword("dbname", "PGDATABASE", 0, Database, Adopt),
    keyword("password", "PGPASSWORD", 0, Secret, Adopt),
    keyword("passfile", "PGPASSFILE", 0, Path, Consumed),
    keyword("service", "PGSERVICE", 0, Text, Consumed),
    keyword("servicefile", "PGSERVICEFILE", 19, Path, Consumed),
    keyword("sslmode", "PGSSLMODE", 0, Choice(SSL_MODES), Adopt),
    keyword(
        "sslnegotiation",
        "PGSSLNEGOTIATION",
        17,
        Choice(&["postgres", "direct"]),
        Adopt,
    ),
    keyword("sslrootcert", "PGSSLROOTCERT", 0, RootCertificate, Adopt),
    keyword("sslcert", "PGSSLCERT", 0, Path, Adopt),
    keyword("sslkey", "PGSSLKEY", 0, Key, Adopt),
    keyword(
        "sslcertmode",
        "PGSSLCERTMODE",
        16,
        Choice(&["disable", "allow", "require"]),
        Adopt,
    ),
    keyword(
        "sslpassword",
        "",
        0,
        Secret,
        Refused(
            "libpq takes it only as an argument that everyone can see; decrypt the key with `openssl pkey` instead",
        ),
    ),
    keyword("sslcrl", "PGSSLCRL", 0, Path, Adopt),
    keyword("sslcrldir", "PGSSLCRLDIR", 14, Path, Adopt),
    keyword("sslsni", "PGSSLSNI", 14, Choice(SWITCH), Adopt),
    keyword(
        "sslcompression",
        "PGSSLCOMPRESSION",
        0,
        Choice(SWITCH),
        Adopt,
    ),
    keyword(
        "ssl_min_protocol_version",
        "PGSSLMINPROTOCOLVERSION",
        0,
        ChoiceAnyCase(TLS_VERSIONS),
        Adopt,
    ),
    keyword(
        "ssl_max_protocol_version",
        "PGSSLMAXPROTOCOLVERSION",
        0,
        ChoiceAnyCase(TLS_VERSIONS),
        Adopt,
    ),
    keyword("sslkeylogfile", "", 18, Path, Argument),
    keyword(
        "channel_binding",
        "PGCHANNELBINDING",
        0,
        Choice(&["disable", "prefer", "require"]),
        Adopt,
    ),
    keyword("require_auth", "PGREQUIREAUTH", 16, Methods, Adopt),
    keyword("requirepeer", "PGREQUIREPEER", 0, Text, Adopt),
    keyword(
        "gssencmode",
        "PGGSSENCMODE",
        0,
        Choice(&["disable", "prefer", "require"]),
        Adopt,
    ),
    keyword("krbsrvname", "PGKRBSRVNAME", 0, Text, Adopt),
    keyword("gsslib", "PGGSSLIB", 0, Choice(&["gssapi", "sspi"]), Adopt),
    keyword(
        "gssdelegation",
        "PGGSSDELEGATION",
        16,
        Choice(SWITCH),
        Adopt,
    ),
    keyword(
        "target_session_attrs",
        "PGTARGETSESSIONATTRS",
        0,
        Choice(SESSION_ATTRIBUTES),
        Adopt,
    ),
    keyword(
        "load_balance_hosts",
        "PGLOADBALANCEHOSTS",
        16,
        Choice(&["disable", "random"]),
        Adopt,
    ),
    keyword(
        "connect_timeout",
        "PGCONNECT_TIMEOUT",
        0,
        Integer(i32::MIN, "seconds"),
        Adopt,
    ),
    keyword(
        "min_protocol_version",
        "PGMINPROTOCOLVERSION",
        18,
        Choice(&["3.0", "3.2", "latest"]),
        Adopt,
    ),
    keyword(
        "max_protocol_version",
        "PGMAXPROTOCOLVERSION",
        18,
        Choice(&["3.0", "3.2", "latest"]),
        Adopt,
    ),
    keyword("application_name", "PGAPPNAME", 0, Text, Adopt),
    keyword("client_encoding", "PGCLIENTENCODING", 0, Text, Deliberate),
    keyword("options", "PGOPTIONS", 0, Text, Deliberate),
    keyword("fallback_application_name", "", 0, Text, Argument),
    keyword("keepalives", "", 0, Choice(SWITCH), Argument),
    keyword("keepalives_idle", "", 0, Integer(0, "seconds"), Argument),
    keyword(
        "keepalives_interval",
        "",
        0,
        Integer(0, "seconds"),
        Argument,
    ),
    keyword("keepalives_count", "", 0, Integer(0, "probes"), Argument),
    keyword(
        "tcp_user_timeout",
        "",
        0,
        Integer(0, "milliseconds"),
        Argument,
    ),
    keyword("oauth_issuer", "", 18, Text, Argument),
    keyword("oauth_client_id", "", 18, Text, Argument),
    keyword("oauth_scope", "", 18, Text, Argument),
    keyword("oauth_ca_file", "PGOAUTHCAFILE", 19, Path, Adopt),
    keyword(
        "oauth_client_secret",
        "",
        18,
        Secret,
        Refused(SECRET_IN_ARGUMENTS),
    ),
    keyword(
        "scram_client_key",
        "",
        18,
        Secret,
        Refused(SECRET_IN_ARGUMENTS),
    ),
    keyword(
        "scram_server_key",
        "",
        18,
        Secret,
        Refused(SECRET_IN_ARGUMENTS),
    ),
    keyword(
        "replication",
        "",
        0,
        Text,
        Refused("a replication connection runs no SQL scripts; remove it"),
    ),
];

impl Keyword {
    /// Finds a keyword by its exact name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KEYWORDS.iter().find(|keyword| keyword.name == name)
    }

    /// Returns `true` if libpq's variable of it counts when it is set for this program.
    pub fn is_adopted(&self) -> bool {
        matches!(self.handling, Adopt | Consumed)
    }

    /// Returns `true` if the value is shown as `[redacted]`.
    pub fn is_secret(&self) -> bool {
        self.kind == Secret
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_variables_are_unique() {
        let names: BTreeSet<_> = KEYWORDS.iter().map(|keyword| keyword.name).collect();
        let variables: Vec<_> = KEYWORDS
            .iter()
            .filter_map(|keyword| keyword.variable)
            .collect();
        assert_eq!(names.len(), KEYWORDS.len());
        assert_eq!(
            variables.iter().collect::<BTreeSet<_>>().len(),
            variables.len()
        );
    }

    #[test]
    fn a_keyword_without_variable_is_an_argument_or_refused() {
        for keyword in KEYWORDS.iter().filter(|keyword| keyword.variable.is_none()) {
            assert!(
                matches!(keyword.handling, Argument | Refused(_)),
                "{}",
                keyword.name
            );
            assert!(
                !keyword.is_secret() || matches!(keyword.handling, Refused(_)),
                "{}",
                keyword.name
            );
        }
    }
}
