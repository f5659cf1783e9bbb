//! How different `pg_dump`s say the same.

use std::collections::HashMap;

use crate::snapshot::object::{Action, Object, ObjectKind};
use crate::sql::Statement;

/// The wording that `pg_dump` 18 has for what older ones say differently.
pub(super) fn normalise(
    object: &Object,
    statement: &Statement,
    source: &str,
    kinds: &HashMap<String, ObjectKind>,
) -> String {
    let text = statement.text(source);
    match (object.action, object.kind) {
        // Before 16 every relation's owner was set by ALTER TABLE.
        (Action::Owner, ObjectKind::Table) => {
            let words = match kinds.get(&object.name) {
                Some(ObjectKind::View) => "ALTER VIEW ",
                Some(ObjectKind::MaterializedView) => "ALTER MATERIALIZED VIEW ",
                Some(ObjectKind::Sequence) => "ALTER SEQUENCE ",
                _ => return text.to_owned(),
            };
            text.replacen("ALTER TABLE ", words, 1)
        }
        // Before 16 there were two blanks in front of TO.
        (Action::Privileges, ObjectKind::DefaultPrivileges) => {
            crate::snapshot::minify_statement(statement, source)
        }
        _ => text.to_owned(),
    }
}
