//! One setting of a connection string, in whichever of its two forms.

use super::StringProblem;
use super::error::nearest;
use super::keyword::{KEYWORDS, Keyword};

/// One setting of a connection string, decoded and not yet checked. No `Debug`: the value may be a password.
#[derive(Clone)]
pub(super) struct StringPart {
    pub(super) keyword: &'static Keyword,
    pub(super) value: String,
    /// `true` if an error may show the value. `false` if a malformed URI may have put a part of a
    /// password there.
    pub(super) showable: bool,
}

/// C's `isspace` in the C locale.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

/// One setting by the name it has in a string. The name appears in the error only where it cannot be a piece of a
/// password: where keywords came before it, and none of them was a password that may have lacked its quotes.
pub(super) fn part(
    name: &str,
    value: String,
    number: usize,
    before: &[StringPart],
) -> Result<StringPart, StringProblem> {
    // The name that sslmode had before 8.0, as in libpq's conninfo_storeval.
    let (name, value) = match name {
        "requiressl" if value.starts_with('1') => ("sslmode", "require".to_owned()),
        "requiressl" => ("sslmode", "prefer".to_owned()),
        _ => (name, value),
    };
    let Some(keyword) = Keyword::named(name) else {
        let harmless = !before.is_empty() && !before.iter().any(|part| part.keyword.is_secret());
        let word = name.len() <= 40
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        let suggestion =
            nearest(name, KEYWORDS.iter().map(|keyword| keyword.name)).map(str::to_owned);
        let keyword = Some(name.to_owned()).filter(|_| word && harmless && !name.is_empty());
        return Err(StringProblem::UnknownKeyword {
            number,
            keyword,
            suggestion,
        });
    };
    if value.contains('\0') {
        return Err(StringProblem::NulCharacter(keyword.name));
    }
    Ok(StringPart {
        keyword,
        value,
        showable: !keyword.is_secret(),
    })
}
