//! What each sslmode would do here.

use super::encryption::Learnt;
use crate::diagnose::Prepared;
use crate::diagnose::finding::Finding;
use crate::diagnose::probe::FirstWord;
use crate::tls::{Distrust, SslMode, Verdict};

/// One finding with the outcome of every mode, and the sentence on the configured one.
pub(in crate::diagnose) fn outcomes(learnt: &Learnt, prepared: &Prepared) -> Finding {
    let what = format!("sslmode={}: {}", prepared.mode, prepared.terms().sentence());
    let mut finding = Finding::ok("modes", what);
    for mode in SslMode::ALL {
        finding = finding.with(mode.keyword(), outcome(mode, learnt, prepared));
    }
    finding
}

/// What a mode would do, as far as it can be seen without a password.
pub(in crate::diagnose) fn outcome(mode: SslMode, learnt: &Learnt, prepared: &Prepared) -> String {
    let plaintext = match &learnt.in_plaintext {
        Some(FirstWord::Welcome | FirstWord::Pooler) => Some(true),
        Some(FirstWord::Refusal { .. }) => Some(false),
        _ => None,
    };
    let tls = learnt.tls && !matches!(learnt.over_tls, Some(FirstWord::Alert(_)));
    let encrypted = match (&learnt.verdict, prepared.files.verifies()) {
        (Some(Verdict::Trusted), true) => "encrypted, chain verified",
        (Some(Verdict::Distrusted(_)), true) => "fails: the chain is not accepted",
        _ => "encrypted, not verified",
    };
    let accepted = tls && !encrypted.starts_with("fails");
    match (mode, plaintext, tls) {
        (SslMode::Disable | SslMode::Allow, Some(true), _) => "plaintext".to_owned(),
        (SslMode::Disable, Some(false), _) => "fails: the server refuses plaintext".to_owned(),
        (SslMode::Prefer, Some(true), _) if !accepted => "plaintext, without a word".to_owned(),
        (SslMode::Disable, None, _) => "not known".to_owned(),
        (SslMode::VerifyCa | SslMode::VerifyFull, _, true) => verified(mode, learnt),
        (_, _, true) => encrypted.to_owned(),
        (_, _, false) => "fails: TLS does not come about".to_owned(),
    }
}

fn verified(mode: SslMode, learnt: &Learnt) -> String {
    match &learnt.verdict {
        None => "needs sslrootcert".to_owned(),
        Some(Verdict::Distrusted(distrust)) => format!("fails: {}", reason(distrust)),
        Some(Verdict::Undecided(words)) => format!("not known: {words}"),
        Some(Verdict::Trusted) if mode == SslMode::VerifyCa => "encrypted, chain verified".to_owned(),
        Some(Verdict::Trusted) => match learnt.name_fits {
            Some(true) => "encrypted, chain and host name verified".to_owned(),
            Some(false) => "fails: the certificate is for another name".to_owned(),
            None => "fails: there is no host name to verify".to_owned(),
        },
    }
}

fn reason(distrust: &Distrust) -> &'static str {
    match distrust {
        Distrust::Expired(_) => "a certificate has expired",
        Distrust::NotYetValid(_) => "a certificate is not yet valid",
        Distrust::SelfSigned => "the certificate is self-signed",
        Distrust::IntermediateMissing { .. } => "the intermediate certificate is missing",
        Distrust::UnknownIssuer { .. } | Distrust::OtherKey { .. } => {
            "the authority is not in the root certificate file"
        }
        Distrust::RootMissing { .. } => "the root certificate file has an intermediate only",
        Distrust::Revoked => "the certificate is revoked",
        Distrust::RevocationUnknown => "the revocation list does not cover the chain",
        Distrust::WrongPurpose => "the certificate is not for servers",
    }
}
