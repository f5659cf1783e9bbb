//! One reference, and the first tenant of each group of equal ones, compared with it in one transaction.

use super::reloaded::without_reloaded_views;
use super::verification::{VerifyError, VerifyOptions};
use crate::pg::catalog::{Aspects, DuplicateIdentity, ObjectAspect, objects};
use crate::pg::{PsqlError, ScriptOptions, Server};
use crate::process::Shutdown;
use crate::snapshot::capture::{Difference, differences, fresh_name, search_path};
use crate::snapshot::citus::ON_COORDINATOR;
use crate::snapshot::{Marking, PLACEHOLDER, RenderOptions, TemplateError, settings};
use crate::sql::{TenantName, quote_literal};
use crate::tenant::compare::{
    Aspect, DriftFinding, Level, LevelReference, ReferenceKind, TenantNames, classify, foreign,
};
use crate::text::swrite;

/// Begins the name of the copy of a reference.
const COPY: &str = "stamp";

/// Time in milliseconds that a migration waits for a lock in the copy of a reference.
const LOCK_TIMEOUT: u32 = 3000;

pub(super) struct Comparison<'a> {
    pub(super) major: u32,
    pub(super) options: &'a VerifyOptions,
    pub(super) names: TenantNames<'a>,
}

impl Comparison<'_> {
    /// Compares the tenants of a level with its reference, or with each other if the migrations of the reference fail in
    /// a copy.
    pub(super) async fn run_level(
        &self,
        server: &Server,
        level: &Level,
        reference: &LevelReference<'_>,
        groups: &[Vec<TenantName>],
        shutdown: &Shutdown,
        notes: &mut Vec<String>,
    ) -> Result<(ReferenceKind, Vec<Option<Vec<DriftFinding>>>), VerifyError> {
        let kind = reference.kind();
        match self.run(server, reference, groups, shutdown).await {
            Err(VerifyError::Load(error)) if kind == ReferenceKind::Migrations => {
                let version = level.version.as_deref().unwrap_or_default();
                notes.push(format!(
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
            foreign: foreign(own, tenant.as_str(), &self.names),
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
        } else if let Some(aspect) = ObjectAspect::read(value)
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
