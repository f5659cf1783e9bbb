//! Identifiers: folding, quoting, and the names a tenant's schema can have.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// `NAMEDATALEN - 1`: the most bytes an identifier has in an unmodified `PostgreSQL`.
pub const MAX_BYTES: usize = 63;

/// Begins the name of a schema that a run works in and drops; 24 random hexadecimal digits follow.
pub const SCRATCH: &str = "schemastamp_scratch_";
/// Begins the name of a spare tenant; 24 random hexadecimal digits follow.
pub const SPARE_NAME: &str = "schemastamp_spare_";
/// The schema in which the pools of spare tenants are kept.
pub const POOL: &str = "schemastamp_pool";

/// The schema in which runs record what they have applied.
pub const RUNS: &str = "schemastamp_runs";

/// Words that an identifier must be quoted for (`quote_identifier` of `ruleutils.c` quotes every keyword that is not
/// `UNRESERVED_KEYWORD`): those of `PostgreSQL` 13 to 18 together, sorted.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "between", "bigint",
    "binary", "bit", "boolean", "both", "case", "cast", "char", "character", "check", "coalesce", "collate", "collation",
    "column", "concurrently", "constraint", "create", "cross", "current_catalog", "current_date", "current_role",
    "current_schema", "current_time", "current_timestamp", "current_user", "dec", "decimal", "default", "deferrable",
    "desc", "distinct", "do", "else", "end", "except", "exists", "extract", "false", "fetch", "float", "for", "foreign",
    "freeze", "from", "full", "grant", "greatest", "group", "grouping", "having", "ilike", "in", "initially", "inner",
    "inout", "int", "integer", "intersect", "interval", "into", "is", "isnull", "join", "json", "json_array",
    "json_arrayagg", "json_exists", "json_object", "json_objectagg", "json_query", "json_scalar", "json_serialize",
    "json_table", "json_value", "lateral", "leading", "least", "left", "like", "limit", "localtime", "localtimestamp",
    "merge_action", "national", "natural", "nchar", "none", "normalize", "not", "notnull", "null", "nullif", "numeric",
    "offset", "on", "only", "or", "order", "out", "outer", "overlaps", "overlay", "placing", "position", "precision",
    "primary", "real", "references", "returning", "right", "row", "select", "session_user", "setof", "similar",
    "smallint", "some", "substring", "symmetric", "system_user", "table", "tablesample", "then", "time", "timestamp",
    "to", "trailing", "treat", "trim", "true", "union", "unique", "user", "using", "values", "varchar", "variadic",
    "verbose", "when", "where", "window", "with", "xmlattributes", "xmlconcat", "xmlelement", "xmlexists", "xmlforest",
    "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot", "xmlserialize", "xmltable",
];

/// Folds an unquoted identifier as the server does: ASCII letters to lower case, the rest unchanged.
///
/// In single-byte server encodings `PostgreSQL` folds other letters too; names are UTF-8 here.
pub fn fold(word: &str) -> String {
    word.to_ascii_lowercase()
}

/// The value of a quoted identifier, given with its quotes.
pub fn unquote(quoted: &str) -> String {
    quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(quoted)
        .replace("\"\"", "\"")
}

/// The word that psql takes for the beginning of a routine's body, also where it is a schema: it would join the statements
/// behind `CREATE FUNCTION begin.f()` (`psqlscan.l`, `identifier_count`). In quotes it is only a name.
const BODY: &str = "begin";

/// Returns whether an identifier can stand without quotes.
pub fn is_plain(name: &str) -> bool {
    name != BODY
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase() || first == b'_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && KEYWORDS.binary_search(&name).is_err()
}

/// Returns whether a folded word is a keyword that needs quotes as an identifier.
pub fn is_reserved(word: &str) -> bool {
    KEYWORDS.binary_search(&word).is_ok()
}

/// An identifier as SQL, quoted when it needs it (`quote_ident`).
pub fn quote(name: &str) -> String {
    if is_plain(name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A string as an SQL literal that means the same under both settings of `standard_conforming_strings`
/// (`quote_literal`).
pub fn quote_literal(value: &str) -> String {
    let doubled = value.replace('\'', "''");
    if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// The name of a tenant's schema: a legal identifier of at most 63 bytes that is reserved neither to the system nor to
/// schemastamp itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantName(String);

/// The rule that a tenant's name breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// No characters at all.
    #[error("a tenant's name cannot be empty")]
    Empty,
    /// Longer than an identifier can be.
    #[error("the name '{}' has {bytes} bytes; PostgreSQL's identifiers have at most {MAX_BYTES}", name.escape_debug())]
    TooLong {
        /// The name.
        name: String,
        /// Its length in bytes.
        bytes: usize,
    },
    /// A NUL byte cannot be sent to `PostgreSQL`.
    #[error("the name '{}' has a NUL byte, which no identifier can hold", name.escape_debug())]
    Nul {
        /// The name.
        name: String,
    },
    /// `pg_` is reserved for system schemas.
    #[error("the name '{}' begins with 'pg_', which PostgreSQL reserves for its own schemas", name.escape_debug())]
    Reserved {
        /// The name.
        name: String,
    },
    /// `information_schema` is a system schema.
    #[error("'information_schema' is a system schema")]
    InformationSchema,
    /// `"$user"` in a `search_path` is the schema of the current role, in quotes too
    /// (`preprocessNamespacePath` in `namespace.c`).
    #[error(
        "the name '$user' stands for the current role's schema in a search_path: the tenant's functions would reach another one"
    )]
    CurrentUser,
    /// schemastamp makes schemas of such names itself, and drops some of them.
    #[error("the name '{}' is reserved for schemastamp's own schemas", name.escape_debug())]
    Own {
        /// The name.
        name: String,
    },
}

impl TenantName {
    /// Checks a name.
    ///
    /// # Errors
    /// The rule the name breaks. Upper case, blanks, dashes, quotes and reserved words are legal: they are quoted.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = Self::for_own_schema(name)?;
        let is_own = [POOL, RUNS].contains(&name.0.as_str())
            || name.0.starts_with(SCRATCH)
            || name.0.starts_with(SPARE_NAME);
        if is_own {
            return Err(NameError::Own { name: name.0 });
        }
        if name.0 == "$user" {
            return Err(NameError::CurrentUser);
        }
        Ok(name)
    }

    /// Checks a name that may be that of a schema of schemastamp's own: one that a run has made up, or that is on the server.
    pub(crate) fn for_own_schema(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        if name.is_empty() {
            Err(NameError::Empty)
        } else if name.contains('\0') {
            Err(NameError::Nul { name })
        } else if name.len() > MAX_BYTES {
            Err(NameError::TooLong {
                bytes: name.len(),
                name,
            })
        } else if name.starts_with("pg_") {
            Err(NameError::Reserved { name })
        } else if name == "information_schema" {
            Err(NameError::InformationSchema)
        } else {
            Ok(Self(name))
        }
    }

    /// Returns whether every server stores the name as it is, whatever its encoding: ASCII is the same in all of them.
    pub fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }

    /// An SQL condition: the server stores the name as it is.
    ///
    /// It measures identifiers in its own encoding (`é` has 2 bytes in UTF-8 and 3 in `EUC_JP`) and truncates silently; and
    /// some conversions make one letter of two (U+301C and U+FF5E in `EUC_JP`).
    pub(crate) fn is_storable_sql(&self) -> String {
        let hex = self.0.bytes().fold(String::new(), |mut hex, byte| {
            // Writing to a String does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let name = quote_literal(&self.0);
        format!(
            "(pg_catalog.octet_length({name}) <= pg_catalog.current_setting('max_identifier_length')::int \
             AND pg_catalog.encode(pg_catalog.convert_to({name}, 'UTF8'), 'hex') = '{hex}')"
        )
    }

    /// The name as it is in `pg_namespace`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as an SQL identifier.
    pub fn quoted(&self) -> String {
        quote(&self.0)
    }
}

impl std::str::FromStr for TenantName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

impl TryFrom<String> for TenantName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::new(name)
    }
}

impl From<TenantName> for String {
    fn from(name: TenantName) -> Self {
        name.0
    }
}

impl AsRef<str> for TenantName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for TenantName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_however_they_come() {
        assert_eq!("acme".parse().as_ref().map(TenantName::as_str), Ok("acme"));
        let parsed: Result<TenantName, _> = "pg_x".parse();
        assert!(parsed.is_err());
        let read: TenantName = serde_json::from_str("\"O'Neil\"").unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"O'Neil\"");
        let fault = serde_json::from_str::<TenantName>("\"\"").unwrap_err();
        assert!(fault.to_string().contains("cannot be empty"), "{fault}");
    }

    #[test]
    fn keywords_are_sorted_for_the_search() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn quotes_when_needed() {
        for (name, quoted) in [
            ("acme", "acme"),
            ("_a1", "_a1"),
            ("select", "\"select\""),
            ("begin", "\"begin\""),
            ("Acme", "\"Acme\""),
            ("1a", "\"1a\""),
            ("a-b", "\"a-b\""),
            ("a\"b", "\"a\"\"b\""),
            ("é", "\"é\""),
            ("a$b", "\"a$b\""),
            ("name", "name"),
        ] {
            assert_eq!(quote(name), quoted);
            assert_eq!(unquote(&quote(name)), name);
        }
    }

    #[test]
    fn literals_do_not_depend_on_standard_conforming_strings() {
        assert_eq!(quote_literal("o'n"), "'o''n'");
        assert_eq!(quote_literal(r"a\'b"), r"E'a\\''b'");
    }

    #[test]
    fn names_no_schema_can_have() {
        for (name, rule) in [
            ("", "empty"),
            ("a\0b", "NUL"),
            ("pg_x", "pg_"),
            ("information_schema", "system"),
            ("$user", "current role"),
            ("schemastamp_pool", "own"),
            ("schemastamp_spare_1", "own"),
            ("schemastamp_scratch_0123456789abcdef01234567", "own"),
        ] {
            assert!(
                TenantName::new(name)
                    .unwrap_err()
                    .to_string()
                    .contains(rule),
                "{name:?}"
            );
        }
        assert!(TenantName::new("x".repeat(63)).is_ok());
        assert!(
            TenantName::new("x".repeat(64))
                .unwrap_err()
                .to_string()
                .contains("64 bytes")
        );
        assert!(
            TenantName::new("é".repeat(32)).is_err(),
            "64 bytes in 32 letters"
        );
        for name in ["PG_X", "$$", "#{prefix}", "a\nb", "o'ne\"il.$1", "select"] {
            assert!(TenantName::new(name).is_ok(), "{name:?}");
        }
    }
}
