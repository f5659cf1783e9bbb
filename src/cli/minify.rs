//! The command `minify`.

use super::arguments::MinifyArguments;
use super::failure::CommandError;
use super::lines::{Counts, MinifyCounts};
use super::session::{Session, input_name};
use super::snapshot_file;
use crate::exit;

pub(super) async fn run(
    session: &Session,
    arguments: &MinifyArguments,
) -> Result<u8, CommandError> {
    let path = match &arguments.file {
        Some(file) => file.clone(),
        None => snapshot_file::find(&session.tool()?)?,
    };
    let snapshot = snapshot_file::load_or_stdin(&path, session).await?;
    let minified = snapshot
        .minified()
        .map_err(|source| CommandError::Snapshot {
            path: input_name(&path).to_owned(),
            source,
        })?;
    let text = minified.to_text();
    let output = session.output;
    let before = snapshot.body().len();
    let after = minified.body().len();
    let changed = output.snapshot(arguments.output.as_deref(), text)?;
    let file = arguments.output.as_ref();
    let file = file.map(|file| file.display().to_string());
    if let (Some(file), false) = (&file, output.is_json()) {
        output.say(&format!(
            "wrote '{file}': reduced {before} bytes to {after}"
        ));
    }
    session.summary(Counts::Minify(MinifyCounts {
        file,
        before,
        after,
        changed,
    }))?;
    Ok(exit::DONE)
}
