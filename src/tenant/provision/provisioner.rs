use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::aftermath::marks;
use super::error::ProvisionError;
use crate::pg::{MessageSeverity, PsqlError, PsqlSession, Server, ServerMessage, restrict_key};
use crate::process::Shutdown;
use crate::snapshot::{Marking, PLACEHOLDER, RenderOptions, Rendered, Snapshot, one_message};
use crate::sql::TenantName;
use crate::tenant::claim::claim_message;
use crate::tenant::newer::{NewerMigrations, NewerSource};
use crate::tenant::spares::registering;
use crate::text::{slice, swriteln};

/// Number of statements after which an open psql is replaced. The server's backend keeps an entry
/// for each relation that it has touched, about 150 bytes per statement (measured on `PostgreSQL`
/// 15).
const CAPACITY: usize = 200_000;

/// The lines of a script in front of its first statement, where each statement is sent by itself.
pub(super) const LINES_BEFORE: usize = 2;

/// The reaction to an existing tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IfExists {
    /// It is an error.
    #[default]
    Fail,
    /// A complete tenant is accepted. It is an error if it lacks objects of the snapshot.
    Skip,
    /// A tenant of this same snapshot is accepted. Any other is an error. An interrupted bulk run
    /// continues in this way.
    Resume,
}

/// Limits retries of transient errors: a refused or lost connection, a deadlock, a serialization
/// failure, too many connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Number of attempts, at least one.
    pub attempts: u32,
    /// The pause before the second attempt. Each later one is twice as long.
    pub pause: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: 3,
            pause: Duration::from_millis(100),
        }
    }
}

/// Options of provisioning.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ProvisionOptions {
    /// Options of rendering. Without a timeout, that of the server applies.
    pub render: RenderOptions,
    /// The reaction to an existing tenant.
    pub if_exists: IfExists,
    /// Claims a spare of the pool, if there is one.
    pub from_pool: bool,
    /// The limits of retries.
    pub retries: Retries,
    /// Applies the migrations that are newer than the snapshot, in the same transaction.
    pub newer: Option<Arc<NewerSource>>,
}

/// Creates tenants on one server from one snapshot. Clones share the snapshot.
///
/// ```no_run
/// # async fn sign_up(server: schemastamp::pg::Server) -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use schemastamp::process::Shutdown;
/// use schemastamp::snapshot::Snapshot;
/// use schemastamp::sql::TenantName;
/// use schemastamp::tenant::{ProvisionOptions, Provisioner};
///
/// let snapshot = Snapshot::parse("-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\n")?;
/// let provisioner = Provisioner::new(server, Arc::new(snapshot), ProvisionOptions::default());
/// let outcome = provisioner.provision(&TenantName::new("acme")?, &Shutdown::new()).await?;
/// println!("{} in {} ms", outcome.word(), outcome.elapsed().as_millis());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Provisioner {
    pub(super) server: Server,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) options: ProvisionOptions,
    /// The size of the pool, if this provisioner creates spares.
    pool_size: Option<usize>,
    /// The server's warnings that were reported, with the placeholder for the tenant's name. Clones share them.
    warned: Arc<Mutex<BTreeSet<String>>>,
    /// `true` once Citus has refused one message for a whole tenant. Clones share it.
    pub(super) one_by_one: Arc<AtomicBool>,
}

impl Provisioner {
    /// Creates a provisioner. It does not connect yet.
    pub fn new(server: Server, snapshot: Arc<Snapshot>, mut options: ProvisionOptions) -> Self {
        options.render.timeout = options.render.timeout.or(server.timeout);
        // The marker identifies the tenant later.
        options.render.mark = Marking::Tenant;
        Self {
            server,
            snapshot,
            options,
            pool_size: None,
            warned: Arc::default(),
            one_by_one: Arc::default(),
        }
    }

    /// Reports warnings of Citus, each once: they are alike for all tenants of a snapshot.
    pub(super) fn report_warnings(&self, tenant: &TenantName, notices: &[ServerMessage]) {
        for notice in notices {
            let detail = notice.detail.as_deref().unwrap_or_default();
            let text = [notice.message.as_str(), detail]
                .join("; ")
                .trim_end_matches("; ")
                .to_owned();
            let general = without_name(&text, tenant.as_str());
            let is_new = self
                .warned
                .lock()
                .is_ok_and(|mut warned| warned.insert(general));
            if notice.severity == MessageSeverity::Warning && is_new {
                tracing::warn!("tenant '{tenant}': {text}");
            }
        }
    }

    /// Returns the server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Returns the snapshot.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the options.
    pub fn options(&self) -> &ProvisionOptions {
        &self.options
    }

    /// Returns a provisioner that creates spares for a pool of `size`. It fails with
    /// [`ProvisionError::PoolFull`] once there are enough.
    pub(crate) fn for_spares(&self, size: usize) -> Self {
        let mut this = self.clone();
        this.options.render.mark = Marking::Spare;
        this.options.from_pool = false;
        // A claim applies them.
        this.options.newer = None;
        this.options.if_exists = IfExists::Fail;
        this.pool_size = Some(size);
        this
    }

    /// Returns `true` if it creates spares, whose names nobody else uses.
    pub(super) fn makes_spares(&self) -> bool {
        self.pool_size.is_some()
    }

    /// Returns a psql that stays open, for [`Provisioner::provision_by`].
    pub fn session(&self) -> PsqlSession {
        PsqlSession::new(self.server.clone(), CAPACITY)
    }

    /// Returns the script for a tenant: all statements in one message, or on Citus one by one in a
    /// transaction.
    ///
    /// # Errors
    /// [`ProvisionError::Template`], or [`ProvisionError::Run`] if the operating system has no
    /// random bytes.
    pub fn script(&self, tenant: &TenantName) -> Result<String, ProvisionError> {
        let token = new_token()?;
        Ok(self.script_with(&token, &self.statements(tenant, &token)?))
    }

    /// Returns the script that claims a spare of the pool first, or `None` if no spare is used.
    ///
    /// # Errors
    /// See [`Provisioner::script`].
    pub fn claim_script(&self, tenant: &TenantName) -> Result<Option<String>, ProvisionError> {
        if !self.claims() {
            return Ok(None);
        }
        let token = new_token()?;
        Ok(Some(self.claim_script_with(&token, tenant)?))
    }

    /// Returns `true` if it claims spares.
    pub(super) fn claims(&self) -> bool {
        self.options.from_pool
    }

    pub(super) fn claim_script_with(
        &self,
        token: &str,
        tenant: &TenantName,
    ) -> Result<String, ProvisionError> {
        let newer = self.newer()?;
        let message = claim_message(
            &self.snapshot,
            newer.as_deref(),
            tenant,
            &self.render_options(token),
            token,
        )?;
        Ok(message_with(token, &message))
    }

    /// Returns the statements of the attempt with this token.
    pub(super) fn render_options(&self, token: &str) -> RenderOptions {
        RenderOptions {
            run: Some(run_of(token).to_owned()),
            ..self.options.render.clone()
        }
    }

    pub(super) fn statements(
        &self,
        tenant: &TenantName,
        token: &str,
    ) -> Result<Vec<Rendered>, ProvisionError> {
        let mut statements = self
            .snapshot
            .statements_for(tenant, &self.render_options(token))?;
        if let Some(newer) = self.newer()? {
            statements.extend(newer.statements(tenant, &self.options.render)?);
        }
        if let Some(size) = self.pool_size {
            statements.extend(registering(
                tenant,
                &self.snapshot,
                &self.options.render,
                size,
            ));
        }
        Ok(self.snapshot.contained(statements))
    }

    /// Returns the script for a tenant. Its message begins with a token that `pg_stat_activity` shows,
    /// and ends with a row that has it: only the server can have sent that.
    pub(super) fn script_with(&self, token: &str, statements: &[Rendered]) -> String {
        let confirmation = format!("SELECT '{token}'");
        if !self.options.render.citus {
            let mut all = statements.to_vec();
            if self.changes_session() {
                // When a statement fails, a session's lock and a prepared statement stay. A pooler closes the connection of
                // a client that leaves within a transaction, which is the one way to be rid of them.
                all.insert(0, Rendered::added("BEGIN".to_owned()));
                all.push(Rendered::added("COMMIT".to_owned()));
            }
            // psql before 15 prints the result of the last statement only.
            all.push(Rendered::added(confirmation));
            return message_with(token, &one_message(&all));
        }
        Self::script_one_by_one(token, statements)
    }

    /// Returns a script that sends each statement by itself, behind [`LINES_BEFORE`] lines.
    ///
    /// Citus forwards the text of a message to its workers. The application's name then identifies the run in
    /// `pg_stat_activity`.
    pub(super) fn script_one_by_one(token: &str, statements: &[Rendered]) -> String {
        let confirmation = format!("SELECT '{token}'");
        let mut script = format!(
            "BEGIN;\nSELECT pg_catalog.set_config('application_name', 'run_{token}', true);\n"
        );
        for statement in statements {
            script.push_str(&statement.sql);
            script.push_str(";\n");
        }
        swriteln!(script, "COMMIT;\n{confirmation};");
        script
    }

    /// Returns the migrations that are newer than the snapshot, as they are now.
    fn newer(&self) -> Result<Option<Arc<NewerMigrations>>, ProvisionError> {
        let newer = self.options.newer.as_ref().map(|source| source.current());
        let newer = newer.transpose();
        newer.map_err(|error| ProvisionError::Newer(Arc::new(error)))
    }

    /// Returns `true` if the statements for a tenant may change the session.
    fn changes_session(&self) -> bool {
        self.snapshot.changes_session() || self.options.newer.is_some()
    }

    /// Returns the role that tenants belong to: that of the snapshot, or the one that creates them.
    /// `None` stands for the login role.
    pub(super) fn owner(&self) -> Option<String> {
        let render = &self.options.render;
        let of_snapshot = self.snapshot.schema_owner().filter(|_| render.owners);
        of_snapshot.or_else(|| render.role.clone())
    }

    /// Returns the remaining time.
    pub(super) fn left(&self, start: Instant) -> Option<Duration> {
        self.server.timeout.map(|timeout| {
            timeout
                .saturating_sub(start.elapsed())
                .max(Duration::from_millis(1))
        })
    }

    /// Returns those of the tenants that were created from this same snapshot, with one query.
    ///
    /// # Errors
    /// See [`PsqlError`].
    pub async fn made_already(
        &self,
        tenants: &[TenantName],
        shutdown: &Shutdown,
    ) -> Result<BTreeSet<TenantName>, PsqlError> {
        let found = marks(&self.server, tenants, self.owner().as_deref(), shutdown).await?;
        Ok(found
            .into_iter()
            .filter(|(_, mark)| self.snapshot.has_fingerprint(mark))
            .map(|(name, _)| name)
            .collect())
    }
}

/// Returns a text with the placeholder for a name, where it stands as a word.
fn without_name(text: &str, name: &str) -> String {
    let in_word = |character: Option<char>| {
        character.is_some_and(|character| character.is_alphanumeric() || character == '_')
    };
    let mut general = String::new();
    let mut rest = 0;
    for (start, _) in text.match_indices(name) {
        let before = slice(text, ..start);
        let after = slice(text, start + name.len()..);
        if in_word(before.chars().next_back()) || in_word(after.chars().next()) {
            continue;
        }
        general.push_str(slice(text, rest..start));
        general.push_str(PLACEHOLDER);
        rest = start + name.len();
    }
    general + slice(text, rest..)
}

/// Returns the part of an attempt's token that goes into the marker.
pub(super) fn run_of(token: &str) -> &str {
    token.get(..12).unwrap_or(token)
}

/// Returns a message that begins with a token.
pub(super) fn message_with(token: &str, message: &str) -> String {
    format!("SELECT NULL AS run_{token} WHERE false \\;\n{message}")
}

/// Returns the messages of a transaction whose statements have no time limit. Each message has the
/// token.
pub(super) fn in_a_block(token: &str, message: &str) -> String {
    let begin = message_with(token, "BEGIN \\;\nSET LOCAL statement_timeout = 0");
    let commit = message_with(token, "COMMIT");
    format!("{begin};\n{message}{commit};\n")
}

pub(super) fn new_token() -> Result<String, ProvisionError> {
    restrict_key().map_err(|error| ProvisionError::Run(Box::new(PsqlError::Random(error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_alike_but_for_the_name() {
        let warning =
            |name: &str| format!("\"view {name}.v\" has dependency to \"table a_b\", that {name}");
        let general = without_name(&warning("a"), "a");
        assert_eq!(
            general,
            "\"view #{prefix}.v\" has dependency to \"table a_b\", that #{prefix}"
        );
        assert_eq!(without_name(&warning("b-c"), "b-c"), general);
    }
}
