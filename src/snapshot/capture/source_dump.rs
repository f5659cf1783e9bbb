//! The dump that a capture begins with, without what flags leave out and what no copy can have.

use super::dump::{Dump, DumpError, DumpStatement};
use super::error::CaptureError;
use super::inspect::Inspection;
use super::options::{Capture, CaptureSource};
use super::public::is_on_schema;
use super::shared::{Members, PUBLIC, SharedObjects};
use crate::pg::{DumpOptions, PgDump, PgDumpError, Pooling, PsqlError};
use crate::process::{RunError, Shutdown};
use crate::snapshot::object::{Action, ObjectKind};
use crate::sql::quote;

impl Capture {
    /// Returns the text of the dump, and whether it was made of a live schema just now.
    pub(super) async fn source_text(
        &self,
        shutdown: &Shutdown,
    ) -> Result<(String, bool), CaptureError> {
        let source = match &self.source {
            CaptureSource::Live(pg_dump) => {
                let options = DumpOptions {
                    owners: self.owners,
                    privileges: self.privileges,
                    ..DumpOptions::default()
                };
                make_sure_of_the_session(pg_dump, shutdown).await?;
                (
                    pg_dump
                        .dump_schema(&self.schema, &options, shutdown)
                        .await?,
                    true,
                )
            }
            CaptureSource::Dump(text) => (text.clone(), false),
        };
        Ok(source)
    }

    /// Removes what flags leave out.
    pub(super) fn leave_out_unwanted(&self, dump: &mut Dump) {
        if !self.owners {
            dump.statements
                .retain(|statement| statement.object.action != Action::Owner);
        }
        if !self.privileges {
            dump.statements
                .retain(|statement| statement.object.action != Action::Privileges);
        }
        if !self.schema_owner {
            dump.statements
                .retain(|statement| !is_on_schema(statement, Action::Owner));
        }
    }

    /// Returns the objects of extensions in the schema. For a dump, the server may know some of them.
    pub(super) async fn shared_objects(
        &self,
        dump: &Dump,
        live: Option<&Inspection>,
        shutdown: &Shutdown,
    ) -> Result<Option<SharedObjects>, CaptureError> {
        let has_none = live.is_some_and(|live| live.extensions.is_empty());
        if self.schema != PUBLIC || has_none {
            return Ok(None);
        }
        let members = match (live, self.scratch.as_ref().or(self.server.as_ref())) {
            (_, None) => Members::default(),
            (Some(_), Some(server)) => Members::query(server, &[], shutdown).await?,
            // A server that cannot install an extension of the dump may have others.
            (None, Some(server)) => {
                match Members::query(server, &dump.extensions, shutdown).await {
                    Ok(members) => members,
                    Err(PsqlError::Script { .. }) => Members::query(server, &[], shutdown).await?,
                    Err(error) => return Err(error.into()),
                }
            }
        };
        Ok(Some(SharedObjects::new(dump, members, live.is_some())))
    }

    /// Refuses the schema of an extension, and partitions of tables in another schema unless nothing is proven.
    pub(super) fn refuse_what_no_copy_can_be(
        &self,
        inspection: &Inspection,
    ) -> Result<(), CaptureError> {
        if self.schema != PUBLIC
            && let Some(extension) = inspection.extensions.first()
        {
            let extension = extension.clone();
            return Err(DumpError::Extension { extension }.into());
        }
        if self.prove && !inspection.partitions_elsewhere.is_empty() {
            return Err(CaptureError::PartitionElsewhere {
                partitions: inspection.partitions_elsewhere.clone(),
            });
        }
        Ok(())
    }

    /// Refuses partitions of tables in another schema that a dump makes; without a proof, those that it makes as tables
    /// of their own first are carried as such.
    pub(super) fn refuse_partitions_of_others(&self, dump: &Dump) -> Result<(), CaptureError> {
        let partitions: Vec<String> = dump
            .partitions_of_others
            .iter()
            .filter(|partition| self.prove || !partition.is_attached)
            .map(|found| {
                let schema = quote(&self.schema);
                format!("{schema}.{} of {}", found.partition, found.parent)
            })
            .collect();
        if partitions.is_empty() {
            Ok(())
        } else {
            Err(CaptureError::PartitionElsewhere { partitions })
        }
    }
}

/// Checks that the session settings of `pg_dump`, such as `search_path` and `row_security`, apply
/// to its whole session and to no other client.
pub(super) async fn make_sure_of_the_session(
    pg_dump: &PgDump,
    shutdown: &Shutdown,
) -> Result<(), CaptureError> {
    match Pooling::detect(&pg_dump.server, shutdown).await {
        Ok(Pooling::Spread {
            connections,
            server,
        }) => Err(PgDumpError::Pooled {
            connections,
            server,
        }
        .into()),
        Ok(Pooling::Transactions) => {
            tracing::warn!(
                "a pooler in transaction mode stands in between: what pg_dump sets for its session may reach other \
                 clients of the pooler; connect to the server itself"
            );
            Ok(())
        }
        Ok(Pooling::Sessions) => Ok(()),
        // pg_dump will fail in the same way and be explained, except for a shutdown.
        Err(error) => match error {
            PsqlError::Run(
                stopped @ (RunError::Interrupted { .. } | RunError::TimedOut { .. }),
            ) => Err(PgDumpError::Run(stopped).into()),
            error => {
                tracing::debug!(%error, "it is not known whether there is a pooler");
                Ok(())
            }
        },
    }
}

/// Returns whether a statement sets default privileges of one of the roles, which are written as `regrole` prints them.
pub(super) fn sets_privileges_of(statement: &DumpStatement, roles: &[String]) -> bool {
    statement.object.kind == ObjectKind::DefaultPrivileges
        && roles.iter().any(|role| {
            statement
                .text
                .starts_with(&format!("ALTER DEFAULT PRIVILEGES FOR ROLE {role} "))
        })
}
