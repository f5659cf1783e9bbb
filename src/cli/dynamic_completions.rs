//! The completions for which a shell asks this program at each Tab, names of tenants and targets too.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use clap::{Arg, Command, CommandFactory as _};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::Shells;

use super::arguments::{Arguments, CompletionShell};
use super::completions::described;
use super::failure::CommandError;
use super::typed_line::TypedLine;
use crate::config::Environment;
use crate::exit;

const PROGRAM: &str = "schemastamp";
/// The variable by which a shell asks; its value is the name of the shell.
const ASKED: &str = "_SCHEMASTAMP_COMPLETE";
/// Commands that take names of tenants that do not exist yet.
const COMMANDS_FOR_NEW_TENANTS: [&str; 2] = ["provision", "render"];

/// Returns the script that makes a shell ask this program.
pub(super) fn script(shell: CompletionShell) -> Result<String, CommandError> {
    let name = match shell {
        CompletionShell::Bash => "bash",
        CompletionShell::Elvish => "elvish",
        CompletionShell::Fish => "fish",
        CompletionShell::Nushell => "nushell",
        CompletionShell::PowerShell => "powershell",
        CompletionShell::Zsh => "zsh",
    };
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(name) else {
        return Err(CommandError::Usage(format!(
            "--tenants is for bash, elvish, fish, powershell and zsh; leave it out for {name}"
        )));
    };
    let mut script = Vec::new();
    shell
        .write_registration(ASKED, PROGRAM, PROGRAM, PROGRAM, &mut script)
        .map_err(|source| CommandError::Stream {
            stream: "standard output",
            source,
        })?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// Answers a shell that asks, and returns the exit code; `None` if no shell asks.
///
/// Failures are silent, because a message would be printed into the line that the user types.
pub(super) fn answer(arguments: &[OsString], environment: &Environment) -> Option<u8> {
    environment.get(ASKED)?;
    let line = Arc::new(TypedLine::new(arguments, environment));
    let directory = environment.absolute(Path::new(""));
    let answered = CompleteEnv::with_factory(|| command(&line))
        .var(ASKED)
        .bin(PROGRAM)
        .completer(PROGRAM)
        .try_complete(arguments.iter().cloned(), directory.as_deref());
    Some(match answered {
        Ok(true) => exit::DONE,
        _ => exit::USAGE,
    })
}

/// Returns the commands with what completes each value.
fn command(line: &Arc<TypedLine>) -> Command {
    let command = with_names(described(Arguments::command()), line);
    if line.is_at_start() {
        // Options are offered for a word that begins with a hyphen, or if there is nothing else.
        without_options(command)
    } else {
        command
    }
}

fn with_names(command: Command, line: &Arc<TypedLine>) -> Command {
    let has_tenants = !COMMANDS_FOR_NEW_TENANTS.contains(&command.get_name());
    command
        .mut_args(|argument| {
            let value = argument.get_value_names().and_then(<[_]>::first);
            match value.map_or("", |value| value.as_str()) {
                "TENANT" | "OLD" | "SCHEMA" if has_tenants => {
                    with_candidates(argument, line, TypedLine::tenants)
                }
                "NAME" if argument.get_id() == "target" => {
                    with_candidates(argument, line, TypedLine::targets)
                }
                _ => argument,
            }
        })
        .mut_subcommands(|command| with_names(command, line))
}

fn with_candidates(
    argument: Arg,
    line: &Arc<TypedLine>,
    names: fn(&TypedLine) -> Vec<String>,
) -> Arg {
    let line = Arc::clone(line);
    argument.add(ArgValueCandidates::new(move || {
        let candidates = names(&line).into_iter();
        candidates.map(CompletionCandidate::new).collect()
    }))
}

fn without_options(command: Command) -> Command {
    command
        .mut_args(|argument| {
            let is_option = !argument.is_positional();
            argument.hide(is_option)
        })
        .mut_subcommands(without_options)
}
