//! The short help, and tips for words that clap does not know.

use std::ffi::OsString;
use std::io::Write as _;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser as _};

use super::arguments::Arguments;

/// Commands under names that other tools give them.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("add", "provision"),
    ("create", "provision"),
    ("new", "provision"),
    ("delete", "drop"),
    ("remove", "drop"),
    ("rm", "drop"),
    ("diff", "verify"),
    ("compare", "verify"),
    ("dump", "capture"),
    ("baseline", "adopt"),
    ("import", "adopt"),
    ("init", "capture"),
    ("show", "snapshot show"),
    ("undo", "migrate --undo"),
    ("rollback", "migrate --undo"),
    ("down", "migrate --undo"),
    ("fill", "pool fill"),
    ("drain", "pool drain"),
    ("export", "targets export"),
    ("doctor", "diagnose"),
    ("ping", "diagnose"),
    ("list", "status"),
    ("ls", "status"),
    ("history", "runs"),
    ("log", "runs"),
    ("mv", "rename"),
    ("move", "rename"),
    ("cp", "clone"),
    ("copy", "clone"),
    ("sql", "query"),
    ("exec", "query"),
    ("up", "migrate"),
    ("upgrade", "migrate"),
    ("update", "refresh"),
    ("version", "--version"),
];

/// The headings of the options that every command has.
const COMMON_HEADINGS: [&str; 2] = ["Common options", "Connection"];

/// The text of the short help in their place.
const COMMON: &str = "\
Common options: -h HOST, -p PORT, -U ROLE, -d DATABASE, --snapshot FILE,
  --timeout SECONDS, --format json, -q, -v; --help explains every option";

/// Parses the command line.
///
/// `-?` asks for the short help, and so does an `-h` at the end: in front of a value it is the host, as in psql.
pub(super) fn parse(arguments: &[OsString]) -> Result<Arguments, clap::Error> {
    if let Some(asking) = short_help_request(arguments) {
        let asked = brief_command().try_get_matches_from(asking);
        if let Err(error) = asked {
            return Err(with_tips(error));
        }
    }
    Arguments::try_parse_from(arguments).map_err(|error| {
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            let brief = brief_command().try_get_matches_from(arguments);
            return brief.err().unwrap_or(error);
        }
        with_tips(error)
    })
}

/// Prints the help on stdout, or an error on stderr.
pub(super) fn print(error: &clap::Error) {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // If stderr is closed, only the exit code reports the error.
        drop(write!(anstream::stderr(), "{}", error.render().ansi()));
    } else {
        drop(error.print());
    }
}

/// The arguments with `-?` where they ask for the short help.
fn short_help_request(arguments: &[OsString]) -> Option<Vec<OsString>> {
    let options = arguments.iter().position(|argument| argument == "--");
    let options = arguments.get(..options.unwrap_or(arguments.len()))?;
    let ends_with_host = options.len() == arguments.len() && options.last()? == "-h";
    if ends_with_host {
        let (_, before) = arguments.split_last()?;
        return Some([before, &[OsString::from("-?")]].concat());
    }
    let asks = options.iter().any(|argument| argument == "-?");
    asks.then(|| arguments.to_vec())
}

/// The commands with one line in place of the options that all of them have.
fn brief_command() -> clap::Command {
    shortened(Arguments::command())
}

fn shortened(command: clap::Command) -> clap::Command {
    let help = command.get_after_help().map(ToString::to_string);
    let examples = help.unwrap_or_default();
    let examples = examples.split("\n\n").next().unwrap_or_default();
    let end = [examples, COMMON].join("\n\n");
    command
        .mut_args(|argument| {
            let is_common = argument
                .get_help_heading()
                .is_some_and(|heading| COMMON_HEADINGS.contains(&heading));
            argument.hide(is_common)
        })
        .mut_subcommands(shortened)
        .after_help(end.trim_start().to_owned())
}

/// Puts tips that lead somewhere in the place of those for words that are merely spelt alike.
fn with_tips(mut error: clap::Error) -> clap::Error {
    if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) {
        if let Some(tip) = command_tip(word, error.get(ContextKind::Usage)) {
            // clap prints a list of similar commands even if it is empty.
            error.remove(ContextKind::SuggestedSubcommand);
            suggest(&mut error, tip);
        }
    } else if let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg)
        && error.kind() == ErrorKind::UnknownArgument
        && let Some(flag) = argument.strip_prefix("--")
    {
        let flag = flag.split('=').next().unwrap_or_default().to_owned();
        let commands = commands_with(&flag);
        // clap's tip to write `-- --flag` is for values that look like flags.
        error.remove(ContextKind::Suggested);
        if !commands.is_empty() {
            suggest(
                &mut error,
                format!("'--{flag}' is an option of {}", commands.join(", ")),
            );
        }
    }
    error
}

/// Returns the tip for an unknown command, if there is a better one than clap's.
fn command_tip(word: &str, usage: Option<&ContextValue>) -> Option<String> {
    let commands = Arguments::command();
    // `Usage: schemastamp snapshot [OPTIONS] <COMMAND>`
    let usage = usage.map(ToString::to_string).unwrap_or_default();
    let group = usage.split_whitespace().nth(2);
    if let Some(group) = group.and_then(|name| commands.find_subcommand(name)) {
        let inner: Vec<&str> = group
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        return Some(format!(
            "'{}' has the commands: {}",
            group.get_name(),
            inner.join(", ")
        ));
    }
    let (_, command) = OTHER_NAMES.iter().find(|(other, _)| *other == word)?;
    let kind = if command.starts_with('-') {
        "option"
    } else {
        "command"
    };
    Some(format!("the {kind} is '{command}'"))
}

fn suggest(error: &mut clap::Error, tip: String) {
    let tips = vec![StyledStr::from(tip)];
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
}

/// The commands that have an option of this name.
fn commands_with(flag: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![(String::new(), Arguments::command())];
    while let Some((name, command)) = left.pop() {
        let has = |argument: &clap::Arg| argument.get_long() == Some(flag);
        if !name.is_empty() && command.get_arguments().any(has) {
            found.push(name.clone());
        }
        for inner in command.get_subcommands() {
            let name = format!("{name} {}", inner.get_name())
                .trim_start()
                .to_owned();
            left.push((name, inner.clone()));
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &str) -> String {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        parse(&arguments).unwrap_err().render().to_string()
    }

    #[test]
    fn the_short_help_has_the_options_of_the_command_and_one_line_for_the_others() {
        for line in [
            "s provision -h",
            "s provision -?",
            "s provision --jobs 2 -h",
        ] {
            let help = error(line);
            assert!(help.contains("--max-failures <N>"), "{line}: {help}");
            assert!(help.contains("Examples:"), "{line}: {help}");
            assert!(help.contains(COMMON), "{line}: {help}");
            assert!(!help.contains("--sslrootcert"), "{line}: {help}");
        }
        let help = error("s provision --help");
        assert!(
            help.contains("--sslrootcert") && help.contains("--max-failures"),
            "{help}"
        );
        for line in ["s", "s -h", "s pool"] {
            let help = error(line);
            assert!(
                help.contains("Commands:") && help.contains(COMMON),
                "{line}: {help}"
            );
            assert!(!help.contains("--sslrootcert"), "{line}: {help}");
        }
    }

    #[test]
    fn a_host_is_still_a_host() {
        let arguments = ["s", "status", "-h", "db"].map(OsString::from);
        let arguments = parse(&arguments).unwrap();
        assert_eq!(arguments.common.connection().host.as_deref(), Some("db"));
        let arguments = ["s", "render", "--", "-h"].map(OsString::from);
        assert!(parse(&arguments).is_ok());
    }

    #[test]
    fn tips_name_the_command_or_the_option_that_is_meant() {
        for (line, tip) in [
            ("s create acme", "tip: the command is 'provision'"),
            ("s list", "tip: the command is 'status'"),
            ("s init", "tip: the command is 'capture'"),
            ("s version", "tip: the option is '--version'"),
            ("s verify --seed x", "tip: '--seed' is an option of capture"),
            ("s migrat", "tip: a similar subcommand exists: 'migrate'"),
        ] {
            let error = error(line);
            assert!(error.contains(tip), "{line}: {error}");
        }
        let unknown = error("s verify --nonsense");
        assert!(!unknown.contains("tip:"), "{unknown}");
    }

    #[test]
    fn every_other_name_of_a_command_has_one_tip_that_leads_to_it() {
        for (other, command) in OTHER_NAMES {
            let error = error(&format!("s {other}"));
            let tips: Vec<&str> = error.lines().filter(|line| line.contains("tip:")).collect();
            let kind = if command.starts_with('-') {
                "option"
            } else {
                "command"
            };
            assert_eq!(
                tips,
                [format!("  tip: the {kind} is '{command}'")],
                "{other}"
            );
            assert!(error.lines().all(|line| line.trim_end() == line), "{error}");
            let (options, words): (Vec<&str>, Vec<&str>) =
                command.split(' ').partition(|word| word.starts_with('-'));
            let line = [&["s"][..], &words, &["--help"]].concat();
            let help = Arguments::try_parse_from(line).unwrap_err();
            assert!(!help.use_stderr(), "{command}");
            let help = help.to_string();
            assert!(
                options.iter().all(|option| help.contains(option)),
                "{command}: {help}"
            );
        }
    }

    #[test]
    fn an_unknown_command_of_a_group_leads_to_those_of_the_group() {
        for (line, tip) in [
            (
                "s snapshot list",
                "  tip: 'snapshot' has the commands: show",
            ),
            (
                "s snapshot shwo",
                "  tip: 'snapshot' has the commands: show",
            ),
            (
                "s pool create",
                "  tip: 'pool' has the commands: fill, status, drain",
            ),
            (
                "s -q targets ls",
                "  tip: 'targets' has the commands: export",
            ),
        ] {
            let error = error(line);
            let tips: Vec<&str> = error.lines().filter(|line| line.contains("tip:")).collect();
            assert_eq!(tips, [tip], "{error}");
        }
    }
}
