//! Kinds of database objects, and what statements do to them.

/// The action of a statement on its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Creates the object.
    Create,
    /// Changes it: constraints, defaults, row security, attached partitions.
    Alter,
    /// `ALTER … OWNER TO`.
    Owner,
    /// `GRANT`, `REVOKE`, `ALTER DEFAULT PRIVILEGES`.
    Privileges,
    /// `COMMENT ON`, `SECURITY LABEL`.
    Comment,
    /// `COPY`, `INSERT`, `setval`: rows.
    Rows,
    /// `REFRESH MATERIALIZED VIEW`.
    Refresh,
    /// `SET`, `SELECT set_config(…)`: a setting of the session.
    Setting,
    /// `BEGIN`, `COMMIT` and similar.
    Transaction,
    /// `DROP`.
    Drop,
    /// Anything else.
    Other,
}

/// The kind of a database object, in the words of `COMMENT ON`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are PostgreSQL's own")]
pub enum ObjectKind {
    Schema,
    Table,
    ForeignTable,
    View,
    MaterializedView,
    Sequence,
    Index,
    Function,
    Procedure,
    Aggregate,
    Operator,
    OperatorClass,
    OperatorFamily,
    Type,
    Domain,
    Collation,
    Conversion,
    TextSearch,
    Statistics,
    Trigger,
    Rule,
    Policy,
    Constraint,
    Column,
    DefaultPrivileges,
    /// Belongs to no schema, but to the types that it converts.
    Cast,
    Extension,
    /// An object that belongs to no schema: publication, language, event trigger and the like.
    Global,
    Setting,
    Unknown,
}

impl ObjectKind {
    /// The words for people: `materialized view`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Table => "table",
            Self::ForeignTable => "foreign table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Sequence => "sequence",
            Self::Index => "index",
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Operator => "operator",
            Self::OperatorClass => "operator class",
            Self::OperatorFamily => "operator family",
            Self::Type => "type",
            Self::Domain => "domain",
            Self::Collation => "collation",
            Self::Conversion => "conversion",
            Self::TextSearch => "text search object",
            Self::Statistics => "statistics",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::Constraint => "constraint",
            Self::Column => "column",
            Self::DefaultPrivileges => "default privileges",
            Self::Cast => "cast",
            Self::Extension => "extension",
            Self::Global => "object without a schema",
            Self::Setting => "setting",
            Self::Unknown => "statement",
        }
    }

    /// The words for a number of them: `2 indexes`.
    pub fn plural(self) -> String {
        match self {
            Self::Index => "indexes".to_owned(),
            Self::Policy => "policies".to_owned(),
            Self::OperatorClass => "operator classes".to_owned(),
            Self::OperatorFamily => "operator families".to_owned(),
            Self::Statistics | Self::DefaultPrivileges => self.words().to_owned(),
            other => format!("{}s", other.words()),
        }
    }
}
