//! One tenant, by a psql of its own.

use std::time::Instant;

use super::ProvisionConfig;
use super::keep_full::refill_all;
use super::servers::Provisioners;
use super::tally::{Answer, ProvisionProgress};
use crate::cli::failure::Failure;
use crate::cli::names::Names;
use crate::cli::session::Session;
use crate::snapshot::PLACEHOLDER;
use crate::sql::TenantName;
use crate::tenant::{Outcome, Provisioner};

pub(super) async fn run(
    session: &Session,
    servers: &Provisioners,
    wishes: &ProvisionConfig,
    mut names: Names,
    tally: &mut ProvisionProgress,
) -> Result<usize, Failure> {
    while let Some(wanted) = names.next(&session.shutdown).await? {
        let start = Instant::now();
        let result = match (wanted.tenant, servers.provisioner(0)) {
            (Ok(tenant), Some(provisioner)) => create(session, provisioner, wishes, &tenant).await,
            (Err(failure), _) => Err(failure),
            (Ok(_), None) => Err(Failure::NoTarget),
        };
        let answer = Answer {
            tenant: &wanted.text,
            target: None,
            result,
            attempts: 0,
            elapsed: start.elapsed(),
        };
        tally.answer(session, answer, session.context())?;
    }
    if wishes.options.from_pool {
        refill_all(session, servers, wishes.refill).await;
    }
    Ok(names.left())
}

/// Creates the tenant and runs the hook for it; one that was there was finished by whoever made it.
async fn create(
    session: &Session,
    provisioner: &Provisioner,
    wishes: &ProvisionConfig,
    tenant: &TenantName,
) -> Result<Outcome, Failure> {
    let outcome = provisioner.provision(tenant, &session.shutdown).await?;
    if let (Some(hook), Outcome::Created { .. }) = (&wishes.hook, &outcome) {
        let ran = hook
            .run_for(provisioner.server(), tenant, &session.shutdown)
            .await;
        ran.map_err(|failure| hook_failed(failure, tenant))?;
    }
    Ok(outcome)
}

/// Said of one tenant, so with its name.
pub(super) fn hook_failed(
    mut failure: crate::tenant::migrate::Failure,
    tenant: &TenantName,
) -> Failure {
    failure.message = failure.message.replace(PLACEHOLDER, tenant.as_str());
    Failure::Hook(Box::new(failure))
}
