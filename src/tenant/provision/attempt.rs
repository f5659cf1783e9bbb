//! One attempt to create a tenant, and the meaning of its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::aftermath::{AttemptState, SchemaState, look, look_after};
use super::error::ProvisionError;
use super::hint::hint_for;
use super::locate::{is_repeatable, locate, located_by_line};
use super::outcome::{ProvisionOutcome, ProvisionSource, TenantOrigin};
use super::provisioner::{IfExists, LINES_BEFORE, Provisioner, in_a_block, new_token};
use crate::pg::{PsqlError, PsqlSession, ScriptOptions, ScriptOutput, ServerMessage, SqlState};
use crate::process::{EnvValue, RunError, Shutdown};
use crate::snapshot::citus::{DISTRIBUTES, refuse_distribution, whole_views};
use crate::snapshot::{NO_CITUS, NOT_DISTRIBUTED, NOT_STORABLE, Rendered};
use crate::sql::TenantName;
use crate::tenant::claim::{claimed, forget_message};
use crate::tenant::marker::POOL;
use crate::tenant::spares::{POOL_FULL, STILL_NAMED};
use crate::text::slice;

/// The psql that runs the scripts.
#[derive(Debug)]
pub(crate) enum Psql<'a> {
    /// A new psql for each script.
    Fresh,
    /// A psql that stays open.
    PersistentProcess(&'a mut PsqlSession),
}

/// One attempt to create a tenant.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    pub(super) provisioner: &'a Provisioner,
    pub(super) tenant: &'a TenantName,
    /// The number of the attempt, starting at 1.
    pub(super) number: u32,
    /// The part of the token that all attempts share, which the tenant's marker names.
    pub(super) run: &'a str,
    /// The time when the first attempt began.
    pub(super) start: Instant,
    pub(super) shutdown: &'a Shutdown,
}

/// The outcome of a message.
enum MessageOutcome {
    /// The message is committed, and this is its output.
    Done(ScriptOutput),
    /// The message is not committed, or not certainly.
    Over(Result<ProvisionOutcome, ProvisionError>),
}

impl Attempt<'_> {
    /// Returns a token for a message of this attempt.
    fn new_token(&self) -> Result<String, ProvisionError> {
        let fresh = new_token()?;
        Ok(format!("{}{}", self.run, slice(&fresh, self.run.len()..)))
    }

    pub(super) async fn make(
        &self,
        psql: &mut Psql<'_>,
    ) -> Result<ProvisionOutcome, ProvisionError> {
        let options = &self.provisioner.options;
        if self.provisioner.claims()
            && let Some(outcome) = self.claim(psql).await?
        {
            return Ok(outcome);
        }
        let provisioner = self.provisioner;
        if provisioner.one_by_one.load(Ordering::Relaxed) {
            return self.make_one_by_one(psql).await;
        }
        let token = self.new_token()?;
        // Render the statements while psql reports its version.
        let (version, rendered) = tokio::join!(
            provisioner
                .server
                .psql
                .version(&provisioner.server.temporary, self.shutdown),
            async { provisioner.statements(self.tenant, &token) }
        );
        let statements = rendered?;
        version.map_err(|error| self.not_started(error.into()))?;
        let script = provisioner.script_with(&token, &statements);
        match self.run_snapshot(psql, &token, &script, &statements).await {
            MessageOutcome::Done(output) => {
                if options.render.citus {
                    provisioner.report_warnings(self.tenant, &output.notices);
                }
                Ok(self.created(ProvisionSource::Snapshot))
            }
            MessageOutcome::Over(Err(ProvisionError::Sql { message, .. }))
                if message.says_one_by_one() && !options.render.citus =>
            {
                provisioner.one_by_one.store(true, Ordering::Relaxed);
                self.make_one_by_one(psql).await
            }
            MessageOutcome::Over(Err(error)) if error.is_cancelled() && !options.render.citus => {
                tracing::warn!(reason = %error, "tenant '{}': retrying, with the time limit set first", self.tenant);
                self.make_patiently(psql).await
            }
            MessageOutcome::Over(over) => over,
        }
    }

    /// Creates the tenant in several messages. A timeout of the role or the database is disabled
    /// once the first statement has run, but the server reads a whole message before that.
    async fn make_patiently(
        &self,
        psql: &mut Psql<'_>,
    ) -> Result<ProvisionOutcome, ProvisionError> {
        let token = self.new_token()?;
        let statements = self.provisioner.statements(self.tenant, &token)?;
        let script = in_a_block(&token, &self.provisioner.script_with(&token, &statements));
        match self.run_snapshot(psql, &token, &script, &statements).await {
            MessageOutcome::Done(_) => Ok(self.created(ProvisionSource::Snapshot)),
            MessageOutcome::Over(over) => over,
        }
    }

    /// Creates an ordinary tenant in one message per statement, in a database with Citus that refuses one message for all:
    /// for a foreign key to a reference table.
    async fn make_one_by_one(
        &self,
        psql: &mut Psql<'_>,
    ) -> Result<ProvisionOutcome, ProvisionError> {
        let token = self.new_token()?;
        let statements = whole_views(self.provisioner.statements(self.tenant, &token)?);
        let statements: Vec<Rendered> = std::iter::once(Rendered::added(refuse_distribution()))
            .chain(statements)
            .collect();
        let script = Provisioner::script_one_by_one(&token, &statements);
        match self.run_snapshot(psql, &token, &script, &statements).await {
            MessageOutcome::Done(output) => {
                self.provisioner
                    .report_warnings(self.tenant, &output.notices);
                Ok(self.created(ProvisionSource::Snapshot))
            }
            MessageOutcome::Over(over) => over,
        }
    }

    async fn run_snapshot(
        &self,
        psql: &mut Psql<'_>,
        token: &str,
        script: &str,
        statements: &[Rendered],
    ) -> MessageOutcome {
        let source = ProvisionSource::Snapshot;
        self.run(psql, token, script, statements, source).await
    }

    /// Claims a spare. Returns `None` if there is none.
    async fn claim(&self, psql: &mut Psql<'_>) -> Result<Option<ProvisionOutcome>, ProvisionError> {
        let provisioner = self.provisioner;
        let token = self.new_token()?;
        let script = provisioner.claim_script_with(&token, self.tenant)?;
        match self
            .run(psql, &token, &script, &[], ProvisionSource::Pool)
            .await
        {
            MessageOutcome::Done(output) if claimed(&output.lines, &token) == Some(true) => {
                Ok(Some(self.created(ProvisionSource::Pool)))
            }
            MessageOutcome::Done(_) => Ok(None),
            MessageOutcome::Over(Err(ProvisionError::Sql { message, .. }))
                if has_state(&message, &[STILL_NAMED]) =>
            {
                let spare = &message.message;
                let objects = message.detail.as_deref().unwrap_or_default();
                tracing::warn!(%objects, "the spare {spare} was changed by hand and names itself; it is handed out to nobody");
                let forget = forget_message(spare, &provisioner.options.render);
                if let Err(error) = provisioner
                    .server
                    .run_script(&forget, &ScriptOptions::default(), self.shutdown)
                    .await
                {
                    tracing::debug!(%error, "it stays in the pool");
                }
                Ok(None)
            }
            // Somebody has just dropped the pool.
            MessageOutcome::Over(Err(ProvisionError::Sql { message, .. })) if is_gone(&message) => {
                Ok(None)
            }
            MessageOutcome::Over(over) => over.map(Some),
        }
    }

    async fn run(
        &self,
        psql: &mut Psql<'_>,
        token: &str,
        script: &str,
        statements: &[Rendered],
        source: ProvisionSource,
    ) -> MessageOutcome {
        let left = self.provisioner.left(self.start);
        let options = ScriptOptions::default();
        let ran = match psql {
            Psql::Fresh => {
                let mut server = self.provisioner.server.clone();
                server.timeout = left;
                server.run_script(script, &options, self.shutdown).await
            }
            Psql::PersistentProcess(session) => {
                session
                    .run_script(script, &options, statements.len(), left, self.shutdown)
                    .await
            }
        };
        MessageOutcome::Over(match ran {
            Ok(output) if is_confirmed(&output.lines, token) => {
                return MessageOutcome::Done(output);
            }
            // Exit code 0 alone is no proof.
            Ok(_) => self.ended(token, PsqlError::Unconfirmed, source).await,
            Err(PsqlError::Script { message, .. }) => {
                self.refused(*message, statements, source).await
            }
            Err(error @ (PsqlError::Connect { .. } | PsqlError::Password(_))) => {
                Err(ProvisionError::Connect(Arc::new(error)))
            }
            // psql announces its connection before it sends anything: without the announcement, nothing can have
            // happened.
            Err(error) if !error.began() => Err(self.not_started(error)),
            Err(error) => self.ended(token, error, source).await,
        })
    }

    fn created(&self, source: ProvisionSource) -> ProvisionOutcome {
        ProvisionOutcome::Created {
            elapsed: self.start.elapsed(),
            source,
            attempts: self.number,
        }
    }

    /// Handles a refused statement: nothing of the message remains.
    async fn refused(
        &self,
        message: ServerMessage,
        statements: &[Rendered],
        source: ProvisionSource,
    ) -> Result<ProvisionOutcome, ProvisionError> {
        let options = &self.provisioner.options;
        let looks = options.if_exists != IfExists::Fail;
        let state = message.sqlstate;
        if self.says_exists(&message) {
            // The message of an earlier attempt may have come to its end after it was given up: psql was killed, and the
            // server had not begun with what it had sent.
            if self.number > 1
                && let Ok(Some(seen)) = self.look().await
                && seen.is_of_run(self.run)
            {
                return Ok(self.created(source));
            }
            return if looks {
                self.existing().await
            } else {
                Err(self.exists(None))
            };
        }
        if state == Some(POOL_FULL) {
            return Err(ProvisionError::PoolFull);
        }
        if state.is_some_and(|state| state.as_str() == NO_CITUS) {
            return Err(ProvisionError::NoCitus);
        }
        if state == Some(NOT_DISTRIBUTED) {
            let detail = message.detail.filter(|detail| !detail.is_empty());
            return Err(ProvisionError::NotDistributed { detail });
        }
        if state == Some(DISTRIBUTES) {
            return Err(ProvisionError::WouldDistribute);
        }
        if state == Some(NOT_STORABLE) {
            return Err(ProvisionError::NotStorable(self.tenant.to_string()));
        }
        // PostgreSQL checks the privilege to create schemas before it checks whether the schema
        // exists.
        if looks
            && state == Some(SqlState::INSUFFICIENT_PRIVILEGE)
            && matches!(self.look().await, Ok(Some(_)))
        {
            return self.existing().await;
        }
        // 57014 stands for a statement_timeout and for a statement that was cancelled otherwise. The elapsed time
        // tells them apart, less what an answer takes to arrive.
        if let (Some(SqlState::QUERY_CANCELED), Some(after)) =
            (state, self.provisioner.server.timeout)
            && self.start.elapsed() + Duration::from_millis(50) >= after
        {
            return Err(ProvisionError::TimedOut { after });
        }
        if let (Some(SqlState::QUERY_CANCELED), Some(signal)) = (state, self.shutdown.signal()) {
            return Err(ProvisionError::Interrupted { signal });
        }
        let mut error = (message, None, None);
        // Each statement was a message, so psql has named the line.
        if options.render.citus {
            if let Some(located) = located_by_line(&error.0, LINES_BEFORE, statements, self.tenant)
            {
                error = (located.message, Some(located.statement), located.object);
            }
        } else if is_repeatable(error.0.sqlstate) && !statements.is_empty() {
            let mut server = self.provisioner.server.clone();
            server.timeout = self.provisioner.left(self.start);
            if let Some(located) = locate(
                &server,
                statements,
                self.tenant,
                error.0.sqlstate,
                self.shutdown,
            )
            .await
            {
                error = (located.message, Some(located.statement), located.object);
            }
        }
        let (message, statement, object) = error;
        let hint = hint_for(
            &message,
            object.as_ref(),
            self.tenant,
            options.render.role.as_deref(),
            self.login(),
        );
        Err(ProvisionError::Sql {
            message: Box::new(message),
            statement,
            hint,
        })
    }

    /// Returns the role that logs in, if it is known.
    fn login(&self) -> Option<&str> {
        match self.provisioner.server.environment.get("PGUSER") {
            Some(EnvValue::Plain(user)) => user.to_str(),
            _ => None,
        }
    }

    /// Returns `true` if the server reports that the schema exists.
    fn says_exists(&self, message: &ServerMessage) -> bool {
        // 23505: another program was creating the schema at the same time.
        message.says_schema_exists(self.tenant.as_str())
            || (message.sqlstate == Some(SqlState::UNIQUE_VIOLATION)
                && message.constraint.as_deref() == Some("pg_namespace_nspname_index"))
    }

    async fn look(&self) -> Result<Option<SchemaState>, PsqlError> {
        let owner = self.provisioner.owner();
        look(
            &self.provisioner.server,
            self.tenant,
            owner.as_deref(),
            self.shutdown,
        )
        .await
    }

    /// Checks whether the existing schema is the tenant.
    async fn existing(&self) -> Result<ProvisionOutcome, ProvisionError> {
        let tenant = self.tenant;
        let seen = self.look().await.map_err(|source| ProvisionError::Look {
            tenant: tenant.to_string(),
            source: Box::new(source),
        })?;
        // The schema was dropped in between.
        let Some(seen) = seen else {
            return Err(self.exists(None));
        };
        if let Some(owner) = seen.stranger() {
            return Err(ProvisionError::ExistsOfAnother {
                tenant: tenant.to_string(),
                owner: owner.to_owned(),
            });
        }
        let resumes = self.provisioner.options.if_exists == IfExists::Resume;
        match seen.compared(&self.provisioner.snapshot, tenant) {
            Ok(made_of) if resumes && made_of != TenantOrigin::ThisSnapshot => {
                Err(self.exists(Some(made_of)))
            }
            Ok(made_of) => Ok(ProvisionOutcome::Skipped {
                elapsed: self.start.elapsed(),
                made_of,
            }),
            Err((objects, missing)) => Err(ProvisionError::ExistsInPart {
                tenant: tenant.to_string(),
                objects,
                missing,
            }),
        }
    }

    /// Handles a psql or a connection that ended before the server's answer: only the server knows
    /// the outcome.
    async fn ended(
        &self,
        token: &str,
        cause: PsqlError,
        source: ProvisionSource,
    ) -> Result<ProvisionOutcome, ProvisionError> {
        // An error of the server ends the message for certain. Any other end may have come after the commit.
        if !cause.server_refused() {
            let look = match look_after(&self.provisioner.server, self.tenant, token).await {
                // A tenant that another run created is not this run's.
                Ok(AttemptState::Settled(Some(seen)))
                    if seen.is_of_run(self.run) || self.provisioner.makes_spares() =>
                {
                    return Ok(self.created(source));
                }
                Ok(AttemptState::Settled(_)) => None,
                // The server goes on with a message whose psql is gone, and may commit it after this answer.
                Ok(AttemptState::StillRunning) => Some(None),
                Err(error) => Some(Some(Box::new(error))),
            };
            if let Some(look) = look {
                return Err(ProvisionError::Unknown {
                    cause: Box::new(cause),
                    look,
                });
            }
        }
        Err(match cause {
            PsqlError::Run(RunError::TimedOut { after, .. }) => ProvisionError::TimedOut {
                after: self.provisioner.server.timeout.unwrap_or(after),
            },
            PsqlError::Run(RunError::Interrupted { signal, .. }) => {
                ProvisionError::Interrupted { signal }
            }
            cause => ProvisionError::Lost(Box::new(cause)),
        })
    }

    fn not_started(&self, error: PsqlError) -> ProvisionError {
        match error {
            PsqlError::Run(RunError::Interrupted { signal, .. }) => {
                ProvisionError::Interrupted { signal }
            }
            PsqlError::Run(RunError::TimedOut { after, .. }) => ProvisionError::TimedOut {
                after: self.provisioner.server.timeout.unwrap_or(after),
            },
            error => ProvisionError::Run(Box::new(error)),
        }
    }

    fn exists(&self, made_of: Option<TenantOrigin>) -> ProvisionError {
        ProvisionError::Exists {
            tenant: self.tenant.to_string(),
            made_of,
        }
    }
}

/// Returns whether the last row is the run's own token, or begins with it.
fn is_confirmed(lines: &[String], token: &str) -> bool {
    lines.last().is_some_and(|line| line.starts_with(token))
}

/// Returns `true` if the server reports that the table of spares or its schema is missing.
fn is_gone(message: &ServerMessage) -> bool {
    has_state(
        message,
        &[SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME],
    ) && message.message.contains(POOL)
}

fn has_state(message: &ServerMessage, states: &[SqlState]) -> bool {
    message
        .sqlstate
        .is_some_and(|state| states.contains(&state))
}
