//! Settings that a dump changes between its statements, and the tables that the `search_path` finds.

use super::{DumpReader, UnqualifiedRows};
use crate::snapshot::capture::dump::DumpError;
use crate::snapshot::capture::note::ConcernId;
use crate::snapshot::object::{Action, Object, ObjectKind, ObjectScope, identifier_value};
use crate::sql::literal::content;
use crate::sql::{Statement, Token, quote};

impl DumpReader<'_> {
    /// Remembers a setting; refuses those that change what the text means.
    pub(super) fn setting(&mut self, statement: &Statement, line: usize) -> Result<(), DumpError> {
        let tokens: Vec<Token> = statement.significant().collect();
        self.follow_search_path(&tokens);
        let Some(name) = tokens
            .get(1)
            .and_then(|token| identifier_value(*token, self.source))
        else {
            return Ok(());
        };
        let value = tokens.get(3).map(|token| {
            content(*token, self.source)
                .map(|content| content.text)
                .or_else(|| identifier_value(*token, self.source))
                .unwrap_or_else(|| token.text(self.source).to_owned())
        });
        let value = value.unwrap_or_default();
        match name.as_str() {
            "client_encoding"
                if !matches!(
                    value.to_ascii_uppercase().as_str(),
                    "UTF8" | "UTF-8" | "SQL_ASCII"
                ) =>
            {
                Err(DumpError::Encoding {
                    line,
                    encoding: value,
                })
            }
            "standard_conforming_strings" if value.eq_ignore_ascii_case("off") => {
                Err(DumpError::Strings { line })
            }
            "default_tablespace" | "default_table_access_method" => {
                self.settings.current.insert(name, value);
                Ok(())
            }
            "session"
                if tokens
                    .get(2)
                    .is_some_and(|token| token.is_word(self.source, "authorization")) =>
            {
                // Around GRANTs that another role than the owner gave.
                let text = if tokens
                    .first()
                    .is_some_and(|token| token.is_word(self.source, "reset"))
                {
                    "SET LOCAL SESSION AUTHORIZATION DEFAULT".to_owned()
                } else {
                    statement
                        .text(self.source)
                        .replacen("SET ", "SET LOCAL ", 1)
                };
                let object = Object {
                    action: Action::Privileges,
                    kind: ObjectKind::Setting,
                    scope: ObjectScope::Named(self.schema.to_owned()),
                    name: String::new(),
                    table: None,
                };
                self.push(object, text, line);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Remembers the `search_path`: rows may be for a table that is named without its schema.
    pub(super) fn follow_search_path(&mut self, tokens: &[Token]) {
        let source = self.source;
        let is = |at: usize, word: &str| {
            tokens
                .get(at)
                .is_some_and(|token| token.is_word(source, word))
        };
        let literals: Vec<String> = tokens
            .iter()
            .filter_map(|token| content(*token, source).map(|content| content.text))
            .collect();
        if is(0, "select") {
            // `SELECT pg_catalog.set_config('search_path', 'a, b', false)`.
            if let [name, value, ..] = literals.as_slice()
                && name.eq_ignore_ascii_case("search_path")
            {
                let items = crate::sql::tokens(value);
                let items = items
                    .into_iter()
                    .filter_map(|item| identifier_value(item, value));
                self.search_path = Some(items.collect());
            }
        } else if is(0, "reset") && (is(1, "all") || is(1, "search_path")) {
            self.search_path = None;
        } else if let Some(at) = tokens
            .iter()
            .position(|token| token.is_word(source, "search_path"))
        {
            let items = tokens.get(at + 2..).unwrap_or_default().iter();
            let items: Vec<String> = items
                .filter_map(|item| {
                    identifier_value(*item, source)
                        .or_else(|| content(*item, source).map(|content| content.text))
                })
                .collect();
            self.search_path = (items != ["default"]).then_some(items);
        }
    }

    /// Writes a tablespace or access method that is not the default, for this transaction only, where it changes.
    pub(super) fn settings_before(&mut self, object: &Object, line: usize) {
        let concerned = object.action == Action::Create
            && matches!(
                object.kind,
                ObjectKind::Table
                    | ObjectKind::MaterializedView
                    | ObjectKind::Index
                    | ObjectKind::Constraint
            );
        if !concerned {
            return;
        }
        for (name, default) in [
            ("default_tablespace", ""),
            ("default_table_access_method", "heap"),
        ] {
            let current = self
                .settings
                .current
                .get(name)
                .cloned()
                .unwrap_or_else(|| default.to_owned());
            let written = self
                .settings
                .written
                .get(name)
                .cloned()
                .unwrap_or_else(|| default.to_owned());
            if current != written {
                let text = format!("SET LOCAL {name} = {}", crate::sql::quote_literal(&current));
                self.settings.written.insert(name.to_owned(), current);
                let object = Object {
                    action: Action::Setting,
                    kind: ObjectKind::Setting,
                    scope: ObjectScope::None,
                    name: String::new(),
                    table: None,
                };
                self.push(object, text, line);
            }
        }
    }

    /// `INSERT INTO schema_migrations`, as Rails appends it, means the table that the `search_path` finds.
    pub(super) fn place_unqualified_rows(&mut self) {
        let default = ["$user".to_owned(), "public".to_owned()];
        for (table, places) in std::mem::take(&mut self.unqualified) {
            let has = |schema: &str| {
                self.tables
                    .get(schema)
                    .is_some_and(|tables| tables.contains(&table))
            };
            if !has(self.schema) {
                continue;
            }
            let elsewhere = self
                .tables
                .keys()
                .any(|schema| schema != self.schema && has(schema));
            let (mut ours, mut left_out) = (Vec::new(), false);
            for UnqualifiedRows { search_path, place } in places {
                let path = search_path.as_deref().unwrap_or(&default);
                let found = path.iter().find(|schema| has(schema));
                if found.map_or(!elsewhere, |schema| schema == self.schema) {
                    ours.push(place);
                } else {
                    left_out = true;
                }
            }
            if left_out {
                self.concern(ConcernId::RowsElsewhere, quote(&table));
            }
            if !ours.is_empty() {
                self.dump.rows.entry(table).or_insert(ours);
            }
        }
    }
}
