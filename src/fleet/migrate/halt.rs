use crate::pg::PsqlError;

/// The reason why no further tenant is started.
#[derive(Debug)]
pub(super) enum MigrateHalt {
    Canary,
    Failures(usize),
    Stopped,
    Psql(PsqlError),
}

impl std::fmt::Display for MigrateHalt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Canary => formatter.write_str("one of the first tenants failed"),
            Self::Failures(1) => formatter.write_str("a tenant failed"),
            Self::Failures(count) => write!(formatter, "{count} tenants failed"),
            Self::Stopped => formatter.write_str("the run was stopped"),
            Self::Psql(error) => error.fmt(formatter),
        }
    }
}
