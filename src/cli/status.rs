//! The command `status`.

use anstyle::AnsiColor;

use super::arguments::StatusArguments;
use super::failure::CommandError;
use super::lines::{
    Counts, Line, StatusCounts, StatusDetails, TenantDetails, TenantLine, TenantOutcome,
    VersionCount,
};
use super::migrate::load;
use super::output::Output;
use super::session::Session;
use crate::exit;
use crate::fleet::inventory::read_fleet;
use crate::fleet::status::{Status, TenantStatus, status};
use crate::text::swrite;
use crate::text::{plural, safe};

/// Number of digits of a fingerprint that are shown.
const SHOWN: usize = 12;

pub(super) async fn run(session: &Session, arguments: StatusArguments) -> Result<u8, CommandError> {
    let scope = arguments.scope.scope()?;
    let migrations = arguments
        .migrations
        .as_deref()
        .map(|folder| load(folder, session))
        .transpose()?;
    let settings = session.settings()?;
    let target = session.target(&settings).await?;
    let fleet = read_fleet(
        &target.server,
        &scope,
        arguments.versions_table.as_deref(),
        &session.shutdown,
    )
    .await?;
    let status = status(&fleet, migrations.as_ref());
    for tenant in &status.tenants {
        line(session, tenant)?;
    }
    summary(session, &status)?;
    Ok(exit::DONE)
}

fn line(session: &Session, tenant: &TenantStatus) -> Result<(), CommandError> {
    let output = session.output;
    if output.is_json() {
        return Output::json(&Line::Tenant(TenantLine {
            tenant: tenant.tenant.as_str().to_owned(),
            outcome: outcome(tenant),
            ms: None,
            details: TenantDetails::Status(StatusDetails {
                version: tenant.version.clone(),
                tool: tenant.style.map(|style| style.tool().to_owned()),
                behind: tenant.behind,
                snapshot: tenant.snapshot.clone(),
                problems: tenant.problems.iter().map(ToString::to_string).collect(),
                odd: tenant.oddity.as_ref().map(ToString::to_string),
            }),
            error: None,
        }));
    }
    let name = safe(tenant.tenant.as_str());
    if let Some(oddity) = &tenant.oddity {
        return output.result(
            AnsiColor::Red.on_default(),
            "problem",
            &format!("{name}: {oddity}"),
        );
    }
    let (word, color) = match tenant.behind {
        _ if !tenant.problems.is_empty() => ("problem", AnsiColor::Red),
        Some(0) | None => ("current", AnsiColor::Green),
        Some(_) => ("behind", AnsiColor::Yellow),
    };
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

fn outcome(tenant: &TenantStatus) -> TenantOutcome {
    match tenant.behind {
        _ if tenant.oddity.is_some() || !tenant.problems.is_empty() => TenantOutcome::Odd,
        Some(0) | None => TenantOutcome::Current,
        Some(_) => TenantOutcome::Behind,
    }
}

fn summary(session: &Session, status: &Status) -> Result<(), CommandError> {
    let output = session.output;
    let behind = status
        .tenants
        .iter()
        .filter(|tenant| tenant.behind.is_some_and(|behind| behind > 0))
        .count();
    let with_problems = status
        .tenants
        .iter()
        .filter(|tenant| tenant.oddity.is_some() || !tenant.problems.is_empty())
        .count();
    let versions = status.by_version();
    if output.is_json() {
        let versions = versions.iter().map(|(version, count)| VersionCount {
            version: version.map(str::to_owned),
            tenants: *count,
        });
        return session.summary(Counts::Status(StatusCounts {
            tenants: status.tenants.len(),
            behind,
            odd: with_problems,
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
    output.say(&format!(
        "{}, {behind} behind, {with_problems} with problems",
        plural(status.tenants.len(), "tenant")
    ));
    Ok(())
}
