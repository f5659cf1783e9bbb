//! Connection strings: which of the two forms a text has, and the `key=value` form.

use super::part::{StringPart, is_blank, part};
use super::{ConfigError, ConfigWarning, Origin, StringProblem, uri};

/// The forms of a text that `--dbname` takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form<'a> {
    /// The part after `scheme://`.
    Uri(&'a str),
    /// `key=value` pairs.
    Pairs(&'a str),
    /// A URI of something else; the scheme, where it is a well-known one.
    Foreign(Option<&'a str>),
    /// A name.
    Name(&'a str),
}

/// `ecto` and `postgis` are how Ecto and the spatial adapters of Rails and Django spell the same URI.
const SCHEMES: &[&str] = &["postgresql", "postgres", "ecto", "postgis"];

/// Schemes that an error may show; another text before `://` may be a password in the wrong place.
const FOREIGN: &[&str] = &[
    "cockroachdb",
    "file",
    "http",
    "https",
    "jdbc:postgresql",
    "mariadb",
    "mongodb",
    "mssql",
    "mysql",
    "mysql2",
    "oracle",
    "pgsql",
    "postgres",
    "postgresql",
    "redis",
    "sqlite",
    "sqlite3",
    "sqlserver",
];

/// Recognises the form of a text by libpq's rule (`recognized_connection_string`): a URI by its
/// scheme, pairs by any `=`. Unlike in libpq, a foreign scheme is neither pairs nor a name.
pub(super) fn form(text: &str) -> Form<'_> {
    match text.split_once("://") {
        Some((scheme, rest)) if is_postgresql(scheme) => Form::Uri(rest),
        Some((scheme, _)) if !scheme.contains(['=', ' ', '\'', '"']) => {
            let known = FOREIGN
                .iter()
                .any(|foreign| foreign.eq_ignore_ascii_case(scheme));
            Form::Foreign(Some(scheme).filter(|_| known))
        }
        _ if text.contains('=') => Form::Pairs(text),
        _ => Form::Name(text),
    }
}

/// Returns `true` for `postgresql`, and for `postgresql+psycopg2`, where a driver stands behind the scheme.
fn is_postgresql(scheme: &str) -> bool {
    let (scheme, driver) = scheme.split_once('+').unwrap_or((scheme, ""));
    SCHEMES.contains(&scheme)
        && driver
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Reads a connection string. `None`: it is a mere name. Warns of parameters of a URI that are ignored.
pub(super) fn parse(
    text: &str,
    origin: &Origin,
    warnings: &mut Vec<ConfigWarning>,
) -> Result<Option<Vec<StringPart>>, ConfigError> {
    let parts = match form(text) {
        Form::Uri(rest) => uri::parse(rest).map(|uri| {
            if !uri.ignored.is_empty() {
                warnings.push(ConfigWarning::UnknownParameters {
                    origin: origin.clone(),
                    names: uri.ignored,
                });
            }
            uri.parts
        }),
        Form::Pairs(text) => pairs(text),
        Form::Name(_) => return Ok(None),
        Form::Foreign(scheme) => {
            let scheme = scheme.map(str::to_owned);
            return Err(ConfigError::NotConnectionString {
                origin: origin.clone(),
                scheme,
            });
        }
    };
    parts
        .map(Some)
        .map_err(|problem| ConfigError::ConnectionString {
            origin: origin.clone(),
            problem,
        })
}

/// Reads `key=value` pairs, by libpq's `conninfo_parse`.
pub(super) fn pairs(text: &str) -> Result<Vec<StringPart>, StringProblem> {
    let mut parts = Vec::new();
    let mut number = 0;
    let mut left = text.trim_start_matches(is_blank);
    while !left.is_empty() {
        number += 1;
        let (name, after) = left
            .split_once('=')
            .ok_or(StringProblem::PairNoEquals(number))?;
        let name = name.trim_end_matches(is_blank);
        if name.contains(is_blank) {
            return Err(StringProblem::PairNoEquals(number));
        }
        let (value, after) = pair_value(after.trim_start_matches(is_blank), number)?;
        parts.push(part(name, value, number, &parts)?);
        left = after.trim_start_matches(is_blank);
    }
    Ok(parts)
}

/// Takes one value off the front: quoted, or up to the next blank; a backslash takes the next character as it is.
fn pair_value(text: &str, number: usize) -> Result<(String, &str), StringProblem> {
    let quoted = text.strip_prefix('\'');
    let mut value = String::new();
    let mut rest = quoted.unwrap_or(text).chars();
    loop {
        match rest.next() {
            None if quoted.is_some() => return Err(StringProblem::OpenQuote(number)),
            None => break,
            Some('\\') => value.extend(rest.next()),
            Some('\'') if quoted.is_some() => break,
            Some(c) if quoted.is_none() && is_blank(c) => break,
            Some(c) => value.push(c),
        }
    }
    Ok((value, rest.as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(&'static str, String)> {
        pairs(text)
            .unwrap()
            .into_iter()
            .map(|part| (part.keyword.name, part.value))
            .collect()
    }

    fn problem(text: &str) -> StringProblem {
        pairs(text).err().expect("a problem")
    }

    #[test]
    fn pairs_are_read_as_libpq_reads_them() {
        assert_eq!(
            read("host=a port = 5 \n"),
            [("host", "a".into()), ("port", "5".into())]
        );
        assert_eq!(read(r"user='it\'s \\ so'"), [("user", r"it's \ so".into())]);
        assert_eq!(read(r"user=two\ words"), [("user", "two words".into())]);
        assert_eq!(read("password=a'b"), [("password", "a'b".into())]);
        assert_eq!(
            read("requirepeer= host=/none"),
            [("requirepeer", "host=/none".into())]
        );
        assert_eq!(
            read("user='a'host=b"),
            [("user", "a".into()), ("host", "b".into())]
        );
        assert_eq!(read("requiressl=1"), [("sslmode", "require".into())]);
        assert_eq!(read(""), []);
    }

    #[test]
    fn malformed_pairs_are_refused() {
        assert_eq!(problem("host"), StringProblem::PairNoEquals(1));
        assert_eq!(problem("host=a user x=1"), StringProblem::PairNoEquals(2));
        assert_eq!(problem("host=a user='x"), StringProblem::OpenQuote(2));
        let unknown = problem("host=a sslmod=require");
        assert!(
            unknown.to_string().contains("keyword 2 ('sslmod')")
                && unknown.to_string().contains("did you mean sslmode")
        );
    }

    #[test]
    fn a_piece_of_an_unquoted_password_is_not_shown() {
        let shown = format!("{0} {0:?}", problem("host=a password=open sesame=1"));
        assert!(
            !shown.contains("sesame") && !shown.contains("open"),
            "{shown}"
        );
    }

    #[test]
    fn forms() {
        assert_eq!(form("postgres://x"), Form::Uri("x"));
        assert_eq!(form("ecto://x"), Form::Uri("x"));
        assert_eq!(form("postgresql+psycopg2://x"), Form::Uri("x"));
        assert_eq!(form("postgres+pw:x://x"), Form::Foreign(None));
        assert_eq!(form("mysql://u:p@h/x?a=b"), Form::Foreign(Some("mysql")));
        assert_eq!(form("hunter2://x"), Form::Foreign(None));
        assert_eq!(form("POSTGRES://x"), Form::Foreign(Some("POSTGRES")));
        assert_eq!(form("host=x"), Form::Pairs("host=x"));
        assert_eq!(form("password=a://b"), Form::Pairs("password=a://b"));
        assert_eq!(form("app"), Form::Name("app"));
    }

    proptest! {
        #[test]
        fn quoted_pairs_round_trip(user in "\\PC*", password in "\\PC*") {
            let quote = |text: &str| text.replace('\\', r"\\").replace('\'', r"\'");
            let text = format!("user='{}' password = '{}'", quote(&user), quote(&password));
            prop_assert_eq!(read(&text), [("user", user), ("password", password)]);
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _parts = parse(&text, &Origin::Code, &mut Vec::new());
        }
    }
}
