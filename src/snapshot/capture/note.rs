//! Notes of a capture that succeeded.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Number of objects that a note names for people; JSON has all of them.
const NAMED: usize = 10;

use super::server_properties::ServerProperty;
use crate::text::plural;

/// Something worth knowing about a capture that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// Objects that a snapshot does not hold, or that tie it to something outside, by what they have in common.
    Concern(Concern),
    /// A decision of the header without effect, which the new header does not have.
    DroppedDecision(String),
    /// A table whose columns stand in another order than in the source: inherited ones first.
    ColumnOrder(String),
    /// A property that was not compared.
    Ignored(ServerProperty),
    /// Nobody proved it.
    NotProven,
    /// Contested names were settled by asking the server.
    AskedServer {
        /// Number of objects.
        objects: usize,
    },
    /// Values in seed rows that are the schema's name, or begin with it, and stay as they are.
    NameInRows {
        /// The name of the rows in decisions: `rows of settings`.
        rows: String,
        /// Number of values.
        values: usize,
    },
    /// Rows that every tenant begins with.
    Carried {
        /// The table.
        table: String,
        /// Number of rows.
        rows: usize,
    },
}

/// Objects that are left out, shared or kept as text, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Concern {
    /// The property that the objects share.
    pub id: ConcernId,
    /// The objects, each in a few words.
    pub objects: Vec<String>,
}

/// Reasons to report objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConcernId {
    /// Partitions of the schema's tables that are in another schema.
    PartitionsOutside,
    /// Tables in another schema that inherit from the schema's.
    ChildrenOutside,
    /// Tables of the schema that are children of a table in another schema.
    ParentsOutside,
    /// Tables of the schema that are partitions of a table in another schema, which no copy can be.
    PartitionsOfOthers,
    /// Objects elsewhere that use the schema's: views, policies, triggers, foreign keys, publications.
    UsedOutside,
    /// Statements of a dump that name the schema and make nothing in it.
    LeftOut,
    /// Statements of a dump that do not name the schema, and may change something there all the same.
    NotFollowed,
    /// Rows of other tables that name the schema: jobs, partition settings.
    Registered,
    /// Settings of roles and databases that name the schema.
    Settings,
    /// Hypertables, which only `TimescaleDB`'s own functions can make.
    Hypertables,
    /// Objects of extensions, which `pg_dump` leaves out.
    ExtensionMembers,
    /// Indexes that a failed `CREATE INDEX CONCURRENTLY` left behind.
    InvalidIndexes,
    /// Default privileges for what roles create that the login role is no member of, by role.
    DefaultPrivilegesOfOthers,
    /// Materialized views that an empty copy cannot fill.
    UnfilledViews,
    /// Operators that exist only because another one names them.
    ShellOperators,
    /// Words in constants, messages and comments that are the schema's name.
    NameInText,
    /// Rows with values in which the schema's name is a word: addresses, JSON, SQL.
    NameWithinRows,
    /// Roles that are called like the schema and get rights in every tenant.
    RolesLikeSchema,
    /// Rows in front of which the dump does not say which table they belong to.
    RowsElsewhere,
    /// Properties that a dump cannot contain.
    NotInDump,
    /// Properties of the schema `public` itself: its first owner, its comment, privileges of everybody.
    PublicItself,
    /// Extensions in the schema `public`, which tenants share.
    SharedExtensions,
    /// The tables of a schema `public` that is captured, whichever application they belong to.
    WholeOfPublic,
    /// Rows that migrations made in tables that are not carried.
    RowsOfMigrations,
}

impl ConcernId {
    /// The sentence for people, in front of the objects.
    fn text(self) -> &'static str {
        match self {
            Self::PartitionsOutside => {
                "left out, as they are in another schema; a tenant refuses the rows that belong there: partitions"
            }
            Self::ChildrenOutside => {
                "left out, as they are in another schema: tables that inherit from the schema's"
            }
            Self::ParentsOutside => {
                "shared by all tenants, who can be read through it: the parent, in another schema, of"
            }
            Self::PartitionsOfOthers => {
                "carried as ordinary tables, as no copy can be a partition with the same bounds: partitions of tables in \
                 another schema"
            }
            Self::UsedOutside => {
                "left out, as they are in another schema or in none; they work on the source only"
            }
            Self::LeftOut => "left out, as it makes nothing in the schema",
            Self::NotFollowed => {
                "not followed, as the statements do not name the schema, so that a tenant lacks whatever they change in it"
            }
            Self::Registered => {
                "left out; a new tenant has to be registered there by itself: rows that name the schema in"
            }
            Self::Settings => "left out: settings that name the schema, of",
            Self::Hypertables => {
                "carried as ordinary tables with the trigger of TimescaleDB, so that a tenant refuses rows until \
                 create_hypertable() is called for it: hypertables"
            }
            Self::ExtensionMembers => "left out, as they belong to an extension",
            Self::InvalidIndexes => "left out, as they are invalid (REINDEX or drop them): indexes",
            Self::DefaultPrivilegesOfOthers => {
                "left out, as only members of these roles can set them: default privileges for what is created by"
            }
            Self::UnfilledViews => {
                "materialized views are left unfilled in a new tenant, as its tables are empty (refresh them when it has \
                 rows)"
            }
            Self::ShellOperators => {
                "left out, as no function stands behind them: operators that another one names"
            }
            Self::NameInText => "the schema's name stays as it is for every tenant in",
            Self::NameWithinRows => {
                "the schema's name stays as it is for every tenant within (--keep 'rows of TABLE' says that this is meant)"
            }
            Self::RolesLikeSchema => {
                "rights in every tenant, unless --no-owner and --no-privileges leave them out, for roles called like the \
                 schema"
            }
            Self::RowsElsewhere => {
                "left out, as the dump's search_path leads to another schema: rows of"
            }
            Self::NotInDump => {
                "a dump of definitions alone does not say, so it is not in the snapshot"
            }
            Self::PublicItself => {
                "left out, as it belongs to the schema public rather than to a tenant"
            }
            Self::SharedExtensions => {
                "extensions stay in the schema public, which tenants share (an app whose SQL names them without a schema \
                 needs public in its search_path, after the tenant)"
            }
            Self::RowsOfMigrations => {
                "not carried, so that new tenants begin without them; --seed TABLE carries them: rows that the migrations made in"
            }
            Self::WholeOfPublic => {
                "all that is in the schema public goes into each tenant, whichever application it belongs to: tables"
            }
        }
    }

    /// The remedy, or an empty string if the sentence contains it.
    fn advice(self) -> &'static str {
        match self {
            Self::NameInText => {
                "; --rename 'text of OBJECT' makes it the tenant's, --keep 'text of OBJECT' says that this is meant"
            }
            _ => "",
        }
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<&str> = self
            .objects
            .iter()
            .take(NAMED)
            .map(String::as_str)
            .collect();
        write!(formatter, "{}: {}", self.id.text(), named.join(", "))?;
        if self.objects.len() > NAMED {
            write!(formatter, " and {} more", self.objects.len() - NAMED)?;
        }
        formatter.write_str(self.id.advice())
    }
}

impl Note {
    /// A concern about objects; `None` where there are none.
    pub(crate) fn concern(id: ConcernId, objects: Vec<String>) -> Option<Self> {
        (!objects.is_empty()).then_some(Self::Concern(Concern { id, objects }))
    }

    /// The objects and what they have in common, where the note is about objects.
    pub fn as_concern(&self) -> Option<&Concern> {
        match self {
            Self::Concern(concern) => Some(concern),
            _ => None,
        }
    }

    /// Returns whether somebody probably did not mean it.
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::NotProven | Self::DroppedDecision(_))
            || matches!(
                self,
                Self::Concern(Concern {
                    id: ConcernId::PartitionsOutside
                        | ConcernId::ChildrenOutside
                        | ConcernId::ParentsOutside
                        | ConcernId::PartitionsOfOthers
                        | ConcernId::Hypertables,
                    ..
                })
            )
    }
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Concern(concern) => write!(formatter, "{concern}"),
            Self::DroppedDecision(object) => {
                write!(
                    formatter,
                    "the header's decision for '{object}' has no effect any more and was removed"
                )
            }
            Self::ColumnOrder(table) => {
                write!(
                    formatter,
                    "{table} has its inherited columns first, which no dump can make otherwise"
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
                let (were, names) = if *objects == 1 {
                    ("was", "a name")
                } else {
                    ("were", "names")
                };
                write!(
                    formatter,
                    "{} with {names} like the schema's {were} settled by the server",
                    plural(*objects, "definition")
                )
            }
            Self::NameInRows { rows, values } => {
                let (are, stay, them) = if *values == 1 {
                    ("is", "stays", "it")
                } else {
                    ("are", "stay", "them")
                };
                write!(
                    formatter,
                    "{} in {rows} {are} the schema's name and {stay} for every tenant; --rename '{rows}' makes {them} \
                     the tenant's, --keep '{rows}' says that this is meant",
                    plural(*values, "value")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_objects_are_counted() {
        let objects = (1..=12).map(|number| format!("t{number}")).collect();
        let note = Note::concern(ConcernId::ShellOperators, objects).unwrap();
        assert!(note.to_string().ends_with("t9, t10 and 2 more"), "{note}");
        assert_eq!(Note::concern(ConcernId::ShellOperators, Vec::new()), None);
    }
}
