//! Provisions one tenant from a snapshot.

mod aftermath;
mod attempt;
pub mod citus;
mod error;
mod hint;
mod locate;
mod outcome;
mod provisioner;
mod run;

pub(in crate::tenant) use aftermath::ask_until_settled;
pub(crate) use attempt::Psql;
pub use error::{BudgetError, FailedStatement, ProvisionError};
pub use hint::hint_of;
pub use outcome::{ProvisionOutcome, ProvisionSource, TenantOrigin};
pub use provisioner::{IfExists, ProvisionOptions, Provisioner, Retries};
