//! Asks questions on the terminal.

use std::io::{self, IsTerminal as _, Write as _};

use super::failure::CommandError;
use super::session::Session;

/// Asks on the terminal and returns the answer without its line end, or `None` if stdin is not a
/// terminal. A signal ends the command.
pub(super) async fn ask(session: &Session, question: &str) -> Result<Option<String>, CommandError> {
    if !io::stdin().is_terminal() {
        return Ok(None);
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
    Ok(Some(answer.trim_end_matches(['\n', '\r']).to_owned()))
}
