//! The versions that a snapshot carries: those of every tenant that is created from it.

use super::style::{AppliedVersion, Style, TABLES};
use super::table::{TenantProblem, VersionsTable};
use crate::snapshot::Snapshot;
use crate::snapshot::capture::{CarriedTable, carried_table};

/// Returns the version table of a snapshot with its rows.
///
/// # Errors
/// [`TenantProblem`] if the snapshot has no version table, several, or one of no known tool.
pub fn snapshot_versions(
    snapshot: &Snapshot,
    versions_table: Option<&str>,
) -> Result<VersionsTable, TenantProblem> {
    let names: Vec<&str> = versions_table.map_or_else(|| TABLES.to_vec(), |table| vec![table]);
    let found: Vec<(&str, CarriedTable)> = names
        .into_iter()
        .filter_map(|name| Some((name, carried_table(snapshot, name)?)))
        .collect();
    let known: Vec<(&str, &CarriedTable, Style)> = found
        .iter()
        .filter_map(|(name, table)| Some((*name, table, Style::from_columns(&table.columns)?)))
        .collect();
    match (known.as_slice(), found.first()) {
        (_, None) => Err(TenantProblem::NoTable),
        ([(name, table, style)], _) => Ok(VersionsTable {
            table: (*name).to_owned(),
            style: *style,
            versions: applied(*style, table).into(),
        }),
        ([], Some((name, table))) => Err(TenantProblem::UnknownColumns {
            table: (*name).to_owned(),
            columns: table
                .columns
                .iter()
                .map(|(column, kind)| format!("{column} {kind}"))
                .collect(),
        }),
        (several, _) => Err(TenantProblem::Ambiguous(
            several
                .iter()
                .map(|(name, ..)| (*name).to_owned())
                .collect(),
        )),
    }
}

/// Reads the rows as the tool of the table reads them.
fn applied(style: Style, table: &CarriedTable) -> Vec<AppliedVersion> {
    let mut versions: Vec<AppliedVersion> = Vec::new();
    for row in &table.rows {
        let value = |column: &str| {
            row.iter()
                .find(|(name, _)| name == column)
                .map(|(_, value)| value.as_str())
        };
        let is_true = |column| value(column).is_some_and(|text| matches!(text, "t" | "true"));
        let (text, dirty) = match style {
            Style::Ecto | Style::Rails | Style::Diesel | Style::Refinery => {
                (value("version").map(str::to_owned), false)
            }
            Style::GolangMigrate => (value("version").map(str::to_owned), is_true("dirty")),
            Style::Sqlx | Style::Flyway => {
                (value("version").map(str::to_owned), !is_true("success"))
            }
            Style::Goose => {
                let version = value("version_id").filter(|version| *version != "0");
                // The last row of a version counts. Rows stand in the order of their ids.
                versions.retain(|earlier| Some(earlier.text.as_str()) != version);
                let applied = version.filter(|_| is_true("is_applied"));
                (applied.map(str::to_owned), false)
            }
            Style::Alembic => (value("version_num").map(str::to_owned), false),
            Style::Django => {
                let name = value("app").zip(value("name"));
                (name.map(|(app, name)| format!("{app}.{name}")), false)
            }
        };
        let checksum = value("checksum").filter(|_| style == Style::Sqlx);
        versions.extend(text.map(|text| AppliedVersion {
            text,
            dirty,
            sha384: checksum.map(|hex| hex.trim_start_matches("\\x").to_owned()),
        }));
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(body: &str, table: Option<&str>) -> Result<String, String> {
        let text =
            format!("-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{{prefix}};\n{body}");
        let snapshot = Snapshot::parse(&text).map_err(|error| error.to_string())?;
        snapshot_versions(&snapshot, table)
            .map(|found| {
                let rows: Vec<String> = found
                    .versions
                    .iter()
                    .map(|version| {
                        let dirty = if version.dirty { "!" } else { "" };
                        let sum = version.sha384.as_deref().unwrap_or_default();
                        format!("{}{dirty}{sum}", version.text)
                    })
                    .collect();
                format!("{} {:?} {}", found.table, found.style, rows.join(" "))
            })
            .map_err(|problem| problem.to_string())
    }

    #[test]
    fn rows_are_read_for_each_tool() {
        for (columns, rows, expected) in [
            (
                "version bigint NOT NULL, inserted_at timestamp(0) without time zone",
                "(version, inserted_at) VALUES ('2', '2024-01-01'), ('1', NULL)",
                "Ecto 2 1",
            ),
            (
                "version character varying NOT NULL",
                "(version) VALUES ('01')",
                "Rails 01",
            ),
            (
                "version bigint NOT NULL, dirty boolean NOT NULL",
                "(version, dirty) VALUES ('7', 't')",
                "GolangMigrate 7!",
            ),
            (
                "id integer NOT NULL, version_id bigint NOT NULL, is_applied boolean NOT NULL",
                "(id, version_id, is_applied) VALUES (1, 0, 't'), (2, 5, 't'), (3, 6, 't'), (4, 5, 'f')",
                "Goose 6",
            ),
            (
                "version bigint, description text, success boolean, checksum bytea, execution_time bigint",
                "(version, success, checksum) VALUES (1, 't', '\\x0aff')",
                "Sqlx 10aff",
            ),
        ] {
            let body = format!(
                "CREATE TABLE #{{prefix}}.own ({columns});\nINSERT INTO #{{prefix}}.own {rows};\n"
            );
            assert_eq!(versions(&body, Some("own")), Ok(format!("own {expected}")));
        }
    }

    #[test]
    fn a_snapshot_without_one_table_of_a_known_tool_says_so() {
        let table = "CREATE TABLE #{prefix}.schema_migrations (version text);\n";
        assert_eq!(
            versions(table, None),
            Ok("schema_migrations Rails ".to_owned())
        );
        let other = "CREATE TABLE #{prefix}.alembic_version (version_num text);\n";
        for (body, words) in [
            ("", "no well-known version table"),
            (&*format!("{table}{other}"), "several version tables"),
            (
                "CREATE TABLE #{prefix}.schema_migrations (id bigint);\n",
                "match no known tool: id bigint",
            ),
        ] {
            let said = versions(body, None).unwrap_err();
            assert!(said.contains(words), "{said}");
        }
    }
}
