use crate::pg::PsqlError;
use crate::pg::catalog::DuplicateIdentity;
use crate::snapshot::TemplateError;
use crate::snapshot::capture::{CaptureError, Difference};
use crate::sql::TenantName;

use super::CopyObstacle;

/// Why a tenant is neither renamed nor cloned. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LifecycleError {
    /// psql failed.
    #[error("the server refused it")]
    Psql(#[from] PsqlError),
    /// There is no such schema.
    #[error("there is no tenant '{}'", .0.as_str().escape_debug())]
    Missing(TenantName),
    /// The new name is taken.
    #[error("there is a schema '{}' already", .0.as_str().escape_debug())]
    Exists(TenantName),
    /// Somebody changed the schema meanwhile.
    #[error("'{}' was changed meanwhile", .0.as_str().escape_debug())]
    Changed(TenantName),
    /// The schema cannot be captured.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The template cannot be rendered for the new name.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The renamed schema would not be what a tenant of that name is.
    #[error("under its new name the tenant would not be the same: {}", listed(.0))]
    NotProven(Vec<Difference>),
    /// A copy would not be whole, or would share something with its source.
    #[error(transparent)]
    Copy(#[from] CopyObstacle),
    /// The operating system has no random bytes for a fresh name.
    #[error("cannot make a fresh name")]
    Random(#[source] std::io::Error),
    /// The comparison itself is at fault.
    #[error(transparent)]
    Identity(#[from] DuplicateIdentity),
}

fn listed(differences: &[Difference]) -> String {
    let shown: Vec<String> = differences
        .iter()
        .take(5)
        .map(|d| format!("{} ({})", d.object, d.aspect))
        .collect();
    let more = differences.len().saturating_sub(shown.len());
    if more > 0 {
        format!("{}; and {more} more", shown.join("; "))
    } else {
        shown.join("; ")
    }
}
