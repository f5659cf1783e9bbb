use crate::pg::PsqlError;
use crate::pg::catalog::DuplicateIdentity;
use crate::snapshot::TemplateError;
use crate::snapshot::capture::Difference;
use crate::text;

/// The reason why a pool cannot be created or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// psql failed.
    #[error("the server refused it")]
    Psql(#[from] PsqlError),
    /// A tenant of the snapshot does not load.
    #[error("cannot create a tenant of the snapshot")]
    Load(#[source] PsqlError),
    /// The snapshot cannot be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A claimed spare would not equal a tenant.
    #[error("this snapshot cannot have a pool: {}", listed(.0))]
    NotProven(Vec<Difference>),
    /// The operating system has no random bytes for a new name.
    #[error("cannot create a new name")]
    Random(#[source] std::io::Error),
    /// The comparison itself is at fault.
    #[error(transparent)]
    Identity(#[from] DuplicateIdentity),
}

fn listed(differences: &[Difference]) -> String {
    const SHOWN: usize = 5;
    let mut shown: Vec<String> = differences
        .iter()
        .map(|different| different.object.to_string())
        .collect();
    shown.sort();
    shown.dedup();
    text::listed(shown, SHOWN)
}
