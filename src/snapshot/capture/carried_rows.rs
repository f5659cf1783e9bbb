//! The rows that a new tenant begins with, and the name of the schema in them.

use super::decision_names::DecisionNames;
use super::dump::Dump;
use super::dump_facts::{is_partition_of, name_columns, partitions, primary_key};
use super::dump_rows::rows_of_dump;
use super::error::CaptureError;
use super::inspect::{Inspection, inspect, read_rows, wanted_tables};
use super::note::{ConcernId, Note};
use super::options::Capture;
use super::rows::{TableRows, describe_versions};
use super::shared::PUBLIC;
use crate::process::Shutdown;
use crate::text::plural;

impl Capture {
    /// Returns the rows of a new tenant, and the header's text about the version tables.
    pub(super) async fn rows(
        &self,
        dump: &mut Dump,
        text: &str,
        inspection: Option<&Inspection>,
        shutdown: &Shutdown,
    ) -> Result<(Vec<TableRows>, Vec<String>), CaptureError> {
        let present: Vec<String> = match inspection {
            Some(inspection) => inspection
                .tables
                .iter()
                .map(|table| table.name.clone())
                .collect(),
            None => dump.tables().map(str::to_owned).collect(),
        };
        let (versions, seeds) = wanted_tables(
            present.iter().map(String::as_str),
            self.versions_table.as_deref(),
            &self.seeds,
        );
        let wanted: Vec<String> = versions.iter().chain(&seeds).cloned().collect();
        for table in &wanted {
            if !present.contains(table) {
                let present = present.into_iter().take(20).collect();
                return Err(CaptureError::NoTable {
                    table: table.clone(),
                    present,
                });
            }
        }
        // The rows of a partition are carried with the table that it is a part of.
        let parents = partitions(dump);
        let wanted: Vec<String> = wanted
            .iter()
            .filter(|table| {
                !wanted
                    .iter()
                    .any(|other| is_partition_of(&parents, table, other))
            })
            .cloned()
            .collect();
        let mut rows = match (inspection, &self.server) {
            (Some(inspection), Some(server)) => {
                let schema = &self.schema;
                read_rows(server, schema, schema, dump, inspection, &wanted, shutdown).await?
            }
            _ => rows_of_dump(dump, text, &wanted, &self.seeds)?,
        };
        rows.extend(
            self.rows_from_elsewhere(dump, &versions, &rows, shutdown)
                .await?,
        );
        // In the order that the user gave: a CHECK may read a table that was filled before.
        rows.sort_by_key(|table| wanted.iter().position(|name| *name == table.table));
        for table in &mut rows {
            let inspected = inspection.and_then(|i| {
                i.tables
                    .iter()
                    .find(|inspected| inspected.name == table.table)
            });
            let names = inspected.map_or_else(
                || name_columns(dump, &table.table),
                |table| table.names.clone(),
            );
            table
                .rename(&names, &self.schema)
                .map_err(|column| CaptureError::Name {
                    table: table.table.clone(),
                    column,
                })?;
            table.sort(&primary_key(dump, &table.table));
        }
        let described = rows
            .iter()
            .filter(|table| versions.contains(&table.table))
            .map(describe_versions)
            .collect();
        Ok((rows, described))
    }

    /// Reads the rows of version tables that a dump of definitions alone has not, from another schema.
    pub(super) async fn rows_from_elsewhere(
        &self,
        dump: &mut Dump,
        versions: &[String],
        known: &[TableRows],
        shutdown: &Shutdown,
    ) -> Result<Vec<TableRows>, CaptureError> {
        let (Some(schema), Some(server)) = (&self.versions_from, &self.server) else {
            return Ok(Vec::new());
        };
        let absent: Vec<String> = versions
            .iter()
            .filter(|table| !known.iter().any(|rows| rows.table == **table))
            .cloned()
            .collect();
        let inspection = inspect(server, schema, shutdown).await?;
        let present = |table: &&String| {
            inspection
                .tables
                .iter()
                .any(|inspected| inspected.name == **table)
        };
        if let Some(table) = absent.iter().find(|table| !present(table)) {
            return Err(CaptureError::NoTable {
                table: table.clone(),
                present: inspection
                    .tables
                    .iter()
                    .map(|inspected| inspected.name.clone())
                    .take(20)
                    .collect(),
            });
        }
        Ok(read_rows(
            server,
            schema,
            &self.schema,
            dump,
            &inspection,
            &absent,
            shutdown,
        )
        .await?)
    }

    /// Decides on the schema's name in the rows of seed tables.
    pub(super) fn decide_seeds(
        &self,
        rows: &mut [TableRows],
        notes: &mut Vec<Note>,
    ) -> DecisionNames {
        let mut names = DecisionNames::default();
        let mut within = Vec::new();
        for table in rows
            .iter_mut()
            .filter(|table| self.seeds.contains(&table.table))
        {
            let decided = table.decide(&self.schema, &self.decisions);
            names.used.extend(decided.used);
            if decided.places > 0 {
                names.decidable.insert(table.object());
            }
            if decided.undecided > 0 {
                notes.push(Note::NameInRows {
                    rows: table.object(),
                    values: decided.undecided,
                });
            }
            if decided.within > 0 && self.schema != PUBLIC {
                let values = plural(decided.within, "value");
                within.push(format!("{} ({values})", table.object()));
            }
        }
        notes.extend(Note::concern(ConcernId::NameWithinRows, within));
        names
    }
}
