//! The command `status`.

use std::collections::BTreeSet;

use anstyle::AnsiColor;

use super::arguments::StatusArguments;
use super::failure::CommandError;
use super::lines::{
    Counts, Line, StatusCounts, StatusDetails, TenantDetails, TenantLine, TenantOutcome,
    VersionCount,
};
use super::migrate::load;
use super::output::Output;
use super::scope::{missing_code, missing_tenant, say_duplicates};
use super::session::Session;
use crate::exit;
use crate::fleet::TenantSelection;
use crate::fleet::inventory::read_fleet;
use crate::fleet::status::{Status, TenantStatus, add_unregistered, status};
use crate::sql::TenantName;
use crate::text::swrite;
use crate::text::{plural, safe};

/// Number of digits of a fingerprint that are shown.
const SHOWN: usize = 12;

pub(super) async fn run(session: &Session, arguments: StatusArguments) -> Result<u8, CommandError> {
    let output = session.output;
    let request = arguments.scope.request(session).await?;
    let migrations = arguments
        .migrations
        .as_deref()
        .map(|folder| load(folder, session))
        .transpose()?;
    let settings = session.settings()?;
    let server = session.target(&settings).await?.server;
    let selection = request.resolve(&server, &session.shutdown).await?;
    say_duplicates(output, &selection);
    let read = async |scope: &TenantSelection| {
        let versions_table = arguments.versions_table.as_deref();
        read_fleet(&server, scope, versions_table, &session.shutdown).await
    };
    let mut fleet = read(&selection.at(None)).await?;
    arguments
        .scope
        .check_found(&selection, fleet.tenants.len(), output)?;
    let unregistered = if arguments.reconcile {
        let all = read(&TenantSelection::All { pattern: None }).await?;
        Some(add_unregistered(&mut fleet, all))
    } else {
        None
    };
    let report = Report {
        status: status(&fleet, migrations.as_ref()),
        unregistered,
    };
    for tenant in &report.status.tenants {
        line(session, &report, tenant)?;
    }
    summary(session, &report)?;
    Ok(report.exit_code())
}

/// The status of all tenants, and how they compare with the registered ones.
struct Report {
    status: Status,
    /// The tenants that the query did not return; `None` without `--reconcile`.
    unregistered: Option<BTreeSet<TenantName>>,
}

impl Report {
    fn is_unregistered(&self, tenant: &TenantStatus) -> bool {
        let names = self.unregistered.as_ref();
        names.is_some_and(|names| names.contains(&tenant.tenant))
    }

    fn count(&self, fits: impl Fn(&TenantStatus) -> bool) -> usize {
        let tenants = self.status.tenants.iter();
        tenants.filter(|tenant| fits(tenant)).count()
    }

    fn outcome(&self, tenant: &TenantStatus) -> TenantOutcome {
        match tenant.behind {
            _ if tenant.is_missing() => TenantOutcome::Missing,
            _ if self.is_unregistered(tenant) => TenantOutcome::Unregistered,
            _ if tenant.has_problem() => TenantOutcome::Odd,
            Some(0) | None => TenantOutcome::Current,
            Some(_) => TenantOutcome::Behind,
        }
    }

    fn exit_code(&self) -> u8 {
        let missing = self.count(TenantStatus::is_missing);
        match &self.unregistered {
            // A missing tenant is what was asked for, not a wrong name.
            Some(unregistered) if missing > 0 || !unregistered.is_empty() => exit::DIFFERENCES,
            Some(_) => exit::DONE,
            None => missing_code(missing, self.status.tenants.len()).unwrap_or(exit::DONE),
        }
    }
}

fn line(session: &Session, report: &Report, tenant: &TenantStatus) -> Result<(), CommandError> {
    let output = session.output;
    let outcome = report.outcome(tenant);
    if output.is_json() {
        return Output::json(&Line::Tenant(TenantLine {
            tenant: tenant.tenant.as_str().to_owned(),
            outcome,
            ms: None,
            details: TenantDetails::Status(StatusDetails {
                version: tenant.version.clone(),
                tool: tenant.style.map(|style| style.tool().to_owned()),
                behind: tenant.behind,
                snapshot: tenant.snapshot.clone(),
                problems: tenant.problems.iter().map(ToString::to_string).collect(),
                odd: tenant.oddity.as_ref().map(ToString::to_string),
            }),
            error: (outcome == TenantOutcome::Missing).then(|| missing_tenant(&tenant.tenant)),
        }));
    }
    let name = safe(tenant.tenant.as_str());
    let (word, color) = match outcome {
        TenantOutcome::Missing => ("missing", AnsiColor::Red),
        TenantOutcome::Unregistered => ("unregistered", AnsiColor::Red),
        TenantOutcome::Odd => ("problem", AnsiColor::Red),
        TenantOutcome::Behind => ("behind", AnsiColor::Yellow),
        _ => ("current", AnsiColor::Green),
    };
    match &tenant.oddity {
        Some(_) if tenant.is_missing() => return output.result(color.on_default(), word, &name),
        Some(oddity) => {
            return output.result(color.on_default(), word, &format!("{name}: {oddity}"));
        }
        None => {}
    }
    let mut rest = format!(
        "{name}: {}",
        tenant
            .version
            .as_deref()
            .map_or("no version".to_owned(), |v| format!("at {}", safe(v)))
    );
    if let Some(behind) = tenant.behind.filter(|behind| *behind > 0) {
        swrite!(rest, ", {behind} behind");
    }
    if let Some(snapshot) = tenant
        .snapshot
        .as_deref()
        .and_then(|snapshot| snapshot.get(..SHOWN))
    {
        swrite!(rest, ", from snapshot {snapshot}");
    }
    for problem in &tenant.problems {
        swrite!(rest, "; {problem}");
    }
    output.result(color.on_default(), word, &rest)
}

fn summary(session: &Session, report: &Report) -> Result<(), CommandError> {
    let output = session.output;
    let missing = report.count(TenantStatus::is_missing);
    let tenants = report.status.tenants.len() - missing;
    let behind = report.count(|tenant| tenant.behind.is_some_and(|behind| behind > 0));
    let odd = report.count(TenantStatus::has_problem);
    let unregistered = report.unregistered.as_ref().map(BTreeSet::len);
    let versions = report.status.by_version();
    if output.is_json() {
        let versions = versions.iter().map(|(version, count)| VersionCount {
            version: version.map(str::to_owned),
            tenants: *count,
        });
        return session.summary(Counts::Status(StatusCounts {
            tenants,
            behind,
            odd,
            missing,
            unregistered,
            versions: versions.collect(),
        }));
    }
    for (version, count) in versions.iter().filter(|_| versions.len() > 1) {
        output.say(&format!(
            "{}: {}",
            safe(version.unwrap_or("no version")),
            plural(*count, "tenant")
        ));
    }
    let mut text = format!(
        "{}, {behind} behind, {odd} with problems",
        plural(tenants, "tenant")
    );
    if missing > 0 {
        swrite!(text, ", {missing} missing");
    }
    if let Some(unregistered) = unregistered {
        swrite!(text, ", {unregistered} not registered");
    }
    output.say(&text);
    Ok(())
}
