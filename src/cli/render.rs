//! The command `render`.

use super::arguments::{RenderArguments, TenantKindArguments};
use super::failure::CommandError;
use super::lines::{
    Counts, Line, RenderCounts, RenderDetails, TenantDetails, TenantLine, TenantOutcome,
};
use super::output::Output;
use super::session::Session;
use super::snapshot_file;
use crate::exit;
use crate::snapshot::RenderOptions;
use crate::sql::TenantName;

pub(super) fn run(session: &Session, arguments: &RenderArguments) -> Result<u8, CommandError> {
    let tenant = TenantName::new(arguments.tenant.as_str())?;
    let tool = session.tool()?;
    let path = snapshot_file::find(&tool)?;
    let snapshot = snapshot_file::load(&path, session)?;
    let mut options = render_options(&arguments.what);
    options.timeout = Some(tool.timeout.value).filter(|timeout| !timeout.is_zero());
    let script = snapshot
        .script_for(&tenant, &options)
        .map_err(|source| CommandError::Template { path, source })?;
    if session.output.is_json() {
        Output::json(&Line::Tenant(TenantLine {
            tenant: tenant.as_str().to_owned(),
            target: None,
            outcome: TenantOutcome::Rendered,
            ms: None,
            details: TenantDetails::Render(RenderDetails { script }),
            error: None,
        }))?;
        session.summary(Counts::Render(RenderCounts { rendered: 1 }))?;
    } else {
        Output::raw(&script)?;
    }
    Ok(exit::DONE)
}

/// Returns the options that the flags set.
pub(super) fn render_options(what: &TenantKindArguments) -> RenderOptions {
    RenderOptions {
        owners: !what.no_owner,
        privileges: !what.no_privileges,
        role: what.role.clone(),
        citus: what.citus,
        ..RenderOptions::default()
    }
}
