//! Creates spares.

use super::error::PoolError;
use super::status::{PoolStatus, status};
use super::trial::try_out;
use crate::pg::ScriptOptions;
use crate::process::Shutdown;
use crate::snapshot::capture::{ServerProperty, fresh_name};
use crate::snapshot::{Rendered, TemplateError, one_message, settings};
use crate::sql::{TenantName, quote};
use crate::tenant::Provisioner;
use crate::tenant::marker::SPARE_NAME;
use crate::tenant::spares::creation;

/// The work to bring a pool to its size.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Filling {
    /// The provisioner that creates the spares, one for each name of [`Filling::names`].
    pub provisioner: Provisioner,
    /// The state of the pool before.
    pub before: PoolStatus,
    /// Number of missing spares.
    pub missing: usize,
    /// Number of objects that were proven equal to a tenant's, or `None` if spares of the same kind
    /// were proven before.
    pub proven: Option<usize>,
    /// Properties that the proof did not compare, because this server sets them by itself.
    pub ignored: Vec<ServerProperty>,
}

impl Filling {
    /// Returns new names for the missing spares.
    ///
    /// # Errors
    /// [`PoolError::Random`].
    pub fn names(&self) -> Result<Vec<TenantName>, PoolError> {
        (0..self.missing).map(|_| spare_name()).collect()
    }
}

/// Counts the spares that a pool of a size lacks, proves that spares of this snapshot become
/// tenants (if that was not proven before), and creates the pool's table.
///
/// # Errors
/// See [`PoolError`].
pub async fn begin_fill(
    provisioner: &Provisioner,
    size: usize,
    shutdown: &Shutdown,
) -> Result<Filling, PoolError> {
    let server = provisioner.server();
    let snapshot = provisioner.snapshot();
    let render = &provisioner.options().render;
    let before = status(server, snapshot, render, shutdown).await?;
    let ready = before.ready();
    let missing = size.saturating_sub(ready);
    let mut proven = None;
    let mut ignored = Vec::new();
    // A pool that has spares of this kind was proven when its first one was made. The proof costs about as much as
    // two tenants.
    if missing > 0 && ready == 0 {
        let trial = try_out(server, snapshot, render, shutdown).await?;
        (proven, ignored) = (Some(trial.objects), trial.ignored);
        let mut statements = vec![settings(server.timeout)];
        statements.extend(
            render
                .role
                .as_ref()
                .map(|role| format!("SET LOCAL ROLE {}", quote(role))),
        );
        statements.extend(creation());
        let statements: Vec<Rendered> = statements.into_iter().map(Rendered::added).collect();
        server
            .run_script(
                &one_message(&statements),
                &ScriptOptions::default(),
                shutdown,
            )
            .await?;
    }
    Ok(Filling {
        provisioner: provisioner.for_spares(size),
        before,
        missing,
        proven,
        ignored,
    })
}

fn spare_name() -> Result<TenantName, PoolError> {
    // `fresh_name` separates the prefix from 24 random digits with an underscore.
    let name = fresh_name(SPARE_NAME.trim_end_matches('_')).map_err(PoolError::Random)?;
    TenantName::for_own_schema(name).map_err(|_| TemplateError::Glued { line: 0 }.into())
}
