use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::aftermath::marks;
use super::error::ProvisionError;
use crate::pg::{PsqlError, PsqlSession, Server, restrict_key};
use crate::process::Shutdown;
use crate::snapshot::{Marking, RenderOptions, Rendered, Snapshot, TemplateError, one_message};
use crate::sql::TenantName;
use crate::tenant::claim::claim_message;
use crate::tenant::spares::registering;

/// How many objects a psql that is kept open has made before another takes its place: a server's process keeps an entry
/// for each relation that it has touched: some 150 bytes a statement (tried).
const CAPACITY: usize = 200_000;

/// What is done about a tenant that exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfExists {
    /// It is an error.
    #[default]
    Fail,
    /// It is left as it is, if it is whole; it is an error if it lacks objects of the snapshot.
    Skip,
    /// It is done if it was made of this very snapshot; else it is an error. A bulk run that was cut short goes on so.
    Resume,
}

/// How often something is tried that may succeed the next time: a connection that is refused or lost, a deadlock, a
/// serialization failure, too many connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// How often it is tried, at least once.
    pub attempts: u32,
    /// The pause before the second attempt; each later one is twice as long.
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

/// How tenants are provisioned.
#[derive(Clone, Debug, Default)]
pub struct ProvisionOptions {
    /// What of the snapshot is rendered, and how. Without a timeout it gets that of the server's runs.
    pub render: RenderOptions,
    /// What is done about a tenant that exists.
    pub if_exists: IfExists,
    /// Take a ready-made tenant of the pool, where there is one.
    pub from_pool: bool,
    /// What is tried again, and how often.
    pub retries: Retries,
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
    /// It makes spares, until the pool has so many.
    pool_size: Option<usize>,
}

impl Provisioner {
    /// A provisioner; nothing is connected yet.
    pub fn new(server: Server, snapshot: Arc<Snapshot>, mut options: ProvisionOptions) -> Self {
        options.render.timeout = options.render.timeout.or(server.timeout);
        // By its mark a tenant is known again.
        options.render.mark = Marking::Tenant;
        Self {
            server,
            snapshot,
            options,
            pool_size: None,
        }
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The snapshot.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// How it provisions.
    pub fn options(&self) -> &ProvisionOptions {
        &self.options
    }

    /// One that makes spares for a pool of a size: [`ProvisionError::PoolFull`] when there are enough.
    pub(crate) fn for_spares(&self, size: usize) -> Self {
        let mut this = self.clone();
        this.options.render.mark = Marking::Spare;
        this.options.from_pool = false;
        this.options.if_exists = IfExists::Fail;
        this.pool_size = Some(size);
        this
    }

    /// Whether it makes spares, whose names nobody else makes.
    pub(super) fn makes_spares(&self) -> bool {
        self.pool_size.is_some()
    }

    /// A psql that is kept open, for [`Provisioner::provision_by`].
    pub fn session(&self) -> PsqlSession {
        PsqlSession::new(self.server.clone(), CAPACITY)
    }

    /// The script that psql is given for a tenant: all statements as one message; on Citus one by one, in a transaction.
    ///
    /// # Errors
    /// [`ProvisionError::Template`]; [`ProvisionError::Run`] when the operating system has no random bytes.
    pub fn script(&self, tenant: &TenantName) -> Result<String, ProvisionError> {
        let token = new_token()?;
        Ok(self.script_with(&token, &self.statements(tenant, &token)?))
    }

    /// The script that psql is given first, to take a spare of the pool; `None` where none is taken.
    ///
    /// # Errors
    /// As [`Provisioner::script`].
    pub fn claim_script(&self, tenant: &TenantName) -> Result<Option<String>, ProvisionError> {
        if !self.claims() {
            return Ok(None);
        }
        let token = new_token()?;
        Ok(Some(self.claim_script_with(&token, tenant)?))
    }

    /// Whether it takes spares: Citus takes no claim in one message.
    pub(super) fn claims(&self) -> bool {
        self.options.from_pool && !self.options.render.citus
    }

    pub(super) fn claim_script_with(
        &self,
        token: &str,
        tenant: &TenantName,
    ) -> Result<String, TemplateError> {
        Ok(message_with(
            token,
            &claim_message(&self.snapshot, tenant, &self.render_options(token))?,
        ))
    }

    /// What is rendered by the attempt with this token.
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
    ) -> Result<Vec<Rendered>, TemplateError> {
        let mut statements = self
            .snapshot
            .statements_for(tenant, &self.render_options(token))?;
        if let Some(size) = self.pool_size {
            statements.extend(registering(
                tenant,
                &self.snapshot,
                &self.options.render,
                size,
            ));
        }
        Ok(statements)
    }

    /// The script for a tenant. Its message begins with a token that the server's list of activities shows.
    pub(super) fn script_with(&self, token: &str, statements: &[Rendered]) -> String {
        if !self.options.render.citus {
            return message_with(token, &one_message(statements));
        }
        // Citus hands the text of a message on to its workers: a message for each statement. What the server works on is
        // then told by the name of the application.
        let mut script = format!(
            "BEGIN;\nSELECT pg_catalog.set_config('application_name', 'run_{token}', true);\n"
        );
        for statement in statements {
            script.push_str(&statement.sql);
            script.push_str(";\n");
        }
        script.push_str("COMMIT;\n");
        script
    }

    /// The role that tenants belong to: that of the snapshot, or that which they are created as; `None` where it is the one
    /// that logs in.
    pub(super) fn owner(&self) -> Option<String> {
        let render = &self.options.render;
        let of_snapshot = self.snapshot.schema_owner().filter(|_| render.owners);
        of_snapshot.or_else(|| render.role.clone())
    }

    /// What is left of the time.
    pub(super) fn left(&self, start: Instant) -> Option<Duration> {
        self.server.timeout.map(|timeout| {
            timeout
                .saturating_sub(start.elapsed())
                .max(Duration::from_millis(1))
        })
    }

    /// Which of these tenants were made of this very snapshot: one query for all of them.
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
            .filter(|(_, mark)| mark == self.snapshot.fingerprint())
            .map(|(name, _)| name)
            .collect())
    }
}

/// What a tenant's mark says of the attempt that made it: enough of its token to tell it from all others.
pub(super) fn run_of(token: &str) -> &str {
    token.get(..12).unwrap_or(token)
}

/// A message that begins with a token.
pub(super) fn message_with(token: &str, message: &str) -> String {
    format!("SELECT NULL AS run_{token} WHERE false \\;\n{message}")
}

/// A message within a transaction for whose statements there is no limit of time; every message has the token.
pub(super) fn in_a_block(token: &str, message: &str) -> String {
    let (begin, commit) = (
        message_with(token, "BEGIN \\;\nSET LOCAL statement_timeout = 0"),
        message_with(token, "COMMIT"),
    );
    format!("{begin};\n{message}{commit};\n")
}

pub(super) fn new_token() -> Result<String, ProvisionError> {
    restrict_key().map_err(|error| ProvisionError::Run(Box::new(PsqlError::Random(error))))
}
