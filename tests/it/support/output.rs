use std::fmt;
use std::process::Output;
use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

/// What the binary left: stdout, stderr and the exit status, in one text for a snapshot.
///
/// `Display` replaces what differs from run to run: the run's own folder (`$ROOT`), sockets and ports, durations,
/// `\restrict` keys. The raw texts are in the fields.
#[derive(Debug, Clone)]
pub(crate) struct CommandOutput {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// Longest first: text and what is shown instead.
    replacements: Vec<(String, String)>,
}

impl CommandOutput {
    pub(super) fn new(output: &Output, mut replacements: Vec<(String, String)>) -> Self {
        use std::os::unix::process::ExitStatusExt;
        replacements.retain(|(text, _)| !text.is_empty());
        replacements.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        Self {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
            signal: output.status.signal(),
            replacements,
        }
    }

    /// Panics with the whole output unless the exit code is this one.
    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Panics with the whole output unless it ended with 0.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        self.exits_with(0)
    }

    /// The lines of stdout as JSON; panics on one that is not.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let lines = self.stdout.split('\n').filter(|line| !line.is_empty());
        lines
            .map(|line| {
                serde_json::from_str(line)
                    .unwrap_or_else(|error| panic!("not JSON ({error}): {line}"))
            })
            .collect()
    }

    /// Panics unless all lines are as the schema says, and the last is a summary or an error.
    #[track_caller]
    pub(super) fn is_documented(&self) {
        let lines = self.json();
        super::schema::assert_documented(&lines);
        let last = lines.last().map(|line| line["type"].clone());
        assert!(
            matches!(
                last.as_ref().and_then(Value::as_str),
                Some("summary" | "error")
            ),
            "the last line is neither a summary nor an error: {self}"
        );
    }

    fn normalized(&self, text: &str) -> String {
        static VARYING: OnceLock<Vec<(Regex, &str)>> = OnceLock::new();
        let varying = VARYING.get_or_init(|| {
            [
                (r#"("[a-z_]*ms"):\d+(\.\d+)?"#, "$1:0.0"),
                (r"\b\d+(\.\d+)?( ?)(ms|s)\b", "[time]"),
                (r"\\(un)?restrict [0-9A-Za-z]+", r"\${1}restrict [key]"),
                (r"\brun_[0-9a-f]{48}\b", "run_[token]"),
                (r"\.schemastamp-[0-9A-Za-z]+", ".schemastamp-[random]"),
                (r"/sst-[0-9A-Za-z]+", "/[cluster]"),
            ]
            .map(|(pattern, shown)| (Regex::new(pattern).expect("a valid pattern"), shown))
            .into()
        });
        let mut text = text.to_owned();
        for (from, to) in &self.replacements {
            text = text.replace(from, to);
        }
        for (pattern, shown) in varying {
            text = pattern.replace_all(&text, *shown).into_owned();
        }
        text
    }
}

impl fmt::Display for CommandOutput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let section = |formatter: &mut fmt::Formatter<'_>, text: &str| {
            let text = self.normalized(text);
            let newline = if text.is_empty() || text.ends_with('\n') {
                ""
            } else {
                "[no newline]\n"
            };
            write!(formatter, "{text}{newline}")
        };
        section(formatter, &self.stdout)?;
        if !self.stderr.is_empty() {
            formatter.write_str("--- stderr ---\n")?;
            section(formatter, &self.stderr)?;
        }
        match (self.code, self.signal) {
            (Some(code), _) => write!(formatter, "[exit status: {code}]"),
            (None, signal) => write!(formatter, "[signal: {}]", signal.unwrap_or_default()),
        }
    }
}
