use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::{Context, catalogue};
use crate::config::ConfigError;
use crate::sql::quote;
use crate::text;
use crate::tls::{Problem, TlsError};

/// The longest text of a finding, in characters.
const LONGEST: usize = 1000;

/// Severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The step was not done, for a reason that is given.
    Skipped,
    /// Everything is in order.
    Ok,
    /// Works, and is likely not what is meant.
    Warning,
    /// Does not work.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// The source of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Speaker {
    /// The client library, before or without a word from the server.
    Libpq,
    /// The server.
    PostgreSql,
    /// A pooler in front of it.
    PgBouncer,
    /// The pooler of Supabase.
    Supavisor,
    /// The proxy of Neon.
    Neon,
    /// A pooler that also shards.
    PgDog,
    /// A pooler that also shards.
    PgCat,
    /// A pooler that also balances load.
    Pgpool,
    /// The pooler of Yandex.
    Odyssey,
    /// The pooler of Amazon RDS.
    RdsProxy,
    /// The gateway of Azure's databases.
    Azure,
    /// A server that speaks `PostgreSQL`'s protocol, and its proxy.
    CockroachDb,
    /// The other side, whatever it is.
    Server,
    /// The other end of the TLS connection, by an alert.
    TlsAlert,
    /// The operating system's resolver or network.
    Network,
    /// Nobody said it: this program looked.
    Schemastamp,
}

impl Speaker {
    /// Returns `true` if the words are in a message of the other side, such as `FATAL:  …`.
    pub(super) fn sends_messages(self) -> bool {
        !matches!(
            self,
            Self::Libpq | Self::TlsAlert | Self::Network | Self::Schemastamp
        )
    }
}

impl fmt::Display for Speaker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Libpq => "libpq",
            Self::PostgreSql => "PostgreSQL",
            Self::PgBouncer => "PgBouncer",
            Self::Supavisor => "Supavisor",
            Self::Neon => "Neon's proxy",
            Self::PgDog => "PgDog",
            Self::PgCat => "PgCat",
            Self::Pgpool => "pgpool",
            Self::Odyssey => "Odyssey",
            Self::RdsProxy => "RDS Proxy",
            Self::Azure => "Azure's gateway",
            Self::CockroachDb => "CockroachDB",
            Self::Server => "the server",
            Self::TlsAlert => "a TLS alert of the server",
            Self::Network => "the network",
            Self::Schemastamp => "schemastamp",
        })
    }
}

/// One line of a report: what, why, what to change, and the evidence. Serialises to the documented JSON object.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Finding {
    /// The stable id: `area.cause` or, for a step of the walk that is well, the step's name.
    pub id: String,
    /// Severity.
    pub severity: Severity,
    /// The finding, as a fragment.
    pub what: String,
    /// The reason.
    pub why: String,
    /// Advice; empty when there is nothing to change.
    pub fix: String,
    /// Evidence by name. Texts are safe to print and bounded.
    pub evidence: BTreeMap<String, Value>,
}

impl Finding {
    /// A finding without cause and cure.
    pub fn new(id: impl Into<String>, severity: Severity, what: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            severity,
            what: what.into(),
            why: String::new(),
            fix: String::new(),
            evidence: BTreeMap::new(),
        }
    }

    /// The finding that the catalogue has under an id, at the severity of an error. The context fills its words.
    pub fn from_catalogue(id: &str, context: &Context) -> Self {
        let entry = catalogue::entry(id);
        let what = entry.map_or("an unknown cause", |entry| entry.what);
        let mut finding = Self::new(id, Severity::Error, what);
        if let Some(entry) = entry {
            finding.why = filled(entry.why, context).into_owned();
            let mut fix = filled(entry.fix, context);
            // The address counts where one is configured; the name is then only compared with certificates.
            if matches!(
                id,
                "net.refused" | "net.timeout" | "net.unreachable" | "net.not_postgresql"
            ) && context.origins.has("hostaddr")
            {
                fix = Cow::Owned(fix.replace("[host]", "[hostaddr]"));
            }
            finding.fix = context.origins.expand(&fix);
        }
        finding
    }

    /// A step that is as it should be.
    pub fn ok(id: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(id, Severity::Ok, what)
    }

    /// A step that was not done.
    pub fn skipped(id: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            ..Self::new(id, Severity::Skipped, "skipped")
        }
    }

    /// The same with a cause.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// The same with a cure.
    #[must_use]
    pub fn cure(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }

    /// The same with a piece of evidence; a text is escaped and bounded.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.evidence.insert(name.to_owned(), safe(value.into()));
        self
    }

    /// The same, said by somebody.
    #[must_use]
    pub fn said_by(self, speaker: Speaker) -> Self {
        self.with("said_by", speaker.to_string())
    }

    /// Escapes and bounds the texts: paths and names of the configuration may hold anything.
    pub(super) fn escape(&mut self) {
        for part in [&mut self.what, &mut self.why, &mut self.fix] {
            *part = text::bounded(part, LONGEST);
        }
    }

    /// The same with another severity.
    #[must_use]
    pub fn at(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

/// Puts the connection's own names into words.
pub(super) fn filled<'t>(template: &'t str, context: &Context) -> Cow<'t, str> {
    if !template.contains('{') {
        return Cow::Borrowed(template);
    }
    let mut out = template.to_owned();
    // Within double quotes a name is one of SQL, in the form that can be pasted.
    for (name, value) in [
        ("\"{user}\"", &context.user),
        ("\"{database}\"", &context.database),
    ] {
        if let Some(value) = value {
            out = out.replace(name, &text::safe(&quote(value)));
        }
    }
    for (name, value, otherwise) in [
        ("{user}", &context.user, "ROLE"),
        ("{database}", &context.database, "DATABASE"),
        ("{host}", &context.host, "the local socket"),
        ("{port}", &context.port, "5432"),
    ] {
        out = out.replace(
            name,
            &value
                .as_deref()
                .map_or_else(|| otherwise.to_owned(), text::safe),
        );
    }
    Cow::Owned(out)
}

fn safe(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text::bounded(&text, LONGEST)),
        Value::Array(values) => Value::Array(values.into_iter().map(safe).collect()),
        other => other,
    }
}

impl From<&TlsError> for Finding {
    fn from(error: &TlsError) -> Self {
        Self::new(error.id(), Severity::Error, error.to_string())
            .because(error.why())
            .cure(error.fix())
            .said_by(Speaker::Schemastamp)
    }
}

impl From<&ConfigError> for Finding {
    fn from(error: &ConfigError) -> Self {
        let standing = Self::from_catalogue(error.id(), &Context::default());
        let mut finding = Self {
            what: text::bounded(&error.to_string(), 500),
            ..standing
        };
        if let Some(why) = error.why() {
            why.clone_into(&mut finding.why);
        }
        if let Some(fix) = error.fix() {
            finding.fix = text::bounded(&fix, 500);
        }
        if let Some(source) = std::error::Error::source(error) {
            finding.why = text::bounded(&source.to_string(), 500);
        }
        finding.said_by(Speaker::Schemastamp)
    }
}

impl From<&Problem> for Finding {
    fn from(problem: &Problem) -> Self {
        let severity = if problem.fatal {
            Severity::Error
        } else {
            Severity::Warning
        };
        Self::new(problem.id(), severity, problem.to_string())
            .because(problem.why())
            .cure(problem.fix())
            .with("path", problem.path.to_string_lossy().into_owned())
            .said_by(Speaker::Schemastamp)
    }
}
