//! `#{prefix}` in SQL: where each stands, and what a tenant's name becomes there.

mod compile;
mod context;
mod error;
mod slot;
mod statement;

pub use compile::Template;
pub(crate) use context::callee;
pub(super) use context::{foreign_language, reads_as_identifier};
pub use error::TemplateError;
pub use slot::{PLACEHOLDER, escape_placeholders};
pub use statement::CompiledStatement;
