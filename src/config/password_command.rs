//! The command that prints the password, for tokens that live for minutes.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::error::shown;
use super::{ConfigError, Environment, Origin};

/// Programs that expand variables and pipes themselves.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "ash", "ksh", "zsh", "fish"];
/// Words that only a shell understands.
const OPERATORS: [&str; 10] = ["|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1"];

/// A program and its arguments. `Debug` and `Display` show the program only: an argument may
/// contain a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine {
    program: PathBuf,
    arguments: Vec<OsString>,
    /// The program in quotes, for a list of settings.
    shown: String,
}

impl CommandLine {
    /// Reads a line with the quotes of a shell, as in `aws rds generate-db-auth-token --region 'eu'`.
    pub(super) fn parse(
        line: &str,
        origin: &Origin,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let invalid = |expected: &str| ConfigError::Value {
            origin: origin.clone(),
            value: None,
            expected: expected.to_owned(),
        };
        let words = shell_words::split(line)
            .map_err(|_| invalid("a program with its arguments, with each quote closed"))?;
        let needs_shell = |word: &String| OPERATORS.contains(&word.as_str()) || expands(word);
        let is_shell = words.first().is_some_and(|program| is_shell(program));
        if !is_shell && words.iter().any(needs_shell) {
            return Err(invalid(
                "a program with its arguments: no shell reads it; for pipes and variables write sh -c '…'",
            ));
        }
        Self::new(words, origin, environment)
    }

    /// A program and its arguments, none of which is interpreted.
    pub(super) fn new(
        words: Vec<String>,
        origin: &Origin,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let mut words = words.into_iter();
        let Some(program) = words.next().filter(|program| !program.is_empty()) else {
            return Err(ConfigError::Empty {
                origin: origin.clone(),
            });
        };
        let program = find(Path::new(&program), origin, environment)?;
        Ok(Self {
            shown: shown(&program.to_string_lossy()),
            program,
            arguments: words.map(OsString::from).collect(),
        })
    }

    /// The absolute path of the program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its arguments.
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// The program's path for messages.
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

impl fmt::Debug for CommandLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CommandLine({self})")
    }
}

fn is_shell(program: &str) -> bool {
    let name = Path::new(program).file_name();
    name.is_some_and(|name| SHELLS.iter().any(|shell| name == *shell))
}

/// Returns `true` if a shell would put something else in place of a part of a word.
fn expands(word: &str) -> bool {
    word.split('$').skip(1).any(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '{' | '('))
    }) || word.contains('`')
}

/// Finds the program as a shell does, without relative parts of `PATH`: whoever can write to the
/// current directory could put a program of their own there.
fn find(
    program: &Path,
    origin: &Origin,
    environment: &Environment,
) -> Result<PathBuf, ConfigError> {
    if program.components().count() > 1 || program.is_absolute() {
        return environment
            .absolute(program)
            .ok_or_else(|| ConfigError::NoDirectory {
                origin: origin.clone(),
            });
    }
    let path = environment.get("PATH").unwrap_or_default();
    std::env::split_paths(path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(program))
        .find(|candidate| is_executable(candidate))
        .ok_or_else(|| ConfigError::CommandNotFound {
            origin: origin.clone(),
            program: shown(&program.to_string_lossy()),
        })
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<String, String> {
        let environment = Environment::from_iter([("PATH", "/nonexistent:.:/bin:/usr/bin")]);
        let origin = Origin::Flag("--password-command");
        let line = CommandLine::parse(line, &origin, &environment.in_directory("/srv/app"));
        line.map(|line| format!("{} {:?}", line.program().display(), line.arguments()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_is_a_program_and_arguments_without_a_shell() {
        for (line, expected) in [
            (
                "./token.sh a 'b c' \"\"",
                r#"/srv/app/./token.sh ["a", "b c", ""]"#,
            ),
            ("/opt/x --cost=5$", r#"/opt/x ["--cost=5$"]"#),
            (
                "sh -c 'echo \"$PGHOST\" | cat'",
                r#"/bin/sh ["-c", "echo \"$PGHOST\" | cat"]"#,
            ),
        ] {
            assert_eq!(parse(line).as_deref(), Ok(expected), "{line}");
        }
    }

    #[test]
    fn what_only_a_shell_understands_is_refused_without_showing_it() {
        for line in [
            "cat hunter2 | head",
            "/bin/x hunter2 $PGHOST",
            "/bin/x `hunter2`",
            "/bin/x ${A}",
        ] {
            let error = parse(line).unwrap_err();
            assert!(
                error.contains("sh -c '…'") && !error.contains("hunter2"),
                "{error}"
            );
        }
        assert!(
            parse("sh -c 'hunter2")
                .unwrap_err()
                .ends_with("with each quote closed")
        );
        assert_eq!(
            parse("no-such-program hunter2").unwrap_err(),
            "the program 'no-such-program' of --password-command is not in PATH"
        );
        assert!(
            parse("''")
                .unwrap_err()
                .starts_with("--password-command is empty")
        );
    }
}
