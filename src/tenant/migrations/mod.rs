//! A folder of SQL migrations, as many tools lay them out, and what each of them runs for a tenant.
//!
//! Recognised: `VERSION_name.sql`, `VERSION_name.up.sql` beside `.down.sql` (golang-migrate, sqlx), a folder `up` with
//! such files, sections in one file (dbmate, goose), `VERSION_name/up.sql` (diesel), `V1__name.sql` (Flyway, refinery).
//! Only the way up is used.

mod error;
mod fixed;
mod folder;
mod migration;
mod section;
mod version;

pub use error::MigrationError;
pub use fixed::FixedSchema;
pub use folder::read_folder;
pub use migration::{Migration, Migrations};
pub use version::MigrationVersion;
