//! Settings that a dump changes between its statements.

use std::collections::BTreeMap;

use super::dump::DumpError;
use super::shared::PUBLIC;
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
        if sets_session_authorization(&tokens, source) {
            // Around GRANTs that another role than the owner gave.
            let role = tokens.get(3).filter(|_| tokens.len() == 4);
            let role = role.map_or("DEFAULT", |role| role.text(source));
            return Ok(Some(format!("SET LOCAL SESSION AUTHORIZATION {role}")));
        }
        for (name, value) in assignments(&tokens, source) {
            match name.as_str() {
                "client_encoding" if !is_utf8(&value) => {
                    return Err(DumpError::Encoding {
                        line,
                        encoding: value,
                    });
                }
                "standard_conforming_strings" if is_off(&value) => {
                    return Err(DumpError::Strings { line });
                }
                "default_tablespace" | "default_table_access_method" => {
                    self.current.insert(name, value);
                }
                _ if changes_meaning(&name, &value) => {
                    return Err(DumpError::Setting {
                        line,
                        setting: format!("{name} = {value}"),
                    });
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// Returns whether names without a schema can lead to this one.
    pub(super) fn leads_to(&self, schema: &str) -> bool {
        match &self.search_path {
            Some(path) => path.iter().any(|other| other == schema),
            None => schema == PUBLIC,
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
        } else if let [.., schema, value] = tokens
            && schema.is_word(source, "schema")
        {
            // `SET SCHEMA 'a'`.
            self.search_path = content(*value, source).map(|content| vec![content.text]);
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

/// Returns whether a value of `client_encoding` is UTF-8, or says nothing.
pub(super) fn is_utf8(value: &str) -> bool {
    ["UTF8", "UTF-8", "UNICODE", "SQL_ASCII", "DEFAULT", ""]
        .iter()
        .any(|name| value.eq_ignore_ascii_case(name))
}

fn is_off(value: &str) -> bool {
    ["off", "false", "no", "0"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}

/// Returns whether text behind a setting means something else than it does in a session of the tool's own, or belongs to
/// somebody else.
fn changes_meaning(name: &str, value: &str) -> bool {
    let is_one_of = |values: &[&str]| {
        values
            .iter()
            .chain(&["default"])
            .any(|known| value.eq_ignore_ascii_case(known))
    };
    match name {
        "timezone" => !is_one_of(&["UTC", "GMT", "Etc/UTC", "Etc/GMT", "Zulu", "0", "local"]),
        "datestyle" => !is_one_of(&["ISO", "ISO, MDY", "ISO, YMD"]),
        "intervalstyle" => !is_one_of(&["postgres"]),
        "lc_monetary" => !is_one_of(&["C", "POSIX", "C.UTF-8", "C.UTF8", ""]),
        "array_nulls" => is_off(value),
        "transform_null_equals" => !is_off(value) && !is_one_of(&[]),
        "role" => !is_one_of(&["none"]),
        _ => false,
    }
}

fn sets_session_authorization(tokens: &[Token], source: &str) -> bool {
    matches!(tokens, [_, session, authorization, ..]
        if session.is_word(source, "session") && authorization.is_word(source, "authorization"))
}

/// Returns the parameters that a statement sets and their values: of `SET`, in all its forms, and of `set_config`.
fn assignments(tokens: &[Token], source: &str) -> Vec<(String, String)> {
    let is = |at: usize, word: &str| {
        tokens
            .get(at)
            .is_some_and(|token| token.is_word(source, word))
    };
    if is(0, "select") {
        let calls = tokens.windows(5).filter_map(|window| {
            let [function, _, name, _, value] = window else {
                return None;
            };
            function.is_word(source, "set_config").then(|| {
                let name = content(*name, source)?.text.to_ascii_lowercase();
                Some((name, value_of(std::slice::from_ref(value), source)))
            })?
        });
        return calls.collect();
    }
    if !is(0, "set") {
        return Vec::new();
    }
    let at = 1 + usize::from(is(1, "session") || is(1, "local"));
    let rest = |from: usize| value_of(tokens.get(from..).unwrap_or_default(), source);
    if is(at, "session") && is(at + 1, "authorization") {
        return vec![("role".to_owned(), rest(at + 2))];
    }
    if is(at, "names") {
        return vec![("client_encoding".to_owned(), rest(at + 1))];
    }
    if is(at, "time") && is(at + 1, "zone") {
        return vec![("timezone".to_owned(), rest(at + 2))];
    }
    if is(at, "role") {
        let from = at + 1 + usize::from(is(at + 1, "to"));
        return vec![("role".to_owned(), rest(from))];
    }
    // `SET SESSION CHARACTERISTICS AS …` and `SET TRANSACTION …` set no parameter that a snapshot has.
    let Some(name) = tokens
        .get(at)
        .and_then(|token| identifier_value(*token, source))
    else {
        return Vec::new();
    };
    let is_assigned = is(at + 1, "to") || tokens.get(at + 1).is_some_and(|t| t.is(source, "="));
    if is_assigned {
        vec![(name.to_ascii_lowercase(), rest(at + 2))]
    } else {
        Vec::new()
    }
}

/// Returns the value of a parameter: literals and words, with a comma and a blank between the items of a list.
fn value_of(tokens: &[Token], source: &str) -> String {
    let mut value = String::new();
    for token in tokens {
        if token.is(source, ",") {
            value.push_str(", ");
        } else if !token.is(source, ";") {
            let text = content(*token, source)
                .map(|content| content.text)
                .or_else(|| identifier_value(*token, source));
            value.push_str(&text.unwrap_or_else(|| token.text(source).to_owned()));
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Script;

    fn set(sql: &str) -> Result<Option<String>, DumpError> {
        let statement = Script::parse_head(sql);
        DumpSettings::default().set(&statement, sql, 1)
    }

    #[test]
    fn settings_that_change_what_follows_are_refused() {
        for sql in [
            "SET TimeZone = 'Europe/Berlin'",
            "SET LOCAL timezone TO 'Asia/Tokyo'",
            "SET TIME ZONE 'Europe/Berlin'",
            "SET SESSION TIME ZONE 'Europe/Berlin'",
            "SET TIME ZONE -8",
            "SET datestyle = German, DMY",
            "SET DateStyle TO 'ISO, DMY'",
            "SET intervalstyle = sql_standard",
            "SET lc_monetary = 'de_DE.UTF-8'",
            "SET array_nulls = off",
            "SET transform_null_equals TO on",
            "SET ROLE bob",
            "SET LOCAL ROLE 'bob'",
            "SET LOCAL SESSION AUTHORIZATION bob",
            "SET role TO bob",
            "SELECT pg_catalog.set_config('TimeZone', 'Europe/Berlin', false)",
            "SELECT set_config('work_mem', '4MB', false), set_config('role', 'bob', false)",
        ] {
            let error = set(sql).unwrap_err();
            assert!(matches!(error, DumpError::Setting { .. }), "{sql}: {error}");
        }
        for sql in [
            "SET NAMES 'LATIN1'",
            "SET client_encoding TO latin1",
            "SELECT set_config('client_encoding', 'LATIN1', false)",
        ] {
            let error = set(sql).unwrap_err();
            assert!(
                matches!(error, DumpError::Encoding { .. }),
                "{sql}: {error}"
            );
        }
        assert_eq!(
            set("SET standard_conforming_strings = false"),
            Err(DumpError::Strings { line: 1 })
        );
    }

    #[test]
    fn settings_that_change_nothing_are_taken() {
        for sql in [
            "SET TIME ZONE 'UTC'",
            "SET timezone = utc",
            "SET TIME ZONE DEFAULT",
            "SET datestyle = iso, mdy",
            "SET datestyle = 'ISO'",
            "SET intervalstyle TO DEFAULT",
            "SET array_nulls = on",
            "SET transform_null_equals = off",
            "SET ROLE NONE",
            "RESET ROLE",
            "RESET timezone",
            "SET NAMES 'UTF8'",
            "SET client_encoding = 'UTF8'",
            "SET standard_conforming_strings = on",
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SET work_mem = '1GB'",
            "SET app.timezone = 'x'",
            "SELECT pg_catalog.set_config('search_path', '', false)",
        ] {
            assert_eq!(set(sql), Ok(None), "{sql}");
        }
    }

    #[test]
    fn the_role_of_a_session_is_set_for_the_transaction() {
        for (sql, local) in [
            ("SET SESSION AUTHORIZATION bob", "bob"),
            ("set session authorization 'Bob'", "'Bob'"),
            ("SET SESSION AUTHORIZATION DEFAULT", "DEFAULT"),
            ("RESET SESSION AUTHORIZATION", "DEFAULT"),
        ] {
            let expected = format!("SET LOCAL SESSION AUTHORIZATION {local}");
            assert_eq!(set(sql), Ok(Some(expected)), "{sql}");
        }
    }
}
