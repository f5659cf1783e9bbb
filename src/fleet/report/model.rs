//! The findings of a run, before they have a form.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::fleet::pool::ReadySpares;
use crate::fleet::verify::DriftVariant;
use crate::tenant::migrations::MigrationVersion;

/// The command whose run is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportCommand {
    /// `status`.
    Status,
    /// `verify`.
    Verify,
    /// `migrate`.
    Migrate,
    /// `migrate --undo`.
    Undo,
}

impl ReportCommand {
    /// Returns the command's name, as in the summary of the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Verify => "verify",
            Self::Migrate => "migrate",
            Self::Undo => "undo",
        }
    }
}

/// The result of a run over all targets.
#[derive(Clone, Debug)]
pub struct FleetReport {
    /// The command.
    pub command: ReportCommand,
    /// The end of the run.
    pub finished: SystemTime,
    /// Duration of the run.
    pub elapsed: Duration,
    /// Its exit code.
    pub exit_code: u8,
    /// The reason why the run ended before all tenants had their turn.
    pub ended_early: Option<String>,
    /// The targets, in the order of the targets file. Without one, the only one has no name.
    pub targets: Vec<TargetReport>,
}

/// The result at one target.
#[derive(Clone, Debug, Default)]
pub struct TargetReport {
    /// Its name; `None` without a targets file, and for tenants that are at no target.
    pub name: Option<String>,
    /// The reason why its tenants are not known.
    pub error: Option<String>,
    /// The tenants at each version.
    pub versions: Vec<VersionShare>,
    /// The tenants.
    pub tenants: Vec<ReportedTenant>,
    /// The ways in which tenants differ from their references.
    pub variants: Vec<DriftVariant>,
    /// The ready-made tenants of each snapshot, where they were counted.
    pub spares: Vec<ReadySpares>,
}

/// The tenants at one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionShare {
    /// The version, or `None` for tenants without one.
    pub version: Option<String>,
    /// Number of tenants.
    pub tenants: usize,
}

/// One tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedTenant {
    /// Its name.
    pub name: String,
    /// The outcome, as in the JSON.
    pub outcome: &'static str,
    /// Its weight.
    pub severity: OutcomeWeight,
    /// Its version, if it is known.
    pub version: Option<String>,
    /// Number of pending migrations, if it is known.
    pub behind: Option<usize>,
    /// The reason for an outcome that is not good.
    pub reason: Option<String>,
}

/// The weight of an outcome, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutcomeWeight {
    /// Somebody must do something about it.
    Problem,
    /// It is expected for a while: pending migrations, other names of indexes.
    Notice,
    /// It is as it should be.
    Fine,
}

/// The number of tenants with an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomeCount {
    /// The outcome, as in the JSON.
    pub outcome: &'static str,
    /// Its weight.
    pub severity: OutcomeWeight,
    /// Number of tenants.
    pub tenants: usize,
}

/// A variant of drift, over all targets.
#[derive(Clone, Debug)]
pub struct FleetVariant<'a> {
    /// The variant, as the first target with it has it.
    pub variant: &'a DriftVariant,
    /// Its tenants, each with its target.
    pub tenants: Vec<String>,
}

/// Tenants with the same outcome for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantGroup {
    /// The outcome, as in the JSON.
    pub outcome: &'static str,
    /// Its weight.
    pub severity: OutcomeWeight,
    /// The reason, and for tenants that are behind, how far.
    pub reason: String,
    /// The tenants by name, each with its target.
    pub tenants: Vec<String>,
}

impl TargetReport {
    /// Creates the report on a target's tenants, with their versions counted.
    pub fn from_tenants(name: Option<&str>, tenants: Vec<ReportedTenant>) -> Self {
        let mut target = Self {
            name: name.map(str::to_owned),
            tenants,
            ..Self::default()
        };
        target.count_versions();
        target
    }

    /// Counts the tenants at each version, the newest first.
    pub fn count_versions(&mut self) {
        let mut counts: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for tenant in self
            .tenants
            .iter()
            .filter(|tenant| tenant.outcome != "missing")
        {
            *counts.entry(tenant.version.as_deref()).or_default() += 1;
        }
        let shares = counts.into_iter().map(|(version, tenants)| VersionShare {
            version: version.map(str::to_owned),
            tenants,
        });
        self.versions = newest_first(shares.collect());
    }

    /// Counts the tenants of each outcome, the most important first.
    pub fn outcomes(&self) -> Vec<OutcomeCount> {
        count_outcomes(self.tenants.iter())
    }

    /// Counts the tenants that fit.
    pub fn count(&self, fits: impl Fn(&ReportedTenant) -> bool) -> usize {
        self.tenants.iter().filter(|tenant| fits(tenant)).count()
    }
}

impl FleetReport {
    /// Returns all tenants.
    pub fn tenants(&self) -> impl Iterator<Item = &ReportedTenant> {
        self.targets.iter().flat_map(|target| &target.tenants)
    }

    /// Returns `true` if the run was over the targets of a file.
    pub fn has_targets(&self) -> bool {
        self.targets.iter().any(|target| target.name.is_some())
    }

    /// Returns the number of tenants with a problem, and of targets that are not known.
    pub fn problems(&self) -> usize {
        let is_problem = |tenant: &&ReportedTenant| tenant.severity == OutcomeWeight::Problem;
        let unknown = self.targets.iter().filter(|target| target.error.is_some());
        self.tenants().filter(is_problem).count() + unknown.count()
    }

    /// Returns the tenants at each version over all targets, the newest first.
    pub fn versions(&self) -> Vec<VersionShare> {
        let mut counts: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for share in self.targets.iter().flat_map(|target| &target.versions) {
            *counts.entry(share.version.as_deref()).or_default() += share.tenants;
        }
        let shares = counts.into_iter().map(|(version, tenants)| VersionShare {
            version: version.map(str::to_owned),
            tenants,
        });
        newest_first(shares.collect())
    }

    /// Counts the tenants of each outcome, the most important first.
    pub fn outcomes(&self) -> Vec<OutcomeCount> {
        count_outcomes(self.tenants())
    }

    /// Groups the tenants that are not as they should be by outcome and reason: problems first, then the largest group.
    pub fn groups(&self) -> Vec<TenantGroup> {
        let mut groups: BTreeMap<(OutcomeWeight, &'static str, String), Vec<String>> =
            BTreeMap::new();
        for target in &self.targets {
            for tenant in &target.tenants {
                // The variants have them, with their objects.
                let is_drift =
                    matches!(tenant.outcome, "different" | "foreign_tenant" | "cosmetic");
                if tenant.severity == OutcomeWeight::Fine || is_drift {
                    continue;
                }
                let key = (tenant.severity, tenant.outcome, tenant.why());
                let name = place(&tenant.name, target.name.as_deref());
                groups.entry(key).or_default().push(name);
            }
        }
        let mut groups: Vec<TenantGroup> = groups
            .into_iter()
            .map(|((severity, outcome, reason), tenants)| TenantGroup {
                outcome,
                severity,
                reason,
                tenants,
            })
            .collect();
        groups.sort_by_key(|group| (group.severity, std::cmp::Reverse(group.tenants.len())));
        groups
    }

    /// Returns the variants of all targets. Tenants of several targets that differ alike are one variant. The most
    /// severe is first, then the largest.
    pub fn variants(&self) -> Vec<FleetVariant<'_>> {
        let mut variants: Vec<FleetVariant<'_>> = Vec::new();
        for target in &self.targets {
            for variant in &target.variants {
                let names = variant.tenants.iter();
                let names = names.map(|tenant| place(tenant.as_str(), target.name.as_deref()));
                let same = |known: &&mut FleetVariant<'_>| {
                    let known = known.variant;
                    known.findings == variant.findings && known.version == variant.version
                };
                match variants.iter_mut().find(same) {
                    Some(known) => known.tenants.extend(names),
                    None => variants.push(FleetVariant {
                        variant,
                        tenants: names.collect(),
                    }),
                }
            }
        }
        variants
            .sort_by_key(|known| std::cmp::Reverse((known.variant.class(), known.tenants.len())));
        variants
    }
}

fn count_outcomes<'a>(tenants: impl Iterator<Item = &'a ReportedTenant>) -> Vec<OutcomeCount> {
    let mut counts: BTreeMap<(OutcomeWeight, &'static str), usize> = BTreeMap::new();
    for tenant in tenants {
        *counts.entry((tenant.severity, tenant.outcome)).or_default() += 1;
    }
    let counts = counts.into_iter();
    counts
        .map(|((severity, outcome), tenants)| OutcomeCount {
            outcome,
            severity,
            tenants,
        })
        .collect()
}

impl ReportedTenant {
    fn why(&self) -> String {
        let version = self.version.as_deref();
        match (&self.reason, self.behind) {
            (Some(reason), _) => reason.clone(),
            (None, Some(behind)) if behind > 0 => {
                format!("at {}, {behind} behind", version.unwrap_or("no version"))
            }
            _ => String::new(),
        }
    }
}

/// `acme at eu`.
fn place(tenant: &str, target: Option<&str>) -> String {
    match target {
        Some(target) => format!("{tenant} at {target}"),
        None => tenant.to_owned(),
    }
}

/// Sorts versions by value, the newest first, and those that are no numbers by their text; no version is last.
fn newest_first(mut shares: Vec<VersionShare>) -> Vec<VersionShare> {
    shares.sort_by_cached_key(|share| {
        let parsed = share.version.as_deref().and_then(MigrationVersion::parse);
        std::cmp::Reverse((parsed, share.version.clone()))
    });
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_sorted_by_value_and_none_is_last() {
        let share = |version: Option<&str>| VersionShare {
            version: version.map(str::to_owned),
            tenants: 1,
        };
        let sorted = newest_first([None, Some("9"), Some("x"), Some("10")].map(share).into());
        let versions: Vec<Option<&str>> = sorted.iter().map(|s| s.version.as_deref()).collect();
        assert_eq!(versions, [Some("10"), Some("9"), Some("x"), None]);
    }
}
