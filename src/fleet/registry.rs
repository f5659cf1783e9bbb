//! Reads the tenants from the app's own table of them, with a query of the user.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::pg::{PsqlError, Server, read_json};
use crate::process::Shutdown;
use crate::sql::{NameError, TenantName, quote_literal};

/// Maximum number of rows of a tenants query.
const MOST_ROWS: usize = 1_000_000;

/// A tenant that is selected by its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SelectedTenant {
    /// Its schema.
    pub name: TenantName,
    /// The group that the query returned for it.
    pub group: Option<String>,
    /// The name of the target that the query returned for it, or `None` for any target.
    pub target: Option<String>,
}

impl SelectedTenant {
    /// Selects a tenant without a group, on any target.
    pub fn new(name: TenantName) -> Self {
        Self {
            name,
            group: None,
            target: None,
        }
    }
}

/// The reason why the tenants query selects nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The query failed.
    #[error("cannot run the tenants query")]
    Psql(#[from] PsqlError),
    /// The result has a column with another name.
    #[error("the tenants query returns the column '{}'; its columns are name, group and target", .0.escape_debug())]
    Column(String),
    /// The result has no column `name`.
    #[error("the tenants query returns no column 'name'")]
    NoName,
    /// A row cannot be used.
    #[error("row {row} of the tenants query: {problem}")]
    Row {
        /// 1-based row.
        row: usize,
        /// The problem.
        problem: RowProblem,
    },
    /// The result has more rows than any fleet.
    #[error("the tenants query returns more than {MOST_ROWS} rows")]
    TooMany,
}

/// The problem with a row of the tenants query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowProblem {
    /// The name is NULL.
    #[error("the name is NULL")]
    NullName,
    /// A value is not text.
    #[error("the {0} is not text")]
    NotText(&'static str),
    /// No schema can have this name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The same tenant is in two groups.
    #[error("the tenant '{}' is in the group '{}' too", tenant.as_str().escape_debug(), group.escape_debug())]
    Groups {
        /// The tenant.
        tenant: TenantName,
        /// The group of an earlier row; empty for none.
        group: String,
    },
}

/// Runs a query with the columns `name`, optionally `group` and `target`, and returns its rows.
///
/// The query is one `SELECT`, `VALUES` or `TABLE`; it can change nothing.
///
/// # Errors
/// [`RegistryError`].
pub async fn query_tenants(
    server: &Server,
    sql: &str,
    shutdown: &Shutdown,
) -> Result<Vec<SelectedTenant>, RegistryError> {
    let rows = server.query_json(&script(sql), shutdown).await?;
    let mut rows = rows.into_iter();
    // The first line stands for the statement that keeps the settings of other queries away.
    rows.next();
    if rows.len() > MOST_ROWS {
        return Err(RegistryError::TooMany);
    }
    let mut tenants = Vec::with_capacity(rows.len());
    let mut groups: HashMap<(TenantName, Option<String>), Option<String>> = HashMap::new();
    for (row, value) in (1..).zip(rows) {
        let columns: Map<String, Value> = read_json(value, row + 1)?;
        let tenant = read_row(columns, row)?;
        let key = (tenant.name.clone(), tenant.target.clone());
        let earlier = groups.entry(key).or_insert_with(|| tenant.group.clone());
        if *earlier != tenant.group {
            let problem = RowProblem::Groups {
                tenant: tenant.name,
                group: earlier.clone().unwrap_or_default(),
            };
            return Err(RegistryError::Row { row, problem });
        }
        tenants.push(tenant);
    }
    Ok(tenants)
}

/// Wraps the query so that the server, not psql, reads it, and so that it can only read.
///
/// psql would obey a backslash and replace `:name` in it. PL/pgSQL's `OPEN … FOR EXECUTE` refuses
/// more than one statement, and statements without a result such as `COPY` (`SPI_cursor_open` in
/// spi.c). After a first query the server refuses to make a read-only transaction read-write
/// (`check_transaction_read_only` in variable.c), also within functions.
fn script(sql: &str) -> String {
    let sql = sql.trim_end_matches(|letter: char| letter.is_whitespace() || letter == ';');
    // No column of the query can have this name by accident and stand for the whole row.
    let rows = format!(
        "SELECT pg_catalog.row_to_json(schemastamp_tenants_query) FROM (\n{sql}\n) AS schemastamp_tenants_query"
    );
    let open = format!(
        "DECLARE rows pg_catalog.refcursor := 'schemastamp_tenants'; BEGIN OPEN rows FOR EXECUTE {}; END",
        quote_literal(&rows)
    );
    format!(
        "SELECT pg_catalog.to_json('tenants'::pg_catalog.text);\n\
         BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;\n\
         DO LANGUAGE plpgsql {};\n\
         FETCH FORWARD {} FROM schemastamp_tenants;\n\
         ROLLBACK;\n",
        quote_literal(&open),
        MOST_ROWS + 1
    )
}

fn read_row(columns: Map<String, Value>, row: usize) -> Result<SelectedTenant, RegistryError> {
    let at_row = |problem| RegistryError::Row { row, problem };
    let mut name = None;
    let mut group = None;
    let mut target = None;
    for (column, value) in columns {
        match column.as_str() {
            "name" => name = Some(value),
            "group" => group = read_group(value).map_err(at_row)?,
            "target" => target = read_text(value, "target").map_err(at_row)?,
            _ => return Err(RegistryError::Column(column)),
        }
    }
    let name = read_text(name.ok_or(RegistryError::NoName)?, "name").map_err(at_row)?;
    let name = name.ok_or_else(|| at_row(RowProblem::NullName))?;
    let name = TenantName::new(name).map_err(|error| at_row(error.into()))?;
    Ok(SelectedTenant {
        group,
        target,
        ..SelectedTenant::new(name)
    })
}

fn read_text(value: Value, column: &'static str) -> Result<Option<String>, RowProblem> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(RowProblem::NotText(column)),
    }
}

/// Returns a group, which may be a number: the first wave, the second.
fn read_group(value: Value) -> Result<Option<String>, RowProblem> {
    match value {
        Value::Number(number) => Ok(Some(number.to_string())),
        other => read_text(other, "group"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(row: Value) -> Result<SelectedTenant, String> {
        let row = serde_json::from_value(row).map_err(|error| error.to_string())?;
        read_row(row, 7).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_have_a_name_and_may_have_a_group_and_a_target() {
        let acme = SelectedTenant::new(TenantName::new("acme").unwrap());
        assert_eq!(read(json!({"name": "acme"})), Ok(acme.clone()));
        assert_eq!(
            read(json!({"target": "eu", "group": 2, "name": "acme"})),
            Ok(SelectedTenant {
                group: Some("2".to_owned()),
                target: Some("eu".to_owned()),
                ..acme
            })
        );
    }

    #[test]
    fn rows_that_cannot_be_used_are_named() {
        for (row, error) in [
            (
                json!({"name": null}),
                "row 7 of the tenants query: the name is NULL",
            ),
            (
                json!({"name": 5}),
                "row 7 of the tenants query: the name is not text",
            ),
            (
                json!({"name": "a", "target": [1]}),
                "row 7 of the tenants query: the target is not text",
            ),
            (
                json!({"schema": "a"}),
                "the tenants query returns the column 'schema'; its columns are name, group and target",
            ),
            (
                json!({"group": "a"}),
                "the tenants query returns no column 'name'",
            ),
            (
                json!({"name": "pg_x"}),
                "row 7 of the tenants query: the name 'pg_x' begins with 'pg_', which PostgreSQL reserves for its own schemas",
            ),
        ] {
            assert_eq!(read(row).unwrap_err(), error);
        }
    }
}
