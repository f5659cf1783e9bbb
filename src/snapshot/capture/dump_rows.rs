//! The rows that a dump has of the tables that a tenant begins with.

use super::dump::{Dump, DumpError};
use super::dump_facts::{has_identity, is_partition_of, listed_columns, partitions};
use super::error::CaptureError;
use super::rows::TableRows;
use super::values::{CopyData, Value};

/// The rows of tables; none for a table that the dump has no rows of, unless it must have.
pub(super) fn rows_of_dump(
    dump: &Dump,
    text: &str,
    wanted: &[String],
    seeds: &[String],
) -> Result<Vec<TableRows>, CaptureError> {
    let mut rows = Vec::new();
    for table in wanted {
        match data_with_partitions(dump, text, table)? {
            Some(data) => {
                let columns = data.columns.unwrap_or_default();
                let identity = has_identity(dump, table);
                let mut table_rows = TableRows {
                    table: table.clone(),
                    columns,
                    rows: data.rows,
                    identity,
                };
                let listed = listed_columns(dump, table);
                if table_rows.columns.is_empty() && listed.is_empty() {
                    // COPY has an empty line for a row of a table without columns.
                    let empty = Value::Text(String::new());
                    table_rows
                        .rows
                        .iter_mut()
                        .for_each(|row| row.retain(|value| *value != empty));
                }
                table_rows.name_columns(listed);
                rows.push(table_rows);
            }
            None if seeds.contains(table) && !dump.has_data => {
                return Err(CaptureError::NoRows {
                    table: table.clone(),
                });
            }
            None => {}
        }
    }
    Ok(rows)
}

/// The rows of a table and of all its partitions, in the order of the table's columns.
fn data_with_partitions(
    dump: &Dump,
    text: &str,
    table: &str,
) -> Result<Option<CopyData>, DumpError> {
    let parents = partitions(dump);
    let partitions: Vec<&String> = parents
        .keys()
        .filter(|partition| is_partition_of(&parents, partition, table))
        .collect();
    let own = dump.data(text, table)?;
    if partitions.is_empty() {
        return Ok(own);
    }
    let listed = listed_columns(dump, table);
    let mut found = Vec::from_iter(own);
    for partition in partitions {
        let Some(mut data) = dump.data(text, partition)? else {
            continue;
        };
        data.columns
            .get_or_insert_with(|| listed_columns(dump, partition));
        found.push(data);
    }
    let Some(first) = found.first() else {
        return Ok(None);
    };
    // Generated columns are not among those that COPY names.
    let named = first.columns.clone().unwrap_or_else(|| listed.clone());
    let columns = listed
        .into_iter()
        .filter(|column| named.contains(column))
        .collect();
    let mut all = CopyData {
        columns: Some(columns),
        rows: Vec::new(),
    };
    for mut data in found {
        data.columns.get_or_insert_with(|| named.clone());
        let refuse = |source| DumpError::Rows {
            line: 1,
            table: table.to_owned(),
            source,
        };
        all.append(data).map_err(refuse)?;
    }
    Ok(Some(all))
}
