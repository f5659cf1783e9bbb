//! Rows as CSV: one header, and the tenant's name in the first column.

use crate::cli::failure::CommandError;
use crate::cli::output::Output;
use crate::sql::TenantName;
use crate::tenant::query::{QueryFailure, ResultTable};

/// Prints the rows of all tenants below one header.
#[derive(Debug, Default)]
pub(super) struct CsvPrinter {
    header: Option<Vec<String>>,
}

impl CsvPrinter {
    /// Prints a tenant's rows, and the target with a targets file, with the columns in the order of the header.
    ///
    /// Returns the reason why they cannot stand below the header: the tenant's columns have other names.
    pub(super) fn print(
        &mut self,
        tenant: &TenantName,
        target: Option<&str>,
        table: &ResultTable,
    ) -> Result<Option<QueryFailure>, CommandError> {
        let names: Vec<String> = table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let mut text = String::new();
        if self.header.is_none() {
            let names = names.iter().map(String::as_str);
            let place = target.map(|_| "target");
            let fields = std::iter::once("tenant").chain(place).chain(names);
            record(&mut text, fields.map(Some));
        }
        let header = self.header.get_or_insert_with(|| names.clone());
        let Some(order) = places(header, &names) else {
            let message = format!(
                "its columns are {}, and those of the header are {}",
                names.join(", "),
                header.join(", ")
            );
            return Ok(Some(QueryFailure::new("query.columns", message)));
        };
        for row in &table.rows {
            let values = order
                .iter()
                .map(|place| row.get(*place).and_then(Option::as_deref));
            record(
                &mut text,
                std::iter::once(Some(tenant.as_str()))
                    .chain(target.map(Some))
                    .chain(values),
            );
        }
        Output::raw(&text)?;
        Ok(None)
    }

    /// Prints the header of a run without any result.
    pub(super) fn finish(&self, has_targets: bool) -> Result<(), CommandError> {
        if self.header.is_none() {
            let header = if has_targets {
                "tenant,target\n"
            } else {
                "tenant\n"
            };
            Output::raw(header)?;
        }
        Ok(())
    }
}

/// Returns the place of each column of the header among a tenant's columns, or `None` if these are others. The second column
/// of a name is the second one of that name in both.
fn places(header: &[String], names: &[String]) -> Option<Vec<usize>> {
    let mut left: Vec<Option<&String>> = names.iter().map(Some).collect();
    let mut order = Vec::with_capacity(header.len());
    for wanted in header {
        let place = left.iter().position(|name| *name == Some(wanted))?;
        *left.get_mut(place)? = None;
        order.push(place);
    }
    left.iter().all(Option::is_none).then_some(order)
}

/// Writes a record as `PostgreSQL`'s COPY does: nothing for NULL, and an empty text in quotation marks.
fn record<'a>(text: &mut String, fields: impl Iterator<Item = Option<&'a str>>) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            text.push(',');
        }
        let Some(field) = field else { continue };
        let plain = !field.is_empty()
            && field != "\\."
            && !field.contains([',', '"', '\n', '\r'])
            && field.trim() == field;
        if plain {
            text.push_str(field);
        } else {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn columns_are_matched_by_name() {
        for (header, own, expected) in [
            ("a b", "a b", Some(vec![0, 1])),
            ("a b", "b a", Some(vec![1, 0])),
            ("a a b", "a b a", Some(vec![0, 2, 1])),
            ("a b", "a", None),
            ("a", "a b", None),
            ("a a", "a b", None),
            ("", "", Some(vec![])),
        ] {
            assert_eq!(places(&names(header), &names(own)), expected, "{header}");
        }
    }

    #[test]
    fn null_is_nothing_and_an_empty_text_is_quoted() {
        let mut text = String::new();
        let fields = [
            Some("acme"),
            None,
            Some(""),
            Some("a,b"),
            Some("say \"no\""),
            Some("x\ny"),
            Some(" x"),
            Some("\\."),
        ];
        record(&mut text, fields.into_iter());
        assert_eq!(
            text,
            "acme,,\"\",\"a,b\",\"say \"\"no\"\"\",\"x\ny\",\" x\",\"\\.\"\n"
        );
    }
}
