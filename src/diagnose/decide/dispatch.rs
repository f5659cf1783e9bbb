use super::decision::DecidedCause;
use super::other_side::on_the_other_side;
use super::this_side::on_this_side;
use crate::diagnose::context::Context;
use crate::diagnose::message::Message;
use crate::diagnose::words::Voice;

/// Interprets a message. Returns `None` if it is not about a cause.
pub(in crate::diagnose) fn decide(message: &Message, context: &Context) -> Option<DecidedCause> {
    if message.voice == Voice::Client {
        on_this_side(message, context)
    } else {
        on_the_other_side(message, context)
    }
}
