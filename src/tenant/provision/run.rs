//! Repeats attempts until one creates the tenant or another cannot help.

use std::time::Instant;

use super::attempt::{Attempt, Psql};
use super::error::ProvisionError;
use super::outcome::ProvisionOutcome;
use super::provisioner::{Provisioner, Retries, new_token, run_of};
use crate::pg::PsqlSession;
use crate::process::{Backoff, Shutdown};
use crate::sql::TenantName;

impl Provisioner {
    /// Creates a tenant in one transaction: all of it or nothing.
    ///
    /// Two calls for the same name, wherever they are made, give one tenant and one
    /// [`ProvisionError::Exists`] (or [`ProvisionOutcome::Skipped`]). After a timeout, a `shutdown`
    /// or a lost connection, this asks the server what became of the tenant before it returns.
    /// Transient errors are retried as [`Retries`] says.
    ///
    /// # Errors
    /// See [`ProvisionError`]. Except for [`ProvisionError::Unknown`], nothing of the tenant was
    /// left behind.
    pub async fn provision(
        &self,
        tenant: &TenantName,
        shutdown: &Shutdown,
    ) -> Result<ProvisionOutcome, ProvisionError> {
        self.provision_with(Psql::Fresh, tenant, self.options.retries, shutdown)
            .await
            .0
    }

    /// Creates a tenant like [`Provisioner::provision`], through a psql that stays open.
    ///
    /// # Errors
    /// See [`Provisioner::provision`].
    pub async fn provision_by(
        &self,
        session: &mut PsqlSession,
        tenant: &TenantName,
        shutdown: &Shutdown,
    ) -> Result<ProvisionOutcome, ProvisionError> {
        self.provision_with(
            Psql::PersistentProcess(session),
            tenant,
            self.options.retries,
            shutdown,
        )
        .await
        .0
    }

    /// Like [`Provisioner::provision`], and also returns the number of attempts.
    pub(crate) async fn provision_with(
        &self,
        mut psql: Psql<'_>,
        tenant: &TenantName,
        retries: Retries,
        shutdown: &Shutdown,
    ) -> (Result<ProvisionOutcome, ProvisionError>, u32) {
        let start = Instant::now();
        let mut number = 1;
        let backoff = Backoff::new(retries.pause);
        let token = match new_token() {
            Ok(token) => token,
            Err(error) => return (Err(error), number),
        };
        loop {
            let attempt = Attempt {
                provisioner: self,
                tenant,
                number,
                run: run_of(&token),
                start,
                shutdown,
            };
            let error = match attempt.make(&mut psql).await {
                Err(error) if number < retries.attempts && error.may_pass() => error,
                done => return (done, number),
            };
            let pause = backoff.pause_after(number - 1);
            if self.left(start).is_some_and(|left| left < pause * 2) {
                return (Err(error), number);
            }
            tracing::warn!(reason = %reason(&error), "tenant '{tenant}': retrying");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = shutdown.requested() => return (Err(error), number),
            }
            number += 1;
        }
    }
}

/// Returns the root cause of an error.
fn reason(error: &ProvisionError) -> String {
    let mut bottom: &dyn std::error::Error = error;
    while let Some(source) = bottom.source() {
        bottom = source;
    }
    bottom.to_string()
}
