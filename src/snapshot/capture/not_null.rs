//! Names of NOT NULL constraints, which are constraints with a name since `PostgreSQL` 18.
//!
//! `pg_dump` 18 leaves a name out where it is the one that the server chooses: `events_at_not_null`. But
//! the server chooses another one where an object of the schema has that name already
//! (`ChooseConstraintName` in `pg_constraint.c`), such as a partition, whose constraint has the name of its
//! parent's, or a table that was detached or renamed. So such a name is written out.

use std::collections::BTreeSet;

use super::dump::DumpStatement;
use crate::snapshot::object::{Action, ObjectKind, identifier_value};
use crate::sql::identifier::MAX_BYTES;
use crate::sql::{Token, quote, tokens};

/// Writes out the names that the server might not choose, because another table or a domain has them. `server` is the
/// major version of the dump's, if the dump says it.
pub(super) fn name_not_nulls(statements: &mut [DumpStatement], server: Option<u32>) {
    let has_constraints = |statement: &DumpStatement| {
        statement.object.action == Action::Create
            && matches!(
                statement.object.kind,
                ObjectKind::Table | ObjectKind::ForeignTable | ObjectKind::Domain
            )
    };
    let is_table = |statement: &DumpStatement| {
        statement.object.action == Action::Create
            && matches!(
                statement.object.kind,
                ObjectKind::Table | ObjectKind::ForeignTable
            )
    };
    let mut taken = BTreeSet::new();
    let mut are_named = server.is_some_and(|major| major >= 18);
    for statement in statements
        .iter()
        .filter(|statement| has_constraints(statement))
    {
        let names = Names::read(&statement.text);
        are_named |= names.of_not_null;
        taken.extend(names.all);
    }
    // A server before 18 has no such names to keep.
    if !are_named {
        return;
    }
    for statement in statements
        .iter_mut()
        .filter(|statement| is_table(statement))
    {
        let named = with_names(&statement.text, &statement.object.name, &taken);
        statement.text = named;
    }
}

fn significant(text: &str) -> Vec<Token> {
    let mut all = tokens(text);
    all.retain(|token| !token.is_trivia());
    all
}

/// The names of constraints that a table is created with.
struct Names {
    all: BTreeSet<String>,
    /// One of them is that of a NOT NULL.
    of_not_null: bool,
}

impl Names {
    /// Reads what stands behind each `CONSTRAINT`.
    fn read(text: &str) -> Self {
        let mut names = Self {
            all: BTreeSet::new(),
            of_not_null: false,
        };
        for found in significant(text).windows(3) {
            if let [word, name, kind] = found
                && word.is_word(text, "constraint")
            {
                names.of_not_null |= kind.is_word(text, "not");
                names.all.extend(identifier_value(*name, text));
            }
        }
        names
    }
}

/// Returns `CREATE TABLE` with a name before each NOT NULL that would get one of those.
fn with_names(text: &str, table: &str, taken: &BTreeSet<String>) -> String {
    let mut output = String::with_capacity(text.len());
    let mut copied = 0;
    // The table's other constraints, such as a CHECK, keep the server from choosing their names.
    let own = Names::read(text).all;
    for found in unnamed(text) {
        let name = chosen_name(table, &found.column);
        if taken.contains(&name) && !own.contains(&name) {
            output.push_str(crate::text::slice(text, copied..found.at));
            output.push_str("CONSTRAINT ");
            output.push_str(&quote(&name));
            output.push(' ');
            copied = found.at;
        }
    }
    output.push_str(crate::text::slice(text, copied..));
    output
}

/// A NOT NULL without a name.
struct Unnamed {
    /// The offset of its NOT.
    at: usize,
    column: String,
}

/// Returns each NOT NULL of a column list that has no name, as `column type NOT NULL` or `NOT NULL column`.
fn unnamed(text: &str) -> Vec<Unnamed> {
    let tokens = significant(text);
    let mut found = Vec::new();
    let mut depth = 0_usize;
    // The index of the first token of the list's element.
    let mut element = None;
    for (at, token) in tokens.iter().enumerate() {
        if token.is(text, "(") || token.is(text, "[") {
            depth += 1;
            if depth == 1 {
                element = Some(at + 1);
            }
        } else if token.is(text, ")") || token.is(text, "]") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                // What follows the list is no column: PARTITION BY, INHERITS, WITH.
                break;
            }
        } else if depth == 1 && token.is(text, ",") {
            element = Some(at + 1);
        } else if depth == 1 && is_not_null(&tokens, at, text) {
            let Some(first) = element else { continue };
            let is_named = at >= first + 2
                && tokens
                    .get(at - 2)
                    .is_some_and(|word| word.is_word(text, "constraint"));
            let column = tokens.get(if at == first { at + 2 } else { first });
            let column = column.and_then(|token| identifier_value(*token, text));
            if let (false, Some(column)) = (is_named, column) {
                found.push(Unnamed {
                    at: token.start,
                    column,
                });
            }
        }
    }
    found
}

/// Returns `true` for NOT NULL, and not for `IS NOT NULL` in an expression.
fn is_not_null(tokens: &[Token], at: usize, text: &str) -> bool {
    let is = |at: usize, word: &str| {
        tokens
            .get(at)
            .is_some_and(|token| token.is_word(text, word))
    };
    is(at, "not") && is(at + 1, "null") && !(at > 0 && is(at - 1, "is"))
}

/// Returns the name that the server chooses where it is free: `makeObjectName` in `indexcmds.c`, which
/// shortens the longer of the two names until all fits.
fn chosen_name(table: &str, column: &str) -> String {
    const LABEL: &str = "_not_null";
    let room = MAX_BYTES - LABEL.len() - 1;
    let mut of_table = table.len();
    let mut of_column = column.len();
    while of_table + of_column > room {
        if of_table > of_column {
            of_table -= 1;
        } else {
            of_column -= 1;
        }
    }
    let table = table.get(..table.floor_char_boundary(of_table));
    let column = column.get(..column.floor_char_boundary(of_column));
    format!(
        "{}_{}{LABEL}",
        table.unwrap_or_default(),
        column.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str, table: &str, taken: &[&str]) -> String {
        let taken = taken.iter().map(|name| (*name).to_owned()).collect();
        with_names(text, table, &taken)
    }

    #[test]
    fn a_name_that_another_table_has_is_written_out() {
        let text = "CREATE TABLE app.events (\n    at date DEFAULT (now() IS NOT NULL) NOT NULL,\n    \"Key\" numeric(3,1) NOT NULL,\n    NOT NULL x,\n    \
            CONSTRAINT c CHECK ((at IS NOT NULL)),\n    y int CONSTRAINT z NOT NULL\n)\nPARTITION BY RANGE (at)";
        assert_eq!(named(text, "events", &["other", "c", "z"]), text);
        assert_eq!(
            named(
                text,
                "events",
                &[
                    "events_at_not_null",
                    "events_Key_not_null",
                    "events_x_not_null",
                    "events_y_not_null"
                ]
            ),
            "CREATE TABLE app.events (\n    at date DEFAULT (now() IS NOT NULL) CONSTRAINT events_at_not_null NOT NULL,\n    \
             \"Key\" numeric(3,1) CONSTRAINT \"events_Key_not_null\" NOT NULL,\n    CONSTRAINT events_x_not_null NOT NULL x,\n    \
             CONSTRAINT c CHECK ((at IS NOT NULL)),\n    y int CONSTRAINT z NOT NULL\n)\nPARTITION BY RANGE (at)"
        );
    }

    #[test]
    fn a_name_that_the_table_itself_has_is_none_to_write_out() {
        let text = "CREATE TABLE app.t (\n    a integer NOT NULL,\n    CONSTRAINT t_a_not_null CHECK ((a > 0))\n)";
        assert_eq!(named(text, "t", &["t_a_not_null"]), text);
        assert!(!Names::read(text).of_not_null);
        assert!(Names::read("CREATE TABLE app.u (a integer CONSTRAINT x NOT NULL)").of_not_null);
    }

    #[test]
    fn long_names_are_shortened_as_the_server_does() {
        // As PostgreSQL 18.6 chose them.
        let (table, column) = ("t".repeat(60), "c".repeat(10));
        assert_eq!(
            chosen_name(&table, &column),
            format!("{}_{column}_not_null", "t".repeat(43))
        );
        let (table, column) = ("t".repeat(60), "c".repeat(60));
        assert_eq!(
            chosen_name(&table, &column),
            format!("{}_{}_not_null", "t".repeat(27), "c".repeat(26))
        );
        assert_eq!(chosen_name("événements", "at"), "événements_at_not_null");
        assert_eq!(
            chosen_name(&"é".repeat(31), &"ü".repeat(30)),
            format!("{}_{}_not_null", "é".repeat(13), "ü".repeat(13))
        );
        assert_eq!(
            chosen_name(&"é".repeat(31), "abc"),
            format!("{}_abc_not_null", "é".repeat(25))
        );
    }
}
