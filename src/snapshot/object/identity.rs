//! An object's identity: its kind, schema and name.

use std::fmt;

use super::kind::{Action, ObjectKind};

/// The schema part of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectScope {
    /// The name is not qualified.
    None,
    /// A schema by name.
    Named(String),
    /// `#{prefix}`.
    Placeholder,
}

/// The object a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The action of the statement.
    pub action: Action,
    /// The kind of the object.
    pub kind: ObjectKind,
    /// The schema that the object, or the table it belongs to, is in.
    pub scope: ObjectScope,
    /// Its name, with argument types for routines; empty for settings.
    pub name: String,
    /// The table of a trigger, rule, policy, index or constraint.
    pub table: Option<String>,
}

impl fmt::Display for Object {
    /// The identity without the schema, the same for each tenant: `function audit(integer)`, `trigger t on users`.
    /// Control characters in names are escaped, so that the text stays on its line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.kind.words())?;
        if !self.name.is_empty() {
            write!(formatter, " {}", printable(&self.name))?;
        }
        if let Some(table) = &self.table {
            write!(formatter, " on {}", printable(table))?;
        }
        Ok(())
    }
}

fn printable(name: &str) -> String {
    name.chars()
        .flat_map(|c| {
            if c.is_control() {
                c.escape_default().collect()
            } else {
                vec![c]
            }
        })
        .collect()
}

impl Object {
    /// A routine's or other object's name without its arguments.
    pub fn bare_name(&self) -> &str {
        match self.kind {
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => self
                .name
                .split_once('(')
                .map_or(self.name.as_str(), |(name, _)| name),
            _ => &self.name,
        }
    }
}
