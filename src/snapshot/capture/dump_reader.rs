//! One pass over a dump: which of its statements make the schema, and what they need set.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::casts::place_casts;
use super::dump::{Dump, DumpError, DumpStatement, RowsAt};
use super::order::sort_by_name;
use super::overloads::sort_overloads;
use super::wording::normalise;
use crate::snapshot::object::{Action, Object, ObjectKind, ObjectScope, identifier_value};
use crate::sql::literal::content;
use crate::sql::script::line_of;
use crate::sql::{Statement, Token};

pub(super) struct DumpReader<'a> {
    source: &'a str,
    schema: &'a str,
    pub(super) dump: Dump,
    others: BTreeSet<String>,
    /// Rows of tables whose schema was not named, by table.
    unqualified: BTreeMap<String, Vec<RowsAt>>,
    /// Line counting goes on from the last statement.
    counted: (usize, usize),
    settings: Settings,
    /// Views, materialized views and sequences by name.
    kinds: HashMap<String, ObjectKind>,
}

/// Settings that `pg_dump` changes between statements.
#[derive(Default, PartialEq, Eq, Clone)]
struct Settings {
    /// What the statement before needs, as written into the snapshot.
    written: BTreeMap<String, String>,
    /// What the dump has set.
    current: BTreeMap<String, String>,
}

impl<'a> DumpReader<'a> {
    pub(super) fn new(source: &'a str, schema: &'a str) -> Self {
        let mut dump = Dump::default();
        for line in source.split('\n').take(40) {
            if let Some(version) = line.strip_prefix("-- Dumped from database version ") {
                let major = version
                    .split(|c: char| !c.is_ascii_digit())
                    .next()
                    .unwrap_or_default();
                dump.server = major.parse().ok();
                break;
            }
        }
        Self {
            source,
            schema,
            dump,
            others: BTreeSet::new(),
            unqualified: BTreeMap::new(),
            counted: (0, 1),
            settings: Settings::default(),
            kinds: HashMap::new(),
        }
    }

    fn line(&mut self, offset: usize) -> usize {
        let (from, line) = self.counted;
        let passed = self.source.get(from..offset).unwrap_or_default();
        let line = line + line_of(passed, passed.len()) - 1;
        self.counted = (offset, line);
        line
    }

    pub(super) fn meta(&mut self, offset: usize) -> Result<(), DumpError> {
        let rest = self.source.get(offset..).unwrap_or_default();
        let command = rest.split_whitespace().next().unwrap_or_default();
        match command {
            "\\restrict" | "\\unrestrict" | "\\connect" | "\\encoding" => Ok(()),
            _ => {
                let command = command
                    .chars()
                    .filter(|character| !character.is_control())
                    .collect();
                Err(DumpError::Meta {
                    line: self.line(offset),
                    command,
                })
            }
        }
    }

    pub(super) fn rows(&mut self, object: Object, place: RowsAt) {
        let rows = if object.scope == ObjectScope::None {
            &mut self.unqualified
        } else {
            &mut self.dump.rows
        };
        rows.entry(object.name).or_default().push(place);
    }

    pub(super) fn is_ours(&self, scope: &ObjectScope) -> bool {
        match scope {
            ObjectScope::Named(name) => name == self.schema,
            ObjectScope::None => true,
            ObjectScope::Placeholder => false,
        }
    }

    pub(super) fn statement(&mut self, statement: &Statement) -> Result<(), DumpError> {
        let object = Object::from_statement(statement, self.source);
        let start = statement.range().start;
        let line = self.line(start);
        let text = statement.text(self.source);
        if let ObjectScope::Named(other) = &object.scope
            && other != self.schema
        {
            self.others.insert(other.clone());
        }
        let object = match object.kind {
            ObjectKind::Cast => {
                Object::cast_in(statement, self.source, self.schema).unwrap_or(object)
            }
            _ => object,
        };
        let ours = object.scope == ObjectScope::Named(self.schema.to_owned());
        match object.action {
            Action::Setting => return self.setting(statement, line),
            Action::Transaction => return Ok(()),
            // `--clean` begins with drops: ALTER TABLE … DROP, CREATE OR REPLACE VIEW, DROP. Nothing is made there.
            Action::Drop => {
                let is_made = |statement: &DumpStatement| {
                    statement.object.action == Action::Create
                        && !statement.text.starts_with("CREATE OR REPLACE")
                };
                if !self.dump.statements.iter().any(is_made) {
                    self.dump.statements.clear();
                }
                return Ok(());
            }
            Action::Rows if object.kind == ObjectKind::Sequence => {
                self.dump.has_data = true;
                if ours {
                    let name = object.name.clone();
                    self.dump.sequence_values.insert(
                        name,
                        DumpStatement {
                            object,
                            text: text.to_owned(),
                            line,
                        },
                    );
                }
                return Ok(());
            }
            Action::Rows => {
                if self.is_ours(&object.scope) {
                    self.rows(
                        object,
                        RowsAt::Insert {
                            statement: statement.range(),
                        },
                    );
                }
                return Ok(());
            }
            Action::Refresh => {
                self.dump.has_data = true;
                if ours {
                    self.dump.refreshed.insert(object.name);
                }
                return Ok(());
            }
            Action::Create if object.kind == ObjectKind::Extension => {
                if ours {
                    return Err(DumpError::Extension {
                        extension: object.name,
                    });
                }
                return Ok(());
            }
            Action::Create if object.kind == ObjectKind::Schema => {
                if ours {
                    self.dump.statements.clear();
                    self.push(object, text.to_owned(), line);
                }
                return Ok(());
            }
            _ => {}
        }
        if ours {
            let Some(text) = normalise(&object, statement, self.source, &self.kinds) else {
                return Ok(());
            };
            self.settings_before(&object, line);
            self.push(object, text, line);
        } else if is_unqualified(&object) {
            return Err(DumpError::Unqualified {
                line,
                object: object.to_string(),
            });
        } else if (object.scope == ObjectScope::None || object.kind == ObjectKind::Cast)
            && self.names_schema(statement)
        {
            // Also a cast between types elsewhere through a function of the schema: a database has it only once.
            if matches!(object.kind, ObjectKind::Global | ObjectKind::Cast) {
                let head: String = text
                    .chars()
                    .take(60)
                    .map(|c| if c.is_control() { ' ' } else { c })
                    .collect();
                self.dump.left_out.push(head);
            } else if object.action == Action::Other {
                let excerpt = text.chars().take(60).collect();
                return Err(DumpError::Statement { line, excerpt });
            }
        }
        Ok(())
    }

    fn names_schema(&self, statement: &Statement) -> bool {
        let tokens: Vec<Token> = statement.significant().collect();
        tokens.windows(2).any(|pair| {
            matches!(pair, [name, dot] if dot.is(self.source, ".")
                && identifier_value(*name, self.source).as_deref() == Some(self.schema))
        })
    }

    fn push(&mut self, object: Object, text: String, line: usize) {
        let kinds = [
            ObjectKind::View,
            ObjectKind::MaterializedView,
            ObjectKind::Sequence,
        ];
        if object.action == Action::Create && kinds.contains(&object.kind) {
            self.kinds.insert(object.name.clone(), object.kind);
        }
        self.dump
            .statements
            .push(DumpStatement { object, text, line });
    }

    /// Remembers a setting; refuses those that change what the text means.
    fn setting(&mut self, statement: &Statement, line: usize) -> Result<(), DumpError> {
        let tokens: Vec<Token> = statement.significant().collect();
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

    /// Writes a tablespace or access method that is not the default, for this transaction only, where it changes.
    fn settings_before(&mut self, object: &Object, line: usize) {
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

    pub(super) fn finish(mut self) -> Result<Dump, DumpError> {
        if !self
            .dump
            .statements
            .iter()
            .any(|statement| statement.object.action != Action::Setting)
        {
            let others = self.others.into_iter().collect();
            return Err(DumpError::NoSchema {
                schema: self.schema.to_owned(),
                others,
            });
        }
        drop_empty_sessions(&mut self.dump.statements);
        sort_by_name(&mut self.dump.statements, self.schema);
        sort_overloads(&mut self.dump.statements, self.schema);
        place_casts(&mut self.dump.statements);
        // `INSERT INTO schema_migrations`, as Rails appends it, means the table that the search_path finds.
        let tables: BTreeSet<String> = self.dump.tables().map(str::to_owned).collect();
        for (table, places) in self.unqualified {
            if tables.contains(&table) {
                self.dump.rows.entry(table).or_insert(places);
            }
        }
        Ok(self.dump)
    }
}

/// Whether a statement makes an object in whatever schema the `search_path` finds, as `pg_dump` before 10.3 wrote them.
fn is_unqualified(object: &Object) -> bool {
    let of_a_schema = !matches!(
        object.kind,
        ObjectKind::Schema
            | ObjectKind::Extension
            | ObjectKind::DefaultPrivileges
            | ObjectKind::Cast
            | ObjectKind::Global
            | ObjectKind::Setting
            | ObjectKind::Unknown
    );
    object.scope == ObjectScope::None
        && of_a_schema
        && matches!(
            object.action,
            Action::Create | Action::Alter | Action::Owner
        )
}

/// Removes `SET SESSION AUTHORIZATION` pairs that have nothing of the schema between them.
fn drop_empty_sessions(statements: &mut Vec<DumpStatement>) {
    let is_session = |statement: &DumpStatement| {
        statement.object.kind == ObjectKind::Setting
            && statement.object.action == Action::Privileges
    };
    while let Some(at) = statements.windows(2).position(
        |pair| matches!(pair, [set, reset] if is_session(set) && is_session(reset) && reset.text.ends_with("DEFAULT")),
    ) {
        statements.drain(at..at + 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tablespace_is_set_for_the_transaction_where_it_changes() {
        let dump = Dump::read(
            "SET default_tablespace = fast;\nCREATE TABLE a.t ();\nSET default_tablespace = '';\nCREATE TABLE a.u ();",
            "a",
        )
        .unwrap();
        let texts: Vec<&str> = dump
            .statements
            .iter()
            .map(|statement| statement.text.as_str())
            .collect();
        assert_eq!(
            texts,
            [
                "SET LOCAL default_tablespace = 'fast'",
                "CREATE TABLE a.t ()",
                "SET LOCAL default_tablespace = ''",
                "CREATE TABLE a.u ()"
            ]
        );
    }
}
