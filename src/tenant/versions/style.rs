//! The table of each tool: its columns, and how its rows are read and written.

use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha384};

use crate::sql::{quote, quote_literal};
use crate::tenant::migrations::{Migration, MigrationVersion};
use crate::text::swrite;

/// The tool that writes a version table, recognised by the table's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Style {
    /// Ecto: `version bigint`, `inserted_at`.
    Ecto,
    /// Rails and dbmate: `version` as text.
    Rails,
    /// golang-migrate: one row, `version bigint`, `dirty`.
    GolangMigrate,
    /// goose: `version_id`, `is_applied`, the last row of a version counts.
    Goose,
    /// diesel: `version` as text, `run_on`.
    Diesel,
    /// sqlx: with a SHA-384 of the file.
    Sqlx,
    /// Flyway: ranks and its own checksum.
    Flyway,
    /// refinery: its own checksum.
    Refinery,
    /// alembic: the revisions that are heads.
    Alembic,
    /// Django: app and name.
    Django,
}

/// All styles. A table has the first style whose columns it all has.
const STYLES: &[Style] = &[
    Style::Flyway,
    Style::Sqlx,
    Style::Refinery,
    Style::Django,
    Style::Goose,
    Style::GolangMigrate,
    Style::Ecto,
    Style::Diesel,
    Style::Alembic,
    Style::Rails,
];

/// The well-known tables, which are searched if none is named.
pub(crate) const TABLES: &[&str] = &[
    "schema_migrations",
    "flyway_schema_history",
    "alembic_version",
    "__diesel_schema_migrations",
    "_sqlx_migrations",
    "goose_db_version",
    "refinery_schema_history",
    "django_migrations",
];

/// A version in a tenant's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedVersion {
    /// The version as the tool stores it; `app.name` for Django.
    pub text: String,
    /// `true` if the tool marks it as unfinished.
    pub dirty: bool,
    /// SHA-384 of the file in hexadecimal, if the tool stores it.
    pub sha384: Option<String>,
}

impl AppliedVersion {
    /// Returns the version by value, or `None` for tools whose versions are names.
    pub fn version(&self) -> Option<MigrationVersion> {
        MigrationVersion::parse(&self.text)
    }
}

impl Style {
    /// Recognises the style by the columns of a table: names and `format_type`s.
    pub fn from_columns(columns: &[(String, String)]) -> Option<Self> {
        let type_of = |name: &str| {
            columns
                .iter()
                .find(|(column, _)| column == name)
                .map(|(_, kind)| kind.as_str())
        };
        let has = |names: &[&str]| names.iter().all(|name| type_of(name).is_some());
        let is_number = matches!(type_of("version"), Some("bigint" | "integer"));
        STYLES.iter().copied().find(|style| match style {
            Self::Flyway => has(&["installed_rank", "version", "script", "checksum", "success"]),
            Self::Sqlx => {
                has(&[
                    "version",
                    "description",
                    "success",
                    "checksum",
                    "execution_time",
                ]) && is_number
            }
            Self::Refinery => has(&["version", "name", "applied_on", "checksum"]),
            Self::Django => has(&["app", "name", "applied"]),
            Self::Goose => has(&["id", "version_id", "is_applied"]),
            Self::GolangMigrate => has(&["version", "dirty"]) && is_number,
            Self::Ecto => has(&["version", "inserted_at"]) && is_number,
            Self::Diesel => has(&["version", "run_on"]) && !is_number,
            Self::Alembic => has(&["version_num"]),
            Self::Rails => has(&["version"]) && !is_number,
        })
    }

    /// Returns the tool's name.
    pub fn tool(self) -> &'static str {
        match self {
            Self::Ecto => "Ecto",
            Self::Rails => "Rails or dbmate",
            Self::GolangMigrate => "golang-migrate",
            Self::Goose => "goose",
            Self::Diesel => "diesel",
            Self::Sqlx => "sqlx",
            Self::Flyway => "Flyway",
            Self::Refinery => "refinery",
            Self::Alembic => "alembic",
            Self::Django => "Django",
        }
    }

    /// Returns `true` if only the tool itself can write a correct row, with its own checksum, rank
    /// or graph.
    pub fn only_its_tool_writes(self) -> bool {
        matches!(
            self,
            Self::Flyway | Self::Refinery | Self::Alembic | Self::Django
        )
    }

    /// Returns a version as the tool's table has it: `3` for the file `00003_name.sql` where the table has numbers.
    pub(crate) fn stored(self, version: &MigrationVersion) -> String {
        let number = match self {
            Self::Ecto | Self::Sqlx | Self::GolangMigrate | Self::Goose => version.number(),
            _ => None,
        };
        number.map_or_else(|| version.to_string(), |number| number.to_string())
    }

    /// Returns SQL for all rows of a table as one JSON array: `[version]`, `[version, dirty]` or
    /// `[version, dirty, checksum]`.
    pub(crate) fn rows_sql(self, table: &str) -> String {
        let (row, order) = match self {
            Self::Ecto | Self::Refinery => ("version", "version"),
            Self::Rails | Self::Diesel => ("version", "version COLLATE \"C\""),
            Self::GolangMigrate => ("version, dirty", "version"),
            // Older releases of goose write a row for the way down instead of deleting one.
            Self::Goose => {
                return format!(
                    "(SELECT pg_catalog.json_agg(pg_catalog.json_build_array(version_id::text) ORDER BY version_id) FROM \
                     (SELECT DISTINCT ON (version_id) version_id, is_applied FROM {table} ORDER BY version_id, id DESC) AS last \
                     WHERE is_applied AND version_id > 0)"
                );
            }
            Self::Sqlx => (
                "version, NOT success, pg_catalog.encode(checksum, 'hex')",
                "version",
            ),
            Self::Flyway => {
                return format!(
                    "(SELECT pg_catalog.json_agg(pg_catalog.json_build_array(version::text, NOT success) \
                     ORDER BY installed_rank) FROM {table} WHERE version IS NOT NULL)"
                );
            }
            Self::Alembic => ("version_num", "version_num COLLATE \"C\""),
            Self::Django => ("app || '.' || name", "id"),
        };
        let (version, rest) = row
            .split_once(", ")
            .map_or((row, String::new()), |(v, rest)| (v, format!(", {rest}")));
        format!(
            "(SELECT pg_catalog.json_agg(pg_catalog.json_build_array(({version})::text{rest}) ORDER BY {order}) FROM {table})"
        )
    }

    /// Parses the result of [`Style::rows_sql`].
    pub(crate) fn read_rows(rows: &Value) -> Option<Vec<AppliedVersion>> {
        let Some(rows) = rows.as_array() else {
            return rows.is_null().then(Vec::new);
        };
        rows.iter()
            .map(|row| {
                let row = row.as_array()?;
                Some(AppliedVersion {
                    text: row.first()?.as_str()?.to_owned(),
                    dirty: row.get(1).and_then(Value::as_bool).unwrap_or(false),
                    sha384: row.get(2).and_then(Value::as_str).map(str::to_owned),
                })
            })
            .collect()
    }

    /// Returns SQL that is true if the version is in the table.
    pub(crate) fn is_applied_sql(self, table: &str, migration: &Migration) -> Option<String> {
        let condition = match self {
            Self::Ecto | Self::Sqlx => format!("version = {}", migration.version.number()?),
            Self::GolangMigrate => format!("version >= {}", migration.version.number()?),
            Self::Goose => {
                let number = migration.version.number()?;
                return Some(format!(
                    "COALESCE((SELECT is_applied FROM {table} WHERE version_id = {number} ORDER BY id DESC LIMIT 1), false)"
                ));
            }
            Self::Rails | Self::Diesel => {
                format!("version = {}", quote_literal(migration.version.as_str()))
            }
            Self::Flyway | Self::Refinery | Self::Alembic | Self::Django => return None,
        };
        Some(format!("EXISTS (SELECT FROM {table} WHERE {condition})"))
    }

    /// Returns SQL that is true if the table has a version that is none of some, as [`Style::rows_sql`] writes them.
    pub(crate) fn has_other_sql(self, table: &str, known: &[String]) -> String {
        let known: Vec<String> = known.iter().map(|version| quote_literal(version)).collect();
        format!(
            "EXISTS (SELECT FROM pg_catalog.json_array_elements({}) AS now(version) \
             WHERE now.version ->> 0 <> ALL (ARRAY[{}]::text[]))",
            self.rows_sql(table),
            known.join(", ")
        )
    }

    /// Returns SQL that writes the migration's row as the tool would, or `None` if only the tool
    /// can, or if its table cannot hold the version.
    pub(crate) fn write_sql(self, table: &str, migration: &Migration) -> Option<String> {
        let version = &migration.version;
        Some(match self {
            Self::Ecto => format!(
                // Ecto writes a `naive_datetime`: UTC, without fractions of a second.
                "INSERT INTO {table} (version, inserted_at) VALUES ({}, pg_catalog.date_trunc('second', pg_catalog.timezone('UTC', pg_catalog.now())))",
                version.number()?
            ),
            Self::Rails | Self::Diesel => {
                format!(
                    "INSERT INTO {table} (version) VALUES ({})",
                    quote_literal(version.as_str())
                )
            }
            // One row: the version that the whole schema is at.
            Self::GolangMigrate => format!(
                "WITH gone AS (DELETE FROM {table} WHERE version <> {number} RETURNING 1) \
                 INSERT INTO {table} (version, dirty) SELECT {number}, false",
                number = version.number()?
            ),
            Self::Goose => {
                format!(
                    "INSERT INTO {table} (version_id, is_applied) VALUES ({}, true)",
                    version.number()?
                )
            }
            Self::Sqlx => format!(
                "INSERT INTO {table} (version, description, success, checksum, execution_time) \
                 VALUES ({}, {}, true, '\\x{}'::bytea, 0)",
                version.number()?,
                // sqlx makes the description of the file's name in the same way, and compares the checksum on its
                // next run.
                quote_literal(&migration.name.replace('_', " ")),
                sha384(&migration.text)
            ),
            Self::Flyway | Self::Refinery | Self::Alembic | Self::Django => return None,
        })
    }

    /// Returns SQL that removes the migration's row as the tool would on its way down, or `None` if only the tool can.
    /// `previous` is the version that the tenant had before the migration.
    pub(crate) fn remove_sql(
        self,
        table: &str,
        migration: &Migration,
        previous: Option<&str>,
    ) -> Option<String> {
        let version = &migration.version;
        Some(match self {
            Self::Ecto | Self::Sqlx => {
                format!("DELETE FROM {table} WHERE version = {}", version.number()?)
            }
            Self::Rails | Self::Diesel => format!(
                "DELETE FROM {table} WHERE version = {}",
                quote_literal(version.as_str())
            ),
            Self::GolangMigrate => match previous {
                Some(previous) => {
                    let previous = MigrationVersion::parse(previous)?.number()?;
                    format!("UPDATE {table} SET version = {previous}, dirty = false")
                }
                None => format!("DELETE FROM {table}"),
            },
            Self::Goose => {
                format!(
                    "DELETE FROM {table} WHERE version_id = {}",
                    version.number()?
                )
            }
            Self::Flyway | Self::Refinery | Self::Alembic | Self::Django => return None,
        })
    }

    /// SQL that gives the migration's row a time that does not depend on when it was written: what its version says, or
    /// else the year 2000. `None` for tables without times.
    pub(crate) fn settle_time_sql(self, table: &str, migration: &Migration) -> Option<String> {
        let (time, version) = match self {
            Self::Ecto => ("inserted_at", "version"),
            Self::Diesel => ("run_on", "version"),
            Self::Goose => ("tstamp", "version_id"),
            Self::Sqlx => ("installed_on", "version"),
            _ => return None,
        };
        let value = match self {
            Self::Diesel => quote_literal(migration.version.as_str()),
            _ => migration.version.number()?.to_string(),
        };
        let at = quote_literal(&time_of(migration.version.as_str()));
        Some(format!(
            "UPDATE {table} SET {time} = {at} WHERE {version} = {value}"
        ))
    }
}

/// The time in a version of 14 digits, `20240131120000`; otherwise the beginning of the year 2000. In UTC.
fn time_of(version: &str) -> String {
    let format = time::macros::format_description!("[year][month][day][hour][minute][second]");
    match time::PrimitiveDateTime::parse(version, format) {
        Ok(time) => {
            let date = time.date();
            let clock = time.time();
            let (hour, minute, second) = clock.as_hms();
            format!("{date} {hour:02}:{minute:02}:{second:02}+00")
        }
        Err(_) => "2000-01-01 00:00:00+00".to_owned(),
    }
}

impl fmt::Display for Style {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.tool())
    }
}

/// sqlx's checksum of a migration: SHA-384 of the file, in hexadecimal.
pub(super) fn sha384(text: &str) -> String {
    Sha384::digest(text.as_bytes())
        .iter()
        .fold(String::with_capacity(96), |mut hex, byte| {
            swrite!(hex, "{byte:02x}");
            hex
        })
}

/// A table as SQL.
pub(crate) fn qualified(schema: &str, table: &str) -> String {
    format!("{}.{}", quote(schema), quote(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(columns: &[(&str, &str)]) -> Option<Style> {
        let columns: Vec<(String, String)> = columns
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned()))
            .collect();
        Style::from_columns(&columns)
    }

    #[test]
    fn styles_are_told_by_columns() {
        let text = "character varying";
        assert_eq!(
            style(&[
                ("version", "bigint"),
                ("inserted_at", "timestamp(0) without time zone")
            ]),
            Some(Style::Ecto)
        );
        assert_eq!(style(&[("version", text)]), Some(Style::Rails));
        assert_eq!(
            style(&[("version", "bigint"), ("dirty", "boolean")]),
            Some(Style::GolangMigrate)
        );
        assert_eq!(
            style(&[("version", text), ("run_on", "timestamp without time zone")]),
            Some(Style::Diesel)
        );
        assert_eq!(style(&[("version_num", text)]), Some(Style::Alembic));
        assert_eq!(
            style(&[
                ("id", "bigint"),
                ("app", text),
                ("name", text),
                ("applied", "x")
            ]),
            Some(Style::Django)
        );
        assert_eq!(
            style(&[
                ("id", "integer"),
                ("version_id", "bigint"),
                ("is_applied", "boolean")
            ]),
            Some(Style::Goose)
        );
        assert_eq!(style(&[("version", "bigint")]), None);
        assert_eq!(style(&[("id", "bigint")]), None);
    }

    #[test]
    fn versions_may_tell_a_time() {
        assert_eq!(time_of("20240131120059"), "2024-01-31 12:00:59+00");
        assert_eq!(time_of("20241331120059"), "2000-01-01 00:00:00+00");
        assert_eq!(time_of("7"), "2000-01-01 00:00:00+00");
    }

    #[test]
    fn a_version_is_named_as_the_tools_table_has_it() {
        let version = MigrationVersion::parse("00003").unwrap();
        assert_eq!(Style::Goose.stored(&version), "3");
        assert_eq!(Style::GolangMigrate.stored(&version), "3");
        assert_eq!(Style::Rails.stored(&version), "00003");
    }

    #[test]
    fn checksums_are_those_of_sqlx() {
        assert!(sha384("").starts_with("38b060a751ac96384cd9327eb1b1e36a21fdb71114be0743"));
    }
}
