//! Explains why a connection fails and what to change: recognises messages, probes the server, and
//! runs the diagnosis.
//!
//! - [`explain()`] is pure: what a client printed, turned into findings. Every command calls it when it cannot connect.
//! - [`prepare()`] settles what a connection does about TLS, and refuses what cannot work, before a command connects.
//! - [`walk()`] is the command `diagnose`.
//!
//! Part of the inside: it may change in any release. [`service`](crate::service) is what stays.

pub mod catalogue;
mod context;
mod cure;
mod decide;
mod explain;
mod finding;
mod libpq;
mod link;
mod look;
mod message;
mod prepare;
pub mod probe;
#[cfg(test)]
mod properties;
mod report;
mod steps;
mod verdict;
mod walk;
mod words;

pub use context::{
    Configured, ConfiguredPassword, Context, CrlDirectory, PasswordForm, ShownCertificate,
    SystemRoots, Unnamed, UnusedPasswordFile,
};
pub use cure::Origins;
pub use explain::explain;
pub use finding::{Finding, Severity, Speaker};
pub use libpq::{Library, LibraryTraits, depends_on_library, examine};
pub use link::{Link, silent_plaintext, stays_on_this_machine};
pub use look::{LookPlan, look_closer};
pub use prepare::{Prepared, has_guarded, password_command, prepare, refuse_ignored, settle};
pub use report::{Expiry, ExpiryKind, Report, ReportSummary};
pub(crate) use steps::programs::named_program;
pub use walk::{EXPIRES_WITHIN, Inputs, walk};
pub use words::{MessageRow, ROWS};
