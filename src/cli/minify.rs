//! The command `minify`.

use serde_json::json;

use super::arguments::MinifyArguments;
use super::failure::CommandError;
use super::output::Output;
use super::session::Session;
use super::snapshot_file;
use crate::exit;

pub(super) fn run(session: &Session, arguments: &MinifyArguments) -> Result<u8, CommandError> {
    let path = match &arguments.file {
        Some(file) => file.clone(),
        None => snapshot_file::find(&session.tool()?)?,
    };
    let snapshot = snapshot_file::load(&path, session)?;
    let minified = snapshot
        .minified()
        .map_err(|source| CommandError::Snapshot {
            path: path.clone(),
            source,
        })?;
    let text = minified.to_text();
    let output = session.output;
    match &arguments.output {
        Some(file) => {
            let changed = Output::file(file, &text)?;
            let (before, after) = (snapshot.body().len(), minified.body().len());
            if output.is_json() {
                let file = file.display().to_string();
                Output::json(
                    &json!({ "summary": { "file": file, "before": before, "after": after, "changed": changed } }),
                )?;
            } else {
                output.say(&format!(
                    "wrote '{}': reduced {before} bytes to {after}",
                    file.display()
                ));
            }
        }
        None if output.is_json() => Output::json(&json!({ "snapshot": text }))?,
        None => Output::raw(&text)?,
    }
    Ok(exit::DONE)
}
