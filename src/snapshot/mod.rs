//! The snapshot: a tenant's schema as a template, how it is captured, kept in a file and rendered.

pub mod object;
mod template;

pub use object::{Action, Object, ObjectKind, Scope};
pub use template::{CompiledStatement, PLACEHOLDER, Template, TemplateError, escape_placeholders};
