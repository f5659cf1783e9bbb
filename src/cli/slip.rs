//! Names that are likely to be slips of the keyboard or of the shell: they are legal, and created with a warning.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use clap::CommandFactory as _;

use super::arguments::Arguments;
use crate::sql::quote;
use crate::text::{listed, safe};

/// Number of names that the warning shows.
const SHOWN: usize = 5;

/// Endings of files in which people keep lists, dumps and settings.
const EXTENSIONS: &[&str] = &[
    "txt", "csv", "tsv", "sql", "json", "jsonl", "lst", "list", "toml", "yml", "yaml", "md", "log",
];

/// The reason why a name is likely to be a slip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slip {
    /// A word of the command line.
    Command,
    /// A file: `--from-file` was forgotten.
    File,
    /// Several names in one argument.
    List,
    /// A line that other tools skip.
    Comment,
    /// Blanks around it, which nobody sees.
    Blanks,
    /// Without quotes, SQL reads it as another name.
    UpperCase,
    /// A word of SQL.
    Keyword,
    /// Characters that need quotes.
    Characters,
}

impl Slip {
    /// Judges a name. Names of letters, digits, underscores and dashes are meant as they are: UUIDs and slugs such as
    /// `acme-inc`, also those with letters outside of ASCII.
    pub(super) fn find(name: &str, is_argument: bool) -> Option<Self> {
        let extension = Path::new(name).extension().and_then(|text| text.to_str());
        let is_file = extension.is_some_and(|found| {
            EXTENSIONS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(found))
        });
        if is_argument && is_command(name) {
            return Some(Self::Command);
        }
        if name.starts_with('#') {
            return Some(Self::Comment);
        }
        if name.trim() != name {
            return Some(Self::Blanks);
        }
        if is_file || name.contains('/') || (is_argument && Path::new(name).is_file()) {
            return Some(Self::File);
        }
        if name.contains([',', ';']) {
            return Some(Self::List);
        }
        if name.chars().any(char::is_uppercase) {
            return Some(Self::UpperCase);
        }
        if !name
            .chars()
            .all(|character| character.is_alphanumeric() || matches!(character, '_' | '-'))
        {
            return Some(Self::Characters);
        }
        let is_word = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        (is_word && quote(name) != name).then_some(Self::Keyword)
    }
}

/// Returns `true` for the name of a command.
fn is_command(name: &str) -> bool {
    name == "help" || Arguments::command().find_subcommand(name).is_some()
}

impl fmt::Display for Slip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Command => "the name of a command",
            Self::File => "a file? --from-file reads names from one",
            Self::List => "several names? each is an argument of its own",
            Self::Comment => "a comment?",
            Self::Blanks => "with blanks around it",
            Self::UpperCase => "upper case: SQL needs double quotes around it",
            Self::Keyword => "a keyword: SQL needs double quotes around it",
            Self::Characters => "SQL needs double quotes around it",
        })
    }
}

/// Returns the one warning about all of the names.
pub(super) fn slips_warning(slips: &BTreeMap<&str, Slip>) -> Option<String> {
    if slips.is_empty() {
        return None;
    }
    let described = slips
        .iter()
        .map(|(name, slip)| format!("'{}' ({slip})", safe(name)));
    Some(format!(
        "used as a name, as it is legal: {}",
        listed(described, SHOWN)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_and_names_that_are_meant() {
        for (name, slip) in [
            ("acme", None),
            ("tenant_1", None),
            ("_x", None),
            ("acme-inc", None),
            ("7e57d004-2b97-4e7a-b45f-5387367791cd", None),
            ("2024", None),
            ("müller", None),
            ("東京", None),
            ("checked", None),
            ("Acme", Some(Slip::UpperCase)),
            ("Müller", Some(Slip::UpperCase)),
            (
                "7E57D004-2B97-4E7A-B45F-5387367791CD",
                Some(Slip::UpperCase),
            ),
            ("names.txt", Some(Slip::File)),
            ("NAMES.CSV", Some(Slip::File)),
            ("lists/names", Some(Slip::File)),
            ("booking.com", Some(Slip::Characters)),
            ("o'neil", Some(Slip::Characters)),
            ("acme inc", Some(Slip::Characters)),
            ("a,b", Some(Slip::List)),
            ("a; b", Some(Slip::List)),
            ("# comment", Some(Slip::Comment)),
            (" acme", Some(Slip::Blanks)),
            ("acme\u{a0}", Some(Slip::Blanks)),
            ("user", Some(Slip::Keyword)),
            ("order", Some(Slip::Keyword)),
        ] {
            for is_argument in [false, true] {
                assert_eq!(Slip::find(name, is_argument), slip, "{name}");
            }
        }
        for command in ["help", "status", "provision", "completions"] {
            assert_eq!(Slip::find(command, true), Some(Slip::Command));
            assert_eq!(Slip::find(command, false), None);
        }
    }
}
