//! The end of a dump: its statements are checked as a whole, and brought into the order of a snapshot.

use std::collections::HashSet;

use super::casts::{leave_casts_of_extensions, place_casts};
use super::dump::{Dump, DumpError, DumpStatement};
use super::dump_reader::DumpReader;
use super::not_null::name_not_nulls;
use super::note::{Concern, ConcernId};
use super::order::sort_by_name;
use super::overloads::sort_overloads;
use super::shared::PUBLIC;
use crate::snapshot::object::{Action, ObjectKind};
use crate::sql::quote;

impl DumpReader<'_> {
    pub(super) fn finish(mut self) -> Result<Dump, DumpError> {
        if let Some(line) = self.transactions.unfinished(self.effects) {
            return Err(DumpError::Unfinished { line });
        }
        let renamed = self.renamed.iter();
        if let Some((name, line)) = renamed
            .into_iter()
            .find(|(name, _)| self.dump.rows.contains_key(*name))
        {
            return Err(DumpError::Renamed {
                line: *line,
                table: name.clone(),
            });
        }
        if self.schema == PUBLIC {
            leave_casts_of_extensions(&mut self.dump);
        }
        if !self
            .dump
            .statements
            .iter()
            .any(|statement| statement.object.action != Action::Setting)
        {
            let others = self.others.into_iter().collect();
            return Err(DumpError::NoSchema {
                schema: self.schema.to_owned(),
                others,
            });
        }
        drop_empty_sessions(&mut self.dump.statements);
        if self.schema == PUBLIC {
            self.leave_privileges_of_extensions();
        }
        sort_by_name(&mut self.dump.statements, self.schema);
        sort_overloads(&mut self.dump.statements, self.schema);
        place_casts(&mut self.dump.statements);
        name_not_nulls(&mut self.dump.statements, self.dump.server);
        for rows in std::mem::take(&mut self.unqualified).place(self.schema) {
            if rows.has_others {
                self.concern(ConcernId::RowsElsewhere, quote(&rows.table));
            }
            if !rows.places.is_empty() {
                self.dump.rows.entry(rows.table).or_insert(rows.places);
            }
        }
        self.dump.is_one_schema = self.others.is_empty();
        self.dump.concerns = self
            .concerns
            .into_iter()
            .map(|(id, objects)| Concern {
                id,
                objects: objects.into_iter().collect(),
            })
            .collect();
        Ok(self.dump)
    }

    /// Removes grants on what the dump does not make: members of extensions.
    pub(super) fn leave_privileges_of_extensions(&mut self) {
        let own: HashSet<String> = self.made.iter().map(|(_, name, _)| name.clone()).collect();
        self.dump.statements.retain(|statement| {
            statement.object.action != Action::Privileges
                || matches!(
                    statement.object.kind,
                    ObjectKind::Schema | ObjectKind::DefaultPrivileges | ObjectKind::Setting
                )
                || own.contains(&statement.object.name)
        });
    }
}

/// Removes `SET SESSION AUTHORIZATION` pairs that have nothing of the schema between them.
fn drop_empty_sessions(statements: &mut Vec<DumpStatement>) {
    let is_session = |statement: &DumpStatement| {
        statement.object.kind == ObjectKind::Setting
            && statement.object.action == Action::Privileges
    };
    while let Some(at) = statements.windows(2).position(
        |pair| matches!(pair, [set, reset] if is_session(set) && is_session(reset) && reset.text.ends_with("DEFAULT")),
    ) {
        statements.drain(at..at + 2);
    }
}
