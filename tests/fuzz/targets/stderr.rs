//! Whatever a client prints: no panic, at least one finding, and nothing that steers a terminal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use schemastamp::diagnose::{Context, explain};

fuzz_target!(|bytes: &[u8]| {
    let findings = explain(bytes, &Context::default());
    assert!(!findings.is_empty());
    for finding in findings {
        let message = finding.evidence.get("message").and_then(|value| value.as_str()).unwrap_or_default();
        assert!(!message.chars().any(char::is_control));
        assert!(message.chars().count() <= 10_010);
    }
});
