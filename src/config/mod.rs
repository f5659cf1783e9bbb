//! Resolves and checks each setting, and records its origin.
//!
//! First match wins: flag, `SCHEMASTAMP_*` variable, `DATABASE_URL`, `PG*` variable, password file, default. The entries
//! of a service count right after the source that names the service.
//!
//! - [`Environment`] is the process environment, read once; nothing else in the crate reads it.
//! - [`Connection`] is one resolved connection: libpq's keywords, each with its [`Origin`], and the password.
//! - [`Settings`] adds what concerns the tool itself: the snapshot, the programs, the timeout.
//!
//! Part of the inside: it may change in any release. [`service`](crate::service) is what stays.

mod account;
mod child;
mod connection;
mod conninfo;
mod environment;
mod error;
mod flags;
mod found;
mod host;
mod interference;
mod keyword;
mod origin;
mod part;
mod passfile;
mod passfile_miss;
mod password_command;
mod project;
mod resolve;
mod service;
mod settings;
mod targets;
mod uri;
mod value;
mod variables;
mod warning;

pub use account::Account;
pub use connection::{Connection, Described, Interference};
pub use environment::Environment;
pub use error::{ConfigError, StringProblem};
pub use flags::{ConnectionFlags, ToolFlags};
pub use found::FileChoice;
pub use host::Host;
#[cfg(feature = "cli")]
pub(crate) use keyword::SSL_MODES;
pub use keyword::{KEYWORDS, Keyword};
pub use origin::{Origin, Setting};
pub use passfile_miss::PasswordFileMiss;
pub use password_command::CommandLine;
pub use project::Project;
pub use settings::{Settings, ToolSettings};
pub use targets::{Rule, TargetSettings, Targets};
pub use warning::ConfigWarning;
