//! The databases of a dump of several, as `pg_dumpall` writes it.

/// The databases that a dump connects to, counted.
#[derive(Default)]
pub(super) struct DumpDatabases {
    /// The database that `\connect` named last.
    current: Option<String>,
    /// The number of others before it.
    number: usize,
    /// The number of the database in which the schema is.
    ours: Option<usize>,
}

impl DumpDatabases {
    /// Takes note of a `\connect`.
    pub(super) fn connect(&mut self, command_line: &str) {
        let is_other = match &self.current {
            Some(current) => *current != command_line,
            // `pg_dumpall` writes roles and tablespaces before the first one: these are of no database.
            None => self.ours.is_some(),
        };
        if is_other {
            self.number += 1;
        }
        self.current = Some(command_line.to_owned());
    }

    /// Takes note of something of the schema. Returns `false` if another database has had something of it.
    pub(super) fn is_ours(&mut self) -> bool {
        *self.ours.get_or_insert(self.number) == self.number
    }
}
