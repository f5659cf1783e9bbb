//! Creates one tenant with its own psql.

use std::time::Instant;

use super::plan::ProvisionConfig;
use super::refill::refill_all;
use super::servers::Provisioners;
use super::tally::{ProvisionProgress, TenantResult};
use crate::cli::failure::CommandError;
use crate::cli::names::NameReader;
use crate::cli::session::Session;
use crate::snapshot::PLACEHOLDER;
use crate::sql::TenantName;
use crate::tenant::{ProvisionOutcome, Provisioner};

pub(super) async fn run(
    session: &Session,
    servers: &Provisioners,
    config: &ProvisionConfig,
    mut names: NameReader,
    tally: &mut ProvisionProgress,
) -> Result<usize, CommandError> {
    while let Some(wanted) = names.next(&session.shutdown).await? {
        let start = Instant::now();
        let result = match (wanted.tenant, servers.provisioner(0)) {
            (Ok(tenant), Some(provisioner)) => create(session, provisioner, config, &tenant).await,
            (Err(failure), _) => Err(failure),
            (Ok(_), None) => Err(CommandError::NoTarget),
        };
        if let Err(failure) = &result {
            session.look_closer(failure).await;
        }
        let answer = TenantResult {
            tenant: &wanted.text,
            target: None,
            result,
            attempts: 0,
            elapsed: start.elapsed(),
        };
        tally.answer(session, answer, session.context())?;
    }
    if config.options.from_pool {
        refill_all(session, servers, config.refill).await;
    }
    Ok(names.left())
}

/// Creates the tenant and runs the hook for it. An existing tenant gets no hook: the run that
/// created it was responsible for that.
async fn create(
    session: &Session,
    provisioner: &Provisioner,
    config: &ProvisionConfig,
    tenant: &TenantName,
) -> Result<ProvisionOutcome, CommandError> {
    let outcome = provisioner.provision(tenant, &session.shutdown).await?;
    if let (Some(hook), ProvisionOutcome::Created { .. }) = (&config.hook, &outcome) {
        let ran = hook
            .run_for(provisioner.server(), tenant, &session.shutdown)
            .await;
        ran.map_err(|failure| hook_failed(failure, tenant))?;
    }
    Ok(outcome)
}

/// Returns the failure of a hook, with the tenant's name in its message.
pub(super) fn hook_failed(
    mut failure: crate::tenant::migrate::MigrateFailure,
    tenant: &TenantName,
) -> CommandError {
    failure.message = failure.message.replace(PLACEHOLDER, tenant.as_str());
    CommandError::Hook(Box::new(failure))
}
