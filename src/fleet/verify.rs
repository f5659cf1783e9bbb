//! Compares tenants with a snapshot or with each other, object by object, all of them at once.

mod reloaded;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use self::reloaded::without_reloaded_views;
use super::inventory::{Fleet, FleetError, Tenant, read_fleet, read_names};
use super::selection::TenantSelection;
use crate::pg::catalog::{Aspect as CatalogAspect, Aspects, DuplicateIdentity, objects};
use crate::pg::{PsqlError, ScriptOptions, Server};
use crate::process::Shutdown;
use crate::snapshot::capture::{Difference, differences, fresh_name, search_path};
use crate::snapshot::citus::ON_COORDINATOR;
use crate::snapshot::{Marking, PLACEHOLDER, RenderOptions, TemplateError, settings};
use crate::sql::{TenantName, quote_literal};
use crate::tenant::compare::{
    Aspect, Class, DriftFinding, Level, LevelReference, Reference, ReferenceKind, classify,
    foreign, hashes,
};
use crate::tenant::versions::{Applied, TenantProblem};
use crate::text::swrite;

/// Maximum number of times that the hashes are read again because a tenant was dropped meanwhile.
const ATTEMPTS: usize = 3;

/// Begins the name of the copy of a reference.
const COPY: &str = "stamp";

/// Time in milliseconds that a migration waits for a lock in the copy of a reference.
const LOCK_TIMEOUT: u32 = 3000;

/// Options of the comparison.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// The tenants.
    pub scope: TenantSelection,
    /// Aspects that are compared in addition to the definitions.
    pub aspects: Vec<Aspect>,
    /// The version table, or `None` for the well-known one of each tenant.
    pub versions_table: Option<String>,
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

/// Peculiarities of tenants that a comparison of definitions does not show.
#[derive(Debug, Default)]
struct Peculiarities {
    /// Schemas that the role may not use.
    unusable: Vec<TenantName>,
    /// Indexes that are invalid, with their tenants.
    invalid_indexes: BTreeMap<String, Vec<TenantName>>,
}

/// Queries what the comparison of definitions does not show.
async fn peculiarities(
    server: &Server,
    tenants: &[TenantName],
    shutdown: &Shutdown,
) -> Result<Peculiarities, PsqlError> {
    let mut found = Peculiarities::default();
    if tenants.is_empty() {
        return Ok(found);
    }
    let names: Vec<String> = tenants
        .iter()
        .map(|tenant| quote_literal(tenant.as_str()))
        .collect();
    // An index of a partitioned table is invalid until each partition has one; that is in its definition.
    let sql = format!(
        "SELECT pg_catalog.json_build_array(n.nspname, pg_catalog.has_schema_privilege(n.oid, 'USAGE'), i.invalid) \
         FROM pg_catalog.pg_namespace n LEFT JOIN LATERAL (SELECT pg_catalog.json_agg(c.relname ORDER BY c.relname) \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_index x ON x.indexrelid = c.oid \
         WHERE c.relnamespace = n.oid AND c.relkind = 'i' AND NOT x.indisvalid) AS i (invalid) ON true \
         WHERE n.nspname IN ({}) AND (i.invalid IS NOT NULL OR NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')) \
         ORDER BY n.nspname;\n",
        names.join(", ")
    );
    for line in server.query_json(&sql, shutdown).await? {
        let Ok((name, usable, invalid)) =
            serde_json::from_value::<(String, Option<bool>, Option<Vec<String>>)>(line)
        else {
            continue;
        };
        let Ok(tenant) = TenantName::for_own_schema(name) else {
            continue;
        };
        for index in invalid.into_iter().flatten() {
            let tenants = found.invalid_indexes.entry(index).or_default();
            tenants.push(tenant.clone());
        }
        if usable == Some(false) {
            found.unusable.push(tenant);
        }
    }
    Ok(found)
}

/// Compares all tenants of the scope with the reference: by hashes that the server computes, and in
/// full where these differ.
///
/// # Errors
/// [`VerifyError`]. Differences are not an error.
pub async fn verify(
    server: &Server,
    reference: Reference<'_>,
    options: &VerifyOptions,
    shutdown: &Shutdown,
) -> Result<Verification, VerifyError> {
    if let TenantSelection::Named(names) = &options.scope
        && names.iter().any(|name| name.as_str() == "public")
    {
        return Err(VerifyError::Public);
    }
    let versions_table = options.versions_table.as_deref();
    let fleet = read_fleet(server, &options.scope, versions_table, shutdown).await?;
    let (mut present, mut missing) = (Vec::new(), Vec::new());
    for tenant in &fleet.tenants {
        let gone = matches!(tenant.applied, Applied::Odd(TenantProblem::NoSchema));
        if gone {
            missing.push(tenant.name.clone());
        } else {
            present.push(tenant.name.clone());
        }
    }
    let Peculiarities {
        unusable,
        invalid_indexes,
    } = peculiarities(server, &present, shutdown).await?;
    if !unusable.is_empty() {
        return Err(VerifyError::NoUsage(unusable));
    }
    let all = if let TenantSelection::All { pattern: None } = &options.scope {
        present.clone()
    } else {
        read_names(server, shutdown).await?
    };
    let names: BTreeSet<&str> = all.iter().map(TenantName::as_str).collect();
    let mut by_hash = match present.as_slice() {
        // It is a group of its own, whatever its hash.
        [only] => HashMap::from([(String::new(), vec![only.clone()])]),
        several => read_hashes(server, several, fleet.major, options, shutdown).await?,
    };
    let hashed: BTreeSet<&TenantName> = by_hash.values().flatten().collect();
    // They have no objects, or were dropped meanwhile: that is decided for each of them.
    let without_objects: Vec<Vec<TenantName>> = present
        .iter()
        .filter(|tenant| !hashed.contains(tenant))
        .map(|tenant| vec![tenant.clone()])
        .collect();
    let mut groups: Vec<Vec<TenantName>> = std::mem::take(&mut by_hash).into_values().collect();
    groups.extend(without_objects);
    for group in &mut groups {
        group.sort();
    }
    groups.sort_by(|one, two| (two.len(), one.first()).cmp(&(one.len(), two.first())));
    let comparison = Comparison {
        major: fleet.major,
        options,
        names: &names,
    };
    let mut verification = Verification {
        missing,
        undistributed: undistributed(&fleet),
        invalid_indexes,
        ..Verification::default()
    };
    let levels = by_level(&fleet, reference, groups, &mut verification);
    for (level, reference, groups) in levels {
        let (kind, findings) = comparison
            .run_level(
                server,
                &level,
                reference,
                &groups,
                shutdown,
                &mut verification,
            )
            .await?;
        verification.add(&level, kind, groups, findings);
    }
    verification.sort();
    Ok(verification)
}

/// A level with its reference, and its tenants by their hash.
type LevelGroups<'a> = (Level, LevelReference<'a>, Vec<Vec<TenantName>>);

/// Puts the groups of equal tenants to their levels, the most frequent first.
fn by_level<'a>(
    fleet: &Fleet,
    reference: Reference<'a>,
    groups: Vec<Vec<TenantName>>,
    verification: &mut Verification,
) -> Vec<LevelGroups<'a>> {
    let references = match reference {
        Reference::Majority => {
            return vec![(Level::default(), LevelReference::Majority, groups)];
        }
        Reference::Snapshot(snapshot) => {
            return vec![(Level::default(), LevelReference::Snapshot(snapshot), groups)];
        }
        Reference::AtVersion(references) => references,
    };
    let tenants: BTreeMap<&TenantName, &Tenant> = fleet
        .tenants
        .iter()
        .map(|tenant| (&tenant.name, tenant))
        .collect();
    let mut levels: BTreeMap<Level, (LevelReference<'a>, Vec<Vec<TenantName>>)> = BTreeMap::new();
    for group in groups {
        let mut parts: BTreeMap<Level, Vec<TenantName>> = BTreeMap::new();
        for name in group {
            let Some(tenant) = tenants.get(&name) else {
                continue;
            };
            let level = references.level(&tenant.applied, tenant.snapshot.as_deref());
            verification.ahead = verification.ahead.max(references.ahead(&tenant.applied));
            levels.entry(level.clone()).or_insert_with(|| {
                let reference = references.reference(&level, &tenant.applied);
                (reference, Vec::new())
            });
            parts.entry(level).or_default().push(name);
        }
        for (level, part) in parts {
            if let Some((_, groups)) = levels.get_mut(&level) {
                groups.push(part);
            }
        }
    }
    let mut levels: Vec<LevelGroups<'a>> = levels
        .into_iter()
        .map(|(level, (reference, mut groups))| {
            groups.sort_by(|one, two| (two.len(), one.first()).cmp(&(one.len(), two.first())));
            (level, reference, groups)
        })
        .collect();
    let count = |groups: &[Vec<TenantName>]| groups.iter().map(Vec::len).sum::<usize>();
    levels.sort_by_key(|(_, _, groups)| std::cmp::Reverse(count(groups)));
    levels
}

impl Verification {
    /// Adds the tenants of a level.
    fn add(
        &mut self,
        level: &Level,
        kind: ReferenceKind,
        groups: Vec<Vec<TenantName>>,
        findings: Vec<Option<Vec<DriftFinding>>>,
    ) {
        let (mut equal, mut different) = (0, 0);
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
    fn sort(&mut self) {
        self.equal.sort();
        self.missing.sort();
        for variant in &mut self.variants {
            variant.tenants.sort();
        }
        self.variants
            .sort_by_key(|variant| std::cmp::Reverse(variant.tenants.len()));
    }
}

/// Returns the tenants that are ordinary schemas, if others are distributed.
fn undistributed(fleet: &Fleet) -> Vec<TenantName> {
    let with = |distributed| {
        fleet
            .tenants
            .iter()
            .filter(move |tenant| tenant.distributed == Some(distributed))
    };
    if with(true).next().is_none() {
        return Vec::new();
    }
    with(false).map(|tenant| tenant.name.clone()).collect()
}

/// Returns the tenants by their hash.
async fn read_hashes(
    server: &Server,
    tenants: &[TenantName],
    major: u32,
    options: &VerifyOptions,
    shutdown: &Shutdown,
) -> Result<HashMap<String, Vec<TenantName>>, PsqlError> {
    if tenants.is_empty() {
        return Ok(HashMap::new());
    }
    let schemas: Vec<&str> = tenants.iter().map(TenantName::as_str).collect();
    let sql = hashes(&schemas, major, &options.aspects);
    let mut attempt = 1;
    loop {
        let mut by_hash: HashMap<String, Vec<TenantName>> = HashMap::new();
        let read = server
            .query_json_each(&sql, shutdown, |line| {
                let Ok((schema, hash)) = serde_json::from_value::<(String, String)>(line) else {
                    return;
                };
                if let Ok(tenant) = TenantName::for_own_schema(schema) {
                    by_hash.entry(hash).or_default().push(tenant);
                }
            })
            .await;
        match read {
            Ok(()) => return Ok(by_hash),
            // The schema was dropped while the server read it.
            Err(PsqlError::Script { message, .. })
                if attempt < ATTEMPTS && message.message.contains("cache lookup failed") =>
            {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

struct Comparison<'a> {
    major: u32,
    options: &'a VerifyOptions,
    names: &'a BTreeSet<&'a str>,
}

impl Comparison<'_> {
    /// Compares the tenants of a level with its reference, or with each other if the migrations of the reference fail in
    /// a copy.
    async fn run_level(
        &self,
        server: &Server,
        level: &Level,
        reference: LevelReference<'_>,
        groups: &[Vec<TenantName>],
        shutdown: &Shutdown,
        verification: &mut Verification,
    ) -> Result<(ReferenceKind, Vec<Option<Vec<DriftFinding>>>), VerifyError> {
        let kind = reference.kind();
        match self.run(server, &reference, groups, shutdown).await {
            Err(VerifyError::Load(error)) if kind == ReferenceKind::Migrations => {
                let version = level.version.as_deref().unwrap_or_default();
                verification.notes.push(format!(
                    "the reference of version {version} cannot be made from the snapshot and the migrations, \
                     so its tenants are compared with each other: {error}"
                ));
                let majority = LevelReference::Majority;
                let found = self.run(server, &majority, groups, shutdown).await?;
                Ok((majority.kind(), found))
            }
            found => Ok((kind, found?)),
        }
    }

    /// Compares the first tenant of each group in full. The result is `None` for one that no longer
    /// exists.
    async fn run(
        &self,
        server: &Server,
        reference: &LevelReference<'_>,
        groups: &[Vec<TenantName>],
        shutdown: &Shutdown,
    ) -> Result<Vec<Option<Vec<DriftFinding>>>, VerifyError> {
        let mut found: Vec<Option<Found>> = groups.iter().map(|_| None).collect();
        let Some(largest) = groups.first().and_then(|group| group.first()) else {
            return Ok(Vec::new());
        };
        let (prelude, name) = self.prelude(server, reference, largest)?;
        let loaded_lines = prelude.matches('\n').count();
        let mut script = prelude.clone();
        self.read_aspects(&mut script, &name);
        for group in groups {
            if let Some(tenant) = group.first() {
                self.read_aspects(&mut script, tenant);
            }
        }
        script.push_str("ROLLBACK;\n");
        let mut reading = Reading {
            comparison: self,
            reference: &name,
            groups,
            expected: None,
            current: None,
            found: &mut found,
            duplicate: None,
        };
        server
            .run_script_each(&script, &ScriptOptions::default(), shutdown, |line| {
                reading.line(line);
            })
            .await
            .map_err(|error| match &error {
                PsqlError::Script { message, .. }
                    if message
                        .script_line()
                        .is_some_and(|line| line <= loaded_lines) =>
                {
                    VerifyError::Load(error)
                }
                _ => VerifyError::Psql(error),
            })?;
        reading.end();
        if let Some(duplicate) = reading.duplicate {
            return Err(duplicate.into());
        }
        for (group, found) in groups.iter().zip(&mut found) {
            if let (Some(tenant), Some(found)) = (group.first(), found) {
                found.differences = without_reloaded_views(
                    server,
                    &prelude,
                    [tenant, &name],
                    std::mem::take(&mut found.differences),
                    shutdown,
                )
                .await?;
            }
        }
        Ok(found
            .into_iter()
            .map(|found| found.map(Found::into_findings))
            .collect())
    }

    /// Returns the beginning of a transaction in which the reference is there, and the reference's name.
    fn prelude(
        &self,
        server: &Server,
        reference: &LevelReference<'_>,
        largest: &TenantName,
    ) -> Result<(String, TenantName), VerifyError> {
        let mut script = format!("BEGIN;\n{};\n{ON_COORDINATOR};\n", settings(server.timeout));
        let (snapshot, newer) = match reference {
            LevelReference::Majority => return Ok((script, largest.clone())),
            LevelReference::Snapshot(snapshot) => (snapshot, None),
            LevelReference::Migrated(snapshot, newer) => (snapshot, Some(newer)),
        };
        let copy = fresh_name(COPY).map_err(VerifyError::Random)?;
        let tenant = TenantName::new(copy).map_err(|_| TemplateError::Glued { line: 0 })?;
        let render = RenderOptions {
            owners: self.options.aspects.contains(&Aspect::Owners),
            privileges: self.options.aspects.contains(&Aspect::Privileges),
            mark: Marking::None,
            ..RenderOptions::default()
        };
        for statement in snapshot.body_for(&tenant, &render)? {
            script.push_str(&statement.sql);
            script.push_str(";\n");
        }
        if let Some(newer) = newer {
            // They may need locks on tables that all tenants share.
            swrite!(script, "SET LOCAL lock_timeout = {LOCK_TIMEOUT};\n");
            for statement in newer.statements(&tenant, &render)? {
                script.push_str(&statement.sql);
                script.push_str(";\n");
            }
            swrite!(script, "{};\n", settings(server.timeout));
        }
        Ok((script, tenant))
    }

    fn read_aspects(&self, script: &mut String, tenant: &TenantName) {
        script.push_str(&search_path(&[tenant.as_str()]));
        script.push_str(";\nSELECT '\"next\"';\n");
        script.push_str(&objects(&[tenant.as_str()], self.major));
        // An empty schema prints nothing else, like one that was dropped.
        swrite!(
            *script,
            "SELECT '\"exists\"' FROM pg_catalog.pg_namespace WHERE nspname = {};\n",
            quote_literal(tenant.as_str())
        );
    }

    fn compare(
        &self,
        tenant: &TenantName,
        own: &Aspects,
        reference: &TenantName,
        expected: &Aspects,
    ) -> Found {
        Found {
            foreign: foreign(own, tenant.as_str(), self.names),
            differences: if tenant == reference {
                Vec::new()
            } else {
                let found = differences(own, expected, reference.as_str(), tenant.as_str());
                with_placeholder(found, reference)
            },
        }
    }
}

/// Writes the placeholder for the random name of the copy, which says nothing to anybody and is another in each run.
fn with_placeholder(mut found: Vec<Difference>, reference: &TenantName) -> Vec<Difference> {
    let name = reference.as_str();
    let is_copy = name.strip_prefix(COPY).is_some_and(|rest| rest.len() > 20);
    for difference in found.iter_mut().filter(|_| is_copy) {
        let expected = difference.copy.take();
        difference.copy = expected.map(|text| text.replace(name, PLACEHOLDER));
    }
    found
}

/// The comparison of one tenant with the reference.
struct Found {
    /// Mentions of other tenants.
    foreign: Vec<DriftFinding>,
    differences: Vec<Difference>,
}

impl Found {
    fn into_findings(self) -> Vec<DriftFinding> {
        let mut findings = self.foreign;
        let is_told = |finding: &DriftFinding| {
            !findings
                .iter()
                .any(|other| other.kind == finding.kind && other.object == finding.object)
        };
        let mut others = classify(self.differences);
        others.retain(is_told);
        findings.extend(others);
        findings
    }
}

/// The schema that is being read.
#[derive(Default)]
struct SchemaRead {
    /// The index of its group, or `None` for the reference.
    group: Option<usize>,
    aspects: Aspects,
    /// True if the schema was still there after its aspects were read.
    exists: bool,
}

/// Receives the aspects of the reference, then those of one tenant after the other.
struct Reading<'a> {
    comparison: &'a Comparison<'a>,
    reference: &'a TenantName,
    groups: &'a [Vec<TenantName>],
    expected: Option<Aspects>,
    current: Option<SchemaRead>,
    found: &'a mut Vec<Option<Found>>,
    /// An identity that came twice: then nothing that was compared counts.
    duplicate: Option<DuplicateIdentity>,
}

impl Reading<'_> {
    fn line(&mut self, line: &[u8]) {
        let Ok(value) = serde_json::from_slice::<serde_json::Value>(line) else {
            return;
        };
        if value == "next" {
            let group = self
                .current
                .as_ref()
                .map(|current| current.group.map_or(0, |index| index + 1));
            self.end();
            self.current = Some(SchemaRead {
                group,
                ..SchemaRead::default()
            });
        } else if value == "exists" {
            if let Some(current) = &mut self.current {
                current.exists = true;
            }
        } else if let Some(aspect) = CatalogAspect::read(value)
            && let Some(current) = &mut self.current
            && Aspect::is_compared(
                &self.comparison.options.aspects,
                &aspect.object.kind,
                &aspect.aspect,
            )
            && let Err(error) = current.aspects.insert(aspect)
        {
            self.duplicate.get_or_insert(error);
        }
    }

    /// Compares the aspects that were read.
    fn end(&mut self) {
        let Some(SchemaRead {
            group,
            aspects,
            exists,
        }) = self.current.take()
        else {
            return;
        };
        match (group, &self.expected) {
            (None, _) => self.expected = Some(aspects),
            (Some(index), Some(expected)) if exists || !aspects.is_empty() => {
                let tenant = self.groups.get(index).and_then(|group| group.first());
                if let (Some(tenant), Some(place)) = (tenant, self.found.get_mut(index)) {
                    *place =
                        Some(
                            self.comparison
                                .compare(tenant, &aspects, self.reference, expected),
                        );
                }
            }
            _ => {}
        }
    }
}
