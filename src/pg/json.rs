//! Rows of a result that are JSON, one a line.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::PsqlError;
use crate::text::clip;

/// The most characters of a line that an error shows.
const SHOWN: usize = 200;

/// Reads a row; `line` is its 1-based line in psql's output.
pub(crate) fn read_json<T: DeserializeOwned>(value: Value, line: usize) -> Result<T, PsqlError> {
    let text = value.to_string();
    serde_json::from_value(value).map_err(|source| not_as_expected(&text, line, source))
}

/// As [`read_json`], from the line itself.
pub(crate) fn parse_json<T: DeserializeOwned>(text: &str, line: usize) -> Result<T, PsqlError> {
    serde_json::from_str(text).map_err(|source| not_as_expected(text, line, source))
}

/// The error about a line that is not what its query gives.
pub(super) fn not_as_expected(text: &str, line: usize, source: serde_json::Error) -> PsqlError {
    PsqlError::Output {
        line,
        text: clip(text, SHOWN).into_owned(),
        source,
    }
}
