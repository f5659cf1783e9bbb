//! What is to be said of a capture that succeeded.

use super::server_properties::ServerProperty;

/// Something worth knowing about a capture that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// A statement of a whole-database dump that names the schema and belongs to none.
    LeftOut(String),
    /// A decision for an object that the schema does not have.
    UnusedDecision(String),
    /// A table whose columns stand in another order than in the source: inherited ones first.
    ColumnOrder(String),
    /// An operator without a function, which a dropped one left behind.
    ShellOperator(String),
    /// A property that was not compared.
    Ignored(ServerProperty),
    /// Nobody proved it.
    NotProven,
    /// Contested names were settled by asking the server.
    AskedServer {
        /// How many objects.
        objects: usize,
    },
    /// Values in seed rows that are the schema's name, or begin with it, and stay as they are.
    NameInRows {
        /// What decisions call the rows: `rows of settings`.
        rows: String,
        /// How many values.
        values: usize,
    },
    /// Rows that every tenant begins with.
    Carried {
        /// The table.
        table: String,
        /// How many rows.
        rows: usize,
    },
}

impl std::fmt::Display for Note {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LeftOut(statement) => write!(
                formatter,
                "left out, as it belongs to no schema: {statement}"
            ),
            Self::UnusedDecision(object) => {
                write!(
                    formatter,
                    "the decision for {object} concerns no object of the schema"
                )
            }
            Self::ColumnOrder(table) => {
                write!(
                    formatter,
                    "{table} has its inherited columns first, which no dump can make otherwise"
                )
            }
            Self::ShellOperator(operator) => {
                write!(
                    formatter,
                    "left out, as no dump can make it: operator {operator}, which has no function"
                )
            }
            Self::Ignored(property) => {
                write!(
                    formatter,
                    "ignored: {property}, which this server sets by itself"
                )
            }
            Self::NotProven => {
                formatter.write_str("the snapshot was not proven equal to its source")
            }
            Self::AskedServer { objects } => {
                write!(
                    formatter,
                    "{objects} definitions with names like the schema's were settled by the server"
                )
            }
            Self::NameInRows { rows, values } => {
                let (verb, values) = if *values == 1 {
                    ("is", "1 value")
                } else {
                    ("are", &*format!("{values} values"))
                };
                write!(
                    formatter,
                    "{values} in {rows} {verb} the schema's name and stay for every tenant; --rename '{rows}' makes \
                     them the tenant's, --keep '{rows}' says that this is meant"
                )
            }
            Self::Carried { table, rows } => {
                write!(
                    formatter,
                    "carried {rows} {} of {table}",
                    if *rows == 1 { "row" } else { "rows" }
                )
            }
        }
    }
}
