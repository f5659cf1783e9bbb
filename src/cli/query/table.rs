//! Rows as a table for people.

use crate::cli::failure::CommandError;
use crate::cli::output::Output;
use crate::sql::TenantName;
use crate::tenant::query::ResultTable;
use crate::text::{bounded, slice, swrite};

/// Number of rows that are kept to find the widths of the columns. Those after them are printed as they arrive.
const KEPT: usize = 10_000;

/// Prints the rows of all tenants, below one header for all results with the same columns.
#[derive(Debug, Default)]
pub(super) struct TablePrinter {
    groups: Vec<TableGroup>,
    kept: usize,
    /// The group below whose header the next row goes, once rows are printed as they arrive.
    streaming: Option<usize>,
}

/// Results of one statement with the same columns.
#[derive(Debug)]
struct TableGroup {
    statement: usize,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    widths: Vec<usize>,
    /// Columns of numbers, which stand to the right.
    numeric: Vec<bool>,
}

impl TablePrinter {
    /// Takes a tenant's rows. With a targets file, a column names the target.
    pub(super) fn add(
        &mut self,
        tenant: &TenantName,
        target: Option<&str>,
        statement: usize,
        table: &ResultTable,
    ) -> Result<(), CommandError> {
        let names = table.columns.iter().map(|column| cell(&column.name));
        let place = target.map(|_| "target".to_owned());
        let header: Vec<String> = std::iter::once("tenant".to_owned())
            .chain(place)
            .chain(names)
            .collect();
        let index = self.group(statement, header);
        let rows = table.rows.iter().map(|row| {
            let values = row
                .iter()
                .map(|value| value.as_deref().map_or_else(|| "NULL".to_owned(), cell));
            std::iter::once(cell(tenant.as_str()))
                .chain(target.map(cell))
                .chain(values)
                .collect()
        });
        if self.streaming.is_some() {
            let rows: Vec<Vec<String>> = rows.collect();
            return self.stream(index, &rows);
        }
        if let Some(group) = self.groups.get_mut(index) {
            group.rows.extend(rows);
        }
        self.kept += table.rows.len();
        if self.kept > KEPT {
            self.finish()?;
            self.streaming = Some(usize::MAX);
        }
        Ok(())
    }

    /// Prints what was kept.
    pub(super) fn finish(&mut self) -> Result<(), CommandError> {
        self.groups.sort_by_key(|group| group.statement);
        for (index, group) in self.groups.iter_mut().enumerate() {
            if self.streaming.is_some() {
                continue;
            }
            group.measure();
            let mut text = if index > 0 {
                "\n".to_owned()
            } else {
                String::new()
            };
            text.push_str(&group.head());
            for row in std::mem::take(&mut group.rows) {
                group.line(&mut text, &row);
            }
            Output::raw(&text)?;
        }
        Ok(())
    }

    fn group(&mut self, statement: usize, header: Vec<String>) -> usize {
        let fits = |group: &TableGroup| group.statement == statement && group.header == header;
        if let Some(index) = self.groups.iter().position(fits) {
            return index;
        }
        let widths = header.iter().map(|name| width(name)).collect();
        let numeric = vec![false; header.len()];
        self.groups.push(TableGroup {
            statement,
            header,
            rows: Vec::new(),
            widths,
            numeric,
        });
        self.groups.len() - 1
    }

    fn stream(&mut self, index: usize, rows: &[Vec<String>]) -> Result<(), CommandError> {
        let Some(group) = self.groups.get(index) else {
            return Ok(());
        };
        let mut text = String::new();
        if self.streaming.replace(index) != Some(index) && !rows.is_empty() {
            text.push('\n');
            text.push_str(&group.head());
        }
        for row in rows {
            group.line(&mut text, row);
        }
        Output::raw(&text)
    }
}

impl TableGroup {
    /// Finds the widths of the columns, and those that hold numbers only.
    fn measure(&mut self) {
        for row in &self.rows {
            for (widest, value) in self.widths.iter_mut().zip(row) {
                *widest = (*widest).max(width(value));
            }
        }
        for (column, numeric) in self.numeric.iter_mut().enumerate().skip(1) {
            let mut values = self.rows.iter().filter_map(|row| row.get(column));
            *numeric = !self.rows.is_empty()
                && values.all(|value| value == "NULL" || value.parse::<f64>().is_ok());
        }
    }

    fn head(&self) -> String {
        let mut text = String::new();
        self.line(&mut text, &self.header);
        let dashes: Vec<String> = self
            .widths
            .iter()
            .map(|width| "-".repeat(width + 2))
            .collect();
        text.push_str(&dashes.join("+"));
        text.push('\n');
        text
    }

    fn line(&self, text: &mut String, values: &[String]) {
        let start = text.len();
        let columns = values.iter().zip(&self.widths).zip(&self.numeric);
        for (index, ((value, widest), numeric)) in columns.enumerate() {
            let gap = " ".repeat(widest.saturating_sub(width(value)));
            let bar = if index > 0 { "|" } else { "" };
            if *numeric {
                swrite!(*text, "{bar} {gap}{value} ");
            } else {
                swrite!(*text, "{bar} {value}{gap} ");
            }
        }
        text.truncate(start + slice(text, start..).trim_end().len());
        text.push('\n');
    }
}

/// A value on one line.
fn cell(text: &str) -> String {
    bounded(text, usize::MAX)
}

fn width(text: &str) -> usize {
    text.chars().count()
}
