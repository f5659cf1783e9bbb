//! Adds what belongs to the schema and `pg_dump` does not write.

use super::casts::{cast, leave_casts_of_extensions, place_casts};
use super::dump::{Dump, DumpStatement};
use super::inspect::Inspection;
use super::shared::PUBLIC;
use crate::snapshot::object::{Action, Object, ObjectKind, ObjectScope};

/// Adds the casts of a live schema.
pub(super) fn add_casts(dump: &mut Dump, casts: &[String], schema: &str) {
    for text in casts {
        match cast(text.clone(), schema) {
            Some(statement) => dump.statements.push(statement),
            None => dump.left_out.push(text.clone()),
        }
    }
    if schema == PUBLIC {
        leave_casts_of_extensions(dump);
    }
    place_casts(&mut dump.statements);
}

/// Grants on a schema what initdb or an extension granted: `pg_dump` writes only what was changed since.
pub(super) fn add_initial_privileges(
    dump: &mut Dump,
    inspection: Option<&Inspection>,
    schema: &str,
) {
    let Some(grants) = inspection.and_then(|inspection| inspection.initial.clone()) else {
        return;
    };
    let is_on_schema = |statement: &DumpStatement| {
        statement.object.kind == ObjectKind::Schema && statement.object.action == Action::Privileges
    };
    dump.statements.retain(|statement| !is_on_schema(statement));
    // The place where pg_dump puts them for other schemas: before all other privileges.
    let privileges = |statement: &DumpStatement| statement.object.action == Action::Privileges;
    let at = dump
        .statements
        .iter()
        .position(privileges)
        .unwrap_or(dump.statements.len());
    let object = Object {
        action: Action::Privileges,
        kind: ObjectKind::Schema,
        scope: ObjectScope::Named(schema.to_owned()),
        name: String::new(),
        table: None,
    };
    let statements = grants.into_iter().map(|text| DumpStatement {
        object: object.clone(),
        text,
        line: 0,
    });
    dump.statements.splice(at..at, statements);
}
