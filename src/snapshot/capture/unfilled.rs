//! Materialized views that cannot be filled while there are no rows, or not yet.

use super::error::ProofError;
use crate::pg::PsqlError;
use crate::snapshot::Snapshot;
use crate::snapshot::object::Action;

/// `object_not_in_prerequisite_state`: the view reads another one that is not filled.
const NOT_POPULATED: &str = "55000";

/// A view whose query failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnfilledView {
    /// Its name.
    pub(super) view: String,
    /// The server's message.
    pub(super) message: String,
    /// True if it may succeed after the others.
    pub(super) is_too_early: bool,
}

/// The view that a proof failed to fill, where that is due to the rows that are not there: a division by zero, no row
/// where one is needed, a parameter that only the app sets.
///
/// A name that is not found is not among that: it is missing for every tenant, whatever rows it has.
pub(super) fn unfilled(
    error: &ProofError,
    snapshot: &Snapshot,
    refresh: &[String],
) -> Option<UnfilledView> {
    let (object, source) = match error {
        ProofError::Load {
            object,
            line,
            source,
        } => {
            let is_refresh = snapshot.template().statements.iter().any(|statement| {
                statement.line == *line && statement.object.action == Action::Refresh
            });
            (is_refresh.then_some(object)?, source)
        }
        ProofError::Dump {
            object,
            line: 0,
            source,
        } => (object, source),
        _ => return None,
    };
    let view = object.strip_prefix("materialized view ")?;
    let PsqlError::Script { message, .. } = source else {
        return None;
    };
    let sqlstate = message.sqlstate.as_ref()?.to_string();
    let is_of_data = ["22", "23", "P0", "38", "39", "21"]
        .iter()
        .any(|class| sqlstate.starts_with(class))
        || sqlstate == "42704"
        || sqlstate == NOT_POPULATED;
    (is_of_data && refresh.iter().any(|name| name == view)).then(|| UnfilledView {
        view: view.to_owned(),
        message: message.message.clone(),
        is_too_early: sqlstate == NOT_POPULATED,
    })
}

/// Returns whether the snapshot did not load as something is not found that `search_path` would lead to.
pub(super) fn names_unknown_object(error: &ProofError) -> bool {
    let ProofError::Load {
        source: PsqlError::Script { message, .. },
        ..
    } = error
    else {
        return false;
    };
    // Undefined function, table, object (type or operator class), schema.
    let unknown = ["42883", "42P01", "42704", "3F000"];
    message
        .sqlstate
        .as_ref()
        .is_some_and(|state| unknown.contains(&state.to_string().as_str()))
}
