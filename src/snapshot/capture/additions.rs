//! Adds what belongs to the schema and `pg_dump` does not write.

use super::casts::{cast, place_casts};
use super::dump::{Dump, DumpStatement};
use super::inspect::Inspection;
use crate::snapshot::object::{Action, Object, ObjectKind, ObjectScope};
use crate::sql::quote;

/// First version whose schema `public` cannot be written to by everybody.
const PUBLIC_WITHOUT_CREATE: u32 = 15;

/// Adds the casts of a live schema.
pub(super) fn add_casts(dump: &mut Dump, casts: &[String], schema: &str) {
    for text in casts {
        match cast(text.clone(), schema) {
            Some(statement) => dump.statements.push(statement),
            None => dump.left_out.push(text.clone()),
        }
    }
    place_casts(&mut dump.statements);
}

/// Grants on the schema `public` what initdb granted: `pg_dump` writes only what was changed since.
pub(super) fn add_initial_privileges(
    dump: &mut Dump,
    inspection: Option<&Inspection>,
    schema: &str,
) {
    let is_on_schema = |statement: &DumpStatement| {
        statement.object.kind == ObjectKind::Schema && statement.object.action == Action::Privileges
    };
    let grants = match inspection {
        Some(inspection) => match &inspection.initial {
            Some(grants) => grants.clone(),
            None => return,
        },
        // A dump of it says something of PUBLIC only where that was changed.
        None if schema == "public" && !dump.statements.iter().any(is_on_schema) => {
            let all = dump
                .server
                .is_some_and(|server| server < PUBLIC_WITHOUT_CREATE);
            vec![format!(
                "GRANT {} ON SCHEMA {} TO PUBLIC",
                if all { "ALL" } else { "USAGE" },
                quote(schema)
            )]
        }
        None => return,
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
