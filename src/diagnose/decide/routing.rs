use super::decision::DecidedCause;
use crate::diagnose::context::Context;
use crate::diagnose::message::Message;

/// A version of the protocol that one side does not speak, and the settings that ask for it.
pub(super) fn protocol_version(message: &Message, context: &Context) -> DecidedCause {
    let decision = DecidedCause::new("server.protocol_version");
    let set: Vec<&str> = ["min_protocol_version", "max_protocol_version"]
        .into_iter()
        .filter(|keyword| context.origins.has(keyword))
        .collect();
    if set.is_empty() || !message.fix.is_empty() {
        return decision;
    }
    let cures: Vec<String> = set
        .iter()
        .map(|keyword| format!("[leave {keyword} out]"))
        .collect();
    decision.cure(cures.join(", and "))
}

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
