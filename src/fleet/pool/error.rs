use crate::pg::PsqlError;
use crate::snapshot::TemplateError;
use crate::snapshot::capture::Difference;

/// Why a pool cannot be made or looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// psql failed.
    #[error("the server refused it")]
    Psql(#[from] PsqlError),
    /// A tenant of the snapshot does not load.
    #[error("a tenant of the snapshot could not be made")]
    Load(#[source] PsqlError),
    /// The snapshot cannot be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A claimed spare would not be what a tenant is.
    #[error("tenants of this snapshot cannot be made ahead: {}", listed(.0))]
    NotProven(Vec<Difference>),
    /// The operating system has no random bytes for a fresh name.
    #[error("cannot make a fresh name")]
    Random(#[source] std::io::Error),
}

fn listed(differences: &[Difference]) -> String {
    const SHOWN: usize = 5;
    let mut shown: Vec<String> = differences
        .iter()
        .map(|different| format!("{} {}", different.kind, different.object))
        .collect();
    shown.sort();
    shown.dedup();
    let more = shown.len().saturating_sub(SHOWN);
    shown.truncate(SHOWN);
    if more > 0 {
        format!("{} and {more} more", shown.join(", "))
    } else {
        shown.join(", ")
    }
}
