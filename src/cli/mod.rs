//! Arguments, commands, output, exit codes.

mod arguments;
mod diagnose;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use self::arguments::{Arguments, Command};
use crate::config::Environment;
use crate::exit;
use crate::process::Stop;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to stdout and are no errors.
            let code = if error.use_stderr() { exit::USAGE } else { exit::DONE };
            return ExitCode::from(if error.print().is_ok() { code } else { exit::USAGE });
        }
    };
    let code = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(run(&arguments));
            // A resolver that hangs has a thread of its own, which must not hold up the end.
            runtime.shutdown_timeout(Duration::ZERO);
            code
        }
        Err(error) => failed(&error),
    };
    ExitCode::from(code)
}

async fn run(arguments: &Arguments) -> u8 {
    let environment = Environment::of_process();
    let done = match Stop::on_signals() {
        Ok(stop) => {
            let code = match &arguments.command {
                Some(Command::Diagnose) => diagnose::run(&arguments.common, &environment, &stop).await,
                None if arguments.diagnose => diagnose::run(&arguments.common, &environment, &stop).await,
                None => Ok(exit::USAGE),
            };
            code.map(|code| {
                stop.now().map_or(code, |signal| {
                    exit::SIGNAL_BASE.saturating_add(u8::try_from(signal.number()).unwrap_or_default())
                })
            })
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(code) => code,
        // Whoever read the output wants no more of it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit::DONE,
        Err(error) => failed(&error),
    }
}

fn failed(error: &io::Error) -> u8 {
    let written = writeln!(anstream::stderr(), "error: {error}");
    tracing::debug!(?written, "reported");
    exit::CONNECTION
}
