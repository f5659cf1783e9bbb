//! Settings that a dump changes between its statements.

use std::collections::BTreeMap;

use super::dump::DumpError;
use crate::snapshot::object::{Action, Object, ObjectKind, identifier_value};
use crate::sql::literal::content;
use crate::sql::{Statement, Token, quote_literal};

/// Settings that `pg_dump` changes between statements.
#[derive(Default)]
pub(super) struct DumpSettings {
    /// The requirement of the previous statement, as written into the snapshot.
    written: BTreeMap<String, String>,
    /// The settings of the dump.
    current: BTreeMap<String, String>,
    /// The `search_path` that the dump has set, or `None` before it sets one.
    pub(super) search_path: Option<Vec<String>>,
}

impl DumpSettings {
    /// Remembers a setting; refuses those that change what the text means.
    ///
    /// Returns a statement that the snapshot needs in its place.
    pub(super) fn set(
        &mut self,
        statement: &Statement,
        source: &str,
        line: usize,
    ) -> Result<Option<String>, DumpError> {
        let tokens: Vec<Token> = statement.significant().collect();
        self.follow_search_path(&tokens, source);
        let Some(name) = tokens
            .get(1)
            .and_then(|token| identifier_value(*token, source))
        else {
            return Ok(None);
        };
        let value = tokens.get(3).map(|token| {
            content(*token, source)
                .map(|content| content.text)
                .or_else(|| identifier_value(*token, source))
                .unwrap_or_else(|| token.text(source).to_owned())
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
                self.current.insert(name, value);
                Ok(None)
            }
            "session"
                if tokens
                    .get(2)
                    .is_some_and(|token| token.is_word(source, "authorization")) =>
            {
                // Around GRANTs that another role than the owner gave.
                let text = if tokens
                    .first()
                    .is_some_and(|token| token.is_word(source, "reset"))
                {
                    "SET LOCAL SESSION AUTHORIZATION DEFAULT".to_owned()
                } else {
                    statement.text(source).replacen("SET ", "SET LOCAL ", 1)
                };
                Ok(Some(text))
            }
            _ => Ok(None),
        }
    }

    /// Remembers the `search_path`: rows may be for a table that is named without its schema.
    fn follow_search_path(&mut self, tokens: &[Token], source: &str) {
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

    /// Returns the statements that give an object a tablespace or access method that is not the default, for this transaction
    /// only, where it changes.
    pub(super) fn before(&mut self, object: &Object) -> Vec<String> {
        let concerned = object.action == Action::Create
            && matches!(
                object.kind,
                ObjectKind::Table
                    | ObjectKind::MaterializedView
                    | ObjectKind::Index
                    | ObjectKind::Constraint
            );
        if !concerned {
            return Vec::new();
        }
        let mut changes = Vec::new();
        for (name, default) in [
            ("default_tablespace", ""),
            ("default_table_access_method", "heap"),
        ] {
            let value_in = |settings: &BTreeMap<String, String>| {
                settings
                    .get(name)
                    .map_or_else(|| default.to_owned(), Clone::clone)
            };
            let current = value_in(&self.current);
            if current != value_in(&self.written) {
                changes.push(format!("SET LOCAL {name} = {}", quote_literal(&current)));
                self.written.insert(name.to_owned(), current);
            }
        }
        changes
    }
}
