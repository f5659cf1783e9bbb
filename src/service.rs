//! The façade for services: tenants of one database, made of one snapshot.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{ConnectionFlags, ToolFlags};
use crate::connect::{self, Target};
use crate::diagnose::explain;
use crate::fleet::migrate::migrate;
use crate::fleet::verify::{VerifyOptions, verify};
use crate::pg::ScriptOptions;
use crate::tenant::Provisioner;
use crate::tenant::compare::Reference;
use crate::text::error_chain;

// What the methods below take and return, so that a service needs no other module.
#[doc(no_inline)]
pub use crate::config::{ConfigError, Environment, Settings};
#[doc(no_inline)]
pub use crate::connect::ConnectError;
#[doc(no_inline)]
pub use crate::diagnose::Finding;
#[doc(no_inline)]
pub use crate::fleet::TenantSelection;
#[doc(no_inline)]
pub use crate::fleet::migrate::{MigrateError, MigrateOptions, MigrateReport};
#[doc(no_inline)]
pub use crate::fleet::verify::{Verification, VerifyError};
#[doc(no_inline)]
pub use crate::pg::PsqlError;
#[doc(no_inline)]
pub use crate::process::Shutdown;
#[doc(no_inline)]
pub use crate::snapshot::{Snapshot, SnapshotError};
#[doc(no_inline)]
pub use crate::sql::{NameError, TenantName};
#[doc(no_inline)]
pub use crate::tenant::migrate::{MigrateOutcome, TenantReport};
#[doc(no_inline)]
pub use crate::tenant::migrations::{MigrationError, Migrations, read_folder};
#[doc(no_inline)]
pub use crate::tenant::{IfExists, ProvisionError, ProvisionOptions, ProvisionOutcome};

/// The tenants of one database, made of one snapshot. Made once at start-up; clones are cheap.
///
/// ```no_run
/// use schemastamp::service::{ServiceError, Tenants};
///
/// # async fn start() -> Result<(), ServiceError> {
/// let tenants = Tenants::from_env("-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\n").await?;
/// tenants.check().await?;
/// match tenants.provision("acme").await {
///     Ok(outcome) => println!("{outcome:?}"),
///     Err(error) if error.id() == "tenant.exists" => println!("the name is taken"),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Tenants {
    target: Arc<Target>,
    snapshot: Arc<Snapshot>,
    provisioner: Provisioner,
    shutdown: Shutdown,
}

/// The reason why something that a service asked for was not done.
///
/// `Display` carries the whole reason; [`id`](ServiceError::id) is stable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// A setting is missing, empty or malformed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// psql cannot be used, or the connection could not work.
    #[error("{}", error_chain(.0))]
    Connect(#[from] ConnectError),
    /// The snapshot is invalid.
    #[error("{}", error_chain(.0))]
    Snapshot(#[from] SnapshotError),
    /// No schema can have this name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The server could not be reached, or did not answer as it should.
    #[error("{}", error_chain(.0))]
    Server(#[from] PsqlError),
    /// The tenant was not created.
    #[error("{}", error_chain(.0))]
    Provision(#[from] ProvisionError),
    /// No tenant could be migrated.
    #[error("{}", error_chain(.0))]
    Migrate(#[from] MigrateError),
    /// The tenants could not be compared.
    #[error("{}", error_chain(.0))]
    Verify(#[from] VerifyError),
}

impl ServiceError {
    /// Returns the stable id, such as `tenant.exists`: docs/errors.md lists them.
    ///
    /// A connection that failed has `connection.failed`; the id of [`Tenants::explain`]'s finding is closer.
    pub fn id(&self) -> String {
        match self {
            Self::Config(error) => error.id().to_owned(),
            Self::Connect(ConnectError::Psql(error)) | Self::Server(error) => error.id(),
            Self::Connect(ConnectError::Tls { error, .. }) => error.id(),
            Self::Snapshot(error) => error.id().to_owned(),
            Self::Name(_) => "tenant.name".to_owned(),
            Self::Provision(error) => error.id(),
            Self::Migrate(MigrateError::Outside { .. }) => "migration.outside".to_owned(),
            Self::Migrate(_) | Self::Verify(_) => match self.psql() {
                Some(error) => error.id(),
                None => "program.failed".to_owned(),
            },
        }
    }

    /// Returns `true` if nothing was done and the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Provision(error) => {
                error.may_pass() || matches!(error, ProvisionError::TimedOut { .. })
            }
            Self::Server(error) => error.is_transient(),
            _ => false,
        }
    }

    /// Returns the failure of psql beneath, if there is one.
    fn psql(&self) -> Option<&PsqlError> {
        let mut error: &(dyn std::error::Error + 'static) = self;
        loop {
            if let Some(found) = error.downcast_ref::<PsqlError>() {
                return Some(found);
            }
            if let Some(found) = error.downcast_ref::<Arc<PsqlError>>() {
                return Some(found);
            }
            if let Some(found) = error.downcast_ref::<Box<PsqlError>>() {
                return Some(found);
            }
            error = error.source()?;
        }
    }
}

impl Tenants {
    /// Connects as the environment of the process says: `DATABASE_URL`, `SCHEMASTAMP_*` and `PG*` variables.
    ///
    /// Finds psql and checks the settings and files; [`check`](Tenants::check) logs in.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn from_env(snapshot: &str) -> Result<Self, ServiceError> {
        let environment = Environment::from_process();
        let settings = Settings::resolve(
            &ConnectionFlags::default(),
            &ToolFlags::default(),
            &environment,
        )?;
        Self::from_settings(&settings, &environment, snapshot).await
    }

    /// Connects to a URL, or to a `key=value` string. The environment supplies the missing parts.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn from_url(url: &str, snapshot: &str) -> Result<Self, ServiceError> {
        let environment = Environment::from_process();
        let connection = ConnectionFlags {
            dbname: Some(url.to_owned()),
            ..ConnectionFlags::default()
        };
        let settings = Settings::resolve(&connection, &ToolFlags::default(), &environment)?;
        Self::from_settings(&settings, &environment, snapshot).await
    }

    /// Connects as settings say that the service has resolved itself.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn from_settings(
        settings: &Settings,
        environment: &Environment,
        snapshot: &str,
    ) -> Result<Self, ServiceError> {
        Self::from_snapshot(settings, environment, Snapshot::parse(snapshot)?).await
    }

    /// Connects as [`Tenants::from_settings`] does, with a snapshot that the service has read itself. Only in this way can it
    /// have statements that reach beyond the database: see [`Snapshot::parse_with`].
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn from_snapshot(
        settings: &Settings,
        environment: &Environment,
        snapshot: Snapshot,
    ) -> Result<Self, ServiceError> {
        let snapshot = Arc::new(snapshot);
        let shutdown = Shutdown::new();
        let target = connect::server(settings, environment, &shutdown).await?;
        let options = ProvisionOptions::default();
        Ok(Self {
            provisioner: Provisioner::new(target.server.clone(), snapshot.clone(), options),
            target: Arc::new(target),
            snapshot,
            shutdown,
        })
    }

    /// Returns the same tenants with a time limit for each call.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        let mut server = self.provisioner.server().clone();
        server.timeout = Some(timeout);
        let options = self.provisioner.options().clone();
        self.provisioner = Provisioner::new(server, self.snapshot.clone(), options);
        self
    }

    /// Returns the same tenants, provisioned with other options.
    #[must_use]
    pub fn with_options(mut self, options: ProvisionOptions) -> Self {
        let server = self.provisioner.server().clone();
        self.provisioner = Provisioner::new(server, self.snapshot.clone(), options);
        self
    }

    /// Returns the same tenants, whose calls end when the service does.
    #[must_use]
    pub fn with_shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Logs in once, so that a wrong password or host is found when the service starts, not at the first sign-up.
    ///
    /// # Errors
    /// See [`ServiceError`]; [`explain`](Tenants::explain) has the cause of a connection that failed.
    pub async fn check(&self) -> Result<(), ServiceError> {
        let server = self.provisioner.server();
        server
            .run_script("SELECT 1", &ScriptOptions::default(), &self.shutdown)
            .await?;
        Ok(())
    }

    /// Creates a tenant in one transaction: all of it or nothing.
    ///
    /// # Errors
    /// See [`ServiceError`] and [`Provisioner::provision`].
    pub async fn provision(&self, tenant: &str) -> Result<ProvisionOutcome, ServiceError> {
        let tenant = TenantName::new(tenant)?;
        Ok(self.provisioner.provision(&tenant, &self.shutdown).await?)
    }

    /// Hands out a spare of the pool under this name, or creates the tenant where there is none.
    ///
    /// # Errors
    /// See [`Tenants::provision`].
    pub async fn claim(&self, tenant: &str) -> Result<ProvisionOutcome, ServiceError> {
        let options = ProvisionOptions {
            from_pool: true,
            ..self.provisioner.options().clone()
        };
        self.clone().with_options(options).provision(tenant).await
    }

    /// Applies pending migrations to the tenants that the options select.
    ///
    /// # Errors
    /// See [`ServiceError`]. A tenant that fails is in the report.
    pub async fn migrate(
        &self,
        migrations: &Migrations,
        options: &MigrateOptions,
    ) -> Result<MigrateReport, ServiceError> {
        let server = self.provisioner.server();
        Ok(migrate(
            server,
            migrations,
            options,
            None,
            &self.shutdown,
            &mut |_| {},
        )
        .await?)
    }

    /// Compares tenants with the snapshot.
    ///
    /// # Errors
    /// See [`ServiceError`]. A tenant that differs is in the result.
    pub async fn verify(&self, tenants: TenantSelection) -> Result<Verification, ServiceError> {
        let server = self.provisioner.server();
        let reference = Reference::Snapshot(self.provisioner.snapshot());
        let options = VerifyOptions {
            scope: tenants,
            aspects: Vec::new(),
            versions_table: None,
            jobs: 1,
        };
        Ok(verify(server, reference, &options, &self.shutdown).await?)
    }

    /// Explains an error whose reason is a connection that failed: the cause, its id, and what to change. `None` for any
    /// other error.
    pub fn explain(&self, error: &ServiceError) -> Option<Finding> {
        let Some(PsqlError::Connect { stderr, .. }) = error.psql() else {
            return None;
        };
        explain(stderr.text().as_bytes(), &self.target.context)
            .into_iter()
            .next()
    }

    /// Returns the provisioner, for what this façade does not cover.
    pub fn provisioner(&self) -> &Provisioner {
        &self.provisioner
    }
}
