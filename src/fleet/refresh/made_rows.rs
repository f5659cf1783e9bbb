//! Rows that migrations make: new tenants begin without them, unless their table is a seed table.

use std::collections::BTreeMap;

use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;
use crate::snapshot::capture::{ConcernId, Note};
use crate::sql::{quote, quote_literal};
use crate::text::plural;

/// The number of rows of each table.
pub type RowCounts = BTreeMap<String, usize>;

/// Counts the rows of a schema's tables; those of partitions count with their parent.
///
/// # Errors
/// See [`PsqlError`].
pub async fn count_rows(
    server: &Server,
    schema: &str,
    shutdown: &Shutdown,
) -> Result<RowCounts, PsqlError> {
    let tables = format!(
        "SELECT pg_catalog.to_json(relname::text) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {} AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1::text;\n",
        quote_literal(schema)
    );
    let tables: Vec<String> = server
        .query_json(&tables, shutdown)
        .await?
        .into_iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    if tables.is_empty() {
        return Ok(RowCounts::new());
    }
    let counts: Vec<String> = tables
        .iter()
        .map(|table| {
            format!(
                "(SELECT pg_catalog.count(*) FROM {}.{})",
                quote(schema),
                quote(table)
            )
        })
        .collect();
    let counts = format!("SELECT pg_catalog.to_json(ARRAY[{}]);\n", counts.join(", "));
    let counts: Vec<usize> = server.query_json_one(&counts, shutdown).await?;
    Ok(tables.into_iter().zip(counts).collect())
}

/// Returns a note on the tables that have other rows after the migrations than before, and are not carried.
pub fn note_on_rows(before: &RowCounts, after: &RowCounts, notes: &[Note]) -> Option<Note> {
    let is_carried = |table: &str| {
        notes
            .iter()
            .any(|note| matches!(note, Note::Carried { table: carried, .. } if carried == table))
    };
    let made = after
        .iter()
        .filter(|(table, rows)| {
            **rows > 0 && before.get(*table) != Some(rows) && !is_carried(table)
        })
        .map(|(table, rows)| format!("{} ({})", quote(table), plural(*rows, "row")))
        .collect();
    Note::concern(ConcernId::RowsOfMigrations, made)
}
