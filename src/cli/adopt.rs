//! The command `adopt`.

use anstyle::AnsiColor;

use super::arguments::AdoptArguments;
use super::failure::CommandError;
use super::lines::{
    AdoptCounts, AdoptDetails, Counts, ErrorObject, Line, TenantDetails, TenantLine, TenantOutcome,
};
use super::migrations::load_chosen;
use super::output::Output;
use super::progress::Progress;
use super::scope::{missing_code, missing_tenant};
use super::servers::{FleetFailures, Servers, at};
use super::session::Session;
use super::snapshot_file;
use super::verify::{Shown, print_differences};
use crate::exit;
use crate::fleet::TenantSelection;
use crate::fleet::adopt::{AdoptOptions, AdoptOutcome, AdoptRefusal, AdoptedTenant, adopt};
use crate::tenant::compare::{Class, VersionReferences};
use crate::text::{safe, swrite};

/// Number of digits of a fingerprint that are shown.
const SHOWN: usize = 12;

pub(super) async fn run(session: &Session, arguments: AdoptArguments) -> Result<u8, CommandError> {
    let request = arguments.scope.explicit_request(session).await?;
    let tool = session.tool()?;
    let servers = Servers::find(session, &arguments.targets, &tool, false).await?;
    let migrations = load_chosen(arguments.migrations.as_deref(), session)?;
    let snapshots = snapshot_file::load_all(&tool, session)?;
    let references = VersionReferences::new(
        &snapshots,
        migrations.as_ref(),
        arguments.versions.table.as_deref(),
        session.common.outside(),
    );
    let selection = servers.resolve(session, request).await?;
    let adopt_target = async |index: usize, scope: TenantSelection| {
        let entry = servers.entries().get(index).ok_or(CommandError::NoTarget)?;
        let options = AdoptOptions {
            scope,
            versions_table: arguments.versions.table.clone(),
            aspects: arguments.aspects.chosen(),
            strict: arguments.strict,
            dry_run: arguments.dry_run,
        };
        Ok(adopt(
            &entry.target.server,
            &references,
            &options,
            &session.shutdown,
        )
        .await?)
    };
    let progress = Progress::waiting(session, "comparing tenants");
    let outcome = servers
        .run_single(session, &selection, adopt_target)
        .await?;
    drop(progress);
    let shown = Shown {
        fine: false,
        cosmetic: arguments.strict,
    };
    let mut counts = Figures::default();
    for (index, target) in outcome.targets.iter().enumerate() {
        let Some(Ok(report)) = &target.result else {
            continue;
        };
        for note in &report.verification.notes {
            session.output.warning(note);
        }
        let name = servers.name(index);
        print_differences(session, name, &report.verification, counts.variants, shown)?;
        counts.variants += report.verification.variants.len();
        counts.missing += report.verification.missing.len();
        let variants = report.verification.variants.iter();
        let refused = variants.filter(|it| arguments.strict || it.class() != Class::Cosmetic);
        counts.different += refused.map(|variant| variant.tenants.len()).sum::<usize>();
        for tenant in &report.tenants {
            counts.count(&tenant.outcome);
            line(session, name, tenant)?;
        }
    }
    let details = || TenantDetails::Adopt(AdoptDetails::default());
    let failures = servers.tell_failures(session, &outcome, &details).await?;
    if failures.targets == 0 {
        let found = counts.all() + failures.count();
        arguments
            .scope
            .check_found(&selection, found, session.output)?;
    }
    counts.summary(session, &failures)?;
    Ok(counts.exit_code(&failures))
}

/// The figures of all targets.
#[derive(Debug, Default)]
struct Figures {
    adopted: usize,
    would_adopt: usize,
    skipped: usize,
    different: usize,
    variants: usize,
    refused: usize,
    failed: usize,
    missing: usize,
}

impl Figures {
    fn all(&self) -> usize {
        self.adopted
            + self.would_adopt
            + self.skipped
            + self.different
            + self.refused
            + self.failed
            + self.missing
    }

    fn count(&mut self, outcome: &AdoptOutcome) {
        match outcome {
            AdoptOutcome::Adopted => self.adopted += 1,
            AdoptOutcome::WouldAdopt => self.would_adopt += 1,
            AdoptOutcome::Marked => self.skipped += 1,
            AdoptOutcome::Missing => self.missing += 1,
            AdoptOutcome::Refused(_) => self.refused += 1,
            AdoptOutcome::Failed(_) | AdoptOutcome::Unknown(_) => self.failed += 1,
        }
    }

    fn summary(&self, session: &Session, failures: &FleetFailures) -> Result<(), CommandError> {
        let missing = self.missing + failures.missing;
        let failed = self.failed + failures.tenants;
        if session.output.is_json() {
            return session.summary(Counts::Adopt(AdoptCounts {
                adopted: self.adopted,
                would_adopt: self.would_adopt,
                skipped: self.skipped,
                different: self.different,
                refused: self.refused,
                failed,
                missing,
                failed_targets: failures.failed_targets(),
            }));
        }
        let mut text = format!("{} adopted", self.adopted);
        for (count, what) in [
            (self.would_adopt, "to adopt"),
            (self.skipped, "adopted before"),
            (self.different, "different"),
            (self.refused, "refused"),
            (failed, "failed"),
            (missing, "missing"),
        ] {
            if count > 0 {
                swrite!(text, ", {count} {what}");
            }
        }
        text.push_str(&failures.text());
        session.output.summary(&text);
        Ok(())
    }

    fn exit_code(&self, failures: &FleetFailures) -> u8 {
        if let Some(code) = failures.exit_code(self.all()) {
            return code;
        }
        match missing_code(self.missing, self.all()) {
            Some(code) => code,
            None if self.failed + self.refused > 0 => exit::PARTIAL,
            None if self.different > 0 => exit::DIFFERENCES,
            None => exit::DONE,
        }
    }
}

/// Prints the line of a tenant that is not different.
fn line(
    session: &Session,
    target: Option<&str>,
    tenant: &AdoptedTenant,
) -> Result<(), CommandError> {
    let output = session.output;
    let error = describe_error(tenant);
    if output.is_json() {
        return Output::json(&Line::Tenant(TenantLine {
            tenant: tenant.tenant.as_str().to_owned(),
            target: target.map(str::to_owned),
            outcome: outcome(&tenant.outcome),
            ms: None,
            details: TenantDetails::Adopt(AdoptDetails {
                version: tenant.version.clone(),
                snapshot: tenant.snapshot.clone(),
            }),
            error,
        }));
    }
    let (color, word) = match &tenant.outcome {
        AdoptOutcome::Adopted => (AnsiColor::Green, "adopted"),
        AdoptOutcome::WouldAdopt => (AnsiColor::Yellow, "would adopt"),
        AdoptOutcome::Marked if session.common.verbose == 0 => return Ok(()),
        AdoptOutcome::Marked => (AnsiColor::Green, "skipped"),
        AdoptOutcome::Missing => (AnsiColor::Red, "missing"),
        AdoptOutcome::Refused(_) => (AnsiColor::Red, "refused"),
        AdoptOutcome::Failed(_) => (AnsiColor::Red, "failed"),
        AdoptOutcome::Unknown(_) => (AnsiColor::Red, "unknown"),
    };
    let mut text = format!("{}{}", safe(tenant.tenant.as_str()), at(target));
    match (&error, &tenant.version) {
        (_, _) if tenant.outcome == AdoptOutcome::Missing => {}
        (Some(error), _) => swrite!(text, ": {}", error.message),
        (None, Some(version)) => swrite!(text, ": at {}", safe(version)),
        (None, None) => {}
    }
    let snapshot = tenant
        .snapshot
        .as_deref()
        .and_then(|snapshot| snapshot.get(..SHOWN));
    if let Some(snapshot) = snapshot.filter(|_| error.is_none()) {
        swrite!(text, ", snapshot {snapshot}");
    }
    match &tenant.outcome {
        AdoptOutcome::Adopted | AdoptOutcome::WouldAdopt | AdoptOutcome::Marked => {
            output.success(color.on_default(), word, &text)
        }
        _ => output.result(color.on_default(), word, &text),
    }
}

fn outcome(outcome: &AdoptOutcome) -> TenantOutcome {
    match outcome {
        AdoptOutcome::Adopted => TenantOutcome::Adopted,
        AdoptOutcome::WouldAdopt => TenantOutcome::WouldAdopt,
        AdoptOutcome::Marked => TenantOutcome::Skipped,
        AdoptOutcome::Missing => TenantOutcome::Missing,
        AdoptOutcome::Refused(_) => TenantOutcome::Refused,
        AdoptOutcome::Failed(_) => TenantOutcome::Failed,
        AdoptOutcome::Unknown(_) => TenantOutcome::Unknown,
    }
}

fn describe_error(tenant: &AdoptedTenant) -> Option<ErrorObject> {
    let (id, message) = match &tenant.outcome {
        AdoptOutcome::Adopted | AdoptOutcome::WouldAdopt | AdoptOutcome::Marked => return None,
        AdoptOutcome::Missing => return Some(missing_tenant(&tenant.tenant)),
        AdoptOutcome::Refused(AdoptRefusal::NoReference) => {
            ("tenant.no_reference", AdoptRefusal::NoReference.to_string())
        }
        AdoptOutcome::Refused(AdoptRefusal::Empty) => {
            ("tenant.not_a_tenant", AdoptRefusal::Empty.to_string())
        }
        AdoptOutcome::Refused(refusal) => ("tenant.protected", refusal.to_string()),
        AdoptOutcome::Failed(message) | AdoptOutcome::Unknown(message) => {
            ("tenant.not_adopted", message.clone())
        }
    };
    Some(ErrorObject::new(id, message))
}
