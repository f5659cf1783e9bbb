//! Refills the pools after a run, and reports the pools that could not be filled.

use super::servers::Provisioners;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::fleet::pool::{RefillError, refill};
use crate::text::error_chain;

/// Refills all pools.
pub(super) async fn refill_all(session: &Session, servers: &Provisioners, size: Option<usize>) {
    let Some(size) = size else { return };
    for target in &servers.targets {
        let mut psql = target.provisioner.session();
        match refill(&target.provisioner, &mut psql, size, &session.shutdown).await {
            Ok(made) => tracing::info!(made, target = target.name, "the pool is full again"),
            Err(error) => say_not_filled(session.output, &target.name, &error),
        }
        psql.close().await;
    }
}

/// Warns of a pool that could not be filled.
pub(super) fn say_not_filled(output: Output, target: &str, error: &RefillError) {
    let text = error_chain(error);
    let place = if target.is_empty() {
        String::new()
    } else {
        format!("target '{target}': ")
    };
    output.warning(&format!("{place}cannot refill the pool: {text}"));
}
