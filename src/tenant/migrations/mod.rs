//! Reads a directory of SQL migrations in the layouts of many tools.
//!
//! It recognises `VERSION_name.sql`, `VERSION_name.up.sql` next to `.down.sql` (golang-migrate,
//! sqlx), a directory `up` with such files, sections in one file (dbmate, goose),
//! `VERSION_name/up.sql` (diesel), and `V1__name.sql` (Flyway, refinery). The ways down are read where a run is undone.

mod directory;
mod down;
mod error;
mod fixed;
mod migration;
mod section;
mod version;

pub use directory::{other_migration, read_folder};
pub use error::MigrationError;
pub use fixed::FixedSchema;
pub use migration::{Migration, Migrations};
pub use version::MigrationVersion;
