//! The line by which the comment of a schema says what schemastamp made it for.

use crate::text::slice;

/// The beginning of the marker, with which a tenant's schema comment ends.
pub const MARK: &str = "schemastamp: ";
/// The beginning of the last line of a spare's comment. The fingerprint follows, as after [`MARK`].
pub const SPARE: &str = "schemastamp spare: ";

/// A comment without the line that begins with [`MARK`] or [`SPARE`].
pub fn strip_mark(comment: &str) -> &str {
    match comment.rfind(SPARE).or_else(|| comment.rfind(MARK)) {
        Some(0) => "",
        Some(at)
            if comment
                .get(..at)
                .is_some_and(|before| before.ends_with('\n')) =>
        {
            slice(comment, ..at).trim_end_matches('\n')
        }
        _ => comment,
    }
}
