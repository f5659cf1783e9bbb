use super::decision::DecidedCause;
use crate::diagnose::context::Context;

/// A service that does not know which database is meant, and why the handshake did not say.
pub(super) fn not_routed(context: &Context) -> DecidedCause {
    let decision = DecidedCause::new("login.not_routed");
    match &context.configured.no_server_name {
        Some(reason) => decision.because(reason.clone()).cure(
            "name the host that the service gave you in [host] and [leave sslsni out] (hostaddr keeps an address)",
        ),
        None => decision,
    }
}
