use std::sync::Arc;
use std::time::{Duration, Instant};

use super::hint::hint;
use super::locate::{is_repeatable, locate};
use super::look::{Aftermath, look, look_after};
use super::{Outcome, ProvisionError};
use crate::pg::{PsqlError, ScriptOptions, Server, ServerMessage, SqlState, restrict_key};
use crate::process::{RunError, Stop};
use crate::snapshot::{Action, ObjectKind, RenderOptions, Rendered, Snapshot, one_message};
use crate::sql::TenantName;

/// How often a tenant is tried that other sessions get in the way of.
const ATTEMPTS: u32 = 3;
/// Before the second attempt; longer before each further one.
const PAUSE: Duration = Duration::from_millis(100);

/// What is done about a tenant that exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfExists {
    /// It is an error.
    #[default]
    Fail,
    /// It is left as it is, if it is whole; it is an error if it lacks objects of the snapshot.
    Skip,
}

/// How tenants are provisioned.
#[derive(Clone, Debug, Default)]
pub struct ProvisionOptions {
    /// What of the snapshot is rendered, and how. Without a timeout it gets that of the server's runs.
    pub render: RenderOptions,
    /// What is done about a tenant that exists.
    pub if_exists: IfExists,
}

/// Creates tenants on one server from one snapshot. Clones share the snapshot.
///
/// ```no_run
/// # async fn sign_up(server: schemastamp::pg::Server) -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use schemastamp::process::Stop;
/// use schemastamp::snapshot::Snapshot;
/// use schemastamp::sql::TenantName;
/// use schemastamp::tenant::{ProvisionOptions, Provisioner};
///
/// let snapshot = Snapshot::parse("-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\n")?;
/// let provisioner = Provisioner::new(server, Arc::new(snapshot), ProvisionOptions::default());
/// let outcome = provisioner.provision(&TenantName::new("acme")?, &Stop::never()).await?;
/// println!("{} in {} ms", outcome.word(), outcome.elapsed().as_millis());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Provisioner {
    server: Server,
    snapshot: Arc<Snapshot>,
    options: ProvisionOptions,
}

impl Provisioner {
    /// A provisioner; nothing is connected yet.
    pub fn new(server: Server, snapshot: Arc<Snapshot>, mut options: ProvisionOptions) -> Self {
        options.render.timeout = options.render.timeout.or(server.timeout);
        Self { server, snapshot, options }
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The snapshot.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The script that psql is given for a tenant: all statements as one message.
    ///
    /// # Errors
    /// [`ProvisionError::Template`]; [`ProvisionError::Run`] when the operating system has no random bytes.
    pub fn script(&self, tenant: &TenantName) -> Result<String, ProvisionError> {
        let token = restrict_key().map_err(|error| ProvisionError::Run(Box::new(PsqlError::Random(error))))?;
        Ok(message_with(&token, &self.snapshot.statements_for(tenant, &self.options.render)?))
    }

    /// Creates a tenant: all of it in one transaction, or nothing.
    ///
    /// Two calls for the same name, wherever they are made, give one tenant and one [`ProvisionError::Exists`] (or
    /// [`Outcome::Skipped`]). When the time is up, `stop` asks for the end or the connection is lost, the server is asked
    /// what has become of the tenant before this returns. A deadlock or serialization failure is tried again, twice.
    ///
    /// # Errors
    /// See [`ProvisionError`]; but for [`ProvisionError::Unknown`] nothing of the tenant is left.
    pub async fn provision(&self, tenant: &TenantName, stop: &Stop) -> Result<Outcome, ProvisionError> {
        let start = Instant::now();
        let mut attempt = 1;
        loop {
            let error = match self.attempt(tenant, start, stop).await {
                Err(error) if attempt < ATTEMPTS && is_conflict(&error) => error,
                done => return done,
            };
            let pause = PAUSE * attempt;
            if self.left(start).is_some_and(|left| left < pause * 2) {
                return Err(error);
            }
            tracing::warn!(%tenant, %error, "trying again");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.requested() => return Err(error),
            }
            attempt += 1;
        }
    }

    async fn attempt(&self, tenant: &TenantName, start: Instant, stop: &Stop) -> Result<Outcome, ProvisionError> {
        let token = restrict_key().map_err(|error| ProvisionError::Run(Box::new(PsqlError::Random(error))))?;
        // psql tells its version while the statements are rendered.
        let (version, rendered) = tokio::join!(self.server.psql.version(&self.server.temporary, stop), async {
            self.snapshot
                .statements_for(tenant, &self.options.render)
                .map(|statements| (message_with(&token, &statements), statements))
        });
        let (message, statements) = rendered?;
        version.map_err(|error| self.not_started(error.into()))?;
        let mut server = self.server.clone();
        server.timeout = self.left(start);
        match server.run_script(&message, &ScriptOptions::default(), stop).await {
            Ok(_) => Ok(Outcome::Created { elapsed: start.elapsed() }),
            Err(PsqlError::Script { message, .. }) => self.refused(tenant, *message, &statements, start, stop).await,
            Err(error @ PsqlError::Connect { .. }) => Err(ProvisionError::Connect(Box::new(error))),
            Err(error) if !error.began() => Err(self.not_started(error)),
            Err(error) => self.ended(tenant, &token, error, start).await,
        }
    }

    /// What is left of the time.
    fn left(&self, start: Instant) -> Option<Duration> {
        self.server.timeout.map(|timeout| timeout.saturating_sub(start.elapsed()).max(Duration::from_millis(1)))
    }

    /// The server refused a statement, so nothing of the message stays.
    async fn refused(
        &self,
        tenant: &TenantName,
        message: ServerMessage,
        statements: &[Rendered],
        start: Instant,
        stop: &Stop,
    ) -> Result<Outcome, ProvisionError> {
        let skips = self.options.if_exists == IfExists::Skip;
        let denied = message.sqlstate.is_some_and(|sqlstate| sqlstate.as_str() == "42501");
        if self.says_exists(&message) {
            return if skips { self.existing(tenant, start, stop).await } else { Err(exists(tenant)) };
        }
        // Who may not create schemas is told so before being told that the schema exists.
        if skips && denied && matches!(look(&self.server, tenant, stop).await, Ok(Some(_))) {
            return self.existing(tenant, start, stop).await;
        }
        if let (Some("57014"), Some(after)) = (message.sqlstate.as_ref().map(SqlState::as_str), self.server.timeout)
            && start.elapsed() + Duration::from_millis(50) >= after
        {
            return Err(ProvisionError::TimedOut { after });
        }
        let mut error = (message, None, None);
        if is_repeatable(error.0.sqlstate) {
            let mut server = self.server.clone();
            server.timeout = self.left(start);
            if let Some(located) = locate(&server, statements, tenant, error.0.sqlstate, stop).await {
                error = (located.message, Some(located.statement), located.object);
            }
        }
        let (message, statement, object) = error;
        let hint = hint(&message, object.as_ref(), tenant, self.options.render.role.as_deref());
        Err(ProvisionError::Sql { message: Box::new(message), statement, hint })
    }

    /// Whether the schema exists, as the server says. The snapshot creates no other schema than the tenant's.
    fn says_exists(&self, message: &ServerMessage) -> bool {
        let schemas = self.snapshot.template().statements.iter().filter(|statement| {
            statement.object.action == Action::Create && statement.object.kind == ObjectKind::Schema
        });
        match message.sqlstate.as_ref().map(SqlState::as_str) {
            Some("42P06") => schemas.count() == 1,
            // Somebody else than schemastamp was creating it at the same time.
            Some("23505") => message.constraint.as_deref() == Some("pg_namespace_nspname_index"),
            _ => false,
        }
    }

    /// The schema exists: is it the tenant?
    async fn existing(&self, tenant: &TenantName, start: Instant, stop: &Stop) -> Result<Outcome, ProvisionError> {
        let seen = look(&self.server, tenant, stop)
            .await
            .map_err(|source| ProvisionError::Look { tenant: tenant.to_string(), source: Box::new(source) })?;
        // Dropped in between.
        let Some(seen) = seen else { return Err(exists(tenant)) };
        match seen.compared(&self.snapshot, tenant) {
            Ok(made_of) => Ok(Outcome::Skipped { elapsed: start.elapsed(), made_of }),
            Err((objects, missing)) => {
                Err(ProvisionError::ExistsInPart { tenant: tenant.to_string(), objects, missing })
            }
        }
    }

    /// psql or the connection ended before the server's answer: only the server knows.
    async fn ended(
        &self,
        tenant: &TenantName,
        token: &str,
        cause: PsqlError,
        start: Instant,
    ) -> Result<Outcome, ProvisionError> {
        if !cause.server_refused() {
            let look = match look_after(&self.server, tenant, token).await {
                Ok(Aftermath::Settled(Some(seen))) if seen.mark().as_deref() == Some(self.snapshot.fingerprint()) => {
                    return Ok(Outcome::Created { elapsed: start.elapsed() });
                }
                Ok(Aftermath::Settled(_)) => None,
                Ok(Aftermath::StillRunning) => Some(None),
                Err(error) => Some(Some(Box::new(error))),
            };
            if let Some(look) = look {
                return Err(ProvisionError::Unknown { cause: Box::new(cause), look });
            }
        }
        Err(match cause {
            PsqlError::Run(RunError::TimedOut { after, .. }) => {
                ProvisionError::TimedOut { after: self.server.timeout.unwrap_or(after) }
            }
            PsqlError::Run(RunError::Interrupted { signal, .. }) => ProvisionError::Interrupted { signal },
            cause => ProvisionError::Lost(Box::new(cause)),
        })
    }

    fn not_started(&self, error: PsqlError) -> ProvisionError {
        match error {
            PsqlError::Run(RunError::Interrupted { signal, .. }) => ProvisionError::Interrupted { signal },
            PsqlError::Run(RunError::TimedOut { after, .. }) => {
                ProvisionError::TimedOut { after: self.server.timeout.unwrap_or(after) }
            }
            error => ProvisionError::Run(Box::new(error)),
        }
    }
}

/// Whether only other sessions were in the way: a deadlock or serialization failure, of which nothing stays.
fn is_conflict(error: &ProvisionError) -> bool {
    let ProvisionError::Sql { message, .. } = error else { return false };
    message.sqlstate.is_some_and(|sqlstate| sqlstate.class() == "40" && sqlstate.is_retryable())
}

/// The message for a tenant, which begins with a token that the server's list of activities shows.
fn message_with(token: &str, statements: &[Rendered]) -> String {
    format!("SELECT NULL AS run_{token} WHERE false \\;\n{}", one_message(statements))
}

fn exists(tenant: &TenantName) -> ProvisionError {
    ProvisionError::Exists { tenant: tenant.to_string() }
}
