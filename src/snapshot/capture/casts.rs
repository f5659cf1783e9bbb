//! Casts: they have no schema, and `pg_dump --schema` leaves them out; a schema's types are not the same without them.

use super::dump::DumpStatement;
use crate::snapshot::object::{Action, Object, ObjectKind, ObjectScope, identifier_value};
use crate::sql::{Script, Token};

/// The statement of a cast, as the server was asked for it; `None` when no type of it is in the schema.
pub(super) fn cast(text: String, schema: &str) -> Option<DumpStatement> {
    let script = Script::parse(&text).ok()?;
    let object = Object::cast_in(script.statements().next()?, &text, schema)?;
    Some(DumpStatement {
        object,
        text,
        line: 0,
    })
}

/// Moves each cast as far to the front as possible: directly after the last of its types and its
/// function, before any view, default or body that can use it. The order is the same for live
/// schemas and for dumps.
pub(super) fn place_casts(statements: &mut Vec<DumpStatement>) {
    let is_cast = |statement: &DumpStatement| {
        statement.object.kind == ObjectKind::Cast && statement.object.action == Action::Create
    };
    let (mut casts, mut others): (Vec<_>, Vec<_>) =
        std::mem::take(statements).into_iter().partition(is_cast);
    // Inserted at the same place, the last one comes out first.
    casts.sort_by(|left, right| right.object.name.cmp(&left.object.name));
    for cast in casts {
        let needed = members(&cast);
        let creates = |statement: &DumpStatement| statement.object.action == Action::Create;
        let last = others.iter().rposition(|other| {
            creates(other)
                && match other.object.kind {
                    ObjectKind::Schema => true,
                    ObjectKind::Function
                    | ObjectKind::Type
                    | ObjectKind::Domain
                    | ObjectKind::Table
                    | ObjectKind::ForeignTable
                    | ObjectKind::View
                    | ObjectKind::MaterializedView => {
                        needed.iter().any(|name| name == other.object.bare_name())
                    }
                    _ => false,
                }
        });
        // After the owner of what it needs, and after the casts that were put there.
        let from = last.map_or(0, |at| at + 1);
        let behind = others.get(from..).unwrap_or_default();
        let at = behind
            .iter()
            .position(|other| creates(other) || other.object.action == Action::Setting);
        others.insert(at.map_or(others.len(), |at| from + at), cast);
    }
    *statements = others;
}

/// Returns the names qualified with the schema: `ty` and `f` of `CREATE CAST (app.ty AS text) WITH
/// FUNCTION app.f(app.ty)`.
fn members(cast: &DumpStatement) -> Vec<String> {
    let ObjectScope::Named(schema) = &cast.object.scope else {
        return Vec::new();
    };
    let text = cast.text.as_str();
    let tokens: Vec<Token> = crate::sql::tokens(text)
        .into_iter()
        .filter(|token| !token.is_trivia())
        .collect();
    tokens
        .windows(3)
        .filter_map(|window| match window {
            [name, dot, member]
                if dot.is(text, ".") && identifier_value(*name, text).as_ref() == Some(schema) =>
            {
                identifier_value(*member, text)
            }
            _ => None,
        })
        .collect()
}
