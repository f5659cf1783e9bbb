//! Facts come before words, whatever is combined: every row of words with every kind of observation.

use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::diagnose::context::{Context, ShownCertificate};
use crate::diagnose::probe::{Refusal, ServerProbe, StartupReply, TlsAnswer, TlsObstacle};
use crate::diagnose::words::{MessageRow, ROWS};
use crate::diagnose::{ConfiguredPassword, Finding, UnusedPasswordFile, explain};
use crate::tls::SslMode;

const MODES: [SslMode; 6] = [
    SslMode::Disable,
    SslMode::Allow,
    SslMode::Prefer,
    SslMode::Require,
    SslMode::VerifyCa,
    SslMode::VerifyFull,
];

/// Something that is known of a connection besides the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fact {
    /// TLS begins without a request for it.
    Direct,
    /// A client certificate is shown.
    ClientCert,
    /// No source has a password.
    NoPassword,
    /// A password file is open to others.
    IgnoredPasswordFile,
    /// The server was probed.
    Probed,
    /// The probe's handshake came about.
    Tls,
    /// A pooler has spoken.
    Pooler,
    /// TLS at once gets an answer, and the request for it none.
    DirectOnly,
    /// The connection goes through a Unix socket.
    OnSocket,
}

const FACTS: [Fact; 9] = [
    Fact::Direct,
    Fact::ClientCert,
    Fact::NoPassword,
    Fact::IgnoredPasswordFile,
    Fact::Probed,
    Fact::Tls,
    Fact::Pooler,
    Fact::DirectOnly,
    Fact::OnSocket,
];

#[derive(Clone, Debug)]
struct Facts {
    mode: SslMode,
    known: Vec<Fact>,
    answer: Option<TlsAnswer>,
    over_tls: Option<StartupReply>,
    in_plaintext: Option<StartupReply>,
}

fn replies() -> impl Strategy<Value = Option<StartupReply>> {
    let refused = |message: &str, routine: Option<&str>| {
        Some(StartupReply::Refused(Refusal {
            message: message.to_owned(),
            sqlstate: "28000".to_owned(),
            routine: routine.map(str::to_owned),
        }))
    };
    select(vec![
        None,
        Some(StartupReply::Welcome {
            asks_password: true,
        }),
        Some(StartupReply::Pooler),
        Some(StartupReply::Closed),
        Some(StartupReply::Alert("CertificateRequired".to_owned())),
        refused("FATAL:  SSL required", None),
        refused(
            "FATAL:  no pg_hba.conf entry for host \"h\", user \"app\", database \"open\"",
            Some("ClientAuthentication"),
        ),
    ])
}

fn facts() -> impl Strategy<Value = Facts> {
    let answers = select(vec![
        None,
        Some(TlsAnswer::Willing),
        Some(TlsAnswer::Unwilling),
    ]);
    let known = subsequence(FACTS.to_vec(), 0..=FACTS.len());
    (select(MODES.to_vec()), known, answers, replies(), replies()).prop_map(
        |(mode, mut known, answer, over_tls, in_plaintext)| {
            // What cannot be: libpq refuses it, or one observation excludes the other.
            known.retain(|fact| match fact {
                Fact::Direct => mode >= SslMode::Require,
                Fact::Tls => answer == Some(TlsAnswer::Willing),
                Fact::DirectOnly => answer.is_none(),
                _ => true,
            });
            let over_tls = over_tls.filter(|_| known.contains(&Fact::Tls));
            Facts {
                mode,
                known,
                answer,
                over_tls,
                in_plaintext,
            }
        },
    )
}

impl Facts {
    fn has(&self, fact: Fact) -> bool {
        self.known.contains(&fact)
    }

    /// It was seen by a probe.
    fn saw(&self, fact: Fact) -> bool {
        self.has(Fact::Probed) && self.has(fact)
    }

    fn context(&self) -> Context {
        let mut context = Context {
            sslmode: Some(self.mode),
            user: Some("app".to_owned()),
            database: Some("open".to_owned()),
            host: Some("db".to_owned()),
            port: Some("5432".to_owned()),
            ..Context::default()
        };
        let configured = &mut context.configured;
        configured.direct = self.has(Fact::Direct);
        configured.client_cert = self.has(Fact::ClientCert).then(ShownCertificate::default);
        if self.has(Fact::IgnoredPasswordFile) {
            let file = UnusedPasswordFile::Open(PathBuf::from("/pgpass"));
            configured.password = ConfiguredPassword::None(Some(file));
        } else if self.has(Fact::NoPassword) {
            configured.password = ConfiguredPassword::None(None);
        }
        if !self.has(Fact::Probed) {
            return context;
        }
        context.with_probe(Arc::new(ServerProbe {
            answer: self.answer.clone(),
            tls: self.has(Fact::Tls),
            pooler: self.has(Fact::Pooler),
            obstacle: self
                .has(Fact::DirectOnly)
                .then_some(TlsObstacle::DirectOnly),
            over_tls: self.over_tls.clone(),
            in_plaintext: self.in_plaintext.clone(),
            ..ServerProbe::default()
        }))
    }

    /// psql's stderr with the words of a row.
    fn stderr(&self, row: &MessageRow) -> String {
        let place = if self.has(Fact::OnSocket) {
            "psql: error: connection to server on socket \"/run/.s.PGSQL.5432\" failed: "
        } else {
            "psql: error: connection to server at \"db\" (10.0.0.1), port 5432 failed: "
        };
        let level = if row.speaker.sends_messages() {
            "FATAL:  "
        } else {
            ""
        };
        let words = row
            .pattern
            .replace("user *", "user \"app\"")
            .replace("role *", "role \"app\"")
            .replace("database *", "database \"open\"")
            .replace('*', "x");
        format!("{place}{level}{words}\n")
    }
}

/// Asserts what holds of every finding, whatever was said.
fn check(facts: &Facts, row: &MessageRow, finding: &Finding) -> Result<(), TestCaseError> {
    let id = finding.id.as_str();
    let fix = finding.fix.as_str();
    let by_server = row.speaker.sends_messages();
    let on_socket = facts.has(Fact::OnSocket);
    let wants_tls = facts.mode >= SslMode::Require;
    let encrypted = wants_tls && !on_socket;
    // The row itself says so, in libpq's own words.
    let by_words = row.finding == id;
    let never = |wrong: bool, why: &str| {
        prop_assert!(!wrong, "{why}: {fix}");
        Ok(())
    };
    let cure = |words: &str| fix.contains(words);
    never(
        wants_tls && cure("set sslmode=require"),
        "sslmode does that already",
    )?;
    never(
        facts.has(Fact::Direct) && cure("set sslnegotiation=direct"),
        "TLS begins at once already",
    )?;
    match id {
        "tls.client_cert.required" => never(
            encrypted && facts.has(Fact::ClientCert),
            "a certificate is shown already",
        ),
        "login.password_file" => never(
            !facts.has(Fact::IgnoredPasswordFile) && !by_words,
            "no password file is open",
        ),
        "login.wrong_password" => never(
            facts.has(Fact::NoPassword) || facts.has(Fact::IgnoredPasswordFile),
            "there is no password that could be wrong",
        ),
        "tls.server_requires_tls" => never(encrypted, "the connection was encrypted"),
        "tls.direct_refused" => never(
            !facts.has(Fact::Direct) || facts.saw(Fact::Tls),
            "TLS was not at once, or came about",
        ),
        "tls.direct_required" => never(facts.has(Fact::Direct), "TLS was at once"),
        "tls.server_without_tls" => never(
            !by_words && facts.has(Fact::Probed) && facts.answer == Some(TlsAnswer::Willing),
            "the server is willing",
        ),
        "net.socket_missing" => never(
            by_server || (!on_socket && !by_words),
            "somebody answered, or there is no socket",
        ),
        id if id.starts_with("net.") => never(by_server, "a server has spoken"),
        id if id.starts_with("server.") => never(!by_server && !by_words, "no server has spoken"),
        _ => Ok(()),
    }?;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_words_outdo_a_fact(facts in facts(), row in select(ROWS.to_vec())) {
        let findings = explain(facts.stderr(&row).as_bytes(), &facts.context());
        prop_assert!(!findings.is_empty());
        check(&facts, &row, &findings[0]).map_err(|error| {
            TestCaseError::fail(format!("{error}\n{}{:?}", facts.stderr(&row), findings[0]))
        })?;
    }
}
