//! A statement for one tenant.

use super::object::Object;

/// A statement for one tenant.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The SQL, without a closing semicolon.
    pub sql: String,
    /// The object, or `None` for statements that the snapshot does not contain.
    pub object: Option<Object>,
    /// 1-based line in the snapshot file, or in `file`; `None` for statements that no file contains.
    pub line: Option<usize>,
    /// The migration that contains the statement, or `None` for the snapshot.
    pub file: Option<String>,
}

impl Rendered {
    /// A statement that the snapshot does not hold.
    pub fn added(sql: String) -> Self {
        Self {
            sql,
            object: None,
            line: None,
            file: None,
        }
    }
}
