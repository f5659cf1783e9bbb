//! Asks questions on the terminal.

use std::io::{self, IsTerminal as _, Write as _};

use super::failure::CommandError;
use super::session::Session;

/// Answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PromptAnswer {
    /// A line, without its end.
    Line(String),
    /// The input ended (Ctrl-D).
    EndOfInput,
    /// Stdin is not a terminal, so nothing was asked.
    NoTerminal,
}

/// Asks on the terminal. A signal ends the command.
pub(super) async fn ask(session: &Session, question: &str) -> Result<PromptAnswer, CommandError> {
    if !io::stdin().is_terminal() {
        return Ok(PromptAnswer::NoTerminal);
    }
    drop(anstream::stderr().write_all(question.as_bytes()));
    let read = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map(|_| answer)
    });
    let answer = tokio::select! {
        read = read => read.unwrap_or_else(|error| Err(io::Error::other(error))),
        signal = session.shutdown.requested() => {
            session.output.say("");
            return Err(CommandError::Interrupted(signal));
        }
    };
    let answer = answer.map_err(|source| CommandError::Stream {
        stream: "standard input",
        source,
    })?;
    if answer.is_empty() {
        session.output.say("");
        return Ok(PromptAnswer::EndOfInput);
    }
    Ok(PromptAnswer::Line(
        answer.trim_end_matches(['\n', '\r']).to_owned(),
    ))
}
