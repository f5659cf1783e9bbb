//! `postgres://` URIs, by libpq's `conninfo_uri_parse_options`.
//!
//! Stricter than libpq where it would take a badly written password for a host, port or database: an unescaped `@` after
//! the user name and password is an error, and so are unescaped blanks.

use super::StringProblem;
use super::part::{StringPart, is_blank, part};

/// Parameters of Prisma and others whose names resemble one of libpq's.
const OF_FRAMEWORKS: [&str; 6] = [
    "connection_limit",
    "connection_timeout",
    "pool_timeout",
    "prepared_statements",
    "socket_timeout",
    "statement_cache_size",
];

/// The settings in a URI.
pub(super) struct UriParts {
    pub(super) parts: Vec<StringPart>,
    /// Names of query parameters that frameworks add and libpq does not know.
    pub(super) ignored: Vec<String>,
}

/// Reads what follows `postgres://`.
pub(super) fn parse(text: &str) -> Result<UriParts, StringProblem> {
    if text.ends_with(is_blank) {
        return Err(StringProblem::BlankAtEnd);
    }
    // A '/' before the first '@' ends the search, so a '/' in a password must be escaped.
    let (login, after) = match text.split_once('@') {
        Some((login, after)) if !login.contains('/') => (Some(login), after),
        _ => (None, text),
    };
    let (hosts, port_list, after) = hosts_and_ports(after)?;
    let (path, query) = after.split_once('?').unwrap_or((after, ""));
    let database = path.strip_prefix('/').unwrap_or(path);
    let stray_in_query = login.is_none() && !port_list.is_empty() && query.contains('@');
    if hosts.contains('@') || port_list.contains('@') || database.contains('@') || stray_in_query {
        return Err(StringProblem::StrayAt);
    }

    let mut found = Vec::new();
    let mut add = |name: &str, place: &'static str, text: &str| {
        if !text.is_empty() {
            found.push(StringPart {
                showable: false,
                ..part(name, decode(text, place)?, 0, &[])?
            });
        }
        Ok::<_, StringProblem>(())
    };
    let (user, password) = login
        .map(|login| login.split_once(':').unwrap_or((login, "")))
        .unwrap_or_default();
    add("user", "user name", user)?;
    add("password", "password", password)?;
    add("host", "host", &hosts)?;
    add("port", "port", &port_list)?;
    add("dbname", "database name", database)?;
    let ignored = query_parameters(query, &mut found)?;
    Ok(UriParts {
        parts: found,
        ignored,
    })
}

/// Reads `host:port,[address]:port,…`; returns the lists with their commas, and what follows.
fn hosts_and_ports(text: &str) -> Result<(String, String, &str), StringProblem> {
    let mut hosts = String::new();
    let mut ports = String::new();
    let mut left = text;
    loop {
        let mut after = match left.strip_prefix('[') {
            Some(bracketed) => {
                let (address, after) = bracketed
                    .split_once(']')
                    .ok_or(StringProblem::OpenBracket)?;
                if address.is_empty() {
                    return Err(StringProblem::EmptyBracket);
                }
                if !(after.is_empty() || after.starts_with([':', '/', '?', ','])) {
                    return Err(StringProblem::AfterBracket);
                }
                hosts.push_str(address);
                after
            }
            None => take(left, &[':', '/', '?', ','], &mut hosts),
        };
        if let Some(port) = after.strip_prefix(':') {
            after = take(port, &['/', '?', ','], &mut ports);
        }
        match after.strip_prefix(',') {
            Some(next) => left = next,
            None => return Ok((hosts, ports, after)),
        }
        hosts.push(',');
        ports.push(',');
    }
}

/// Moves what stands before any of the characters into `into`; returns the rest.
fn take<'a>(text: &'a str, until: &[char], into: &mut String) -> &'a str {
    let (taken, rest) = text.split_at(text.find(until).unwrap_or(text.len()));
    into.push_str(taken);
    rest
}

/// Returns the names of the parameters that are ignored.
fn query_parameters(
    query: &str,
    parts: &mut Vec<StringPart>,
) -> Result<Vec<String>, StringProblem> {
    let mut ignored = Vec::new();
    let mut left = query;
    let mut number = 0;
    while !left.is_empty() {
        number += 1;
        let (pair, next) = left.split_once('&').unwrap_or((left, ""));
        let (name, value) = pair
            .split_once('=')
            .ok_or(StringProblem::NoEquals(number))?;
        if value.contains('=') {
            return Err(StringProblem::SecondEquals(number));
        }
        let name = decode(name, "query")?;
        let value = decode(value, "query")?;
        left = next;
        parts.push(match (name.as_str(), value.as_str()) {
            // The spelling of JDBC, which libpq accepts too.
            ("ssl", "true") => part("sslmode", "require".to_owned(), number, parts)?,
            ("ssl", _) => return Err(StringProblem::Ssl),
            _ if OF_FRAMEWORKS.contains(&name.as_str()) && !query.contains('@') => {
                ignored.push(name);
                continue;
            }
            _ => match part(&name, value, number, parts) {
                Err(StringProblem::UnknownKeyword {
                    suggestion: None, ..
                }) if is_for_a_framework(&name, query) => {
                    ignored.push(name);
                    continue;
                }
                part => part?,
            },
        });
    }
    Ok(ignored)
}

/// Returns `true` for the name of a parameter that only the framework reads, such as `pool`. An `@` in the query may end a
/// password that was not escaped, and then the name is a piece of it.
fn is_for_a_framework(name: &str, query: &str) -> bool {
    let is_word = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let is_of_tls = name.to_ascii_lowercase().contains("ssl");
    (1..=40).contains(&name.len()) && is_word && !is_of_tls && !query.contains('@')
}

/// Decodes `%xx`; `place` says in an error which part of the URI it is.
fn decode(text: &str, place: &'static str) -> Result<String, StringProblem> {
    if text.contains(is_blank) {
        return Err(StringProblem::Blank(place));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let high = digit(bytes.next());
        let low = digit(bytes.next());
        let (Some(high), Some(low)) = (high, low) else {
            return Err(StringProblem::Percent(place));
        };
        match u8::try_from(high * 16 + low) {
            Ok(0) | Err(_) => return Err(StringProblem::Nul(place)),
            Ok(byte) => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).map_err(|_| StringProblem::NotUtf8(place))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(&'static str, String)> {
        parse(text)
            .unwrap()
            .parts
            .into_iter()
            .map(|part| (part.keyword.name, part.value))
            .collect()
    }

    fn one_line(text: &str) -> String {
        read(text)
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn problem(text: &str) -> StringProblem {
        parse(text).err().expect("a problem")
    }

    #[test]
    fn uris_are_read_as_libpq_reads_them() {
        for (uri, expected) in [
            ("", ""),
            ("/", ""),
            ("h", "host=h"),
            ("h/", "host=h"),
            ("h:/d", "host=h dbname=d"),
            ("u@h", "user=u host=h"),
            ("u:p@h:5/d", "user=u password=p host=h port=5 dbname=d"),
            (":p@/d", "password=p dbname=d"),
            ("u:p:q?r,s@h/d", "user=u password=p:q?r,s host=h dbname=d"),
            ("%2Ftmp%2Fs/d", "host=/tmp/s dbname=d"),
            ("/d?host=/tmp/s&port=7", "dbname=d host=/tmp/s port=7"),
            ("[::1]:5/d", "host=::1 port=5 dbname=d"),
            ("[::1],h2:6,h3/d", "host=::1,h2,h3 port=,6, dbname=d"),
            ("h1,h2", "host=h1,h2 port=,"),
            ("h?sslmode=require&", "host=h sslmode=require"),
            ("h/d?ssl=true", "host=h dbname=d sslmode=require"),
            ("h/a%2Fb/c", "host=h dbname=a/b/c"),
            (
                "h/d?application_name=a%20%3D%26",
                "host=h dbname=d application_name=a =&",
            ),
            ("fe80::1%25eth0", "host=fe80 port=:1%eth0"),
            ("u%40corp@h/d", "user=u@corp host=h dbname=d"),
        ] {
            assert_eq!(one_line(uri), expected, "{uri}");
        }
    }

    #[test]
    fn malformed_uris_are_refused_by_what_is_wrong() {
        for (uri, expected) in [
            ("u:p%zz@h", StringProblem::Percent("password")),
            ("u:p%4@h", StringProblem::Percent("password")),
            ("u:p%00@h", StringProblem::Nul("password")),
            ("u%ff@h", StringProblem::NotUtf8("user name")),
            ("a b@h", StringProblem::Blank("user name")),
            ("[::1/d", StringProblem::OpenBracket),
            ("[]/d", StringProblem::EmptyBracket),
            ("[::1]x/d", StringProblem::AfterBracket),
            ("h/d ", StringProblem::BlankAtEnd),
            ("h/d\n", StringProblem::BlankAtEnd),
            ("h/d?sslmode", StringProblem::NoEquals(1)),
            ("h/d?&", StringProblem::NoEquals(1)),
            ("h/d?port=5&sslmode=a=b", StringProblem::SecondEquals(2)),
            ("h/d?ssl=false", StringProblem::Ssl),
            ("u@h@x/d", StringProblem::StrayAt),
            ("u:p@ss@h/d", StringProblem::StrayAt),
            ("u:pa/ss@h/d", StringProblem::StrayAt),
            ("u:12/ss?w=1@h/d", StringProblem::StrayAt),
        ] {
            assert_eq!(problem(uri), expected, "{uri}");
        }
    }

    #[test]
    fn an_unknown_parameter_is_named_with_the_nearest_one() {
        let text = problem("h/d?sslmod=require").to_string();
        assert!(
            text.contains("'sslmod'") && text.contains("did you mean sslmode?"),
            "{text}"
        );
        // Never one that may be about TLS, or a piece of a password.
        for text in ["h/d?sslrequired=1", "h/d?useSSL=true", "u:p@x?pool=5@h/d"] {
            assert!(
                matches!(
                    problem(text),
                    StringProblem::UnknownKeyword { .. } | StringProblem::StrayAt
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn parameters_of_frameworks_are_ignored_by_name() {
        let uri = parse("u:p@h/d?pool=5&sslmode=require&schema=public&pgbouncer=true").unwrap();
        assert_eq!(uri.ignored, ["pool", "schema", "pgbouncer"]);
        assert_eq!(uri.parts.last().unwrap().value, "require");
        let uri = parse("u:p@h/d?connection_limit=1&pool_timeout=5").unwrap();
        assert_eq!(uri.ignored, ["connection_limit", "pool_timeout"]);
    }

    fn encode(text: &str) -> String {
        text.bytes()
            .fold(String::new(), |text, byte| text + &format!("%{byte:02x}"))
    }

    proptest! {
        #[test]
        fn encoded_parts_round_trip(user in "[^\0]{1,20}", password in "[^\0]{1,20}", database in "[^\0]{1,20}") {
            let uri = format!("{}:{}@h/{}", encode(&user), encode(&password), encode(&database));
            let expected = [("user", user), ("password", password), ("host", "h".to_owned()), ("dbname", database)];
            prop_assert_eq!(read(&uri), expected);
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _parts = parse(&text);
        }

        #[test]
        fn no_piece_of_an_unescaped_password_is_in_an_error(words in prop::collection::vec("[QWZ]{4}", 1..4),
                                                            signs in "[/@:?%#&= ,\\[\\]]{1,4}") {
            let password = words.join(&signs);
            let shown = match parse(&format!("user:{password}@host/db")) {
                Err(problem) => format!("{problem} {problem:?}"),
                Ok(uri) => uri.ignored.join(" "),
            };
            for word in &words {
                prop_assert!(!shown.contains(word.as_str()), "{} shows {}", shown, word);
            }
        }
    }
}
