//! The tenants that `provision` creates: from the command line, a file, or stdin as they arrive.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt as _, Stdin};

use super::failure::CommandError;
use super::output::Output;
use super::slip::{Slip, slips_warning};
use crate::fleet::{LineError, NameLines};
use crate::process::Shutdown;
use crate::sql::TenantName;
use crate::text::plural;

/// The argument that means stdin.
const STDIN: &str = "-";
/// The name of stdin in messages.
const SHOWN: &str = "standard input";

/// A name as given, checked.
#[derive(Debug)]
pub(super) struct NameRequest {
    /// The name as given.
    pub(super) text: String,
    /// The tenant, or the problem with its name.
    pub(super) tenant: Result<TenantName, CommandError>,
    /// True if it was given on the command line.
    is_argument: bool,
}

/// The names, one after the other. Duplicates on the command line and in a file count once. On
/// stdin, each name gets an answer, duplicates too.
#[derive(Debug)]
pub(super) struct NameReader {
    waiting: VecDeque<NameRequest>,
    seen: HashSet<String>,
    path: PathBuf,
    stdin: Option<(Stdin, NameLines)>,
    /// Number of duplicate names.
    repeated: usize,
    /// `true` if names come from stdin.
    streams: bool,
    /// True if names that are likely to be slips have been reported.
    has_warned: bool,
}

impl NameReader {
    /// Takes the names of the command line, then those of the file. A file is read at once, stdin
    /// as it arrives.
    pub(super) fn new(
        tenants: &[String],
        from_file: Option<&Path>,
        read: &dyn Fn(&Path) -> Result<Vec<u8>, CommandError>,
    ) -> Result<Self, CommandError> {
        let waiting = tenants.iter().map(|name| NameRequest {
            text: name.clone(),
            tenant: TenantName::new(name.as_str()).map_err(CommandError::from),
            is_argument: true,
        });
        let mut names = Self {
            waiting: waiting.collect(),
            seen: HashSet::new(),
            path: from_file
                .filter(|path| *path != Path::new(STDIN))
                .unwrap_or(Path::new(SHOWN))
                .to_owned(),
            stdin: None,
            repeated: 0,
            streams: from_file == Some(Path::new(STDIN)),
            has_warned: false,
        };
        match from_file {
            None => {}
            Some(path) if path == Path::new(STDIN) => {
                names.stdin = Some((tokio::io::stdin(), NameLines::default()));
            }
            Some(path) => {
                let bytes = read(path)?;
                let mut lines = NameLines::for_file();
                let mut found = lines.push(&bytes);
                found.extend(lines.finish());
                names.take(found);
            }
        }
        Ok(names)
    }

    /// Returns the next name, or `None` if there are no more or the run is to end.
    pub(super) async fn next(
        &mut self,
        shutdown: &Shutdown,
    ) -> Result<Option<NameRequest>, CommandError> {
        loop {
            if shutdown.signal().is_some() {
                return Ok(None);
            }
            if let Some(wanted) = self.waiting.pop_front() {
                // Names may arrive for days, so the earlier ones are not remembered.
                if self.streams || self.seen.insert(wanted.text.clone()) {
                    return Ok(Some(wanted));
                }
                self.repeated += 1;
            } else if !self.read_more(shutdown).await? {
                return Ok(None);
            }
        }
    }

    /// Warns of the waiting names that are likely to be slips.
    pub(super) fn warn_of_slips(&mut self, output: Output) {
        let names: Vec<&NameRequest> = self.waiting.iter().collect();
        self.has_warned |= warn_of_slips(&names, output);
    }

    /// Warns of a name that has arrived, unless an earlier one was reported.
    pub(super) fn warn_of_slip(&mut self, wanted: &NameRequest, output: Output) {
        self.has_warned = self.has_warned || warn_of_slips(&[wanted], output);
    }

    /// Returns the number of names, duplicates included, or `None` if they come from stdin.
    pub(super) fn known(&self) -> Option<usize> {
        (!self.streams).then_some(self.waiting.len())
    }

    /// Returns the names that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &NameRequest> {
        self.waiting.iter()
    }

    /// Removes names that have their answers.
    pub(super) fn take_out(&mut self, tenants: &BTreeSet<TenantName>) {
        let before = self.waiting.len();
        self.waiting.retain(|wanted| {
            wanted
                .tenant
                .as_ref()
                .map_or(true, |tenant| !tenants.contains(tenant))
        });
        self.repeated += (before - self.waiting.len()).saturating_sub(tenants.len());
    }

    /// Prints the number of duplicate names.
    pub(super) fn say_repeated(&self, output: Output) {
        if self.repeated > 0 {
            output.note(&format!(
                "{} ignored",
                plural(self.repeated, "duplicate name")
            ));
        }
    }

    /// Returns the number of known names that were not handed out.
    pub(super) fn left(&self) -> usize {
        self.waiting
            .iter()
            .filter(|wanted| !self.seen.contains(&wanted.text))
            .count()
    }

    /// Returns `true` if stdin was not read to its end.
    pub(super) fn is_cut_short(&self) -> bool {
        self.stdin.is_some()
    }

    /// Reads from stdin. Returns `false` at its end.
    async fn read_more(&mut self, shutdown: &Shutdown) -> Result<bool, CommandError> {
        let Some((stdin, lines)) = &mut self.stdin else {
            return Ok(false);
        };
        let mut buffer = [0; 8192];
        let length = tokio::select! {
            length = stdin.read(&mut buffer) => length,
            _ = shutdown.requested() => return Ok(true),
        };
        let length = length.map_err(|source| CommandError::Stream {
            stream: "standard input",
            source,
        })?;
        let found = lines.push(buffer.get(..length).unwrap_or_default());
        self.take(found);
        if length == 0 {
            let rest = self.stdin.take().and_then(|(_, lines)| lines.finish());
            self.take(rest);
        }
        Ok(true)
    }

    fn take(&mut self, lines: impl IntoIterator<Item = Result<TenantName, LineError>>) {
        for line in lines {
            let wanted = match line {
                Ok(tenant) => NameRequest {
                    text: tenant.to_string(),
                    tenant: Ok(tenant),
                    is_argument: false,
                },
                Err(source) => {
                    let path = self.path.clone();
                    NameRequest {
                        text: source.text.clone(),
                        tenant: Err(CommandError::Line { path, source }),
                        is_argument: false,
                    }
                }
            };
            self.waiting.push_back(wanted);
        }
    }
}

/// Warns of names that are likely to be slips. Returns `true` if there are any.
fn warn_of_slips(names: &[&NameRequest], output: Output) -> bool {
    let mut slips = BTreeMap::new();
    for wanted in names.iter().filter(|wanted| wanted.tenant.is_ok()) {
        if let Some(slip) = Slip::find(&wanted.text, wanted.is_argument) {
            slips.entry(wanted.text.as_str()).or_insert(slip);
        }
    }
    let warning = slips_warning(&slips);
    if let Some(warning) = &warning {
        output.warning(warning);
    }
    warning.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path;

    #[tokio::test]
    async fn each_name_once_in_order_bad_ones_in_their_place() {
        let file = tempfile::NamedTempFile::new().unwrap();
        path::write_atomic(file.path(), b"c\na\r\n\npg_d\nb\n").unwrap();
        let mut names = NameReader::new(
            &["a".to_owned(), "b".to_owned()],
            Some(file.path()),
            &|path| Ok(path::read(path)?),
        )
        .unwrap();
        let mut seen = Vec::new();
        while let Some(wanted) = names.next(&Shutdown::new()).await.unwrap() {
            seen.push((
                wanted.text,
                wanted.tenant.map_err(|error| error.to_string()).err(),
            ));
        }
        let bad = format!(
            "'{}', line 4: the name 'pg_d' begins with 'pg_', which PostgreSQL reserves for its own schemas",
            file.path().display()
        );
        let expected = [("a", None), ("b", None), ("c", None), ("pg_d", Some(bad))];
        assert_eq!(seen, expected.map(|(name, error)| (name.to_owned(), error)));
        assert_eq!(names.repeated, 2);
    }
}
