//! The commands for packagers: completions and manual pages.

use clap::CommandFactory as _;

use super::arguments::Arguments;
use super::failure::CommandError;
use super::output::Output;
use crate::exit;

pub(super) fn completions(shell: clap_complete::Shell) -> Result<u8, CommandError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "schemastamp", &mut text);
    Output::raw(&String::from_utf8_lossy(&text))?;
    Ok(exit::DONE)
}

pub(super) fn man(command: Option<&str>) -> Result<u8, CommandError> {
    let mut program = Arguments::command();
    // Subcommands get the global flags only when clap builds the whole program.
    program.build();
    let page = match command {
        None => program,
        Some(name) => match program.find_subcommand(name) {
            Some(command) => {
                let full_name = format!("schemastamp-{name}");
                command
                    .clone()
                    .name(full_name.clone())
                    .display_name(full_name)
            }
            None => {
                return Err(CommandError::Usage(format!(
                    "there is no command '{name}'; see --help"
                )));
            }
        },
    };
    let mut text = Vec::new();
    let written = clap_mangen::Man::new(page).render(&mut text);
    written.map_err(|source| CommandError::Stream {
        stream: "standard output",
        source,
    })?;
    Output::raw(&String::from_utf8_lossy(&text))?;
    Ok(exit::DONE)
}
