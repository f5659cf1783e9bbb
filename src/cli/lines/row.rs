//! The rows that `query` prints.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// The result of a statement.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct ResultObject {
    /// The columns, in order; null for a statement that returns no rows.
    pub(in crate::cli) columns: Option<Vec<ColumnObject>>,
    /// The number of rows that the statement returned or changed.
    pub(in crate::cli) rows: u64,
}

/// A column of a result.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct ColumnObject {
    /// The name of the value in `row`.
    pub(in crate::cli) name: String,
    /// The type: `integer`, `numeric(10,2)`, `text`.
    #[serde(rename = "type")]
    pub(in crate::cli) type_name: String,
}

/// A row of a tenant.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct RowLine {
    /// The tenant.
    pub(in crate::cli) tenant: String,
    /// The name of its target, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) target: Option<String>,
    /// The number of the statement that returned it, from 1.
    pub(in crate::cli) statement: usize,
    /// The values by column. Numbers, booleans and JSON are what they are, and everything else is text. The second column
    /// of a name `a` is `a_2`.
    #[schemars(with = "BTreeMap<String, Value>")]
    pub(in crate::cli) row: RowObject,
}

/// The values of a row by column, in order.
#[derive(Clone, Debug)]
pub(in crate::cli) struct RowObject(pub(in crate::cli) Vec<(String, Box<RawValue>)>);

impl Serialize for RowObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
