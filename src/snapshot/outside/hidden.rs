//! Statements that reach beyond the database through what the same file has defined before.

use std::collections::BTreeSet;

use super::judge::judge;
use super::words::{Words, significant};
use crate::snapshot::object::{Action, Object, ObjectKind};
use crate::sql::Statement;
use crate::sql::literal::content;

/// The names that a statement uses.
#[derive(Default)]
struct Uses {
    /// Names of routines that it calls, or that it makes a trigger or an operator call.
    routines: BTreeSet<String>,
    relations: BTreeSet<String>,
}

/// A statement that defines something, by the name under which others use it.
struct DefiningStatement {
    name: String,
    is_routine: bool,
    shown: String,
    uses: Uses,
    reaches: bool,
}

/// Returns the indexes of statements that use such a definition, with the definition in words.
///
/// The definitions count from their place in the file on.
pub(in crate::snapshot) fn reached_through_definitions(
    statements: &[Statement],
    source: &str,
) -> Vec<(usize, String)> {
    let mut definitions: Vec<DefiningStatement> = Vec::new();
    let mut found = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        let object = Object::from_statement(statement, source);
        let uses = || uses(statement, source);
        match object.action {
            Action::Create | Action::Alter => {
                let uses = uses();
                if runs_at_once(statement, &object, source)
                    && let Some(through) = through(&uses, &definitions)
                {
                    found.push((index, through));
                }
                let reaches =
                    judge(statement, source).hides || through(&uses, &definitions).is_some();
                definitions.push(definition(&object, uses, reaches));
                spread(&mut definitions);
            }
            Action::Rows | Action::Refresh | Action::Other => {
                if let Some(through) = through(&uses(), &definitions) {
                    found.push((index, through));
                }
            }
            _ => {}
        }
    }
    found
}

/// Returns whether a definition runs expressions on rows, or a query, when it is made.
fn runs_at_once(statement: &Statement, object: &Object, source: &str) -> bool {
    let tokens: Vec<_> = statement.significant().collect();
    let words = Words {
        tokens: &tokens,
        sql: source,
    };
    match (object.action, object.kind) {
        (_, ObjectKind::MaterializedView | ObjectKind::Index | ObjectKind::Constraint) => true,
        (Action::Create, ObjectKind::Table) => words.has(&["as"]),
        (Action::Alter, _) => words.has(&["add", "using"]),
        _ => false,
    }
}

fn definition(object: &Object, uses: Uses, reaches: bool) -> DefiningStatement {
    // A trigger and a rule run when their table is used.
    let own = object.bare_name().to_owned();
    DefiningStatement {
        name: object.table.clone().unwrap_or(own),
        is_routine: matches!(
            object.kind,
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate
        ),
        shown: object.to_string(),
        uses,
        reaches,
    }
}

/// A definition that uses one that reaches beyond the database does, too, whichever was made first.
fn spread(definitions: &mut [DefiningStatement]) {
    loop {
        let reached = definitions.iter().position(|definition| {
            !definition.reaches && through(&definition.uses, definitions).is_some()
        });
        match reached.and_then(|index| definitions.get_mut(index)) {
            Some(definition) => definition.reaches = true,
            None => return,
        }
    }
}

fn through(uses: &Uses, definitions: &[DefiningStatement]) -> Option<String> {
    let is_reached = |definition: &&DefiningStatement| {
        let names = if definition.is_routine {
            &uses.routines
        } else {
            &uses.relations
        };
        definition.reaches && names.contains(&definition.name)
    };
    definitions
        .iter()
        .find(is_reached)
        .map(|definition| definition.shown.clone())
}

fn uses(statement: &Statement, source: &str) -> Uses {
    let tokens: Vec<_> = statement.significant().collect();
    let words = Words {
        tokens: &tokens,
        sql: source,
    };
    let mut uses = Uses::default();
    collect(words, &mut uses);
    let holds_code = words.is(0, &["do"])
        || (words.is(0, &["create"]) && (1..4).any(|at| words.is(at, &["function", "procedure"])));
    if holds_code {
        for body in tokens.iter().filter_map(|token| content(*token, source)) {
            let inner = significant(&body.text);
            let words = Words {
                tokens: &inner,
                sql: &body.text,
            };
            collect(words, &mut uses);
            for text in inner.iter().filter_map(|token| content(*token, &body.text)) {
                let tokens = significant(&text.text);
                let words = Words {
                    tokens: &tokens,
                    sql: &text.text,
                };
                collect(words, &mut uses);
            }
        }
    }
    uses
}

fn collect(words: Words<'_>, uses: &mut Uses) {
    const BEFORE_RELATION: &[&str] = &[
        "from", "join", "into", "update", "only", "table", "view", "truncate", "copy", "using",
    ];
    for at in 0..words.tokens.len() {
        let Some(name) = words.name(at) else {
            continue;
        };
        let is_qualified = at >= 2 && words.is_mark(at - 1, ".");
        // The name in front of the dot, or the word in front of the name.
        let before = if is_qualified {
            at.wrapping_sub(3)
        } else {
            at.wrapping_sub(1)
        };
        if words.is_mark(at + 1, "(")
            || words.is_mark(before, "=")
            || words.is(before, &["function", "procedure"])
        {
            uses.routines.insert(name.clone());
        }
        if words.is(before, BEFORE_RELATION) || (is_qualified && words.is_tenant(at - 2)) {
            uses.relations.insert(name);
        }
    }
}
