//! One pass over a dump: which of its statements make the schema, and what they need set.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use std::ops::Range;

use super::casts::place_casts;
use super::dump::{Dump, DumpError, DumpStatement, RowsAt};
use super::note::{Concern, ConcernId};
use super::order::sort_by_name;
use super::overloads::sort_overloads;
use super::wording::{normalise, without_shorthand};
use crate::snapshot::object::{Action, Object, ObjectKind, ObjectScope, identifier_value};
use crate::sql::literal::content;
use crate::sql::script::line_of;
use crate::sql::{Statement, Token, TokenKind, quote};

/// Most characters of a statement that a message shows.
const SHOWN: usize = 60;

/// Kind, name and table of an object.
type Made = (ObjectKind, String, Option<String>);

pub(super) struct DumpReader<'a> {
    source: &'a str,
    schema: &'a str,
    pub(super) dump: Dump,
    others: BTreeSet<String>,
    /// Rows of tables whose schema was not named, with the `search_path` in force, by table.
    unqualified: BTreeMap<String, Vec<UnqualifiedRows>>,
    /// The tables that the dump makes, by schema.
    tables: BTreeMap<String, BTreeSet<String>>,
    /// What the dump has set as `search_path`; `None` as long as it has not.
    search_path: Option<Vec<String>>,
    /// What `\\connect` named last, and how many others it named before.
    database: (Option<String>, usize),
    /// The database, by number, in which the schema is.
    ours_in: Option<usize>,
    /// How many statements there were when the transaction began.
    began: Option<usize>,
    concerns: BTreeMap<ConcernId, BTreeSet<String>>,
    /// What the statements have created: kind, name and table.
    made: HashSet<Made>,
    /// Whether something was created other than by `CREATE OR REPLACE`, with which `--clean` breaks circles of views before
    /// it drops them.
    is_begun: bool,
    /// Line counting goes on from the last statement.
    counted: (usize, usize),
    settings: Settings,
    /// Views, materialized views and sequences by name.
    kinds: HashMap<String, ObjectKind>,
}

/// Rows of a table that is named without its schema.
struct UnqualifiedRows {
    /// What the dump had set; `None` before it has.
    search_path: Option<Vec<String>>,
    place: RowsAt,
}

/// Settings that `pg_dump` changes between statements.
#[derive(Default, PartialEq, Eq, Clone)]
struct Settings {
    /// The requirement of the previous statement, as written into the snapshot.
    written: BTreeMap<String, String>,
    /// The settings of the dump.
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
            tables: BTreeMap::new(),
            search_path: None,
            database: (None, 0),
            ours_in: None,
            began: None,
            concerns: BTreeMap::new(),
            made: HashSet::new(),
            is_begun: false,
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
        let command_line = rest.split('\n').next().unwrap_or_default();
        let command = command_line.split_whitespace().next().unwrap_or_default();
        match command {
            "\\restrict" | "\\unrestrict" | "\\encoding" => Ok(()),
            "\\connect" | "\\c" => {
                let (current, number) = &mut self.database;
                let named = command_line.trim().to_owned();
                if current.as_ref().is_some_and(|current| *current != named)
                    || (current.is_none() && self.ours_in.is_some())
                {
                    *number += 1;
                }
                *current = Some(named);
                self.search_path = None;
                Ok(())
            }
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

    /// Takes note of the rows of a `COPY`.
    pub(super) fn copy(
        &mut self,
        statement: &Statement,
        data: Range<usize>,
    ) -> Result<(), DumpError> {
        self.dump.has_data = true;
        let object = Object::from_statement(statement, self.source);
        let line = self.line(statement.range().start);
        if self.is_ours(&object.scope) {
            if object.scope != ObjectScope::None {
                self.in_this_database(line)?;
            }
            let place = RowsAt::Copy {
                statement: statement.range(),
                data,
            };
            self.rows(object, place);
        } else if holds_word(self.source.get(data).unwrap_or_default(), self.schema) {
            self.concern(ConcernId::Registered, described(&object));
        }
        Ok(())
    }

    fn rows(&mut self, object: Object, place: RowsAt) {
        if object.scope == ObjectScope::None {
            let found = self.unqualified.entry(object.name).or_default();
            found.push(UnqualifiedRows {
                search_path: self.search_path.clone(),
                place,
            });
        } else {
            self.dump.rows.entry(object.name).or_default().push(place);
        }
    }

    fn is_ours(&self, scope: &ObjectScope) -> bool {
        match scope {
            ObjectScope::Named(name) => name == self.schema,
            ObjectScope::None => true,
            ObjectScope::Placeholder => false,
        }
    }

    fn concern(&mut self, id: ConcernId, object: String) {
        self.concerns.entry(id).or_default().insert(object);
    }

    /// Makes sure that all of the schema is in one database.
    fn in_this_database(&mut self, line: usize) -> Result<(), DumpError> {
        let (_, number) = self.database;
        if *self.ours_in.get_or_insert(number) == number {
            Ok(())
        } else {
            Err(DumpError::Databases { line })
        }
    }

    pub(super) fn statement(&mut self, statement: &Statement) -> Result<(), DumpError> {
        let object = Object::from_statement(statement, self.source);
        let line = self.line(statement.range().start);
        if let ObjectScope::Named(other) = &object.scope {
            if other != self.schema {
                self.others.insert(other.clone());
            }
            let is_table = matches!(object.kind, ObjectKind::Table | ObjectKind::ForeignTable);
            if object.action == Action::Create && is_table {
                let tables = self.tables.entry(other.clone()).or_default();
                tables.insert(object.name.clone());
            }
        }
        let object = match object.kind {
            ObjectKind::Cast => {
                Object::cast_in(statement, self.source, self.schema).unwrap_or(object)
            }
            _ => object,
        };
        match object.action {
            Action::Setting => self.setting(statement, line),
            Action::Transaction => self.transaction(statement, line),
            Action::Drop => self.dropped(statement, line),
            _ if object.scope == ObjectScope::Named(self.schema.to_owned()) => {
                self.in_this_database(line)?;
                self.ours(object, statement, line)
            }
            _ => self.others(object, statement, line),
        }
    }

    /// A statement about something in the schema.
    fn ours(
        &mut self,
        object: Object,
        statement: &Statement,
        line: usize,
    ) -> Result<(), DumpError> {
        let text = statement.text(self.source);
        match object.action {
            Action::Rows if object.kind == ObjectKind::Sequence => {
                self.dump.has_data = true;
                let name = object.name.clone();
                let text = text.to_owned();
                self.dump
                    .sequence_values
                    .insert(name, DumpStatement { object, text, line });
                return Ok(());
            }
            Action::Rows => {
                let statement = statement.range();
                self.rows(object, RowsAt::Insert { statement });
                return Ok(());
            }
            Action::Refresh => {
                self.dump.has_data = true;
                self.dump.refreshed.insert(object.name);
                return Ok(());
            }
            Action::Create if object.kind == ObjectKind::Extension => {
                return Err(DumpError::Extension {
                    extension: object.name,
                });
            }
            Action::Create if object.kind == ObjectKind::Schema => {
                self.is_begun = true;
                if !self.is_made(&object) {
                    self.dump.statements.clear();
                    self.push(object, without_shorthand(statement, self.source), line);
                }
                return Ok(());
            }
            _ => {}
        }
        if self.moves(statement) {
            return Err(self.refused(statement, line));
        }
        if object.action == Action::Alter
            && let Some(partition) = self.attached(statement)
        {
            // The partition's index goes with it.
            if object.kind != ObjectKind::Index {
                self.concern(ConcernId::PartitionsOutside, partition);
            }
            return Ok(());
        }
        if object.action == Action::Create
            && object.kind == ObjectKind::Table
            && let Some(parent) = self.parent(statement, |schema| schema != self.schema)
        {
            let child = format!("{} ({parent})", quote(&object.name));
            self.concern(ConcernId::ParentsOutside, child);
        }
        let Some(mut text) = normalise(&object, statement, self.source, &self.kinds) else {
            return Ok(());
        };
        if object.action == Action::Create {
            let again = self.is_made(&object);
            if again && has_words(statement, self.source, &["if", "not", "exists"]) {
                // It has no effect.
                return Ok(());
            }
            self.is_begun |= !has_words(statement, self.source, &["or", "replace"]);
            if !again {
                text = without_shorthand(statement, self.source);
            }
        }
        self.settings_before(&object, line);
        self.push(object, text, line);
        Ok(())
    }

    /// A statement about something that is not in the schema, or in none.
    fn others(
        &mut self,
        object: Object,
        statement: &Statement,
        line: usize,
    ) -> Result<(), DumpError> {
        let text = statement.text(self.source);
        match object.action {
            Action::Rows if object.kind == ObjectKind::Sequence => {
                self.dump.has_data = true;
                return Ok(());
            }
            Action::Rows if object.scope == ObjectScope::None => {
                let statement = statement.range();
                self.rows(object, RowsAt::Insert { statement });
                return Ok(());
            }
            Action::Rows => {
                if self.mentions_schema(statement) {
                    self.concern(ConcernId::Registered, described(&object));
                }
                return Ok(());
            }
            Action::Refresh => {
                self.dump.has_data = true;
                return Ok(());
            }
            _ => {}
        }
        if is_unqualified(&object) {
            return Err(DumpError::Unqualified {
                line,
                object: object.to_string(),
            });
        }
        if !self.mentions_schema(statement) {
            return Ok(());
        }
        if self.moves(statement) || object.action == Action::Other {
            return Err(self.refused(statement, line));
        }
        // Also a cast between types elsewhere through a function of the schema: a database has it only once.
        if matches!(object.kind, ObjectKind::Global | ObjectKind::Cast) {
            let sets = has_words(statement, self.source, &["set"])
                && (has_words(statement, self.source, &["alter", "role"])
                    || has_words(statement, self.source, &["alter", "database"]));
            if sets {
                self.concern(ConcernId::Settings, head(text));
            } else {
                self.dump.left_out.push(head(text));
            }
            return Ok(());
        }
        if object.scope == ObjectScope::None {
            return Err(self.refused(statement, line));
        }
        if object.action == Action::Alter
            && let Some(partition) = self.attached_here(statement)
        {
            if object.kind != ObjectKind::Index {
                let child = format!("{} ({})", quote(&partition), qualified(&object));
                self.concern(ConcernId::ParentsOutside, child);
            }
            return Ok(());
        }
        if object.action == Action::Create
            && object.kind == ObjectKind::Table
            && self
                .parent(statement, |schema| schema == self.schema)
                .is_some()
        {
            let id = if has_words(statement, self.source, &["partition", "of"]) {
                ConcernId::PartitionsOutside
            } else {
                ConcernId::ChildrenOutside
            };
            self.concern(id, qualified(&object));
            return Ok(());
        }
        self.concern(ConcernId::UsedOutside, described(&object));
        Ok(())
    }

    fn refused(&self, statement: &Statement, line: usize) -> DumpError {
        DumpError::Statement {
            line,
            excerpt: head(statement.text(self.source)),
        }
    }

    fn transaction(&mut self, statement: &Statement, line: usize) -> Result<(), DumpError> {
        let first = statement.tokens.first().copied();
        let is = |word: &str| first.is_some_and(|token| token.is_word(self.source, word));
        if is("begin") || is("start") {
            self.began = Some(self.dump.statements.len());
        } else if is("commit") || is("end") {
            self.began = None;
        } else if is("rollback") || is("abort") {
            let began = self.began.take();
            if began.is_some_and(|began| began != self.dump.statements.len()) {
                return Err(DumpError::TakenBack {
                    line,
                    excerpt: head(statement.text(self.source)),
                });
            }
        } else if is("prepare") && self.mentions_schema(statement) {
            return Err(self.refused(statement, line));
        }
        Ok(())
    }

    /// `DROP`: what `--clean` writes in front of everything has nothing to drop; `DROP SCHEMA` begins again; anything else
    /// would take back what was made.
    fn dropped(&mut self, statement: &Statement, line: usize) -> Result<(), DumpError> {
        let tokens: Vec<Token> = statement.significant().collect();
        let is = |at: usize, word: &str| {
            tokens
                .get(at)
                .is_some_and(|token| token.is_word(self.source, word))
        };
        let names = |name: &str| {
            tokens
                .iter()
                .any(|token| identifier_value(*token, self.source).as_deref() == Some(name))
        };
        if is(1, "schema") {
            if names(self.schema) {
                self.dump.statements.clear();
                self.made.clear();
                self.dump.rows.clear();
                self.dump.sequence_values.clear();
                self.dump.refreshed.clear();
                self.tables.remove(self.schema);
            }
            return Ok(());
        }
        // `--clean` begins with drops: ALTER TABLE … DROP, CREATE OR REPLACE VIEW, DROP. Nothing is made there.
        if !self.is_begun {
            self.dump.statements.clear();
            self.made.clear();
            return Ok(());
        }
        let drops_ours = self.dump.statements.iter().any(|made| {
            made.object.action == Action::Create
                && made.object.kind != ObjectKind::Schema
                && names(made.object.bare_name())
        });
        if (drops_ours && (self.mentions_schema(statement) || !self.is_qualified(&tokens)))
            || is(1, "owned")
        {
            return Err(DumpError::TakenBack {
                line,
                excerpt: head(statement.text(self.source)),
            });
        }
        Ok(())
    }

    fn is_qualified(&self, tokens: &[Token]) -> bool {
        tokens.iter().any(|token| token.is(self.source, "."))
    }

    fn is_made(&self, object: &Object) -> bool {
        self.made.contains(&made(object))
    }

    /// Whether a statement moves something between schemas, or gives a schema another name.
    fn moves(&self, statement: &Statement) -> bool {
        let tokens: Vec<Token> = statement.significant().collect();
        let first = |at: usize, word: &str| {
            tokens
                .get(at)
                .is_some_and(|token| token.is_word(self.source, word))
        };
        first(0, "alter")
            && (has_words(statement, self.source, &["set", "schema"])
                || (first(1, "schema") && has_words(statement, self.source, &["rename", "to"])))
    }

    /// The partition, in another schema, that `ATTACH PARTITION` gives a table of the schema.
    fn attached(&self, statement: &Statement) -> Option<String> {
        let (schema, name) = self.behind(statement, &["attach", "partition"])?;
        (schema != self.schema).then(|| format!("{}.{}", quote(&schema), quote(&name)))
    }

    /// The table of the schema that `ATTACH PARTITION` gives a table elsewhere.
    fn attached_here(&self, statement: &Statement) -> Option<String> {
        let (schema, name) = self.behind(statement, &["attach", "partition"])?;
        (schema == self.schema).then_some(name)
    }

    /// The table that a new one is a partition or child of, if its schema is accepted.
    fn parent(&self, statement: &Statement, accept: impl Fn(&str) -> bool) -> Option<String> {
        let (schema, name) = self
            .behind(statement, &["partition", "of"])
            .or_else(|| self.behind(statement, &["inherits", "("]))?;
        accept(&schema).then(|| format!("{}.{}", quote(&schema), quote(&name)))
    }

    /// The qualified name behind words.
    fn behind(&self, statement: &Statement, words: &[&str]) -> Option<(String, String)> {
        let tokens: Vec<Token> = statement.significant().collect();
        let at = position(&tokens, self.source, words)? + words.len();
        let schema = identifier_value(*tokens.get(at)?, self.source)?;
        if !tokens.get(at + 1)?.is(self.source, ".") {
            return None;
        }
        Some((schema, identifier_value(*tokens.get(at + 2)?, self.source)?))
    }

    /// Whether a statement names the schema: as an identifier, in a literal or in a body.
    fn mentions_schema(&self, statement: &Statement) -> bool {
        if !holds_word(statement.text(self.source), self.schema)
            && self.schema.chars().all(|c| c.is_alphanumeric() || c == '_')
        {
            return false;
        }
        let tokens: Vec<Token> = statement.significant().collect();
        // Lists: `IN SCHEMA a, b`, `SET search_path TO a, b`.
        let names_schemas = tokens.iter().any(|token| {
            token.is_word(self.source, "schema") || token.is_word(self.source, "search_path")
        });
        tokens
            .iter()
            .enumerate()
            .any(|(at, token)| match token.kind {
                TokenKind::String(..) | TokenKind::Dollar(..) => content(*token, self.source)
                    .is_some_and(|content| holds_word(&content.text, self.schema)),
                _ if identifier_value(*token, self.source).as_deref() == Some(self.schema) => {
                    let is = |at: Option<usize>, test: &dyn Fn(&Token) -> bool| {
                        at.and_then(|at| tokens.get(at)).is_some_and(test)
                    };
                    is(Some(at + 1), &|next| next.is(self.source, "."))
                        || is(at.checked_sub(1), &|before| {
                            before.is_word(self.source, "schema")
                                || (names_schemas
                                    && (before.is(self.source, ",")
                                        || before.is(self.source, "=")
                                        || before.is_word(self.source, "to")))
                        })
                }
                _ => false,
            })
    }

    fn push(&mut self, object: Object, text: String, line: usize) {
        let kinds = [
            ObjectKind::View,
            ObjectKind::MaterializedView,
            ObjectKind::Sequence,
        ];
        if object.action == Action::Create {
            self.made.insert(made(&object));
        }
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
    fn follow_search_path(&mut self, tokens: &[Token]) {
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
        self.place_unqualified_rows();
        self.dump.is_one_schema = self.others.is_empty();
        self.dump.concerns = self
            .concerns
            .into_iter()
            .map(|(id, objects)| Concern {
                id,
                objects: objects.into_iter().collect(),
            })
            .collect();
        Ok(self.dump)
    }

    /// `INSERT INTO schema_migrations`, as Rails appends it, means the table that the `search_path` finds.
    fn place_unqualified_rows(&mut self) {
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

fn made(object: &Object) -> Made {
    (object.kind, object.name.clone(), object.table.clone())
}

/// The beginning of a statement, on one line.
fn head(text: &str) -> String {
    text.chars()
        .take(SHOWN)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Whether a whole word of a text is the name.
fn holds_word(text: &str, name: &str) -> bool {
    let ends = |character: Option<char>| {
        character.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == '$'))
    };
    text.match_indices(name).any(|(at, found)| {
        ends(text.get(..at).and_then(|before| before.chars().next_back()))
            && ends(
                text.get(at + found.len()..)
                    .and_then(|behind| behind.chars().next()),
            )
    })
}

/// Where words, or punctuation, stand in a row.
fn position(tokens: &[Token], source: &str, words: &[&str]) -> Option<usize> {
    tokens.windows(words.len()).position(|window| {
        window
            .iter()
            .zip(words)
            .all(|(token, word)| token.is_word(source, word) || token.is(source, word))
    })
}

fn has_words(statement: &Statement, source: &str, words: &[&str]) -> bool {
    let tokens: Vec<Token> = statement.significant().collect();
    position(&tokens, source, words).is_some()
}

/// `auth.users`: the object, or the table that it belongs to, with its schema.
fn qualified(object: &Object) -> String {
    let name = object.table.as_deref().unwrap_or(&object.name);
    match &object.scope {
        ObjectScope::Named(schema) => format!("{}.{}", quote(schema), quote(name)),
        _ => quote(name),
    }
}

/// `trigger on_user on auth.users`, `view public.all`: an object of another schema.
fn described(object: &Object) -> String {
    let words = object.kind.words();
    match &object.table {
        Some(_) => format!("{words} {} on {}", quote(&object.name), qualified(object)),
        None if object.name.ends_with(')') => match &object.scope {
            ObjectScope::Named(schema) => format!("{words} {}.{}", quote(schema), object.name),
            _ => format!("{words} {}", object.name),
        },
        None => format!("{words} {}", qualified(object)),
    }
}

/// Returns `true` if a statement creates an object in the first schema of the `search_path`, as
/// `pg_dump` before 10.3 wrote them.
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

    fn read(text: &str) -> Result<Dump, String> {
        Dump::read(text, "app").map_err(|error| error.to_string())
    }

    fn concerns(dump: &Dump) -> Vec<String> {
        dump.concerns.iter().map(ToString::to_string).collect()
    }

    const MADE: &str =
        "CREATE SCHEMA app;\nCREATE TABLE app.t (i integer);\nCREATE VIEW app.v AS SELECT 1;\n";

    #[test]
    fn what_is_taken_back_is_refused_with_its_line() {
        for statement in [
            "DROP TABLE app.t",
            "DROP VIEW IF EXISTS app.x, app.v CASCADE",
            "DROP TABLE t",
            "DROP OWNED BY bob",
            "BEGIN;CREATE TABLE app.tx ();ROLLBACK",
            "BEGIN;CREATE TABLE app.tx ();ABORT",
        ] {
            let error = read(&format!("{MADE}{statement};")).unwrap_err();
            assert!(
                error.starts_with("line 4: this takes back what the file made"),
                "{statement}: {error}"
            );
        }
        for statement in [
            "DROP TABLE public.t",
            "DROP TABLE IF EXISTS app.not_there",
            "BEGIN;CREATE TABLE public.tx ();ROLLBACK",
            "BEGIN;CREATE TABLE app.tx ();COMMIT;ROLLBACK",
            "DROP EXTENSION citext",
        ] {
            let read = read(&format!("{MADE}{statement};"));
            assert!(read.is_ok(), "{statement}: {read:?}");
        }
        let dump = read(&format!(
            "{MADE}DROP SCHEMA IF EXISTS app CASCADE;CREATE SCHEMA app;CREATE TABLE app.u ();"
        ))
        .unwrap();
        assert_eq!(dump.tables().collect::<Vec<_>>(), ["u"]);
    }

    #[test]
    fn what_names_the_schema_and_cannot_be_followed_is_refused_with_its_line() {
        for statement in [
            "SELECT create_hypertable('app.t', 'at')",
            "SELECT partman.create_parent(p_parent_table := 'app.t')",
            "SELECT cron.schedule('x', '0 3 * * *', 'CALL app.rollup()')",
            "CALL admin.register('app', 't')",
            "DO $$ BEGIN PERFORM app.f(); END $$",
            "UPDATE public.x SET y = 'app.t'",
            "ALTER TABLE public.s SET SCHEMA app",
            "ALTER TABLE app.t SET SCHEMA public",
            "ALTER SCHEMA app RENAME TO x",
            "ALTER SCHEMA other RENAME TO app",
            "GRANT SELECT ON ALL TABLES IN SCHEMA app TO bob",
            "PREPARE p AS SELECT * FROM app.t",
        ] {
            let error = read(&format!("{MADE}{statement};")).unwrap_err();
            assert!(
                error.starts_with("line 4: cannot determine what this statement does"),
                "{statement}: {error}"
            );
        }
        for statement in [
            "SELECT create_hypertable('other.t', 'at')",
            "SELECT 'my_app', 'apps'",
            "CREATE ROLE app",
        ] {
            let read = read(&format!("{MADE}{statement};"));
            assert!(read.is_ok(), "{statement}: {read:?}");
        }
    }

    #[test]
    fn what_hangs_on_the_schema_from_outside_is_reported_by_name() {
        let dump = read(&format!(
            "{MADE}CREATE TRIGGER on_user AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION app.f();
             CREATE POLICY seen ON auth.users USING (EXISTS (SELECT FROM app.t));
             CREATE VIEW public.everything AS SELECT * FROM app.t;
             CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS $$ SELECT i FROM app.t $$;
             ALTER TABLE ONLY public.refers ADD CONSTRAINT fk FOREIGN KEY (i) REFERENCES app.t(i);
             INSERT INTO cron.job (command) VALUES ('CALL app.rollup()');
             COPY partman.part_config (parent_table) FROM stdin;\napp.t\n\\.\n
             ALTER ROLE bob SET search_path TO 'app', 'public';
             CREATE TABLE parts.p1 (i integer);
             ALTER TABLE ONLY app.t ATTACH PARTITION parts.p1 FOR VALUES IN (1);
             CREATE TABLE parts.p2 PARTITION OF app.t FOR VALUES IN (2);
             CREATE TABLE parts.child (x integer) INHERITS (app.t);
             CREATE TABLE app.mine (x integer) INHERITS (public.base);
             ALTER TABLE ONLY public.root ATTACH PARTITION app.r1 FOR VALUES IN (1);
             CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION app.f();"
        ))
        .unwrap();
        insta::assert_snapshot!(concerns(&dump).join("\n"), @"
        left out, as they are in another schema; a tenant refuses the rows that belong there: partitions: parts.p1, parts.p2
        left out, as they are in another schema: tables that inherit from the schema's: parts.child
        shared by all tenants, who can be read through it: the parent, in another schema, of: mine (public.base), r1 (public.root)
        left out, as they are in another schema or in none; they work on the source only: constraint fk on public.refers, function public.f(), policy seen on auth.users, trigger on_user on auth.users, view public.everything
        left out; a new tenant has to be registered there by itself: rows that name the schema in: table cron.job, table partman.part_config
        left out: settings that name the schema, of: ALTER ROLE bob SET search_path TO 'app', 'public'
        ");
        assert_eq!(
            dump.left_out,
            ["CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION a"]
        );
        assert!(
            dump.statements
                .iter()
                .all(|statement| !statement.text.contains("ATTACH"))
        );
    }

    #[test]
    fn two_databases_in_one_file() {
        let one = "\\connect shop\nCREATE SCHEMA app;\nCREATE TABLE app.a (i integer);\n";
        let two = "\\connect crm\nCREATE SCHEMA app;\nCREATE TABLE app.b (i integer);\n";
        let error = read(&format!("{one}{two}")).unwrap_err();
        assert!(
            error.starts_with("line 5: the schema is in two databases"),
            "{error}"
        );
        assert!(read(&format!("{one}\\connect crm\nCREATE SCHEMA other;\n")).is_ok());
        assert!(read(&format!("{one}\\connect shop\nCREATE TABLE app.c ();\n")).is_ok());
        let rows = "\\connect crm\nCOPY app.a (i) FROM stdin;\n7\n\\.\n";
        assert!(read(&format!("{one}{rows}")).is_err());
    }

    #[test]
    fn rows_without_a_schema_follow_the_search_path() {
        let tables = "CREATE TABLE public.schema_migrations (v text);\nCREATE SCHEMA app;\n\
            CREATE TABLE app.schema_migrations (v text);\n";
        for (path, ours) in [
            ("SET search_path TO \"$user\", public;", false),
            ("", false),
            ("SET search_path = app, public;", true),
            (
                "SELECT pg_catalog.set_config('search_path', 'app', false);",
                true,
            ),
            ("SET search_path = app; RESET ALL;", false),
        ] {
            let dump = read(&format!(
                "{tables}{path}\nINSERT INTO schema_migrations (v) VALUES ('1');"
            ))
            .unwrap();
            assert_eq!(dump.rows.contains_key("schema_migrations"), ours, "{path}");
            assert_eq!(concerns(&dump).is_empty(), ours, "{path}");
        }
        let only_ours = "CREATE TABLE app.schema_migrations (v text);\nINSERT INTO schema_migrations (v) VALUES ('1');";
        assert!(
            read(only_ours)
                .unwrap()
                .rows
                .contains_key("schema_migrations")
        );
    }

    #[test]
    fn shorthand_of_the_file_is_taken_off() {
        let dump = read(
            "CREATE SCHEMA IF NOT EXISTS \"app\";
             CREATE TABLE IF NOT EXISTS app.t (i integer);
             CREATE TABLE IF NOT EXISTS app.t (j integer);
             CREATE OR REPLACE VIEW app.v AS SELECT 1 AS a;
             CREATE OR REPLACE VIEW app.v AS SELECT 2 AS a;
             CREATE INDEX IF NOT EXISTS i ON app.t (i);
             CREATE OR REPLACE FUNCTION app.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';",
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
                "CREATE SCHEMA \"app\"",
                "CREATE TABLE app.t (i integer)",
                "CREATE VIEW app.v AS SELECT 1 AS a",
                "CREATE OR REPLACE VIEW app.v AS SELECT 2 AS a",
                "CREATE INDEX i ON app.t (i)",
                "CREATE FUNCTION app.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            ]
        );
    }

    #[test]
    fn a_trigger_on_very_many_columns() {
        let columns: Vec<String> = (0..1100).map(|number| format!("c{number}")).collect();
        let dump = read(&format!(
            "CREATE TRIGGER x BEFORE UPDATE OF {} ON app.t FOR EACH ROW EXECUTE FUNCTION app.f();",
            columns.join(", ")
        ))
        .unwrap();
        assert_eq!(dump.statements[0].object.to_string(), "trigger x on t");
    }

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
