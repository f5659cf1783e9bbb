//! A line that the user is typing in a shell, and the names that fit into it.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};

use super::arguments::Arguments;
use super::common::CommonArguments;
use crate::config::{Environment, FileChoice, Project, Settings, Targets, ToolFlags, ToolSettings};
use crate::connect;
use crate::fleet::TenantSelection;
use crate::fleet::inventory::read_names;
use crate::process::Shutdown;

/// clap's variable with the index of the word to complete. Without it, as in fish, that word is the last one.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";
/// Maximum time that a Tab waits for names.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A line of words, of which one is to be completed.
#[derive(Debug)]
pub(super) struct TypedLine {
    /// The words before the one to complete; the program is the first one.
    before: Vec<OsString>,
    at_start: bool,
    environment: Environment,
}

impl TypedLine {
    /// Reads the line from the arguments with which a shell asks for completions: this program, `--`, and the words.
    pub(super) fn new(arguments: &[OsString], environment: &Environment) -> Self {
        let words = arguments.iter().position(|argument| argument == "--");
        let words = words.and_then(|escape| arguments.get(escape + 1..));
        let words = words.unwrap_or_default();
        let index = environment.get(INDEX).and_then(OsStr::to_str);
        let index = index
            .and_then(|index| index.parse().ok())
            .unwrap_or(words.len().saturating_sub(1));
        Self {
            before: words.iter().take(index).cloned().collect(),
            at_start: words.get(index).is_none_or(|word| word.is_empty()),
            environment: environment.clone(),
        }
    }

    /// Returns `true` if nothing of the word to complete is typed yet.
    pub(super) fn is_at_start(&self) -> bool {
        self.at_start
    }

    /// Returns the names of the tenants that exist and are not on the line yet. They are left out if they cannot be had
    /// quickly, and without a question to the user.
    pub(super) fn tenants(&self) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let Ok(runtime) = runtime else {
            return Vec::new();
        };
        let found = runtime.block_on(async {
            let found = tokio::time::timeout(PATIENCE, self.find_tenants());
            found.await.ok().flatten()
        });
        // Do not wait for the threads of a hanging resolver.
        runtime.shutdown_timeout(Duration::ZERO);
        let is_new = |name: &String| self.before.iter().all(|word| word != name.as_str());
        let found = found.unwrap_or_default().into_iter();
        found
            .filter(|name| is_plain_word(name) && is_new(name))
            .collect()
    }

    async fn find_tenants(&self) -> Option<BTreeSet<String>> {
        let shutdown = Shutdown::on_signals().ok()?;
        let reads: Vec<_> = self
            .connections()?
            .into_iter()
            .map(|settings| {
                let environment = self.environment.clone();
                let shutdown = shutdown.clone();
                tokio::spawn(async move { read_tenants(&settings, &environment, &shutdown).await })
            })
            .collect();
        let mut names = BTreeSet::new();
        for read in reads {
            // A server that does not answer does not hide the tenants of the others.
            names.extend(read.await.ok().flatten().unwrap_or_default());
        }
        Some(names)
    }

    /// Returns the connections that the line leads to.
    fn connections(&self) -> Option<Vec<Settings>> {
        let matches = self.matches()?;
        let common = CommonArguments::from_arg_matches(&matches).ok()?;
        let flags = ToolFlags {
            timeout: Some(PATIENCE.as_secs_f64().to_string()),
            ..common.tool()
        };
        let Some((path, choice)) = self.used_targets_file(innermost(&matches), &common) else {
            let settings = Settings::resolve(&common.connection(), &flags, &self.environment);
            return settings.ok().map(|settings| vec![settings]);
        };
        let tool = ToolSettings::resolve(&flags, &self.environment).ok()?;
        let chosen = chosen_targets(innermost(&matches));
        let targets = Targets::read(&path, choice, &self.environment).ok()?;
        let targets = targets.targets.into_iter();
        let settings = targets
            .filter(|target| chosen.is_empty() || chosen.contains(&target.name))
            .map(|target| Settings {
                connection: target.connection,
                tool: tool.clone(),
            });
        Some(settings.collect())
    }

    /// Returns the file of targets on whose servers the command works; `None` if it works on a single connection.
    fn used_targets_file(
        &self,
        command: &ArgMatches,
        common: &CommonArguments,
    ) -> Option<(PathBuf, FileChoice)> {
        let is_named = value_of::<PathBuf>(command, "targets").is_some()
            || !chosen_targets(command).is_empty();
        let takes_several = command.try_contains_id("total_jobs").is_ok();
        let is_default = takes_several
            && !common.connection().is_given()
            && self.environment.connection_variable().is_none();
        (is_named || is_default)
            .then(|| self.targets_file(command))
            .flatten()
    }

    /// Returns the file of targets that the line names, or else the project.
    fn targets_file(&self, command: &ArgMatches) -> Option<(PathBuf, FileChoice)> {
        if let Some(path) = value_of::<PathBuf>(command, "targets") {
            return Some((path, FileChoice::default()));
        }
        let project = Project::find(&self.environment).ok()?;
        Some((project.targets?.value, project.choice))
    }

    /// Returns the names of the targets in the file that the line or the project names.
    pub(super) fn targets(&self) -> Vec<String> {
        let targets = self.matches().and_then(|matches| {
            let (path, choice) = self.targets_file(innermost(&matches))?;
            Targets::read(&path, choice, &self.environment).ok()
        });
        let targets = targets.map(|targets| targets.targets).unwrap_or_default();
        let names = targets.into_iter().map(|target| target.name);
        names.filter(|name| is_plain_word(name)).collect()
    }

    /// Parses the words before the one to complete, to which others may have to be added; `None` if one of them is unknown,
    /// since clap would leave out what is behind it, such as the host.
    fn matches(&self) -> Option<ArgMatches> {
        let parsed = Arguments::command().try_get_matches_from(&self.before);
        match parsed.as_ref().map_err(clap::Error::kind) {
            Ok(_) => parsed.ok(),
            Err(ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand) => None,
            Err(_) => {
                let command = Arguments::command().ignore_errors(true);
                command.try_get_matches_from(&self.before).ok()
            }
        }
    }
}

/// Returns the names of a server's tenants; `None` if it cannot be read.
async fn read_tenants(
    settings: &Settings,
    environment: &Environment,
    shutdown: &Shutdown,
) -> Option<Vec<String>> {
    let target = connect::server(settings, environment, shutdown).await;
    let mut server = target.ok()?.server;
    // It may ask the user for a fingerprint or a password.
    server.password_command = None;
    let all = TenantSelection::All { pattern: None };
    let names = read_names(&server, &all, shutdown).await.ok()?;
    let names = names.iter().map(|name| name.as_str().to_owned());
    Some(names.collect())
}

/// Returns `true` if every shell takes the name as one word that means itself. A shell may insert a completion without
/// quotes, and run what a name such as `$(…)` says.
fn is_plain_word(name: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.starts_with(['-', '.']) && name.chars().all(is_plain)
}

/// Returns the arguments of the innermost command.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches
        .subcommand()
        .map_or(matches, |(_, inner)| innermost(inner))
}

/// Returns the value of an argument, if the command has the argument and the line gives a value.
fn value_of<T: Clone + Send + Sync + 'static>(command: &ArgMatches, id: &str) -> Option<T> {
    command.try_get_one::<T>(id).ok().flatten().cloned()
}

/// Returns the names that `--target` gives, once or several times.
fn chosen_targets(command: &ArgMatches) -> Vec<String> {
    let names = command.try_get_many::<String>("target").ok().flatten();
    names.into_iter().flatten().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &str) -> TypedLine {
        let arguments = ["schemastamp", "--"].into_iter().chain(words.split(' '));
        let arguments: Vec<OsString> = arguments.map(OsString::from).collect();
        TypedLine::new(&arguments, &Environment::from_iter([("PGUSER", "app")]))
    }

    #[test]
    fn an_unfinished_line_leads_to_the_connection_that_it_names() {
        for (words, host) in [
            ("schemastamp -h one verify ", "one"),
            ("schemastamp verify -h two ", "two"),
            ("schemastamp rename --host three ", "three"),
            ("schemastamp query -h four ", "four"),
            ("schemastamp capture -h five --schema ", "five"),
        ] {
            let settings = line(words).connections().unwrap();
            let [only] = settings.as_slice() else {
                panic!("{words}: {settings:?}");
            };
            let name = only.connection.hosts()[0].name.clone();
            assert_eq!(name.as_deref(), Some(host), "{words}");
        }
        // What is behind an unknown option is not known either.
        let strange = line("schemastamp verify --nonsense -h six a").connections();
        assert!(strange.is_none(), "{strange:?}");
    }

    #[test]
    fn the_word_to_complete_is_the_last_one_unless_the_shell_says_otherwise() {
        assert!(line("schemastamp verify ").is_at_start());
        assert!(!line("schemastamp verify a").is_at_start());
        let arguments = ["s", "--", "s", "verify", "behind"].map(OsString::from);
        let environment = Environment::from_iter([(INDEX, "1")]);
        let line = TypedLine::new(&arguments, &environment);
        assert_eq!(line.before, ["s"]);
        assert!(!line.is_at_start());
    }

    #[test]
    fn only_words_that_no_shell_reads_otherwise_are_offered() {
        for name in ["acme", "tenant_1", "a-b.c", "größe"] {
            assert!(is_plain_word(name), "{name}");
        }
        for name in [
            "$(id)",
            "a b",
            "`id`",
            "a;b",
            "-rf",
            "~",
            "a*",
            "a'b",
            "a:b",
            "a\nb",
            "a\u{202e}b",
            "#a",
            "!a",
            "a$b",
            "{a,b}",
            ".",
        ] {
            assert!(!is_plain_word(name), "{name:?}");
        }
    }
}
