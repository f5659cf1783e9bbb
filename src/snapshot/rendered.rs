//! A statement for one tenant.

use super::object::Object;

/// A statement for one tenant.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The SQL, without a closing semicolon.
    pub sql: String,
    /// The object, or `None` for statements that the snapshot does not contain.
    pub object: Option<Object>,
    /// 1-based line in the snapshot file; `None` as for `object`.
    pub line: Option<usize>,
}

impl Rendered {
    /// A statement that the snapshot does not hold.
    pub fn added(sql: String) -> Self {
        Self {
            sql,
            object: None,
            line: None,
        }
    }
}
