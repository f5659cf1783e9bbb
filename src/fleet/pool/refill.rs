//! A pool is brought back to its size, one spare after the other.

use super::error::PoolError;
use super::fill::begin_fill;
use crate::pg::PsqlSession;
use crate::process::Shutdown;
use crate::tenant::{ProvisionError, Provisioner};

/// Why a pool was not brought back to its size.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefillError {
    /// It could not be looked at, or its spares could not be proven.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A spare could not be made.
    #[error("a spare could not be made")]
    Spare(#[source] Box<ProvisionError>),
}

/// Makes spares until the pool has so many; returns how many were made.
///
/// # Errors
/// See [`RefillError`]; the spares made before stay.
pub async fn refill(
    provisioner: &Provisioner,
    session: &mut PsqlSession,
    size: usize,
    shutdown: &Shutdown,
) -> Result<usize, RefillError> {
    let filling = begin_fill(provisioner, size, shutdown).await?;
    let mut made = 0;
    for spare in filling.names()? {
        match filling
            .provisioner
            .provision_by(session, &spare, shutdown)
            .await
        {
            Ok(_) => made += 1,
            // Somebody else fills it, too.
            Err(ProvisionError::PoolFull) => break,
            Err(error) => return Err(RefillError::Spare(Box::new(error))),
        }
    }
    Ok(made)
}
