//! The script that applies one tenant's pending migrations, each with its version in one
//! transaction.

mod external;
mod failure;
mod indexes;
mod report;
mod script;
mod undo;

pub use external::ExternalCommand;
pub use failure::MigrateFailure;
pub(crate) use failure::anonymous;
pub(crate) use indexes::index_states;
pub use report::{MigrateOutcome, TenantReport};
pub(crate) use script::{ALREADY, BUSY, MessagePlace, MigrationScript, ScriptContext};
pub use undo::UndoStep;
