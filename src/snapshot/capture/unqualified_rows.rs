//! Rows of tables that a dump names without their schema.

use std::collections::{BTreeMap, BTreeSet};

use super::dump::RowsAt;

/// Rows whose table the `search_path` in force finds, and the tables that the dump makes.
#[derive(Default)]
pub(super) struct UnqualifiedRows {
    /// The rows by table.
    rows: BTreeMap<String, Vec<RowsWithPath>>,
    /// The tables that the dump makes, by schema.
    tables: BTreeMap<String, BTreeSet<String>>,
}

/// Rows, and the `search_path` that finds their table.
struct RowsWithPath {
    /// The value that the dump has set, or `None` before it sets one.
    search_path: Option<Vec<String>>,
    place: RowsAt,
}

/// The rows of one table, as far as they are those of the schema.
pub(super) struct PlacedRows {
    pub(super) table: String,
    pub(super) places: Vec<RowsAt>,
    /// Others are those of a table of the same name in another schema.
    pub(super) has_others: bool,
}

impl UnqualifiedRows {
    pub(super) fn add_table(&mut self, schema: &str, table: &str) {
        let tables = self.tables.entry(schema.to_owned()).or_default();
        tables.insert(table.to_owned());
    }

    /// Forgets the tables of a schema that the dump drops.
    pub(super) fn forget_tables(&mut self, schema: &str) {
        self.tables.remove(schema);
    }

    pub(super) fn add(&mut self, table: String, search_path: Option<Vec<String>>, place: RowsAt) {
        let rows = self.rows.entry(table).or_default();
        rows.push(RowsWithPath { search_path, place });
    }

    /// Returns the rows of the schema's tables: `INSERT INTO schema_migrations`, as Rails appends it, means the table that
    /// the `search_path` finds.
    pub(super) fn place(self, schema: &str) -> Vec<PlacedRows> {
        // `search_path` as a server has it that nobody has configured.
        let default = ["$user".to_owned(), "public".to_owned()];
        let Self { rows, tables } = self;
        let mut placed = Vec::new();
        for (table, places) in rows {
            let has = |schema: &str| {
                tables
                    .get(schema)
                    .is_some_and(|tables| tables.contains(&table))
            };
            if !has(schema) {
                continue;
            }
            let is_elsewhere = tables.keys().any(|other| other != schema && has(other));
            let mut ours = PlacedRows {
                table: table.clone(),
                places: Vec::new(),
                has_others: false,
            };
            for RowsWithPath { search_path, place } in places {
                let path = search_path.as_deref().unwrap_or(&default);
                let found = path.iter().find(|schema| has(schema));
                if found.map_or(!is_elsewhere, |found| found == schema) {
                    ours.places.push(place);
                } else {
                    ours.has_others = true;
                }
            }
            placed.push(ours);
        }
        placed
    }
}
