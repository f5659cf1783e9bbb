//! One pass over a dump: which of its statements make the schema, and what they need set.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use super::dump::{Dump, DumpError, DumpStatement, PartitionOfOther, RowsAt};
use super::dump_databases::DumpDatabases;
use super::dump_mentions::{Mentions, has_words, holds_word};
use super::dump_settings::{DumpSettings, is_utf8};
use super::dump_transaction::{Ending, Transactions};
use super::dump_unknown::can_change;
use super::dump_words::{described, head, qualified};
use super::note::ConcernId;
use super::shared::PUBLIC;
use super::unqualified_rows::UnqualifiedRows;
use super::wording::{normalise, without_shorthand};
use crate::snapshot::object::{Action, Object, ObjectKind, ObjectScope};
use crate::sql::script::line_of;
use crate::sql::{Segment, Segments, Statement, quote};
use crate::text::slice;

/// Kind, name and table of an object.
pub(super) type Made = (ObjectKind, String, Option<String>);

pub(super) struct DumpReader<'a> {
    pub(super) source: &'a str,
    pub(super) schema: &'a str,
    pub(super) dump: Dump,
    pub(super) others: BTreeSet<String>,
    pub(super) unqualified: UnqualifiedRows,
    pub(super) databases: DumpDatabases,
    pub(super) transactions: Transactions,
    /// Number of statements and rows of the schema that were read so far.
    pub(super) effects: usize,
    pub(super) concerns: BTreeMap<ConcernId, BTreeSet<String>>,
    /// Objects that the statements have created: kind, name and table.
    pub(super) made: HashSet<Made>,
    /// The names that objects of the schema have been given since, and the lines where that is.
    pub(super) renamed: BTreeMap<String, usize>,
    /// Names of what the dump has created elsewhere, without their schemas.
    pub(super) made_elsewhere: HashSet<String>,
    /// True if something was created other than by `CREATE OR REPLACE`, with which `--clean` breaks circles of views before
    /// it drops them.
    pub(super) is_begun: bool,
    /// Line counting goes on from the last statement.
    pub(super) counted: (usize, usize),
    pub(super) settings: DumpSettings,
    /// Views, materialized views and sequences by name.
    pub(super) kinds: HashMap<String, ObjectKind>,
}

impl Dump {
    /// Reads the statements of one schema out of a dump.
    ///
    /// # Errors
    /// Fails if the dump cannot be read, or has something of the schema that a snapshot cannot
    /// carry.
    pub fn read(text: &str, schema: &str) -> Result<Self, DumpError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.starts_with("PGDMP") {
            return Err(DumpError::Archive { format: "custom" });
        }
        if text.starts_with("toc.dat") {
            return Err(DumpError::Archive { format: "tar" });
        }
        let mut reader = DumpReader::new(text, schema);
        for segment in Segments::new(text, false) {
            match segment? {
                Segment::Statement(statement) => reader.statement(&statement)?,
                Segment::Copy { statement, data } => reader.copy(&statement, data)?,
                Segment::Meta { range } => reader.meta(range.start)?,
            }
        }
        reader.finish()
    }
}

impl<'a> DumpReader<'a> {
    fn new(source: &'a str, schema: &'a str) -> Self {
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
            unqualified: UnqualifiedRows::default(),
            databases: DumpDatabases::default(),
            transactions: Transactions::default(),
            effects: 0,
            concerns: BTreeMap::new(),
            made: HashSet::new(),
            renamed: BTreeMap::new(),
            made_elsewhere: HashSet::new(),
            is_begun: false,
            counted: (0, 1),
            settings: DumpSettings::default(),
            kinds: HashMap::new(),
        }
    }

    pub(super) fn mentions(&self) -> Mentions<'a> {
        Mentions {
            source: self.source,
            schema: self.schema,
        }
    }

    fn line(&mut self, offset: usize) -> usize {
        let (from, line) = self.counted;
        let passed = slice(self.source, from..offset);
        let line = line + line_of(passed, passed.len()) - 1;
        self.counted = (offset, line);
        line
    }

    fn meta(&mut self, offset: usize) -> Result<(), DumpError> {
        let rest = slice(self.source, offset..);
        let command_line = rest.split('\n').next().unwrap_or_default();
        let command = command_line.split_whitespace().next().unwrap_or_default();
        match command {
            "\\restrict" | "\\unrestrict" => Ok(()),
            "\\encoding" => match command_line
                .split_whitespace()
                .nth(1)
                .map(|encoding| encoding.trim_matches('\''))
            {
                Some(encoding) if !is_utf8(encoding) => Err(DumpError::Encoding {
                    line: self.line(offset),
                    encoding: encoding.to_owned(),
                }),
                _ => Ok(()),
            },
            "\\connect" | "\\c" => {
                self.databases.connect(command_line.trim());
                // A new session has none of the settings before.
                self.settings.search_path = None;
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
    fn copy(&mut self, statement: &Statement, data: Range<usize>) -> Result<(), DumpError> {
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
        } else if holds_word(slice(self.source, data), self.schema) {
            self.concern(ConcernId::Registered, described(&object));
        }
        Ok(())
    }

    fn rows(&mut self, object: Object, place: RowsAt) {
        self.effects += 1;
        if object.scope == ObjectScope::None {
            let search_path = self.settings.search_path.clone();
            self.unqualified.add(object.name, search_path, place);
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

    pub(super) fn concern(&mut self, id: ConcernId, object: String) {
        self.concerns.entry(id).or_default().insert(object);
    }

    /// Makes sure that all of the schema is in one database.
    fn in_this_database(&mut self, line: usize) -> Result<(), DumpError> {
        if self.databases.is_ours() {
            Ok(())
        } else {
            Err(DumpError::Databases { line })
        }
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), DumpError> {
        let object = Object::from_statement(statement, self.source);
        let line = self.line(statement.range().start);
        if let ObjectScope::Named(other) = &object.scope {
            if other != self.schema {
                self.others.insert(other.clone());
            }
            let is_table = matches!(object.kind, ObjectKind::Table | ObjectKind::ForeignTable);
            if object.action == Action::Create && is_table {
                self.unqualified.add_table(other, &object.name);
            }
        }
        let object = match object.kind {
            ObjectKind::Cast => {
                Object::cast_in(statement, self.source, self.schema).unwrap_or(object)
            }
            _ => object,
        };
        match object.action {
            Action::Setting => {
                if let Some(text) = self.settings.set(statement, self.source, line)? {
                    let scope = ObjectScope::Named(self.schema.to_owned());
                    self.push(setting(Action::Privileges, scope), text, line);
                }
                Ok(())
            }
            Action::Transaction => {
                let made = self.effects;
                let ending = self.transactions.follow(statement, self.source, made, line);
                let is_prepare = statement
                    .significant()
                    .next()
                    .is_some_and(|token| token.is_word(self.source, "prepare"));
                if ending == Ending::TakenBack {
                    Err(self.taken_back(statement, line))
                } else if is_prepare && self.mentions().mentions_schema(statement) {
                    Err(self.refused(statement, line))
                } else {
                    Ok(())
                }
            }
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
                self.effects += 1;
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
                self.effects += 1;
                self.dump.refreshed.insert(object.name);
                return Ok(());
            }
            Action::Create if object.kind == ObjectKind::Extension && self.schema == PUBLIC => {
                self.dump.extensions.push(object.name);
                return Ok(());
            }
            Action::Create if object.kind == ObjectKind::Extension => {
                return Err(DumpError::Extension {
                    extension: object.name,
                });
            }
            Action::Create if object.kind == ObjectKind::Schema => {
                if self.mentions().has_elements(statement) {
                    return Err(self.refused(statement, line));
                }
                self.is_begun = true;
                if !self.is_made(&object) {
                    self.dump.statements.clear();
                    self.push(object, without_shorthand(statement, self.source), line);
                }
                return Ok(());
            }
            _ => {}
        }
        if self.mentions().moves(statement) || self.mentions().takes_settings(statement) {
            return Err(self.refused(statement, line));
        }
        if let Some(name) = self.mentions().new_name(statement) {
            self.renamed.insert(name, line);
        }
        if object.action == Action::Alter
            && let Some(partition) = self.mentions().attached(statement)
        {
            // The partition's index goes with it.
            if object.kind != ObjectKind::Index {
                self.concern(ConcernId::PartitionsOutside, partition);
            }
            return Ok(());
        }
        if object.action == Action::Create
            && object.kind == ObjectKind::Table
            && let Some(parent) = self
                .mentions()
                .parent(statement, |schema| schema != self.schema)
        {
            if has_words(statement, self.source, &["partition", "of"]) {
                self.partition_of_other(&object.name, &parent, false);
            } else {
                let child = format!("{} ({parent})", quote(&object.name));
                self.concern(ConcernId::ParentsOutside, child);
            }
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
            if !again {
                text = without_shorthand(statement, self.source);
            }
        }
        self.is_begun |= !self.is_of_clean(&object, statement);
        for change in self.settings.before(&object) {
            self.push(setting(Action::Setting, ObjectScope::None), change, line);
        }
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
                return if object.scope == ObjectScope::None && self.settings.leads_to(self.schema) {
                    Err(self.refused(statement, line))
                } else {
                    Ok(())
                };
            }
            Action::Rows if object.scope == ObjectScope::None => {
                let statement = statement.range();
                self.rows(object, RowsAt::Insert { statement });
                return Ok(());
            }
            Action::Rows => {
                if self.mentions().mentions_schema(statement) {
                    self.concern(ConcernId::Registered, described(&object));
                }
                return Ok(());
            }
            Action::Refresh if object.scope != ObjectScope::None => {
                self.dump.has_data = true;
                return Ok(());
            }
            _ => {}
        }
        // CREATE EXTENSION without a schema, as people write it.
        if object.kind == ObjectKind::Extension
            && object.action == Action::Create
            && object.scope == ObjectScope::None
            && self.schema == PUBLIC
        {
            self.dump.extensions.push(object.name);
            return Ok(());
        }
        if object.action == Action::Create {
            let name = object.bare_name().to_owned();
            self.made_elsewhere.insert(name);
        }
        if self.is_unqualified(&object, statement) {
            return Err(DumpError::Unqualified {
                line,
                object: object.to_string(),
            });
        }
        if !self.mentions().mentions_schema(statement) {
            return self.unrelated(&object, statement, line);
        }
        if self.mentions().moves(statement) || object.action == Action::Other {
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
            && let Some(partition) = self.mentions().attached_here(statement)
        {
            if object.kind != ObjectKind::Index {
                self.partition_of_other(&partition, &qualified(&object), true);
            }
            return Ok(());
        }
        if object.action == Action::Create
            && object.kind == ObjectKind::Table
            && self
                .mentions()
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

    /// A statement that does not name the schema: it may change something there all the same.
    fn unrelated(
        &mut self,
        object: &Object,
        statement: &Statement,
        line: usize,
    ) -> Result<(), DumpError> {
        let is_followed = match object.action {
            Action::Other => !can_change(statement, self.source),
            // Without a schema, for whatever is created from here on.
            Action::Privileges => object.kind != ObjectKind::DefaultPrivileges,
            _ => true,
        };
        if is_followed {
            return Ok(());
        }
        if object.action == Action::Other && self.settings.leads_to(self.schema) {
            return Err(self.refused(statement, line));
        }
        let excerpt = head(statement.text(self.source));
        self.concern(ConcernId::NotFollowed, format!("line {line}: {excerpt}"));
        Ok(())
    }

    fn refused(&self, statement: &Statement, line: usize) -> DumpError {
        DumpError::Statement {
            line,
            excerpt: head(statement.text(self.source)),
        }
    }

    fn partition_of_other(&mut self, partition: &str, parent: &str, is_attached: bool) {
        self.dump.partitions_of_others.push(PartitionOfOther {
            partition: quote(partition),
            parent: parent.to_owned(),
            is_attached,
        });
    }

    /// Returns `true` if a statement creates or changes an object in the first schema of the `search_path`, as `pg_dump`
    /// before 10.3 wrote them.
    fn is_unqualified(&self, object: &Object, statement: &Statement) -> bool {
        let is_of_a_schema = !matches!(
            object.kind,
            ObjectKind::Schema
                | ObjectKind::Extension
                | ObjectKind::DefaultPrivileges
                | ObjectKind::Cast
                | ObjectKind::Global
                | ObjectKind::Setting
                | ObjectKind::Unknown
        );
        let is_ours = || {
            self.settings.leads_to(self.schema)
                && !has_words(statement, self.source, &["large", "object"])
        };
        object.scope == ObjectScope::None
            && is_of_a_schema
            && match object.action {
                Action::Create | Action::Alter | Action::Owner => true,
                Action::Privileges | Action::Comment | Action::Refresh => is_ours(),
                _ => false,
            }
    }

    fn is_made(&self, object: &Object) -> bool {
        self.made.contains(&made(object))
    }

    fn push(&mut self, object: Object, text: String, line: usize) {
        self.effects += 1;
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
}

fn setting(action: Action, scope: ObjectScope) -> Object {
    Object {
        action,
        kind: ObjectKind::Setting,
        scope,
        name: String::new(),
        table: None,
    }
}

fn made(object: &Object) -> Made {
    (object.kind, object.name.clone(), object.table.clone())
}

#[cfg(test)]
mod tests;
