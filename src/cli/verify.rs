//! The command `verify`.

use std::collections::BTreeMap;
use std::time::Instant;

use anstyle::AnsiColor;
use serde_json::Value;

use super::arguments::VerifyArguments;
use super::failure::CommandError;
use super::lines::{
    Counts, DifferenceClass, DifferenceObject, InvalidIndex, LevelObject, Line, ReferenceObject,
    TenantDetails, TenantLine, TenantOutcome, VariantLine, VerifyCounts, VerifyDetails,
};
use super::migrations::load;
use super::output::Output;
use super::progress::Progress;
use super::report_files::{RunFacts, target_reports};
use super::scope::{missing_code, missing_tenant, named};
use super::servers::{FleetFailures, Servers, at};
use super::session::Session;
use super::snapshot_file;
use crate::exit;
use crate::fleet::report::{ReportCommand, TargetReport};
use crate::fleet::verify::{DriftVariant, Verification, VerifyOptions, VersionLevel, verify_share};
use crate::fleet::{RunShare, TenantSelection};
use crate::pg::{Server, event_triggers};
use crate::sql::TenantName;
use crate::tenant::compare::{Class, DriftFinding, Reference, ReferenceKind, VersionReferences};
use crate::text::{listed, plural, safe, swrite};

/// Number of findings of a variant that are shown without `-v`.
const SHOWN: usize = 20;

pub(super) async fn run(session: &Session, arguments: VerifyArguments) -> Result<u8, CommandError> {
    let start = Instant::now();
    arguments.files.check()?;
    let request = arguments.scope.explicit_request(session).await?;
    let tool = session.tool()?;
    let servers = Servers::find(session, &arguments.targets, &tool, false).await?;
    let migrations = arguments
        .migrations
        .as_deref()
        .map(|folder| load(folder, session))
        .transpose()?;
    let snapshots = if arguments.each_other {
        Vec::new()
    } else {
        snapshot_file::load_all(&tool, session)?
    };
    let references = VersionReferences::new(
        &snapshots,
        migrations.as_ref(),
        arguments.versions.table.as_deref(),
        session.common.outside(),
    );
    let aspects = arguments.aspects.chosen();
    let reference = if arguments.each_other {
        Reference::Majority
    } else {
        Reference::AtVersion(&references)
    };
    let selection = servers.resolve(session, request).await?;
    let progress = Progress::working(session, "comparing tenants");
    let compare = async |index: usize, scope: TenantSelection, share: RunShare| {
        let entry = servers.entries().get(index).ok_or(CommandError::NoTarget)?;
        let options = VerifyOptions {
            scope,
            aspects: aspects.clone(),
            versions_table: arguments.versions.table.clone(),
            jobs: arguments.jobs.into(),
        };
        let (server, shutdown) = (&entry.target.server, &session.shutdown);
        let verified = verify_share(
            server,
            reference,
            &options,
            share.limits(),
            &progress,
            shutdown,
        );
        Ok(verified.await?)
    };
    let limits = servers.limits(None, 0);
    let outcome = servers.run(session, &selection, &limits, compare).await?;
    drop(progress);
    let mut report = VerifyTotals::default();
    let shown = Shown {
        fine: !arguments.problems,
        cosmetic: !arguments.problems || arguments.strict,
    };
    for (index, target) in outcome.targets.iter().enumerate() {
        if let Some(Ok(verification)) = &target.result {
            if !arguments.each_other
                && let Some(entry) = servers.entries().get(index)
            {
                note_event_triggers(session, &entry.target.server).await;
            }
            report.print(session, servers.name(index), verification, shown)?;
        }
    }
    let failures = servers
        .tell_failures(session, &outcome, &|| {
            TenantDetails::Verify(VerifyDetails::default())
        })
        .await?;
    if failures.targets == 0 {
        let found = report.len() + failures.count();
        arguments
            .scope
            .check_found(&selection, found, session.output)?;
    }
    report.summary(session, &failures)?;
    let exit_code = report.exit_code(&failures, arguments.strict);
    if arguments.files.are_given() {
        let targets = target_reports(&servers, &outcome, |index, verification| {
            TargetReport::from_verification(servers.name(index), verification)
        });
        let facts = RunFacts {
            command: ReportCommand::Verify,
            start,
            exit_code,
            ended_early: None,
        };
        arguments.files.write(facts, targets)?;
    }
    Ok(exit_code)
}

/// The tenants that are listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// Those that are equal, which text counts only.
    pub(super) fine: bool,
    /// Those that differ in names and orders only.
    pub(super) cosmetic: bool,
}

impl Shown {
    fn has(self, variant: &DriftVariant) -> bool {
        self.cosmetic || variant.class() != Class::Cosmetic
    }
}

/// The figures of all targets.
#[derive(Debug, Default)]
struct VerifyTotals {
    equal: usize,
    different: usize,
    variants: usize,
    missing: usize,
    /// The tenants that have each invalid index.
    invalid_indexes: BTreeMap<String, Vec<String>>,
    /// A tenant has a difference that is not cosmetic.
    differs: bool,
    /// The tenants by version.
    levels: Vec<VersionLevel>,
    /// Number of migrations that the newest snapshot lacks.
    ahead: usize,
}

impl VerifyTotals {
    /// Returns the number of tenants, missing ones included.
    fn len(&self) -> usize {
        self.equal + self.different + self.missing
    }

    /// Prints the tenants of one target, and counts them.
    fn print(
        &mut self,
        session: &Session,
        target: Option<&str>,
        verification: &Verification,
        shown: Shown,
    ) -> Result<(), CommandError> {
        for (index, tenants) in &verification.invalid_indexes {
            session.output.warning(&format!(
                "index {} is invalid (REINDEX or drop it) in {}: {}",
                safe(index),
                plural(tenants.len(), "tenant"),
                named(tenants)
            ));
        }
        if !verification.undistributed.is_empty() {
            session.output.warning(&format!(
                "on the coordinator only, while other tenants are distributed by Citus: {}",
                named(&verification.undistributed)
            ));
        }
        print_differences(session, target, verification, self.variants, shown)?;
        let different = verification
            .variants
            .iter()
            .map(|variant| variant.tenants.len());
        self.equal += verification.equal.len();
        self.different += different.sum::<usize>();
        self.variants += verification.variants.len();
        self.missing += verification.missing.len();
        for (index, tenants) in &verification.invalid_indexes {
            let tenants = tenants.iter().map(ToString::to_string);
            let all = self.invalid_indexes.entry(index.clone()).or_default();
            all.extend(tenants);
        }
        self.differs |= verification.differs();
        self.ahead = self.ahead.max(verification.ahead);
        for level in &verification.levels {
            let same = |known: &&mut VersionLevel| {
                known.version == level.version && known.reference == level.reference
            };
            match self.levels.iter_mut().find(same) {
                Some(known) => {
                    known.equal += level.equal;
                    known.different += level.different;
                }
                None => self.levels.push(level.clone()),
            }
        }
        for note in &verification.notes {
            session.output.warning(note);
        }
        Ok(())
    }

    fn summary(&self, session: &Session, failures: &FleetFailures) -> Result<(), CommandError> {
        let missing = self.missing + failures.missing;
        if session.output.is_json() {
            return session.summary(Counts::Verify(VerifyCounts {
                equal: self.equal,
                different: self.different,
                variants: self.variants,
                missing,
                versions: self.levels.iter().map(level_object).collect(),
                snapshot_behind: self.ahead,
                failed: Some(failures.tenants).filter(|failed| *failed > 0),
                failed_targets: failures.failed_targets(),
                invalid_indexes: self
                    .invalid_indexes
                    .iter()
                    .map(|(index, tenants)| InvalidIndex {
                        index: index.clone(),
                        tenants: tenants.clone(),
                    })
                    .collect(),
            }));
        }
        self.say_references(session);
        let mut text = self.equal_text();
        if self.different > 0 {
            let variants = plural(self.variants, "variant");
            swrite!(text, ", {} in {variants}", self.different);
        }
        for (count, what) in [(missing, "missing"), (failures.tenants, "failed")] {
            if count > 0 {
                swrite!(text, ", {count} {what}");
            }
        }
        text.push_str(&failures.text());
        session.output.summary(&text);
        Ok(())
    }

    /// Returns `20 equal`, or `15 equal at 41, 5 equal at 40`.
    fn equal_text(&self) -> String {
        let mut equal: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for level in self.levels.iter().filter(|level| level.equal > 0) {
            *equal.entry(level.version.as_deref()).or_default() += level.equal;
        }
        if equal.keys().flatten().count() < 2 {
            return format!("{} equal", self.equal);
        }
        let mut equal: Vec<(Option<&str>, usize)> = equal.into_iter().collect();
        equal.sort_by_key(|(_, tenants)| std::cmp::Reverse(*tenants));
        let parts = equal.iter().map(|(version, tenants)| match version {
            Some(version) => format!("{tenants} equal at {}", safe(version)),
            None => format!("{tenants} equal"),
        });
        parts.collect::<Vec<_>>().join(", ")
    }

    /// Prints where the snapshot is behind, and which versions have no reference but the tenants themselves.
    fn say_references(&self, session: &Session) {
        let output = session.output;
        if self.ahead > 0 {
            output.warning(&format!(
                "the snapshot is {} behind: run refresh",
                plural(self.ahead, "migration")
            ));
        }
        let majority = |level: &&VersionLevel| {
            level.reference == ReferenceKind::Majority && level.version.is_some()
        };
        for level in self.levels.iter().filter(majority) {
            let version = level.version.as_deref().unwrap_or_default();
            let compared = match level.equal + level.different {
                1 => "its only tenant has nothing to be compared with".to_owned(),
                tenants => format!("its {tenants} tenants are compared with each other"),
            };
            output.warning(&format!(
                "no snapshot or migrations lead to version {}: {compared}",
                safe(version)
            ));
        }
    }

    fn exit_code(&self, failures: &FleetFailures, strict: bool) -> u8 {
        let missing = missing_code(self.missing, self.len());
        match failures.exit_code(self.len()).or(missing) {
            Some(code) => code,
            None if self.differs || (strict && self.variants > 0) => exit::DIFFERENCES,
            None => exit::DONE,
        }
    }
}

fn level_object(level: &VersionLevel) -> LevelObject {
    LevelObject {
        version: level.version.clone(),
        reference: match level.reference {
            ReferenceKind::Snapshot => ReferenceObject::Snapshot,
            ReferenceKind::Migrations => ReferenceObject::Migrations,
            ReferenceKind::Majority => ReferenceObject::Majority,
        },
        equal: level.equal,
        different: level.different,
    }
}

/// Says that event triggers change the copy that tenants are compared with, as they would change a new tenant.
async fn note_event_triggers(session: &Session, server: &Server) {
    let triggers = event_triggers(server, &session.shutdown).await;
    let triggers = triggers.unwrap_or_default();
    if !triggers.is_empty() {
        session.output.note(&format!(
            "event triggers have run for the copy that tenants are compared with, and may have changed it: {}",
            listed(&triggers, 5)
        ));
    }
}

fn word(class: Class) -> &'static str {
    match class {
        Class::Cosmetic => "cosmetic",
        Class::Real => "different",
        Class::ForeignTenant => "foreign_tenant",
    }
}

fn outcome(class: Class) -> TenantOutcome {
    match class {
        Class::Cosmetic => TenantOutcome::Cosmetic,
        Class::Real => TenantOutcome::Different,
        Class::ForeignTenant => TenantOutcome::ForeignTenant,
    }
}

fn difference(finding: &DriftFinding) -> DifferenceObject {
    DifferenceObject {
        class: match finding.class {
            Class::Cosmetic => DifferenceClass::Cosmetic,
            Class::Real => DifferenceClass::Different,
            Class::ForeignTenant => DifferenceClass::ForeignTenant,
        },
        kind: finding.kind.clone(),
        object: finding.object.clone(),
        aspect: finding.aspect.clone(),
        expected: structured(finding.expected.as_deref()),
        found: structured(finding.found.as_deref()),
        message: finding.to_string(),
    }
}

/// A definition as the object or list that it is, with names that need no quotes; any other text as it is.
fn structured(text: Option<&str>) -> Value {
    let Some(text) = text else { return Value::Null };
    match serde_json::from_str(text) {
        Ok(Value::Object(parts)) => parts
            .into_iter()
            .map(|(name, value)| (name.replace(' ', "_"), value))
            .collect(),
        Ok(list @ Value::Array(_)) => list,
        _ => Value::String(text.to_owned()),
    }
}

/// Prints a target's tenants and variants, after `earlier` variants of other targets.
pub(super) fn print_differences(
    session: &Session,
    target: Option<&str>,
    verification: &Verification,
    earlier: usize,
    shown: Shown,
) -> Result<(), CommandError> {
    if session.output.is_json() {
        for_programs(target, verification, earlier, shown)
    } else {
        for_people(session, target, verification, shown)
    }
}

/// Prints a target's tenants and variants, whose numbers follow those of earlier targets.
fn for_programs(
    target: Option<&str>,
    verification: &Verification,
    earlier: usize,
    shown: Shown,
) -> Result<(), CommandError> {
    let line = |tenant: &TenantName, outcome, variant| {
        Output::json(&Line::Tenant(TenantLine {
            tenant: tenant.as_str().to_owned(),
            target: target.map(str::to_owned),
            outcome,
            ms: None,
            details: TenantDetails::Verify(VerifyDetails { variant }),
            error: (outcome == TenantOutcome::Missing).then(|| missing_tenant(tenant)),
        }))
    };
    for tenant in verification.equal.iter().filter(|_| shown.fine) {
        line(tenant, TenantOutcome::Equal, None)?;
    }
    for tenant in &verification.missing {
        line(tenant, TenantOutcome::Missing, None)?;
    }
    for (variant, number) in verification.variants.iter().zip(earlier + 1..) {
        if !shown.has(variant) {
            continue;
        }
        for tenant in &variant.tenants {
            line(tenant, outcome(variant.class()), Some(number))?;
        }
        Output::json(&Line::Variant(VariantLine {
            variant: number,
            version: variant.version.clone(),
            tenants: variant.tenants.len(),
            findings: variant.findings.iter().map(difference).collect(),
        }))?;
    }
    Ok(())
}

fn for_people(
    session: &Session,
    target: Option<&str>,
    verification: &Verification,
    shown: Shown,
) -> Result<(), CommandError> {
    let output = session.output;
    let red = AnsiColor::Red.on_default();
    for variant in verification.variants.iter().filter(|it| shown.has(it)) {
        let style = if variant.class() == Class::Cosmetic {
            AnsiColor::Yellow.on_default()
        } else {
            red
        };
        let heading = format!(
            "{}{}{}: {}",
            plural(variant.tenants.len(), "tenant"),
            match &variant.version {
                Some(version) if verification.levels.len() > 1 => format!(" at {}", safe(version)),
                _ => String::new(),
            },
            at(target),
            named(&variant.tenants)
        );
        output.result(
            style,
            word(variant.class()).split('_').next().unwrap_or_default(),
            &heading,
        )?;
        let most = if session.common.verbose > 0 {
            usize::MAX
        } else {
            SHOWN
        };
        for finding in variant.findings.iter().take(most) {
            output.result(anstyle::Style::new(), " ", &finding.to_string())?;
        }
        let more = variant.findings.len().saturating_sub(most);
        if more > 0 {
            output.result(
                anstyle::Style::new(),
                " ",
                &format!("and {more} more; -v shows them"),
            )?;
        }
    }
    for tenant in &verification.missing {
        let text = format!("{}{}", safe(tenant.as_str()), at(target));
        output.result(red, "missing", &text)?;
    }
    Ok(())
}
