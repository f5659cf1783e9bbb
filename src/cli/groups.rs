//! The groups of tenants that a run takes one after the other.

use std::path::{Path, PathBuf};

use super::arguments::MigrateArguments;
use super::failure::CommandError;
use super::output::Output;
use super::session::{STDIN, Session, input_name};
use crate::fleet::{GroupFileError, GroupPlan, NextGroup, Selection, TenantGroups};
use crate::sql::TenantName;
use crate::text::{listed, plural, safe};

/// Most entries of the file that a warning names.
const NAMED: usize = 5;

/// Reads a file of groups, and finds the group of each selected tenant.
pub(super) async fn load_groups(
    session: &Session,
    path: &Path,
    selection: &Selection,
) -> Result<TenantGroups, CommandError> {
    let unusable = |source| CommandError::GroupFile {
        path: input_name(path).to_owned(),
        source,
    };
    let text = String::from_utf8(session.read_input_or_stdin(path).await?).map_err(|_| {
        unusable(GroupFileError {
            line: None,
            problem: "it is not UTF-8".to_owned(),
        })
    })?;
    let plan = GroupPlan::parse(&text).map_err(unusable)?;
    let groups = plan.assign(selection)?;
    if selection.is_by_name() {
        let tenants = selection.tenants().iter().map(|tenant| &tenant.name);
        warn_of_unmatched(session.output, &groups, tenants);
    }
    Ok(groups)
}

/// Warns of names and patterns of the file that match none of the tenants: a typing error sends a tenant to the rest.
pub(super) fn warn_of_unmatched<'a>(
    output: Output,
    groups: &TenantGroups,
    tenants: impl Iterator<Item = &'a TenantName>,
) {
    let unmatched = groups.unmatched(tenants);
    if !unmatched.is_empty() {
        let entries = unmatched.iter().map(|entry| {
            let text = safe(&entry.text);
            let group = safe(&entry.group);
            format!("'{text}' (group '{group}')")
        });
        output.warning(&format!(
            "no selected tenant matches {} of the groups file",
            listed(entries, NAMED)
        ));
    }
}

/// Refuses two inputs that are both stdin.
pub(super) fn refuse_stdin_twice(arguments: &MigrateArguments) -> Result<(), CommandError> {
    let is_stdin = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new(STDIN));
    if is_stdin(&arguments.groups) && is_stdin(&arguments.scope.listed.from_file) {
        return Err(CommandError::Usage(
            "--from-file and --groups cannot both read standard input".to_owned(),
        ));
    }
    Ok(())
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
