//! Event triggers as the cause of a failure: they run for the DDL of everybody in the database.

use std::error::Error;
use std::sync::Arc;

use super::shape::ErrorReport;
use crate::cli::failure::CommandError;
use crate::pg::{EventTrigger, PsqlError, ServerMessage};
use crate::tenant::ProvisionError;
use crate::text::listed;

/// Failures of a comparison, which an event trigger that changes new objects can cause.
const COMPARISONS: [&str; 3] = ["capture.not_equal", "tenant.not_proven", "pool.not_proven"];

/// Returns whether an event trigger may have caused a failure with this id.
pub(in crate::cli) fn may_be_of_event_trigger(id: &str) -> bool {
    id.starts_with("sql.") || COMPARISONS.contains(&id)
}

/// Names the event triggers that a failure is due to, or may be due to.
pub(super) fn name_event_triggers(
    report: &mut ErrorReport,
    failure: &CommandError,
    triggers: &[EventTrigger],
) {
    if COMPARISONS.contains(&report.id.as_str()) {
        if !triggers.is_empty() {
            report.causes.push(format!(
                "event triggers are on in this database, and have run for the copy: {}",
                listed(triggers, 5)
            ));
            report.hint = Some(
                "if one of them changes what is created, have it disabled meanwhile (ALTER EVENT TRIGGER … DISABLE)"
                    .to_owned(),
            );
        }
        return;
    }
    let Some(stack) = server_message(failure).and_then(|message| message.context.as_deref()) else {
        return;
    };
    // A rename has moved the function of a trigger that belongs to the tenant.
    let is_moved = matches!(failure, CommandError::Lifecycle(_));
    let Some(trigger) = triggers
        .iter()
        .find(|trigger| ran(stack, trigger, is_moved))
    else {
        return;
    };
    report.causes.push(format!(
        "this is raised in the event trigger {trigger}, which runs for the DDL of everybody in this database"
    ));
    if report.hint.is_none() {
        report.hint = Some(format!(
            "make its function accept what schemastamp does, or disable it meanwhile: ALTER EVENT TRIGGER {} DISABLE",
            trigger.name
        ));
    }
}

/// Returns whether a call stack has an event trigger's function, qualified or, in the `search_path`, not; after a move also
/// with another schema.
fn ran(stack: &str, trigger: &EventTrigger, is_moved: bool) -> bool {
    let bare = trigger.function.rsplit('.').next().unwrap_or_default();
    [trigger.function.as_str(), bare]
        .iter()
        .any(|function| stack.contains(&format!(" {function}()")))
        || (is_moved && stack.contains(&format!(".{bare}()")))
}

/// Returns the message of the server that a failure is about.
fn server_message(failure: &CommandError) -> Option<&ServerMessage> {
    if let CommandError::Provision(error) = failure
        && let ProvisionError::Sql { message, .. } = &**error
    {
        return Some(message);
    }
    let mut error: &(dyn Error + 'static) = failure;
    loop {
        let psql = error
            .downcast_ref::<PsqlError>()
            .or_else(|| error.downcast_ref::<Box<PsqlError>>().map(|error| &**error))
            .or_else(|| error.downcast_ref::<Arc<PsqlError>>().map(|error| &**error));
        if let Some(PsqlError::Script { message, .. }) = psql {
            return Some(message);
        }
        error = error.source()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_is_found_in_the_stack() {
        let trigger = EventTrigger {
            name: "log".to_owned(),
            function: "public.log_ddl".to_owned(),
        };
        for (stack, expected) in [
            (
                "PL/pgSQL function public.log_ddl() line 1 at SQL statement",
                true,
            ),
            (
                "PL/pgSQL function inner(integer) line 2 at RAISE\nPL/pgSQL function log_ddl() line 1 at PERFORM",
                true,
            ),
            (
                "PL/pgSQL function public.other_log_ddl() line 1 at SQL statement",
                false,
            ),
            (
                "PL/pgSQL function public.log_ddl(text) line 1 at SQL statement",
                false,
            ),
        ] {
            assert_eq!(ran(stack, &trigger, false), expected, "{stack}");
        }
        let moved = "PL/pgSQL function nu.log_ddl() line 1 at SQL statement";
        assert!(ran(moved, &trigger, true) && !ran(moved, &trigger, false));
    }
}
