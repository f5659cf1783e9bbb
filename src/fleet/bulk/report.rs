//! What goes into a bulk run, and what comes out of it.

use std::time::Duration;

use crate::sql::TenantName;
use crate::tenant::migrate::{ExternalCommand, MigrateFailure};
use crate::tenant::{ProvisionError, ProvisionOutcome};

/// How a bulk run works.
#[derive(Clone, Debug, Default)]
pub struct BulkOptions {
    /// Workers for each server; `None`: as many as help.
    pub jobs: Option<usize>,
    /// No further tenant is begun after so many failed; `None` is without limit.
    pub max_failures: Option<usize>,
    /// A command of the app for each tenant once it is created.
    pub hook: Option<ExternalCommand>,
    /// Workers are connected before there is anything to do.
    pub warm: bool,
}

/// A tenant that is to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRequest {
    /// The tenant.
    pub tenant: TenantName,
    /// The server, by its place in the list.
    pub target: usize,
}

/// What has become of a request.
#[derive(Debug)]
pub struct BulkResult {
    /// The request.
    pub request: TenantRequest,
    /// What has become of the tenant.
    pub result: Result<ProvisionOutcome, ProvisionError>,
    /// Why the command for it failed, if it did; the tenant stays.
    pub hook: Result<(), MigrateFailure>,
    /// How often it was tried.
    pub attempts: u32,
    /// From the time a worker took it.
    pub elapsed: Duration,
}

/// How a run ended.
#[derive(Debug)]
pub struct BulkReport {
    /// Requests that were taken and not begun.
    pub not_begun: Vec<TenantRequest>,
    /// Why it ended before all requests were done, if it did.
    pub ended_early: Option<String>,
    /// Most workers of each server.
    pub workers: Vec<usize>,
    /// What a user should know of the limits of the servers.
    pub notes: Vec<String>,
}
