//! Options, results and errors of a comparison of tenants.

use std::collections::BTreeMap;

use crate::fleet::inventory::FleetError;
use crate::fleet::selection::TenantSelection;
use crate::pg::PsqlError;
use crate::pg::catalog::DuplicateIdentity;
use crate::snapshot::TemplateError;
use crate::sql::TenantName;
use crate::tenant::compare::{Aspect, Class, DriftFinding, Level, ReferenceKind};

/// Options of the comparison.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// The tenants.
    pub scope: TenantSelection,
    /// Aspects that are compared in addition to the definitions.
    pub aspects: Vec<Aspect>,
    /// The version table, or `None` for the well-known one of each tenant.
    pub versions_table: Option<String>,
    /// Number of psql processes that read hashes, at least one.
    pub jobs: usize,
}

/// Tenants at one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionLevel {
    /// The version, or `None` if it is unknown or does not matter.
    pub version: Option<String>,
    /// The way in which the reference was made.
    pub reference: ReferenceKind,
    /// Number of tenants that equal the reference.
    pub equal: usize,
    /// Number of tenants that differ from it.
    pub different: usize,
}

/// Tenants that differ from the reference in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriftVariant {
    /// Their version, if they are compared at their own version.
    pub version: Option<String>,
    /// The tenants, by name.
    pub tenants: Vec<TenantName>,
    /// Their differences, the most severe first.
    pub findings: Vec<DriftFinding>,
}

impl DriftVariant {
    /// Returns the most severe class of its findings.
    pub fn class(&self) -> Class {
        self.findings
            .iter()
            .map(|finding| finding.class)
            .max()
            .unwrap_or(Class::Cosmetic)
    }
}

/// The result of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// The tenants that equal the reference, by name.
    pub equal: Vec<TenantName>,
    /// The others, the largest group first.
    pub variants: Vec<DriftVariant>,
    /// Tenants that do not exist, or were dropped during the run.
    pub missing: Vec<TenantName>,
    /// The tenants by version, the most frequent first.
    pub levels: Vec<VersionLevel>,
    /// Number of migrations that some tenant has and the newest snapshot does not.
    pub ahead: usize,
    /// References that could not be made, with the reasons.
    pub notes: Vec<String>,
    /// Ordinary schemas, if others in the scope are distributed schemas of Citus.
    pub undistributed: Vec<TenantName>,
    /// Indexes that a failed `CREATE INDEX CONCURRENTLY` left behind, by name, with their tenants.
    pub invalid_indexes: BTreeMap<String, Vec<TenantName>>,
}

impl Verification {
    /// Returns the number of tenants, missing ones included.
    pub fn len(&self) -> usize {
        let different = self.variants.iter().map(|variant| variant.tenants.len());
        self.equal.len() + different.sum::<usize>() + self.missing.len()
    }

    /// Returns `true` if there is no tenant.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns `true` if a tenant has a difference that is not cosmetic.
    pub fn differs(&self) -> bool {
        self.variants
            .iter()
            .any(|variant| variant.class() > Class::Cosmetic)
    }
}

/// The reason why nothing could be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The tenants could not be read.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The scope has `public`. Its extensions and search paths would be reported as differences.
    #[error("'public' is shared by all tenants and is not compared as one of them")]
    Public,
    /// psql failed.
    #[error("the schemas could not be compared")]
    Psql(#[from] PsqlError),
    /// The role may not use these schemas. The server leaves them out of its `search_path` then, and prints other definitions.
    #[error("the role has no USAGE on {}", named_schemas(.0))]
    NoUsage(Vec<TenantName>),
    /// The snapshot does not load in this database.
    #[error("the snapshot does not load in this database")]
    Load(#[source] PsqlError),
    /// The snapshot cannot be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The operating system has no random bytes for a new name.
    #[error("cannot create a new name")]
    Random(#[source] std::io::Error),
    /// The comparison itself is at fault.
    #[error(transparent)]
    Identity(#[from] DuplicateIdentity),
}

/// At most five names, and how many more there are.
fn named_schemas(tenants: &[TenantName]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = tenants
        .iter()
        .take(SHOWN)
        .map(|tenant| format!("'{}'", tenant.as_str().escape_debug()))
        .collect();
    let more = tenants.len().saturating_sub(SHOWN);
    let noun = if tenants.len() == 1 {
        "the schema"
    } else {
        "the schemas"
    };
    if more > 0 {
        format!("{noun} {} and {more} more", shown.join(", "))
    } else {
        format!("{noun} {}", shown.join(", "))
    }
}

impl Verification {
    /// Adds the tenants of a level.
    pub(super) fn add(
        &mut self,
        level: &Level,
        kind: ReferenceKind,
        groups: Vec<Vec<TenantName>>,
        findings: Vec<Option<Vec<DriftFinding>>>,
    ) {
        let mut equal = 0;
        let mut different = 0;
        for (tenants, findings) in groups.into_iter().zip(findings) {
            match findings {
                None => self.missing.extend(tenants),
                Some(findings) if findings.is_empty() => {
                    equal += tenants.len();
                    self.equal.extend(tenants);
                }
                // Equal schemas can have different hashes.
                Some(findings) => {
                    different += tenants.len();
                    let same = |variant: &&mut DriftVariant| {
                        variant.findings == findings && variant.version == level.version
                    };
                    match self.variants.iter_mut().find(same) {
                        Some(variant) => variant.tenants.extend(tenants),
                        None => self.variants.push(DriftVariant {
                            version: level.version.clone(),
                            tenants,
                            findings,
                        }),
                    }
                }
            }
        }
        let same =
            |known: &&mut VersionLevel| known.version == level.version && known.reference == kind;
        match self.levels.iter_mut().find(same) {
            Some(known) => {
                known.equal += equal;
                known.different += different;
            }
            None => self.levels.push(VersionLevel {
                version: level.version.clone(),
                reference: kind,
                equal,
                different,
            }),
        }
    }

    /// Sorts tenants by name, and variants by their number.
    pub(super) fn sort(&mut self) {
        self.equal.sort();
        self.missing.sort();
        for variant in &mut self.variants {
            variant.tenants.sort();
        }
        self.variants
            .sort_by_key(|variant| std::cmp::Reverse(variant.tenants.len()));
    }
}
