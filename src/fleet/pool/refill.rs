//! Refills a pool to its size, one spare after the other.

use super::error::PoolError;
use super::fill::begin_fill;
use crate::pg::PsqlSession;
use crate::process::Shutdown;
use crate::tenant::{ProvisionError, Provisioner};

/// The reason why a pool was not refilled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefillError {
    /// The pool could not be read, or its spares could not be proven.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A spare could not be created.
    #[error("cannot create a spare")]
    Spare(#[source] Box<ProvisionError>),
}

/// Creates spares until the pool has `size`. Returns the number of new spares.
///
/// # Errors
/// See [`RefillError`]. The spares created before stay.
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
            // Somebody else fills the pool too.
            Err(ProvisionError::PoolFull) => break,
            Err(error) => return Err(RefillError::Spare(Box::new(error))),
        }
    }
    Ok(made)
}
