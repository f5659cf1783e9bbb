//! The rest of a tenant's life: dropped, renamed, cloned.

mod clone;
mod distribution;
mod drop;
mod error;
mod guard;
mod mentions;
mod rename;
mod rows;
mod state;

pub use clone::{Cloned, clone_tenant};
pub(crate) use drop::drop_own_schema;
pub use drop::{DropError, DropOptions, Preview, drop_tenant, preview_drop};
pub use error::LifecycleError;
pub use guard::SchemaRefusal;
pub use mentions::{SettingMention, setting_mentions, text_mentions};
pub use rename::{Renamed, rename_tenant};
pub use rows::CopyObstacle;
pub use state::MoveOptions;
