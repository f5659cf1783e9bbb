//! A server's TLS alert about the client certificate, held against the certificate itself.
//!
//! An alert is a word without an object: OpenSSL says `certificate expired` of a revocation list that is past its next update as well,
//! and `bad certificate` of a short key (`ssl_x509err2alert` in `ssl/statem/statem_lib.c`).

use super::decision::DecidedCause;
use super::login::lone_key;
use crate::diagnose::context::{Context, ShownCertificate};
use crate::diagnose::probe::ServerProbe;
use crate::text;

/// Returns the cause of an alert that the words alone take for `id`.
pub(super) fn decide(
    id: &'static str,
    context: &Context,
    probe: Option<&ServerProbe>,
) -> DecidedCause {
    let decision = DecidedCause::new(id);
    let Some(shown) = &context.configured.client_cert else {
        let lone = context.has_lone_client_key() && id == "tls.client_cert.required";
        return if lone { lone_key(decision) } else { decision };
    };
    match id {
        "tls.client_cert.expired" => expired(shown),
        "tls.client_cert.refused" if shown.has_weak_key => {
            DecidedCause::new("tls.client_cert.weak_key")
        }
        "tls.client_cert.refused" if shown.has_weak_digest => {
            DecidedCause::new("tls.client_cert.weak_digest")
        }
        "tls.client_cert.unknown_ca" => unknown_authority(shown, probe),
        "tls.client_cert.required" => DecidedCause::new("tls.client_cert.refused")
            .because(
                "the server wants a certificate, and OpenSSL did not show the configured one: its key is of a kind that the \
                 server does not take",
            )
            .cure("have the certificate issued for a key of another kind, such as RSA of 2048 bits or EC P-256"),
        _ => decision,
    }
}

fn expired(shown: &ShownCertificate) -> DecidedCause {
    match &shown.valid_until {
        None => DecidedCause::new("tls.client_cert.expired"),
        Some(until) => DecidedCause::new("tls.client_cert.refused")
            .because(format!(
                "the server says 'expired', and {} is valid until {until}: what has expired is a revocation list of the server, \
                 an intermediate certificate, or its clock is wrong",
                shown.subject
            ))
            .cure("renew the revocation list at the server (ssl_crl_file) and reload it, or correct the server's clock"),
    }
}

/// A server that names the issuer among those it takes, and still does not know it, has another key or lacks a part of the chain.
fn unknown_authority(shown: &ShownCertificate, probe: Option<&ServerProbe>) -> DecidedCause {
    let decision = DecidedCause::new("tls.client_cert.unknown_ca");
    let takes = probe
        .and_then(|probe| probe.seen.client_cert_asked.as_ref())
        .is_some_and(|names| names.contains(&shown.issuer));
    if !takes {
        return decision;
    }
    decision
        .because(format!(
            "the server takes certificates of {}, and this one is signed with another key of that name, or its chain lacks an \
             intermediate certificate",
            text::safe(&shown.issuer)
        ))
        .cure(
            "get a certificate from the authority as it is now, with its intermediates in the same file, and name it in [sslcert]; \
             or [leave sslcert out] when the server needs none",
        )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnose::explain;
    use crate::diagnose::probe::Seen;

    fn shown() -> ShownCertificate {
        ShownCertificate {
            subject: "CN=app".to_owned(),
            issuer: "CN=Root".to_owned(),
            valid_until: Some("2120-01-01 00:00:00Z".to_owned()),
            ..ShownCertificate::default()
        }
    }

    fn root(alert: &str, shown: Option<ShownCertificate>) -> crate::diagnose::Finding {
        let mut context = Context::default();
        context.configured.client_cert = shown;
        explain(format!("SSL error: {alert}\n").as_bytes(), &context).remove(0)
    }

    #[test]
    fn an_alert_is_held_against_the_certificate() {
        let weak = |key: bool| ShownCertificate {
            has_weak_key: key,
            has_weak_digest: !key,
            ..shown()
        };
        let over = ShownCertificate {
            valid_until: None,
            ..shown()
        };
        for (alert, certificate, id) in [
            (
                "sslv3 alert certificate expired",
                over,
                "tls.client_cert.expired",
            ),
            (
                "sslv3 alert certificate expired",
                shown(),
                "tls.client_cert.refused",
            ),
            (
                "sslv3 alert bad certificate",
                shown(),
                "tls.client_cert.refused",
            ),
            (
                "sslv3 alert bad certificate",
                weak(true),
                "tls.client_cert.weak_key",
            ),
            (
                "sslv3 alert bad certificate",
                weak(false),
                "tls.client_cert.weak_digest",
            ),
            (
                "tlsv13 alert certificate required",
                shown(),
                "tls.client_cert.refused",
            ),
            (
                "tlsv1 alert unknown ca",
                shown(),
                "tls.client_cert.unknown_ca",
            ),
        ] {
            assert_eq!(root(alert, Some(certificate)).id, id, "{alert}");
        }
        assert_eq!(
            root("tlsv13 alert certificate required", None).id,
            "tls.client_cert.required"
        );
    }

    #[test]
    fn a_server_that_takes_the_issuer_has_another_key_of_it() {
        let mut context = Context::default();
        context.configured.client_cert = Some(shown());
        let of = |names: &[&str]| {
            let probe = ServerProbe {
                seen: Seen {
                    client_cert_asked: Some(names.iter().map(|&name| name.to_owned()).collect()),
                    ..Seen::default()
                },
                ..ServerProbe::default()
            };
            let context = context.with_probe(Arc::new(probe));
            explain(b"SSL error: tlsv1 alert unknown ca\n", &context)
                .remove(0)
                .why
        };
        assert!(of(&["CN=Root"]).contains("another key of that name"));
        assert!(!of(&["CN=Other"]).contains("another key"));
    }
}
