//! Casts: they have no schema, and `pg_dump --schema` leaves them out; a schema's types are not the same without them.

use std::collections::BTreeSet;

use super::dump::{Dump, DumpStatement};
use super::shared::{PUBLIC, implicit_names_of};
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

fn is_cast(statement: &DumpStatement) -> bool {
    statement.object.kind == ObjectKind::Cast && statement.object.action == Action::Create
}

/// Removes the casts of `public` whose types there all belong to extensions. Those of another schema's type go with that
/// schema, such as a tenant's; a database has the others only once.
pub(super) fn leave_casts_of_extensions(dump: &mut Dump) {
    let (casts, others): (Vec<_>, Vec<_>) = std::mem::take(&mut dump.statements)
        .into_iter()
        .partition(is_cast);
    let creates = || {
        others
            .iter()
            .filter(|other| other.object.action == Action::Create)
    };
    let own_types: BTreeSet<String> = creates().flat_map(types_of).collect();
    let own_functions: BTreeSet<&str> = creates()
        .filter(|other| other.object.kind == ObjectKind::Function)
        .map(|other| other.object.bare_name())
        .collect();
    let mut own = Vec::new();
    let mut left_out = Vec::new();
    for cast in casts {
        let head = CastHead::read(&cast.text);
        if head.types.iter().any(|name| own_types.contains(name)) {
            own.push(cast);
        } else if head
            .function
            .is_some_and(|name| own_functions.contains(name.as_str()))
        {
            left_out.push(cast.text);
        }
    }
    dump.left_out.extend(left_out);
    dump.statements = others;
    dump.statements.extend(own);
}

/// Returns the names of the types that a statement makes, those of the rows of tables and views included.
fn types_of(statement: &DumpStatement) -> BTreeSet<String> {
    let name = statement.object.bare_name();
    match statement.object.kind {
        ObjectKind::Type => {
            let mut names = implicit_names_of(statement);
            // The name that the server gives to the multirange of a range (makeMultirangeTypeName in pg_type.c).
            names.insert(if name.contains("range") {
                name.replacen("range", "multirange", 1)
            } else {
                format!("{name}_multirange")
            });
            names.insert(name.to_owned());
            names
        }
        ObjectKind::Domain
        | ObjectKind::Table
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView => BTreeSet::from([name.to_owned()]),
        _ => BTreeSet::new(),
    }
}

/// The names in `public` of `CREATE CAST`.
struct CastHead {
    types: Vec<String>,
    function: Option<String>,
}

impl CastHead {
    fn read(text: &str) -> Self {
        let tokens = significant(text);
        let function = tokens
            .iter()
            .position(|token| token.is_word(text, "function"))
            .unwrap_or(tokens.len());
        let (types, behind) = tokens.split_at(function);
        Self {
            types: names_in(types, text, PUBLIC),
            // The types of its arguments follow.
            function: names_in(behind.get(..4).unwrap_or_default(), text, PUBLIC).pop(),
        }
    }
}

fn significant(text: &str) -> Vec<Token> {
    crate::sql::tokens(text)
        .into_iter()
        .filter(|token| !token.is_trivia())
        .collect()
}

/// Moves each cast as far to the front as possible: directly after the last of its types and its
/// function, before any view, default or body that can use it. The order is the same for live
/// schemas and for dumps.
pub(super) fn place_casts(statements: &mut Vec<DumpStatement>) {
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
                    ObjectKind::Function => {
                        needed.iter().any(|name| name == other.object.bare_name())
                    }
                    _ => {
                        let types = types_of(other);
                        needed.iter().any(|name| types.contains(name))
                    }
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
    names_in(&significant(text), text, schema)
}

/// Returns the names that are qualified with the schema.
fn names_in(tokens: &[Token], text: &str, schema: &str) -> Vec<String> {
    tokens
        .windows(3)
        .filter_map(|window| match window {
            [name, dot, member]
                if dot.is(text, ".")
                    && identifier_value(*name, text).as_deref() == Some(schema) =>
            {
                identifier_value(*member, text)
            }
            _ => None,
        })
        .collect()
}
