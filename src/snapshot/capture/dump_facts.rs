//! The facts about a table in the statements of a dump: columns, primary key, identity, sequences.

use std::collections::{BTreeMap, BTreeSet};

use super::dump::Dump;
use crate::snapshot::object::{Action, ObjectKind, identifier_value};
use crate::sql::literal::content;
use crate::sql::{Token, TokenKind};

/// Returns `true` if a dump's table has an identity column: `ALTER COLUMN … ADD GENERATED`, as `pg_dump` writes it, or in
/// `CREATE TABLE`, as people do.
pub(super) fn has_identity(dump: &Dump, table: &str) -> bool {
    dump.statements.iter().any(|statement| {
        let text = statement.text.as_str();
        statement.object.kind == ObjectKind::Table
            && statement.object.name == table
            && matches!(
                statement.object.action,
                Action::Create | Action::Alter
            )
            && crate::sql::tokens(text)
                .into_iter()
                .filter(|token| !token.is_trivia())
                .collect::<Vec<Token>>()
                .windows(2)
                .any(|pair| {
                    matches!(pair, [as_, identity] if as_.is_word(text, "as") && identity.is_word(text, "identity"))
                })
    })
}

/// The tables that count with each sequence, by sequence: the one that owns it, and those whose defaults call it.
pub(super) fn sequence_tables(dump: &Dump) -> BTreeMap<String, BTreeSet<String>> {
    let mut tables = BTreeMap::<String, BTreeSet<String>>::new();
    let mut add = |sequence: &str, table: &str| {
        tables
            .entry(sequence.to_owned())
            .or_default()
            .insert(table.to_owned());
    };
    for statement in &dump.statements {
        let tokens: Vec<Token> = crate::sql::tokens(&statement.text)
            .into_iter()
            .filter(|t| !t.is_trivia())
            .collect();
        let text = statement.text.as_str();
        let name_at = |index: usize| -> Vec<String> {
            let rest = tokens.get(index..).unwrap_or_default();
            let dotted = rest.iter().step_by(2).zip(
                rest.iter()
                    .skip(1)
                    .step_by(2)
                    .map(|dot| dot.is(text, "."))
                    .chain(std::iter::repeat(false)),
            );
            let mut parts = Vec::new();
            for (token, more) in dotted {
                parts.extend(identifier_value(*token, text));
                if !more {
                    break;
                }
            }
            parts
        };
        let find = |words: [&str; 2]| {
            tokens.windows(2).position(|pair| {
                pair.iter()
                    .zip(words)
                    .all(|(token, word)| token.is_word(text, word))
            })
        };
        match statement.object.kind {
            ObjectKind::Sequence => {
                if let Some(at) = find(["owned", "by"])
                    && let [_, table, _] = name_at(at + 2).as_slice()
                {
                    add(&statement.object.name, table);
                }
            }
            ObjectKind::Table if statement.object.action == Action::Alter => {
                if let Some(at) = find(["sequence", "name"])
                    && let [_, sequence] = name_at(at + 2).as_slice()
                {
                    add(sequence, &statement.object.name);
                }
            }
            _ => {}
        }
        // A default that uses a sequence that no column owns.
        if matches!(
            statement.object.kind,
            ObjectKind::Table | ObjectKind::Column
        ) && matches!(statement.object.action, Action::Create | Action::Alter)
        {
            let table = statement
                .object
                .table
                .as_deref()
                .unwrap_or(&statement.object.name);
            for (at, token) in tokens
                .iter()
                .enumerate()
                .filter(|(_, token)| token.is_word(text, "nextval"))
            {
                let literal = tokens
                    .get(at + 2)
                    .and_then(|literal| content(*literal, text));
                let opens = tokens.get(at + 1).is_some_and(|open| open.is(text, "("));
                let Some(literal) = literal.filter(|_| opens && !token.is(text, ".")) else {
                    continue;
                };
                let parts: Vec<String> = crate::sql::tokens(&literal.text)
                    .into_iter()
                    .filter_map(|part| identifier_value(part, &literal.text))
                    .collect();
                if let Some(sequence) = parts.last() {
                    add(sequence, table);
                }
            }
        }
    }
    tables
}

/// Returns the `CREATE TABLE` of a table.
fn table_definition<'a>(dump: &'a Dump, table: &str) -> Option<&'a str> {
    let created = dump.statements.iter().find(|statement| {
        statement.object.action == Action::Create
            && statement.object.kind == ObjectKind::Table
            && statement.object.name == table
    });
    created.map(|statement| statement.text.as_str())
}

/// The columns that `CREATE TABLE t (…)` lists, in order; without those that are inherited.
pub(super) fn listed_columns(dump: &Dump, table: &str) -> Vec<String> {
    let Some(text) = table_definition(dump, table) else {
        return Vec::new();
    };
    let mut columns = Vec::new();
    let mut depth = 0_usize;
    let mut first = false;
    for token in crate::sql::tokens(text)
        .into_iter()
        .filter(|token| !token.is_trivia())
    {
        match (token.kind, token.text(text)) {
            (TokenKind::Punctuation, "(") => {
                depth += 1;
                first = depth == 1;
            }
            (TokenKind::Punctuation, ")") => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            (TokenKind::Punctuation, ",") if depth == 1 => first = true,
            _ if first => {
                first = false;
                let constraint = [
                    "constraint",
                    "like",
                    "check",
                    "primary",
                    "unique",
                    "foreign",
                    "exclude",
                ];
                if !constraint.iter().any(|word| token.is_word(text, word)) {
                    columns.extend(identifier_value(token, text));
                }
            }
            _ => {}
        }
    }
    columns
}

/// Returns the parent table of each partition.
pub(super) fn partitions(dump: &Dump) -> BTreeMap<String, String> {
    let mut parents = BTreeMap::new();
    for statement in &dump.statements {
        let object = &statement.object;
        let text = statement.text.as_str();
        if object.kind != ObjectKind::Table || !text.contains("PARTITION") {
            continue;
        }
        let tokens: Vec<Token> = crate::sql::tokens(text)
            .into_iter()
            .filter(|t| !t.is_trivia())
            .collect();
        let name_behind = |words: [&str; 2]| {
            let at = tokens.windows(2).position(|p| {
                p.iter()
                    .zip(words)
                    .all(|(token, word)| token.is_word(text, word))
            })?;
            let schema = tokens.get(at + 2)?;
            let name = tokens.get(at + 4)?;
            identifier_value(*schema, text)?;
            identifier_value(*name, text)
        };
        match object.action {
            Action::Alter => {
                parents.extend(
                    name_behind(["attach", "partition"])
                        .map(|partition| (partition, object.name.clone())),
                );
            }
            Action::Create => {
                parents.extend(
                    name_behind(["partition", "of"]).map(|parent| (object.name.clone(), parent)),
                );
            }
            _ => {}
        }
    }
    parents
}

/// Returns `true` if a table is a partition of another, directly or indirectly.
pub(super) fn is_partition_of(parents: &BTreeMap<String, String>, table: &str, of: &str) -> bool {
    let above = std::iter::successors(parents.get(table), |parent| parents.get(*parent));
    above.take(parents.len()).any(|parent| parent == of)
}

/// Returns the columns of a table whose values are names of objects, such as `regclass`, also in
/// arrays. The flag is `true` for names of schemas: `regnamespace`.
pub(super) fn name_columns(dump: &Dump, table: &str) -> Vec<(String, bool)> {
    let Some(text) = table_definition(dump, table) else {
        return Vec::new();
    };
    let tokens: Vec<Token> = crate::sql::tokens(text)
        .into_iter()
        .filter(|token| !token.is_trivia())
        .collect();
    let listed = listed_columns(dump, table);
    let type_at = |at: usize| match tokens.get(at..).unwrap_or_default() {
        [schema, dot, name, ..]
            if identifier_value(*schema, text).as_deref() == Some("pg_catalog")
                && dot.is(text, ".") =>
        {
            Some(name.text(text))
        }
        [name, ..] => Some(name.text(text)),
        [] => None,
    };
    tokens
        .windows(2)
        .enumerate()
        .filter(
            |(_, pair)| matches!(pair, [before, _] if before.is(text, "(") || before.is(text, ",")),
        )
        .filter_map(|(at, pair)| {
            let name = type_at(at + 2)
                .map(|name| name.trim_matches('"'))
                .filter(|name| name.starts_with("reg"))?;
            Some((
                identifier_value(*pair.last()?, text)?,
                name == "regnamespace",
            ))
        })
        .filter(|(column, _)| listed.contains(column))
        .collect()
}

/// The columns of a table's primary key, in order; empty without one.
pub(super) fn primary_key(dump: &Dump, table: &str) -> Vec<String> {
    for statement in &dump.statements {
        if statement.object.kind != ObjectKind::Constraint
            || statement.object.table.as_deref() != Some(table)
        {
            continue;
        }
        let text = statement.text.as_str();
        let tokens: Vec<Token> = crate::sql::tokens(text)
            .into_iter()
            .filter(|t| !t.is_trivia())
            .collect();
        let Some(at) = tokens.windows(2).position(
            |pair| matches!(pair, [a, b] if a.is_word(text, "primary") && b.is_word(text, "key")),
        ) else {
            continue;
        };
        let columns = tokens.get(at + 3..).unwrap_or_default();
        return columns
            .iter()
            .take_while(|token| !token.is(text, ")"))
            .filter(|token| token.kind != TokenKind::Punctuation)
            .filter_map(|token| identifier_value(*token, text))
            .collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_a_table() {
        let dump = Dump::read(
            "CREATE TABLE app.t (\n    id integer NOT NULL,\n    \"A b\" numeric(3,1),\n    CHECK (id > 0)\n);\n\
             CREATE SEQUENCE app.t_id_seq;\n\
             ALTER SEQUENCE app.t_id_seq OWNED BY app.t.id;\n\
             ALTER TABLE ONLY app.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id);\n\
             CREATE TABLE app.u (id integer NOT NULL);\n\
             ALTER TABLE app.u ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE NAME app.u_id_seq\n);\n",
            "app",
        )
        .unwrap();
        assert!(sequence_tables(&dump)["t_id_seq"].contains("t"));
        assert!(sequence_tables(&dump)["u_id_seq"].contains("u"));
        assert_eq!(primary_key(&dump, "t"), ["id"]);
        assert!(primary_key(&dump, "u").is_empty());
        assert_eq!(listed_columns(&dump, "t"), ["id", "A b"]);
        assert!(has_identity(&dump, "u") && !has_identity(&dump, "t"));
        let inline = "CREATE TABLE app.t (id int generated by default as identity, \"as identity\" int);\n\
                      CREATE TABLE app.u (\"as identity\" int);";
        let dump = Dump::read(inline, "app").unwrap();
        assert!(has_identity(&dump, "t") && !has_identity(&dump, "u"));
    }

    #[test]
    fn partitions_and_columns_of_names() {
        let dump = Dump::read(
            "CREATE TABLE app.p (\n    a integer,\n    r regclass,\n    q pg_catalog.regtype[]\n)\n\
             PARTITION BY LIST (a);\nCREATE TABLE app.\"P 1\" (\n    a integer\n);\n\
             ALTER TABLE ONLY app.p ATTACH PARTITION app.\"P 1\" FOR VALUES IN (1);\n\
             CREATE TABLE app.p2 PARTITION OF app.p FOR VALUES IN (2);\n",
            "app",
        )
        .unwrap();
        let parents = partitions(&dump);
        assert!(is_partition_of(&parents, "P 1", "p") && is_partition_of(&parents, "p2", "p"));
        assert!(!is_partition_of(&parents, "p", "p2") && parents.len() == 2);
        assert_eq!(
            name_columns(&dump, "p"),
            [("r".to_owned(), false), ("q".to_owned(), false)]
        );
    }
}
