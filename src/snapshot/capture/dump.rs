//! One schema's statements, out of a dump by any `pg_dump` from 13 to 18, of one schema or of a whole database.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::values::{self, Value, ValueError};
use crate::snapshot::object::{Action, Object, ObjectKind, Scope, identifier_value};
use crate::sql::literal::content;
use crate::sql::script::line_of;
use crate::sql::{Kind, Script, ScriptError, Segment, Segments, Statement, Token, quote};

/// What a dump holds of one schema.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// Major version of the server it was made from, where the dump says so.
    pub server: Option<u32>,
    /// The statements that make the schema's objects, in the dump's order.
    pub statements: Vec<DumpStatement>,
    /// Where the dump has rows, by table; [`Dump::data`] reads them.
    rows: BTreeMap<String, Vec<RowsAt>>,
    /// `setval` by sequence: the whole statement.
    pub sequence_values: BTreeMap<String, DumpStatement>,
    /// Materialized views that the dump refreshes.
    pub refreshed: BTreeSet<String>,
    /// Whether the dump has rows or refreshes at all, so that what is missing is missing on purpose.
    pub has_data: bool,
    /// What was left out, for people: objects that name the schema and belong to none.
    pub left_out: Vec<String>,
}

/// Byte ranges of rows in a dump.
#[derive(Clone, Debug)]
enum RowsAt {
    Copy { statement: Range<usize>, data: Range<usize> },
    Insert { statement: Range<usize> },
}

/// Rows of a table as a dump holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data {
    /// Column names; `None` when the dump does not name them.
    pub columns: Option<Vec<String>>,
    /// Values in the order of the columns.
    pub rows: Vec<Vec<Value>>,
}

/// A statement and what it is about.
#[derive(Clone, Debug)]
pub struct DumpStatement {
    /// What it is about.
    pub object: Object,
    /// Its text, without the closing semicolon.
    pub text: String,
    /// 1-based line in the dump.
    pub line: usize,
}

/// Why a dump cannot be captured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DumpError {
    /// Not SQL that psql reads to its end.
    #[error("the dump cannot be read")]
    Script(#[from] ScriptError),
    /// Not plain text.
    #[error(
        "this is an archive of pg_dump's {format} format; make a plain one (pg_dump -Fp) or convert it: pg_restore -f dump.sql ARCHIVE"
    )]
    Archive {
        /// `custom` or `directory/tar`.
        format: &'static str,
    },
    /// Another encoding than UTF-8.
    #[error("line {line}: the dump is in {encoding}; make it with `pg_dump --encoding=UTF8`")]
    Encoding {
        /// 1-based line.
        line: usize,
        /// What `SET client_encoding` says.
        encoding: String,
    },
    /// `standard_conforming_strings` is off.
    #[error(
        "line {line}: the dump was made with standard_conforming_strings off, which changes what its literals mean"
    )]
    Strings {
        /// 1-based line.
        line: usize,
    },
    /// Nothing of the schema.
    #[error("the dump has no schema '{}'{}", schema.escape_debug(), found(others))]
    NoSchema {
        /// What was looked for.
        schema: String,
        /// The schemas that the dump does have.
        others: Vec<String>,
    },
    /// An extension lives in the schema.
    #[error(
        "extension {extension} is installed in the schema, and a database can have it only once; move it to a \
             shared schema first: ALTER EXTENSION {} SET SCHEMA …",
        quote(extension)
    )]
    Extension {
        /// The extension.
        extension: String,
    },
    /// A meta-command other than `\restrict` and `\connect`.
    #[error("line {line}: psql meta-command '{command}' in the dump")]
    Meta {
        /// 1-based line.
        line: usize,
        /// Its first word.
        command: String,
    },
    /// A statement that nobody knows what to do with.
    #[error("line {line}: cannot tell what this statement does to the schema: {excerpt}")]
    Statement {
        /// 1-based line.
        line: usize,
        /// Its beginning.
        excerpt: String,
    },
    /// Rows that cannot be read.
    #[error("line {line}: the rows of table {table} cannot be read")]
    Rows {
        /// 1-based line.
        line: usize,
        /// The table.
        table: String,
        /// Why.
        #[source]
        source: ValueError,
    },
}

fn found(others: &[String]) -> String {
    if others.is_empty() {
        "; it names no schema at all".to_owned()
    } else {
        format!("; it has {}", others.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", "))
    }
}

impl Dump {
    /// Reads the statements of one schema out of a dump.
    ///
    /// # Errors
    /// Where the dump cannot be read, or holds something of the schema that a snapshot cannot carry.
    pub fn read(text: &str, schema: &str) -> Result<Self, DumpError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.starts_with("PGDMP") {
            return Err(DumpError::Archive { format: "custom" });
        }
        if text.starts_with("toc.dat") {
            return Err(DumpError::Archive { format: "tar" });
        }
        let mut reader = Reader::new(text, schema);
        for segment in Segments::new(text, false) {
            match segment? {
                Segment::Statement(statement) => reader.statement(&statement)?,
                Segment::Copy { statement, data } => {
                    reader.dump.has_data = true;
                    let object = Object::of(&statement, text);
                    if reader.is_ours(&object.scope) {
                        reader.rows(object, RowsAt::Copy { statement: statement.range(), data });
                    }
                }
                Segment::Meta { range } => reader.meta(range.start)?,
            }
        }
        reader.finish()
    }

    /// The rows of a table, out of the text that the dump was read from; `None` when it has none.
    ///
    /// # Errors
    /// [`DumpError::Rows`] where a row is not made of literals.
    pub fn data(&self, text: &str, table: &str) -> Result<Option<Data>, DumpError> {
        let Some(places) = self.rows.get(table) else { return Ok(None) };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut all: Option<Data> = None;
        for place in places {
            let (RowsAt::Copy { statement, .. } | RowsAt::Insert { statement }) = place;
            let sql = text.get(statement.clone()).unwrap_or_default();
            let refuse =
                |source| DumpError::Rows { line: line_of(text, statement.start), table: table.to_owned(), source };
            let script = Script::parse_head(sql);
            let data = match place {
                RowsAt::Copy { data, .. } => Data {
                    columns: values::columns(&script, sql),
                    rows: values::copy_rows(text.get(data.clone()).unwrap_or_default()),
                },
                RowsAt::Insert { .. } => values::insert_rows(&script, sql).map_err(refuse)?,
            };
            match &mut all {
                None => all = Some(data),
                Some(all) if all.columns == data.columns => all.rows.extend(data.rows),
                Some(_) => return Err(refuse(ValueError::Columns)),
            }
        }
        Ok(all)
    }

    /// Names of the tables that the dump creates.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.statements
            .iter()
            .filter(|statement| statement.object.action == Action::Create && statement.object.kind == ObjectKind::Table)
            .map(|statement| statement.object.name.as_str())
    }
}

struct Reader<'a> {
    source: &'a str,
    schema: &'a str,
    dump: Dump,
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

impl<'a> Reader<'a> {
    fn new(source: &'a str, schema: &'a str) -> Self {
        let mut dump = Dump::default();
        for line in source.split('\n').take(40) {
            if let Some(version) = line.strip_prefix("-- Dumped from database version ") {
                let major = version.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
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

    fn meta(&mut self, offset: usize) -> Result<(), DumpError> {
        let rest = self.source.get(offset..).unwrap_or_default();
        let command = rest.split_whitespace().next().unwrap_or_default();
        match command {
            "\\restrict" | "\\unrestrict" | "\\connect" | "\\encoding" => Ok(()),
            _ => {
                let command = command.chars().filter(|character| !character.is_control()).collect();
                Err(DumpError::Meta { line: self.line(offset), command })
            }
        }
    }

    fn rows(&mut self, object: Object, place: RowsAt) {
        let rows = if object.scope == Scope::None { &mut self.unqualified } else { &mut self.dump.rows };
        rows.entry(object.name).or_default().push(place);
    }

    fn is_ours(&self, scope: &Scope) -> bool {
        match scope {
            Scope::Named(name) => name == self.schema,
            Scope::None => true,
            Scope::Placeholder => false,
        }
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), DumpError> {
        let object = Object::of(statement, self.source);
        let start = statement.range().start;
        let line = self.line(start);
        let text = statement.text(self.source);
        if let Scope::Named(other) = &object.scope
            && other != self.schema
        {
            self.others.insert(other.clone());
        }
        let ours = object.scope == Scope::Named(self.schema.to_owned());
        match object.action {
            Action::Setting => return self.setting(statement, line),
            Action::Transaction => return Ok(()),
            // `--clean` begins with drops: ALTER TABLE … DROP, CREATE OR REPLACE VIEW, DROP. Nothing is made there.
            Action::Drop => {
                let is_made = |statement: &DumpStatement| {
                    statement.object.action == Action::Create && !statement.text.starts_with("CREATE OR REPLACE")
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
                    self.dump.sequence_values.insert(name, DumpStatement { object, text: text.to_owned(), line });
                }
                return Ok(());
            }
            Action::Rows => {
                if self.is_ours(&object.scope) {
                    self.rows(object, RowsAt::Insert { statement: statement.range() });
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
                    return Err(DumpError::Extension { extension: object.name });
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
            let text = normalise(&object, statement, self.source, &self.kinds);
            self.settings_before(&object, line);
            self.push(object, text, line);
        } else if object.scope == Scope::None && self.names_schema(statement) {
            if object.kind == ObjectKind::Global {
                let head: String = text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
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
        let kinds = [ObjectKind::View, ObjectKind::MaterializedView, ObjectKind::Sequence];
        if object.action == Action::Create && kinds.contains(&object.kind) {
            self.kinds.insert(object.name.clone(), object.kind);
        }
        self.dump.statements.push(DumpStatement { object, text, line });
    }

    /// Remembers a setting; refuses those that change what the text means.
    fn setting(&mut self, statement: &Statement, line: usize) -> Result<(), DumpError> {
        let tokens: Vec<Token> = statement.significant().collect();
        let Some(name) = tokens.get(1).and_then(|token| identifier_value(*token, self.source)) else { return Ok(()) };
        let value = tokens.get(3).map(|token| {
            content(*token, self.source).map_or_else(|| token.text(self.source).to_owned(), |content| content.text)
        });
        let value = value.unwrap_or_default();
        match name.as_str() {
            "client_encoding" if !matches!(value.to_ascii_uppercase().as_str(), "UTF8" | "UTF-8" | "SQL_ASCII") => {
                Err(DumpError::Encoding { line, encoding: value })
            }
            "standard_conforming_strings" if value.eq_ignore_ascii_case("off") => Err(DumpError::Strings { line }),
            "default_tablespace" | "default_table_access_method" => {
                self.settings.current.insert(name, value);
                Ok(())
            }
            "session" if tokens.get(2).is_some_and(|token| token.is_word(self.source, "authorization")) => {
                // Around GRANTs that another role than the owner gave.
                let text = if tokens.first().is_some_and(|token| token.is_word(self.source, "reset")) {
                    "SET LOCAL SESSION AUTHORIZATION DEFAULT".to_owned()
                } else {
                    statement.text(self.source).replacen("SET ", "SET LOCAL ", 1)
                };
                let object = Object {
                    action: Action::Privileges,
                    kind: ObjectKind::Setting,
                    scope: Scope::Named(self.schema.to_owned()),
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
                ObjectKind::Table | ObjectKind::MaterializedView | ObjectKind::Index | ObjectKind::Constraint
            );
        if !concerned {
            return;
        }
        for (name, default) in [("default_tablespace", ""), ("default_table_access_method", "heap")] {
            let current = self.settings.current.get(name).cloned().unwrap_or_else(|| default.to_owned());
            let written = self.settings.written.get(name).cloned().unwrap_or_else(|| default.to_owned());
            if current != written {
                let text = format!("SET LOCAL {name} = {}", crate::sql::quote_literal(&current));
                self.settings.written.insert(name.to_owned(), current);
                let object = Object {
                    action: Action::Setting,
                    kind: ObjectKind::Setting,
                    scope: Scope::None,
                    name: String::new(),
                    table: None,
                };
                self.push(object, text, line);
            }
        }
    }

    fn finish(mut self) -> Result<Dump, DumpError> {
        if !self.dump.statements.iter().any(|statement| statement.object.action != Action::Setting) {
            let others = self.others.into_iter().collect();
            return Err(DumpError::NoSchema { schema: self.schema.to_owned(), others });
        }
        drop_empty_sessions(&mut self.dump.statements);
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

/// Removes `SET SESSION AUTHORIZATION` pairs that have nothing of the schema between them.
fn drop_empty_sessions(statements: &mut Vec<DumpStatement>) {
    let is_session = |statement: &DumpStatement| {
        statement.object.kind == ObjectKind::Setting && statement.object.action == Action::Privileges
    };
    while let Some(at) = statements.windows(2).position(
        |pair| matches!(pair, [set, reset] if is_session(set) && is_session(reset) && reset.text.ends_with("DEFAULT")),
    ) {
        statements.drain(at..at + 2);
    }
}

/// The wording that `pg_dump` 18 has for what older ones say differently.
fn normalise(object: &Object, statement: &Statement, source: &str, kinds: &HashMap<String, ObjectKind>) -> String {
    let text = statement.text(source);
    match (object.action, object.kind) {
        // Before 16 every relation's owner was set by ALTER TABLE.
        (Action::Owner, ObjectKind::Table) => {
            let words = match kinds.get(&object.name) {
                Some(ObjectKind::View) => "ALTER VIEW ",
                Some(ObjectKind::MaterializedView) => "ALTER MATERIALIZED VIEW ",
                Some(ObjectKind::Sequence) => "ALTER SEQUENCE ",
                _ => return text.to_owned(),
            };
            text.replacen("ALTER TABLE ", words, 1)
        }
        // Before 16 there were two blanks in front of TO.
        (Action::Privileges, ObjectKind::DefaultPrivileges) => crate::snapshot::minify_statement(statement, source),
        _ => text.to_owned(),
    }
}

/// Whether a dump's table has an identity column that only the system fills.
pub(super) fn has_identity(dump: &Dump, table: &str) -> bool {
    dump.statements.iter().any(|statement| {
        statement.object.kind == ObjectKind::Table
            && statement.object.name == table
            && statement.object.action == Action::Alter
            && statement.text.contains("ADD GENERATED")
    })
}

/// The table that owns each sequence, by sequence.
pub(super) fn sequence_owners(dump: &Dump) -> BTreeMap<String, String> {
    let mut owners = BTreeMap::new();
    for statement in &dump.statements {
        let tokens: Vec<Token> = crate::sql::tokens(&statement.text).into_iter().filter(|t| !t.is_trivia()).collect();
        let text = statement.text.as_str();
        let name_at = |index: usize| -> Vec<String> {
            let rest = tokens.get(index..).unwrap_or_default();
            let dotted = rest
                .iter()
                .step_by(2)
                .zip(rest.iter().skip(1).step_by(2).map(|dot| dot.is(text, ".")).chain(std::iter::repeat(false)));
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
            tokens.windows(2).position(|pair| pair.iter().zip(words).all(|(token, word)| token.is_word(text, word)))
        };
        match statement.object.kind {
            ObjectKind::Sequence => {
                if let Some(at) = find(["owned", "by"])
                    && let [_, table, _] = name_at(at + 2).as_slice()
                {
                    owners.insert(statement.object.name.clone(), table.clone());
                }
            }
            ObjectKind::Table if statement.object.action == Action::Alter => {
                if let Some(at) = find(["sequence", "name"])
                    && let [_, sequence] = name_at(at + 2).as_slice()
                {
                    owners.insert(sequence.clone(), statement.object.name.clone());
                }
            }
            _ => {}
        }
    }
    owners
}

/// The columns that `CREATE TABLE t (…)` lists, in order; without those that are inherited.
pub(super) fn listed_columns(dump: &Dump, table: &str) -> Vec<String> {
    let created = dump.statements.iter().find(|statement| {
        statement.object.action == Action::Create
            && statement.object.kind == ObjectKind::Table
            && statement.object.name == table
    });
    let Some(text) = created.map(|statement| statement.text.as_str()) else { return Vec::new() };
    let (mut columns, mut depth, mut first) = (Vec::new(), 0_usize, false);
    for token in crate::sql::tokens(text).into_iter().filter(|token| !token.is_trivia()) {
        match (token.kind, token.text(text)) {
            (Kind::Punctuation, "(") => {
                depth += 1;
                first = depth == 1;
            }
            (Kind::Punctuation, ")") => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            (Kind::Punctuation, ",") if depth == 1 => first = true,
            _ if first => {
                first = false;
                let constraint = ["constraint", "like", "check", "primary", "unique", "foreign", "exclude"];
                if !constraint.iter().any(|word| token.is_word(text, word)) {
                    columns.extend(identifier_value(token, text));
                }
            }
            _ => {}
        }
    }
    columns
}

/// The columns of a table's primary key, in order; empty without one.
pub(super) fn primary_key(dump: &Dump, table: &str) -> Vec<String> {
    for statement in &dump.statements {
        if statement.object.kind != ObjectKind::Constraint || statement.object.table.as_deref() != Some(table) {
            continue;
        }
        let text = statement.text.as_str();
        let tokens: Vec<Token> = crate::sql::tokens(text).into_iter().filter(|t| !t.is_trivia()).collect();
        let Some(at) = tokens
            .windows(2)
            .position(|pair| matches!(pair, [a, b] if a.is_word(text, "primary") && b.is_word(text, "key")))
        else {
            continue;
        };
        let columns = tokens.get(at + 3..).unwrap_or_default();
        return columns
            .iter()
            .take_while(|token| !token.is(text, ")"))
            .filter(|token| token.kind != Kind::Punctuation)
            .filter_map(|token| identifier_value(*token, text))
            .collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "\
--
-- PostgreSQL database dump
--

\\restrict abc

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE SCHEMA app;
ALTER SCHEMA app OWNER TO postgres;
CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE app.t (
    id integer NOT NULL
);
ALTER TABLE app.t OWNER TO postgres;
CREATE VIEW app.v AS
 SELECT t.id
   FROM app.t;
ALTER TABLE app.v OWNER TO postgres;
CREATE TABLE public.other (id integer);
CREATE SEQUENCE app.t_id_seq;
ALTER SEQUENCE app.t_id_seq OWNED BY app.t.id;
COPY app.t (id) FROM stdin;
1
\\.
SELECT pg_catalog.setval('app.t_id_seq', 1, true);
ALTER TABLE ONLY app.t
    ADD CONSTRAINT t_pkey PRIMARY KEY (id);
CREATE PUBLICATION p FOR TABLE ONLY app.t;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA app GRANT SELECT ON TABLES  TO bob;
\\unrestrict abc
";

    #[test]
    fn one_schema_out_of_a_database() {
        let dump = Dump::read(WHOLE, "app").unwrap();
        assert_eq!(dump.server, Some(15));
        let texts: Vec<&str> = dump.statements.iter().map(|statement| statement.text.as_str()).collect();
        assert_eq!(texts.len(), 10, "{texts:#?}");
        assert_eq!(texts[5], "ALTER VIEW app.v OWNER TO postgres");
        assert!(texts[9].ends_with("ON TABLES TO bob"));
        let data = dump.data(WHOLE, "t").unwrap().unwrap();
        assert_eq!(data.rows, [[Value::Text("1".to_owned())]]);
        assert_eq!(dump.data(WHOLE, "v").unwrap(), None);
        assert!(dump.sequence_values.contains_key("t_id_seq"));
        assert_eq!(dump.left_out, ["CREATE PUBLICATION p FOR TABLE ONLY app.t"]);
        assert_eq!(sequence_owners(&dump)["t_id_seq"], "t");
        assert_eq!(primary_key(&dump, "t"), ["id"]);
        assert_eq!(dump.statements[2].line, 19);
    }

    #[test]
    fn what_cannot_be_captured() {
        for (text, expected) in [
            ("PGDMP\u{1}", "this is an archive of pg_dump's custom format"),
            (WHOLE, "the dump has no schema 'none'; it has app, public"),
            ("SET client_encoding = 'LATIN1';", "line 1: the dump is in LATIN1"),
            ("SET standard_conforming_strings = off;", "line 1: the dump was made with"),
            ("\\! id\n", "line 1: psql meta-command '\\!'"),
            ("CREATE EXTENSION citext WITH SCHEMA none;", "extension citext is installed in the schema"),
            ("CREATE TABLE none.t (", "the dump cannot be read"),
            ("ANALYZE none.t;", "line 1: cannot tell what this statement does"),
        ] {
            let error = Dump::read(text, "none").unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_tablespace_is_set_for_the_transaction_where_it_changes() {
        let dump = Dump::read(
            "SET default_tablespace = fast;\nCREATE TABLE a.t ();\nSET default_tablespace = '';\nCREATE TABLE a.u ();",
            "a",
        )
        .unwrap();
        let texts: Vec<&str> = dump.statements.iter().map(|statement| statement.text.as_str()).collect();
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
