//! The command `man`.

use std::path::Path;

use clap::CommandFactory as _;

use super::arguments::Arguments;
use super::failure::CommandError;
use super::manual;
use super::output::Output;
use crate::exit;
use crate::path;

/// Prints the page of a command, which several words name: `pool fill`.
pub(super) fn man(names: &[String]) -> Result<u8, CommandError> {
    let program = whole_command();
    let mut command = &program;
    for name in names {
        command = command.find_subcommand(name).ok_or_else(|| {
            CommandError::Usage(format!(
                "there is no command '{}'; see --help",
                names.join(" ")
            ))
        })?;
    }
    let text = page(command, &program)?;
    Output::raw(&String::from_utf8_lossy(&text))?;
    Ok(exit::DONE)
}

/// Writes the pages of all commands into a directory.
pub(super) fn man_pages(directory: &Path) -> Result<u8, CommandError> {
    let program = whole_command();
    let mut commands = vec![&program];
    while let Some(command) = commands.pop() {
        let name = command
            .get_display_name()
            .unwrap_or_else(|| command.get_name());
        let file = directory.join(format!("{name}.1"));
        path::write_atomic(&file, &page(command, &program)?)?;
        commands.extend(
            command
                .get_subcommands()
                .filter(|command| !command.is_hide_set()),
        );
    }
    Ok(exit::DONE)
}

/// The program with all its commands, each with its full name and the flags that all share.
fn whole_command() -> clap::Command {
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build();
    program
}

fn page(command: &clap::Command, program: &clap::Command) -> Result<Vec<u8>, CommandError> {
    manual::page(command, program).map_err(|source| CommandError::Stream {
        stream: "standard output",
        source,
    })
}
