use std::path::PathBuf;

/// A password file without a line for the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordFileMiss {
    /// The file.
    pub path: PathBuf,
    /// The line, starting at 1, of which all fields but one fit, and the name of that field.
    pub nearest: Option<(usize, &'static str)>,
}
