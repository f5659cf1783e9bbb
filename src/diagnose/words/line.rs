//! One line of a client's stderr, taken apart.

/// The source of a line, as far as its form shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::diagnose) enum Voice {
    /// libpq, OpenSSL, the operating system: on this side of the connection.
    Client,
    /// The server, or what stands in for it: `FATAL:  …` in any language.
    Server,
    /// The DETAIL line that follows.
    Detail,
}

/// The place that a failed attempt went to, as libpq writes it before each failure from version 14 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::diagnose) enum Endpoint {
    /// A socket's path.
    Socket(String),
    /// An address and a port.
    Network {
        /// The address: what stands in parentheses, or the host itself.
        address: String,
        /// The port.
        port: String,
    },
}

/// A line without program and address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::diagnose) struct MessageLine<'a> {
    /// The address of the attempt, if the line contains it.
    pub(in crate::diagnose) endpoint: Option<Endpoint>,
    /// The speaker.
    pub(in crate::diagnose) voice: Voice,
    /// The sentence itself, without `FATAL:  `.
    pub(in crate::diagnose) words: &'a str,
    /// The sentence with `FATAL:  `.
    pub(in crate::diagnose) said: &'a str,
}

impl<'a> MessageLine<'a> {
    /// Takes a line apart.
    pub(in crate::diagnose) fn parse(line: &'a str) -> Self {
        let (endpoint, said) = without_place(line);
        let said = without_program(said).trim();
        let (voice, words) = match said.split_once(":  ") {
            Some((level, words)) if is_level(level) => {
                let detail = matches!(level, "DETAIL" | "HINT" | "CONTEXT");
                let voice = if detail { Voice::Detail } else { Voice::Server };
                (voice, without_odyssey(without_sqlstate(words.trim())))
            }
            _ => (Voice::Client, said),
        };
        Self {
            endpoint,
            voice,
            words,
            said,
        }
    }
}

/// `FATAL`, `ERROR`, and what servers of other languages say instead: one or two words, at the beginning of the line.
fn is_level(level: &str) -> bool {
    // A single blank before the parenthesis: Turkish servers say `ÖLÜMCÜL (FATAL)`.
    level.chars().count() <= 24
        && level.split(' ').count() <= 2
        && !level.contains(['"', '\'', '/', '\t'])
        && !level.is_empty()
}

/// Takes off libpq's `connection to server at "host" (address), port N failed: `.
fn without_place(line: &str) -> (Option<Endpoint>, &str) {
    let Some((_, behind)) = line.split_once("connection to server ") else {
        return (None, line);
    };
    // libpq ends the place with `failed: `; a host's name cannot hold that, as it cannot hold blanks.
    let Some((place, words)) = behind.split_once(" failed: ") else {
        return (None, line);
    };
    let quoted = |text: &str| text.split('"').nth(1).unwrap_or_default().to_owned();
    if let Some(path) = place.strip_prefix("on socket ") {
        return (Some(Endpoint::Socket(quoted(path))), words);
    }
    let Some((host, port)) = place
        .strip_prefix("at ")
        .and_then(|place| place.rsplit_once(", port "))
    else {
        return (None, words);
    };
    let address = match host.rsplit_once(" (") {
        Some((_, address)) => address.trim_end_matches(')').to_owned(),
        None => quoted(host),
    };
    let port = port.to_owned();
    (Some(Endpoint::Network { address, port }), words)
}

/// Takes off `odyssey: c1d2e3: `, which that pooler puts before its own words and before those of the server that it hands on.
fn without_odyssey(words: &str) -> &str {
    let Some(rest) = words.strip_prefix("odyssey: ") else {
        return words;
    };
    // With `client_show_id no` there is no id.
    match rest.split_once(": ") {
        Some((id, behind)) if id.starts_with('c') && !id.contains(' ') => behind,
        _ => rest,
    }
}

/// Takes off `08P01: `, which psql puts before the words once it runs a script.
fn without_sqlstate(words: &str) -> &str {
    let is_sqlstate = |code: &str| {
        code.len() == 5
            && code
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
            && code.bytes().any(|byte| byte.is_ascii_digit())
    };
    match words.split_once(": ") {
        Some((code, rest)) if is_sqlstate(code) => rest,
        _ => words,
    }
}

/// Takes off `psql:FILE:LINE: `, which precedes what psql says while it runs a script.
fn without_script(line: &str) -> Option<&str> {
    let mut rest = line.strip_prefix("psql:/")?;
    loop {
        let (before, behind) = rest.split_once(": ")?;
        let number = before.rsplit_once(':').map(|(_, number)| number);
        if number.is_some_and(|number| number.parse::<u32>().is_ok()) {
            return Some(behind.strip_prefix("error: ").unwrap_or(behind));
        }
        rest = behind;
    }
}

/// Takes off `psql: error: ` and similar.
fn without_program(line: &str) -> &str {
    let mut rest = without_script(line).unwrap_or(line);
    for prefix in ["psql: error: ", "psql: ", "pg_dump: error: "] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let line = MessageLine::parse(
            "psql: error: connection to server at \"db\" (10.0.0.1), port 5432 failed: FATAL:  SSL required",
        );
        let place = Endpoint::Network {
            address: "10.0.0.1".to_owned(),
            port: "5432".to_owned(),
        };
        assert_eq!(line.endpoint, Some(place));
        assert_eq!((line.voice, line.words), (Voice::Server, "SSL required"));
        assert_eq!(line.said, "FATAL:  SSL required");

        let line = MessageLine::parse(
            "connection to server on socket \"/run/.s.PGSQL.5432\" failed: No such file or directory",
        );
        let place = Endpoint::Socket("/run/.s.PGSQL.5432".to_owned());
        assert_eq!(line.endpoint, Some(place));
        assert_eq!(line.voice, Voice::Client);

        let line = MessageLine::parse(
            "psql: error: connection to server at \"::1\", port 1 failed: timeout expired",
        );
        let place = Endpoint::Network {
            address: "::1".to_owned(),
            port: "1".to_owned(),
        };
        assert_eq!(
            (line.endpoint, line.words),
            (Some(place), "timeout expired")
        );
    }

    #[test]
    fn what_psql_says_within_a_script_is_taken_apart() {
        for (line, voice, words) in [
            (
                "psql:/tmp/run/script.sql:16: FATAL:  08P01: query_wait_timeout",
                Voice::Server,
                "query_wait_timeout",
            ),
            (
                "psql:/tmp/a: b/script.sql:2: error: connection to server was lost",
                Voice::Client,
                "connection to server was lost",
            ),
            ("FATAL:  SSL: x", Voice::Server, "SSL: x"),
            ("FATAL:  THING: x", Voice::Server, "THING: x"),
        ] {
            let line = MessageLine::parse(line);
            assert_eq!((line.voice, line.words), (voice, words));
        }
    }

    #[test]
    fn what_odyssey_puts_before_words_is_taken_off() {
        for (said, words) in [
            ("FATAL:  odyssey: c1d2: SSL is required", "SSL is required"),
            ("FATAL:  odyssey: SSL is required", "SSL is required"),
            (
                "FATAL:  odyssey: frontend auth: malformed x",
                "frontend auth: malformed x",
            ),
            ("FATAL:  odyssey is down", "odyssey is down"),
        ] {
            let line = MessageLine::parse(said);
            assert_eq!((line.words, line.said), (words, said));
        }
    }

    #[test]
    fn servers_of_every_language_are_servers() {
        for (line, voice) in [
            ("FATAL:  x", Voice::Server),
            ("ERROR:  x", Voice::Server),
            ("FATALE:  autenticazione", Voice::Server),
            ("ВАЖНО:  роль", Voice::Server),
            ("致命的エラー:  ロール", Voice::Server),
            ("ÖLÜMCÜL (FATAL):  x", Voice::Server),
            ("DETAIL:  x", Voice::Detail),
            (
                "GSSAPI continuation error: Unspecified GSS failure.  Minor code",
                Voice::Client,
            ),
            ("SSL error: certificate verify failed", Voice::Client),
            (
                "could not read certificate file \"/c:  d\":  x",
                Voice::Client,
            ),
        ] {
            assert_eq!(MessageLine::parse(line).voice, voice, "{line}");
        }
    }
}
