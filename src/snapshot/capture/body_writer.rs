//! Writes the body of a snapshot.

use super::assembled::SnapshotParts;
use super::dump::{Dump, DumpStatement};
use super::dump_facts::sequence_tables;
use super::statement_renamer::replace;
use crate::snapshot::object::{Action, Object, ObjectKind};
use crate::snapshot::rename::{Catalog, mentions};
use crate::snapshot::strip_mark;
use crate::snapshot::template::{PLACEHOLDER, escape_placeholders};
use crate::sql::literal::content;
use crate::sql::{Script, TokenKind, quote};
use crate::text::{slice, swriteln};

/// `pg_dump` puts rows after tables, functions and views, and before constraints, indexes and
/// triggers.
fn is_behind_rows(object: &Object) -> bool {
    object.action == Action::Create
        && matches!(
            object.kind,
            ObjectKind::Constraint
                | ObjectKind::Index
                | ObjectKind::Trigger
                | ObjectKind::Rule
                | ObjectKind::Policy
        )
}

/// Writes the parts of a body in their order.
pub(super) struct BodyWriter {
    body: String,
    rows_written: bool,
}

impl BodyWriter {
    pub(super) fn new() -> Self {
        Self {
            body: format!("\nCREATE SCHEMA {PLACEHOLDER};\n"),
            rows_written: false,
        }
    }

    pub(super) fn into_body(self) -> String {
        self.body
    }

    pub(super) fn statement(&mut self, object: &Object, text: &str) {
        self.body.push('\n');
        if object.action == Action::Create {
            self.body.push_str("-- ");
            self.body
                .push_str(&escape_placeholders(&object.to_string()));
            self.body.push('\n');
        }
        self.plain(text);
    }

    fn plain(&mut self, text: &str) {
        self.body.push_str(text);
        self.body.push_str(";\n");
    }

    fn search_path(&mut self, parts: &SnapshotParts<'_>, ours: bool) {
        self.body.push('\n');
        let path = if ours {
            let others = parts.search_path.iter().map(|schema| quote(schema));
            std::iter::once(PLACEHOLDER.to_owned())
                .chain(others.map(|schema| escape_placeholders(&schema).replace('\'', "''")))
                .collect::<Vec<_>>()
                .join(", ")
        } else {
            String::new()
        };
        self.plain(&format!(
            "SELECT pg_catalog.set_config('search_path', '{path}', true)"
        ));
    }

    /// Rows are inserted with the tenant's own `search_path`: a CHECK may call a function that needs it.
    pub(super) fn rows(&mut self, dump: &Dump, parts: &SnapshotParts<'_>, schema: &str) {
        if self.rows_written {
            return;
        }
        self.rows_written = true;
        if parts.rows.iter().all(|table| table.rows.is_empty()) {
            return;
        }
        self.search_path(parts, true);
        for table in parts.rows {
            for statement in table.statements() {
                self.body.push('\n');
                let name = table.table.escape_debug().to_string();
                swriteln!(self.body, "-- rows of {}", escape_placeholders(&name));
                self.plain(&statement);
            }
        }
        let users = sequence_tables(dump);
        for (sequence, value) in &dump.sequence_values {
            let of = users.get(sequence);
            if parts
                .rows
                .iter()
                .any(|table| of.is_some_and(|of| of.contains(&table.table)))
            {
                self.body.push('\n');
                self.plain(&setval(value, schema));
            }
        }
        self.search_path(parts, false);
    }

    /// Writes the rows if a statement belongs behind them.
    pub(super) fn rows_before(
        &mut self,
        object: &Object,
        dump: &Dump,
        parts: &SnapshotParts<'_>,
        schema: &str,
    ) {
        if is_behind_rows(object) {
            self.rows(dump, parts, schema);
        }
    }

    pub(super) fn refresh(&mut self, parts: &SnapshotParts<'_>) {
        if parts.refresh.is_empty() {
            return;
        }
        self.search_path(parts, true);
        for view in parts.refresh {
            self.body.push('\n');
            self.plain(&format!(
                "REFRESH MATERIALIZED VIEW {PLACEHOLDER}.{}",
                escape_placeholders(&quote(view))
            ));
        }
        self.search_path(parts, false);
    }
}

/// `setval('schema.sequence', …)`: the literal is an identifier.
fn setval(statement: &DumpStatement, schema: &str) -> String {
    let catalog = Catalog::default();
    let Ok(script) = Script::parse(&statement.text) else {
        return statement.text.clone();
    };
    let Some(parsed) = script.statements().next() else {
        return statement.text.clone();
    };
    let found = mentions(parsed, &statement.object, &statement.text, schema, &catalog);
    replace(&statement.text, &found, None)
}

/// A routine whose body has the delimiter that `pg_dump` would choose for the template's text
/// (`appendStringLiteralDQ`): what it chose for the dump depends on the characters in the schema's name.
pub(super) fn with_own_delimiter(object: &Object, text: String) -> String {
    if !matches!(object.kind, ObjectKind::Function | ObjectKind::Procedure)
        || object.action != Action::Create
    {
        return text;
    }
    let tokens = crate::sql::tokens_of_template(&text);
    let Some((token, length)) = tokens.iter().rev().find_map(|token| match token.kind {
        TokenKind::Dollar(length, true) => Some((*token, length)),
        _ => None,
    }) else {
        return text;
    };
    let Some(body) = text.get(token.start + length..token.end - length) else {
        return text;
    };
    let mut delimiter = String::from("$");
    let mut suffixes = "_XXXXXXX".chars().cycle();
    while body.contains(&delimiter) {
        delimiter.extend(suffixes.next());
    }
    delimiter.push('$');
    let before = slice(&text, ..token.start);
    let behind = slice(&text, token.end..);
    format!("{before}{delimiter}{body}{delimiter}{behind}")
}

/// Returns a schema's comment without the marker of `provision`, or `None` if nothing else is in
/// it.
pub(super) fn without_mark(object: &Object, text: String) -> Option<String> {
    if object.kind != ObjectKind::Schema || object.action != Action::Comment {
        return Some(text);
    }
    let literal = crate::sql::tokens_of_template(&text)
        .into_iter()
        .rev()
        .find(|t| matches!(t.kind, TokenKind::String(..)));
    let Some(value) = literal.and_then(|token| content(token, &text)) else {
        return Some(text);
    };
    let kept = strip_mark(&value.text);
    match (literal, kept) {
        (_, "") => None,
        (Some(token), kept) if kept != value.text => {
            let head = slice(&text, ..token.start);
            // Written as pg_dump does: never with `E`, whatever backslashes it has.
            Some(format!("{head}'{}'", kept.replace('\'', "''")))
        }
        _ => Some(text),
    }
}
