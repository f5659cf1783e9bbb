//! Prints what would be run.

use std::path::Path;

use super::plan::ProvisionConfig;
use super::servers::Provisioners;
use super::tally::{ProvisionProgress, TenantResult};
use crate::cli::failure::CommandError;
use crate::cli::lines::{DryRunDetails, Line, TenantDetails, TenantLine, TenantOutcome};
use crate::cli::names::{NameReader, NameRequest};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::pg::ScriptOptions;
use crate::tenant::{ProvisionError, Provisioner};

pub(super) async fn run(
    session: &Session,
    servers: &Provisioners,
    config: &ProvisionConfig,
    mut names: NameReader,
    tally: &mut ProvisionProgress,
) -> Result<usize, CommandError> {
    while let Some(wanted) = names.next(&session.shutdown).await? {
        one(session, servers, config, wanted, tally).await?;
    }
    names.say_repeated(session.output);
    tally.cut_short = names.is_cut_short();
    Ok(names.left())
}

/// Prints the command and the script for one tenant.
async fn one(
    session: &Session,
    servers: &Provisioners,
    config: &ProvisionConfig,
    wanted: NameRequest,
    tally: &mut ProvisionProgress,
) -> Result<(), CommandError> {
    let found = wanted.tenant.and_then(|tenant| {
        let target = servers.route(&tenant)?;
        let provisioner = servers.provisioner(target).ok_or(CommandError::NoTarget)?;
        Ok((
            target,
            provisioner,
            provisioner.claim_script(&tenant)?,
            provisioner.script(&tenant)?,
        ))
    });
    let (target, provisioner, claim, script) = match found {
        Ok(found) => found,
        Err(failure) => {
            let elapsed = std::time::Duration::ZERO;
            let answer = TenantResult {
                tenant: &wanted.text,
                target: None,
                result: Err(failure),
                attempts: 0,
                elapsed,
            };
            return tally.answer(session, answer, session.context());
        }
    };
    let claim = match claim {
        Some(claim) => Some(wrapped(session, provisioner, &claim).await?.0),
        None => None,
    };
    let (script, command) = wrapped(session, provisioner, &script).await?;
    tally.rendered();
    let target = servers.name(target);
    if session.output.is_json() {
        return Output::json(&Line::Tenant(TenantLine {
            tenant: wanted.text,
            target: target.map(str::to_owned),
            outcome: TenantOutcome::Rendered,
            ms: None,
            details: TenantDetails::DryRun(DryRunDetails {
                command,
                script,
                run: config.hook.as_ref().map(|hook| hook.command.clone()),
                claim,
            }),
            error: None,
        }));
    }
    let comment = |text: &str| text.replace(['\n', '\r'], " ");
    let at = target
        .map(|target| format!(" at {}", comment(target)))
        .unwrap_or_default();
    let then = config
        .hook
        .as_ref()
        .map(|hook| format!("-- then: {}\n", comment(&hook.command)))
        .unwrap_or_default();
    let claim = claim
        .map(|claim| format!("-- first, a spare of the pool:\n{claim}\n-- without a spare:\n"));
    let claim = claim.unwrap_or_default();
    Output::raw(&format!(
        "-- {}{at}\n-- {}\n{then}{claim}{script}\n",
        comment(&wanted.text),
        comment(&command)
    ))
}

/// Returns the script as psql would get it, and the command.
async fn wrapped(
    session: &Session,
    provisioner: &Provisioner,
    script: &str,
) -> Result<(String, String), CommandError> {
    let server = provisioner.server();
    let options = ScriptOptions::default();
    let wrapped = server.wrapped(script, &options, &session.shutdown).await;
    let (script, _) = wrapped.map_err(|error| ProvisionError::Run(Box::new(error)))?;
    let command = server
        .psql_invocation(Path::new("script.sql"), &options.variables)
        .to_string();
    Ok((script.into_owned(), command))
}
