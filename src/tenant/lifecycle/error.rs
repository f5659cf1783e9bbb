use super::{CopyObstacle, SchemaRefusal};
use crate::pg::PsqlError;
use crate::pg::catalog::DuplicateIdentity;
use crate::snapshot::TemplateError;
use crate::snapshot::capture::{CaptureError, Difference};
use crate::sql::TenantName;
use crate::tenant::transaction::UnknownEnd;

/// Reasons why a tenant is neither renamed nor cloned. But for [`LifecycleError::Unknown`] nothing has changed then.
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
    /// The schema is one that is left alone.
    #[error(transparent)]
    Refused(#[from] SchemaRefusal),
    /// The server would store the new name in another form.
    #[error("in its encoding, this server would store the name '{}' truncated or with other letters", .0.as_str().escape_debug())]
    NotStorable(TenantName),
    /// The answer was lost, and the server could not be asked what became of it.
    #[error("it is not known whether it was done")]
    Unknown(#[source] UnknownEnd),
    /// Rows refer to objects of the old tenant from within other values.
    #[error(
        "values of {0} refer to objects by number (regclass and similar) within a composite value, a range or an array of several \
         dimensions; in a copy they would still refer to the old tenant's"
    )]
    NestedNames(String),
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
