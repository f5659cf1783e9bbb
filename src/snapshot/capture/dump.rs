//! One schema's statements, out of a dump by any `pg_dump` from 13 to 18, of one schema or of a whole database.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::note::Concern;
use super::rows::{TableRows, VERSIONS_TABLES, is_tool_table};
use super::values::{self, CopyData, ValueError};
use crate::snapshot::object::{Action, Object, ObjectKind};
use crate::sql::script::line_of;
use crate::sql::{Script, ScriptError, quote};
use crate::text::slice;

/// The content of a dump for one schema.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// Major version of the server it was made from, where the dump says so.
    pub server: Option<u32>,
    /// The statements that make the schema's objects, in the dump's order.
    pub statements: Vec<DumpStatement>,
    /// The places of the dump's rows, by table. [`Dump::data`] reads them.
    pub(super) rows: BTreeMap<String, Vec<RowsAt>>,
    /// `setval` by sequence: the whole statement.
    pub sequence_values: BTreeMap<String, DumpStatement>,
    /// Materialized views that the dump refreshes.
    pub refreshed: BTreeSet<String>,
    /// `true` if the dump has any rows or refreshes, so that a missing one is missing on purpose.
    pub has_data: bool,
    /// Descriptions of what was left out: objects that name the schema and belong to no schema.
    pub left_out: Vec<String>,
    /// Partitions of tables in another schema, each with its table.
    pub(super) partitions_of_others: Vec<PartitionOfOther>,
    /// Extensions that the dump creates in the schema `public`, when that is the one to capture.
    pub extensions: Vec<String>,
    /// Other parts of the dump that a snapshot does not hold, by kind.
    pub concerns: Vec<Concern>,
    /// True if the dump names no other schema.
    pub(super) is_one_schema: bool,
}

/// Byte ranges of rows in a dump.
#[derive(Clone, Debug)]
pub(super) enum RowsAt {
    Copy {
        statement: Range<usize>,
        data: Range<usize>,
    },
    Insert {
        statement: Range<usize>,
    },
}

/// A table of the schema that is a partition of a table in another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartitionOfOther {
    /// The partition, quoted.
    pub(super) partition: String,
    /// Its table, with the schema.
    pub(super) parent: String,
    /// True if the dump makes it as a table of its own, and attaches it later, as `pg_dump` does.
    pub(super) is_attached: bool,
}

/// A statement and what it is about.
#[derive(Clone, Debug)]
pub struct DumpStatement {
    /// The object.
    pub object: Object,
    /// Its text, without the closing semicolon.
    pub text: String,
    /// 1-based line in the dump.
    pub line: usize,
}

/// The reason why a dump cannot be captured.
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
        /// The value of `SET client_encoding`.
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
    /// A setting that changes the meaning of what follows.
    #[error(
        "line {line}: '{}' changes what follows in the file, and a snapshot would not have it; take the line out, or load \
         the file into a database and capture from there",
        setting.escape_debug()
    )]
    Setting {
        /// 1-based line.
        line: usize,
        /// The setting with its value.
        setting: String,
    },
    /// A transaction that never ends, so that psql would make nothing of it.
    #[error(
        "line {line}: the transaction that begins here never ends, so that what the file makes in it is rolled back"
    )]
    Unfinished {
        /// 1-based line of the `BEGIN`.
        line: usize,
    },
    /// A table that has rows under a name that it has been given later.
    #[error(
        "line {line}: table {} gets this name here, and has rows under it, which capture does not follow; load the file \
         into a database and capture from there",
        quote(table)
    )]
    Renamed {
        /// 1-based line.
        line: usize,
        /// The new name.
        table: String,
    },
    /// Nothing of the schema.
    #[error("the dump has no schema '{}'{}", schema.escape_debug(), found(others))]
    NoSchema {
        /// The schema that was searched.
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
    /// A statement whose effect on the schema is unknown.
    #[error("line {line}: cannot determine what this statement does to the schema: {excerpt}")]
    Statement {
        /// 1-based line.
        line: usize,
        /// Its beginning.
        excerpt: String,
    },
    /// A statement that takes back what the file made before.
    #[error(
        "line {line}: this takes back what the file made before, which capture does not follow: {excerpt}; load the file \
         into a database and capture from there"
    )]
    TakenBack {
        /// 1-based line.
        line: usize,
        /// Its beginning.
        excerpt: String,
    },
    /// The schema is in two databases of one file.
    #[error(
        "line {line}: the schema is in two databases of this dump; make one of a single database, with pg_dump"
    )]
    Databases {
        /// 1-based line of the first statement in the second one.
        line: usize,
    },
    /// A name without its schema: the dump relies on its `search_path`.
    #[error(
        "line {line}: '{object}' is named without its schema; make the dump with pg_dump 10.3 or newer, and pass it as \
         pg_dump wrote it: what cleans such files takes the schema away"
    )]
    Unqualified {
        /// 1-based line.
        line: usize,
        /// The object.
        object: String,
    },
    /// Rows that cannot be read.
    #[error("line {line}: the rows of table {table} cannot be read")]
    Rows {
        /// 1-based line.
        line: usize,
        /// The table.
        table: String,
        /// The reason.
        #[source]
        source: ValueError,
    },
}

fn found(others: &[String]) -> String {
    if others.is_empty() {
        "; it names no schema at all".to_owned()
    } else {
        format!(
            "; it has {}",
            others
                .iter()
                .map(|name| quote(name))
                .collect::<Vec<_>>()
                .join(", ")
        )
    }
}

impl Dump {
    /// The rows of a table, out of the text that the dump was read from; `None` when it has none.
    ///
    /// # Errors
    /// [`DumpError::Rows`] where a row is not made of literals.
    pub fn data(&self, text: &str, table: &str) -> Result<Option<CopyData>, DumpError> {
        let Some(places) = self.rows.get(table) else {
            return Ok(None);
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut all: Option<CopyData> = None;
        for place in places {
            let (RowsAt::Copy { statement, .. } | RowsAt::Insert { statement }) = place;
            let sql = slice(text, statement.clone());
            let refuse = |source| DumpError::Rows {
                line: line_of(text, statement.start),
                table: table.to_owned(),
                source,
            };
            let script = Script::parse_head(sql);
            let data = match place {
                RowsAt::Copy { data, .. } => {
                    values::refuse_copy_options(&script, sql).map_err(refuse)?;
                    CopyData {
                        columns: values::columns(&script, sql),
                        rows: values::copy_rows(slice(text, data.clone())).map_err(refuse)?,
                    }
                }
                RowsAt::Insert { .. } => values::insert_rows(&script, sql).map_err(refuse)?,
            };
            match &mut all {
                None => all = Some(data),
                Some(all) => all.append(data).map_err(refuse)?,
            }
        }
        Ok(all)
    }

    /// Properties of the schema that the dump does not contain, so that a snapshot cannot have them.
    pub(super) fn unsaid(&self, carried: &[TableRows]) -> Vec<String> {
        let mut unsaid = Vec::new();
        let has = |kind: ObjectKind| {
            self.statements.iter().any(|statement| {
                statement.object.action == Action::Create && statement.object.kind == kind
            })
        };
        unsaid.extend(
            self.tables()
                .filter(|table| {
                    VERSIONS_TABLES.contains(table)
                        && !self.rows.contains_key(*table)
                        && !carried.iter().any(|rows| rows.table == **table)
                })
                .map(|table| {
                    let effect = if is_tool_table(table) {
                        "in which a migration tool keeps its own settings"
                    } else {
                        "without which a tenant has no version"
                    };
                    format!(
                        "the rows of {table}, {effect} (--versions-from takes them from a schema of the database)"
                    )
                }),
        );
        if has(ObjectKind::MaterializedView) && !self.has_data {
            unsaid.push("which materialized views are filled (all will be)".to_owned());
        }
        if self.is_one_schema && !has(ObjectKind::Cast) && has(ObjectKind::Type) {
            unsaid.push("casts of the schema's types".to_owned());
        }
        unsaid
    }

    /// Names of the tables that the dump creates.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.statements
            .iter()
            .filter(|statement| {
                statement.object.action == Action::Create
                    && statement.object.kind == ObjectKind::Table
            })
            .map(|statement| statement.object.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::capture::Value;

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
        let texts: Vec<&str> = dump
            .statements
            .iter()
            .map(|statement| statement.text.as_str())
            .collect();
        assert_eq!(texts.len(), 10, "{texts:#?}");
        assert!(
            texts.contains(&"ALTER VIEW app.v OWNER TO postgres"),
            "{texts:#?}"
        );
        assert!(texts[9].ends_with("ON TABLES TO bob"));
        let data = dump.data(WHOLE, "t").unwrap().unwrap();
        assert_eq!(data.rows, [[Value::Text("1".to_owned())]]);
        assert_eq!(dump.data(WHOLE, "v").unwrap(), None);
        assert!(dump.sequence_values.contains_key("t_id_seq"));
        assert_eq!(dump.left_out, ["CREATE PUBLICATION p FOR TABLE ONLY app.t"]);
        assert_eq!(dump.statements[2].line, 19);
    }

    #[test]
    fn casts_stand_behind_what_they_need() {
        let text = "CREATE TYPE app.ty AS (a integer);\nALTER TYPE app.ty OWNER TO bob;\n\
            CREATE FUNCTION app.f(app.ty) RETURNS text LANGUAGE sql AS '';\nCREATE VIEW app.v AS SELECT 1;\n\
            CREATE CAST (app.ty AS text) WITH FUNCTION app.f(app.ty) AS ASSIGNMENT;\n\
            CREATE CAST (integer AS app.ty) WITH INOUT;\n\
            CREATE TYPE app.span AS RANGE (subtype = integer, multirange_type_name = app.spans);\n\
            CREATE CAST (app.spans AS text) WITH INOUT;\nCREATE CAST (a.x AS a.y) WITH FUNCTION app.g(a.x);\n\
            CREATE CAST (a.x AS a.y) WITH INOUT;\n";
        let dump = Dump::read(text, "app").unwrap();
        let objects: Vec<String> = dump
            .statements
            .iter()
            .map(|statement| statement.object.to_string())
            .collect();
        assert_eq!(
            objects,
            [
                "type ty",
                "type ty",
                "cast (integer AS ty)",
                "function f(ty)",
                "cast (ty AS text)",
                "view v",
                "type span",
                "cast (spans AS text)"
            ]
        );
        assert_eq!(
            dump.left_out,
            ["CREATE CAST (a.x AS a.y) WITH FUNCTION app.g(a.x)"]
        );
    }

    #[test]
    fn unqualified_names_are_refused() {
        let old = "SET search_path = app, pg_catalog;\nSET default_with_oids = false;\nCREATE TABLE t (id integer);\n";
        let error = Dump::read(old, "app").unwrap_err().to_string();
        assert!(
            error.starts_with("line 3: 'table t' is named without its schema; make the dump with"),
            "{error}"
        );
        assert!(
            Dump::read(
                "CREATE TABLE app.t ();\nGRANT SELECT ON LARGE OBJECT 1 TO a;",
                "app"
            )
            .is_ok()
        );
    }

    #[test]
    fn quoted_settings_are_names() {
        let dump = Dump::read(
            "SET default_table_access_method = \"heap\";\nCREATE TABLE app.t ();",
            "app",
        )
        .unwrap();
        assert_eq!(dump.statements.len(), 1);
    }

    #[test]
    fn what_cannot_be_captured() {
        for (text, expected) in [
            (
                "PGDMP\u{1}",
                "this is an archive of pg_dump's custom format",
            ),
            (WHOLE, "the dump has no schema 'none'; it has app, public"),
            (
                "SET client_encoding = 'LATIN1';",
                "line 1: the dump is in LATIN1",
            ),
            (
                "SET standard_conforming_strings = off;",
                "line 1: the dump was made with",
            ),
            ("\\! id\n", "line 1: psql meta-command '\\!'"),
            (
                "CREATE EXTENSION citext WITH SCHEMA none;",
                "extension citext is installed in the schema",
            ),
            ("CREATE TABLE none.t (", "the dump cannot be read"),
            (
                "ANALYZE none.t;",
                "line 1: cannot determine what this statement does",
            ),
        ] {
            let error = Dump::read(text, "none").unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
