//! The snapshot: a tenant's schema as a template, how it is captured, kept in a file and rendered.
//!
//! Part of the inside: it may change in any release. [`service`](crate::service) is what stays.

pub mod capture;
pub(crate) mod citus;
pub mod decision;
mod format;
mod header;
mod mark;
mod minify;
pub mod object;
mod outside;
mod problem;
pub mod rename;
mod render;
mod rendered;
mod template;
mod version;

pub use citus::{NO_CITUS, NOT_DISTRIBUTED};
pub use decision::{Decision, Decisions};
pub(crate) use format::changes_session;
pub use format::{Snapshot, sha256};
pub use header::{Header, parse_names};
pub use mark::{MARK, SPARE, strip_mark};
pub use minify::{minify, minify_statement};
pub(crate) use object::identifier_value;
pub use object::{Action, Object, ObjectKind, ObjectScope};
#[cfg(feature = "cli")]
pub(crate) use outside::grouped;
pub(crate) use outside::refusal;
pub use outside::{OutsidePolicy, OutsideStatement, Reach};
pub use problem::{Missing, SnapshotError, Warning};
pub use render::{
    Marking, NOT_STORABLE, RenderOptions, lock, lock_key, one_message, settings, storability,
};
pub use rendered::Rendered;
pub(crate) use template::callee;
pub use template::{CompiledStatement, PLACEHOLDER, Template, TemplateError, escape_placeholders};
pub use version::FORMAT;
