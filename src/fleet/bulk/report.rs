//! The input and the result of a bulk run.

use std::time::Duration;

use crate::sql::TenantName;
use crate::tenant::migrate::{ExternalCommand, MigrateFailure};
use crate::tenant::{ProvisionError, ProvisionOutcome};

/// Options of a bulk run.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct BulkOptions {
    /// Number of workers for each server, or `None` for as many as help.
    pub jobs: Option<usize>,
    /// Maximum number of tenants at a time on all servers together, or `None` for no limit.
    pub total_jobs: Option<usize>,
    /// Number of failures after which no further tenant is started, or `None` for no limit.
    pub max_failures: Option<usize>,
    /// A command of the app that runs for each created tenant.
    pub hook: Option<ExternalCommand>,
    /// Connects workers before there is anything to do.
    pub warm: bool,
}

/// A request to create a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRequest {
    /// The tenant.
    pub tenant: TenantName,
    /// Index of the server.
    pub target: usize,
}

/// The result of a request.
#[derive(Debug)]
#[non_exhaustive]
pub struct BulkResult {
    /// The request.
    pub request: TenantRequest,
    /// The outcome for the tenant.
    pub result: Result<ProvisionOutcome, ProvisionError>,
    /// The result of the app's command. The tenant stays if it failed.
    pub hook: Result<(), MigrateFailure>,
    /// Number of attempts.
    pub attempts: u32,
    /// Time since a worker took the request.
    pub elapsed: Duration,
}

/// The result of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct BulkReport {
    /// Requests that were taken and not started.
    pub not_begun: Vec<TenantRequest>,
    /// The reason why the run ended early, if it did.
    pub ended_early: Option<String>,
    /// Maximum number of workers of each server during the run.
    pub workers: Vec<usize>,
    /// Notes for the user on the limits of the servers.
    pub notes: Vec<String>,
}
