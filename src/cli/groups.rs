//! The groups of tenants that a run takes one after the other.

use std::path::Path;

use super::failure::CommandError;
use super::output::Output;
use super::session::Session;
use crate::fleet::{GroupFileError, GroupPlan, NextGroup, Selection, TenantGroups};
use crate::text::{plural, safe};

/// Reads a file of groups, and finds the group of each selected tenant.
pub(super) fn load_groups(
    session: &Session,
    path: &Path,
    selection: &Selection,
) -> Result<TenantGroups, CommandError> {
    let unusable = |source| CommandError::GroupFile {
        path: path.to_owned(),
        source,
    };
    let text = String::from_utf8(session.read_input(path)?).map_err(|_| {
        unusable(GroupFileError {
            line: None,
            problem: "it is not UTF-8".to_owned(),
        })
    })?;
    let plan = GroupPlan::parse(&text).map_err(unusable)?;
    Ok(plan.assign(selection)?)
}

/// Notes that a group is done, and when the next one begins.
pub(super) fn say_next_group(output: Output, step: NextGroup<'_>) {
    let when = if step.pause.is_zero() {
        String::new()
    } else {
        format!(" in {} s", step.pause.as_secs())
    };
    output.note(&format!(
        "group '{}' is done ({}); group '{}' begins{when}",
        safe(step.done),
        plural(step.tenants, "tenant"),
        safe(step.next)
    ));
}
