//! Files that are used because they were found, and not because they were named.

use std::fs;
use std::path::Path;

use crate::path::TextFile;
use crate::process::{foreign_owner, foreign_writers};

/// The way in which a file came to be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileChoice {
    /// A flag or a variable names it.
    #[default]
    Named,
    /// It lies in the working directory, or a file that was found there names it.
    Found,
}

impl FileChoice {
    /// Returns the reason why a file must not be used: another user decides what is in it.
    ///
    /// A targets file names programs to run and variables to send, and a command may well be started in `/tmp` or in
    /// somebody else's directory. Git (`safe.directory`) and `OpenSSH` (`StrictModes`) ask for the owner as well.
    /// `named` is the way to use the file all the same.
    pub(super) fn fault(self, path: &Path, file: &TextFile, named: &str) -> Option<String> {
        if self == Self::Named {
            return None;
        }
        let link = fs::symlink_metadata(path).ok();
        let link = link.filter(fs::Metadata::is_symlink);
        if let Some(owner) = link.as_ref().and_then(foreign_owner) {
            return Some(format!(
                "it is a link of {owner}, who is neither you nor root; replace it, or use it with {named}"
            ));
        }
        if let Some(owner) = foreign_owner(&file.metadata) {
            return Some(format!(
                "it belongs to {owner}, who is neither you nor root; chown it, or use it with {named}"
            ));
        }
        let writers = foreign_writers(&file.metadata)?;
        Some(format!(
            "{writers} may write to it; chmod go-w it, or use it with {named}"
        ))
    }
}
