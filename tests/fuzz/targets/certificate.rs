//! Whatever a certificate file holds: no panic, and nothing that steers a terminal or goes on for ever.
#![no_main]

use libfuzzer_sys::fuzz_target;
use schemastamp::tls::{Certificate, Content, Trust, content, name, text, verify};

fuzz_target!(|bytes: &[u8]| {
    let certificates = match content(bytes) {
        Content::Pem { certificates, .. } => certificates,
        Content::Der(certificate) => vec![*certificate],
        Content::Nothing(_) => Vec::new(),
    };
    for certificate in &certificates {
        check(certificate);
    }
    let trust = Trust { roots: &certificates, crl: Some(bytes), now: 1_800_000_000 };
    verify(&certificates, &trust);
});

fn check(certificate: &Certificate) {
    for shown in [&certificate.subject, &certificate.issuer, &certificate.key] {
        assert!(!shown.chars().any(char::is_control));
        assert!(shown.chars().count() <= text::LIMIT + 1);
    }
    name::matches(certificate, "db.example.com", 15);
    name::matches(certificate, "127.0.0.1", 14);
}
