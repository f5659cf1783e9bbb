use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use super::arguments::{Arguments, Command, DiagnoseArguments};
use super::common::Format;
use super::failure::CommandError;
use super::lines::{self, ErrorLine, ErrorObject, Line};
use super::log::log_to_stderr;
use super::output::Output;
use super::session::Session;
use super::{
    adopt, capture, completions, diagnose, drop, dynamic_completions, help, migrate, minify,
    move_tenant, nagios, packaging, pool, project, provision, query, refresh, render, runs,
    snapshot_show, status, targets, verify,
};
use crate::config::Environment;
use crate::exit;
use crate::process::Shutdown;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = dynamic_completions::answer(&words, &Environment::from_process()) {
        return ExitCode::from(code);
    }
    let arguments = match help::parse(&words) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to stdout and are not errors, also if stdout was closed early.
            let code = if error.use_stderr() {
                exit::USAGE
            } else {
                exit::DONE
            };
            help::print(&error);
            if code == exit::USAGE && wants_format("nagios", std::env::args_os()) {
                drop(Output::raw(&nagios::unknown("wrong usage")));
                return ExitCode::from(nagios::UNKNOWN);
            }
            if code == exit::USAGE && wants_format("json", std::env::args_os()) {
                // If stdout is closed, only the exit code reports the error.
                drop(Output::json(&Line::Error(ErrorLine {
                    error: usage(&error),
                })));
            }
            return ExitCode::from(code);
        }
    };
    let code = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let code = runtime.block_on(run(arguments));
            // Do not wait for the threads of a hanging resolver or a reader of stdin.
            runtime.shutdown_timeout(Duration::ZERO);
            code
        }
        Err(error) => {
            drop(writeln!(anstream::stderr(), "error: cannot start: {error}"));
            exit::PROGRAM
        }
    };
    ExitCode::from(code)
}

/// Returns `true` if arguments that clap refuses ask for a format.
fn wants_format(format: &str, arguments: impl Iterator<Item = OsString>) -> bool {
    let mut format_follows = false;
    for argument in arguments.take_while(|argument| argument != "--") {
        let is_flag = argument == format!("--format={format}").as_str();
        if is_flag || (format_follows && argument == format) {
            return true;
        }
        format_follows = argument == "--format";
    }
    false
}

/// Wrong usage, as programs get it: clap's message without its label, and its tips as the hint.
fn usage(error: &clap::Error) -> ErrorObject {
    let text = error.render().to_string();
    let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let message = message.trim().trim_start_matches("error:").trim();
    let tips = rest
        .lines()
        .map(str::trim)
        .filter_map(|line| line.strip_prefix("tip: "));
    let tips = tips.collect::<Vec<_>>().join("; ");
    let message = message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    ErrorObject {
        hint: Some(tips).filter(|tips| !tips.is_empty()),
        ..ErrorObject::new("usage", message)
    }
}

async fn run(arguments: Arguments) -> u8 {
    let output = Output::new(&arguments.common);
    log_to_stderr(&arguments.common);
    let shutdown = match Shutdown::on_signals() {
        Ok(shutdown) => shutdown,
        Err(error) => return output.fail(&CommandError::Signals(error), None),
    };
    let only_prints = matches!(
        arguments.command,
        Some(
            Command::Render(_)
                | Command::Minify(_)
                | Command::Snapshot(_)
                | Command::Completions { .. }
                | Command::Man { .. }
                | Command::JsonSchema
        )
    );
    let session = Session::new(
        arguments.common,
        Environment::from_process(),
        output,
        shutdown,
    );
    match Box::pin(command(&session, arguments.command)).await {
        Ok(code) => {
            if code == exit::CONNECTION || code >= exit::SIGNAL_BASE {
                session.forget_link().await;
            } else {
                session.say_plaintext().await;
            }
            code
        }
        Err(failure) => {
            session.forget_link().await;
            // For a command that only prints, a closed stdout is success. For any other command,
            // some of its work was not done.
            if only_prints && failure.is_broken_pipe() {
                return exit::DONE;
            }
            session.look_closer(&failure).await;
            session.say_project();
            let code = session.output.fail(&failure, session.context());
            if session.common.diagnose
                && matches!(code, exit::CONNECTION | exit::FILE)
                && session.context().is_some()
            {
                drop(diagnose::run(&session, DiagnoseArguments::default()).await);
            }
            code
        }
    }
}

/// Fills in what a project's file says, for the commands that it is about.
fn with_project(
    session: &Session,
    mut command: Option<Command>,
) -> Result<Option<Command>, CommandError> {
    let only_prints = matches!(
        command,
        Some(Command::Completions { .. } | Command::Man { .. } | Command::JsonSchema)
    );
    if !only_prints {
        let project = session.read_project()?;
        if let Some(command) = &mut command {
            project::fill(command, session, project)?;
        }
    }
    Ok(command)
}

async fn command(session: &Session, command: Option<Command>) -> Result<u8, CommandError> {
    let command = with_project(session, command)?;
    let (fits, command_of_format) = match session.common.format {
        Format::Text | Format::Json => (true, ""),
        Format::Csv => (
            matches!(command, Some(Command::Query(_))),
            "csv is for `query`",
        ),
        Format::Nagios => (
            matches!(command, None | Some(Command::Diagnose(_))),
            "nagios is for `diagnose`",
        ),
        Format::Pgdog => (
            matches!(command, Some(Command::Targets(_))),
            "pgdog is for `targets export`",
        ),
        Format::Pgbouncer => (
            matches!(command, Some(Command::Targets(_))),
            "pgbouncer is for `targets export`",
        ),
    };
    if !fits {
        return Err(CommandError::Usage(format!(
            "--format {command_of_format}; pass --format text or json"
        )));
    }
    let takes_several = match &command {
        Some(Command::Verify(_) | Command::Adopt(_)) => true,
        Some(Command::Migrate(arguments)) => arguments.check_drift,
        _ => false,
    };
    if session.common.snapshot.len() > 1 && !takes_several {
        return Err(CommandError::Usage(
            "only verify, adopt and migrate --check-drift take --snapshot more than once"
                .to_owned(),
        ));
    }
    match command {
        Some(Command::Capture(arguments)) => capture::run(session, arguments).await,
        Some(Command::Minify(arguments)) => minify::run(session, &arguments).await,
        Some(Command::Snapshot(arguments)) => snapshot_show::run(session, &arguments).await,
        Some(Command::Render(arguments)) => render::run(session, &arguments),
        Some(Command::Provision(arguments)) => Box::pin(provision::run(session, arguments)).await,
        Some(Command::Pool(arguments)) => Box::pin(pool::run(session, arguments)).await,
        Some(Command::Migrate(arguments)) => match arguments.undo.clone() {
            Some(run) => Box::pin(migrate::undo(session, arguments, run)).await,
            None => Box::pin(migrate::run(session, arguments)).await,
        },
        Some(Command::Runs(arguments)) => runs::run(session, arguments).await,
        Some(Command::Adopt(arguments)) => Box::pin(adopt::run(session, arguments)).await,
        Some(Command::Query(arguments)) => Box::pin(query::run(session, arguments)).await,
        Some(Command::Status(arguments)) => status::run(session, arguments).await,
        Some(Command::Verify(arguments)) => Box::pin(verify::run(session, arguments)).await,
        Some(Command::Refresh(arguments)) => Box::pin(refresh::run(session, arguments)).await,
        Some(Command::Check(arguments)) => Box::pin(refresh::check(session, arguments)).await,
        Some(Command::Drop(arguments)) => drop::run(session, arguments).await,
        Some(Command::Rename(arguments)) => Box::pin(move_tenant::rename(session, arguments)).await,
        Some(Command::Clone(arguments)) => Box::pin(move_tenant::clone(session, arguments)).await,
        Some(Command::Targets(arguments)) => targets::run(session, arguments.command).await,
        Some(Command::Diagnose(arguments)) => {
            session.say_project();
            diagnose::run(session, arguments).await
        }
        Some(Command::Completions { shell, tenants }) => {
            let script = if tenants {
                dynamic_completions::script(shell)?
            } else {
                completions::script(shell)
            };
            Output::raw(&script)?;
            Ok(exit::DONE)
        }
        Some(Command::Man { command, dir: None }) => packaging::man(&command),
        Some(Command::Man { dir: Some(dir), .. }) => packaging::man_pages(&dir),
        Some(Command::JsonSchema) => {
            Output::raw(&lines::schema())?;
            Ok(exit::DONE)
        }
        None if session.common.diagnose => {
            session.say_project();
            diagnose::run(session, DiagnoseArguments::default()).await
        }
        None => Err(CommandError::Usage("no command; see --help".to_owned())),
    }
}
