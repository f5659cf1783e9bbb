//! Brings tenants under care that were made by hand or by another tool: compares them with what their version should be,
//! and marks those that are equal.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::inventory::{FleetError, Tenant, read_fleet};
use super::selection::TenantSelection;
use super::verify::{Verification, VerifyError, VerifyOptions, verify};
use crate::pg::{PsqlError, Server, read_json};
use crate::process::Shutdown;
use crate::snapshot::{MARK, Snapshot, lock_key, strip_mark};
use crate::sql::{TenantName, quote_literal};
use crate::tenant::compare::{Aspect, Class, Reference, ReferenceKind, VersionReferences};
use crate::tenant::marker::Mark;
use crate::tenant::versions::{Applied, TenantProblem};
use crate::text::swrite;

/// The setting in which a transaction keeps why a schema was not marked.
const REFUSAL: &str = "schemastamp.adopt";

/// Options of an adoption.
#[derive(Clone, Debug)]
pub struct AdoptOptions {
    /// The tenants.
    pub scope: TenantSelection,
    /// The version table, or `None` for the well-known one of each tenant.
    pub versions_table: Option<String>,
    /// Aspects that are compared in addition to the objects themselves.
    pub aspects: Vec<Aspect>,
    /// Tenants that differ only in names and orders are refused too.
    pub strict: bool,
    /// Only reports what would be marked.
    pub dry_run: bool,
}

/// One tenant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AdoptedTenant {
    /// The tenant.
    pub tenant: TenantName,
    /// Its version, if it is known.
    pub version: Option<String>,
    /// The fingerprint of the snapshot that its marker names.
    pub snapshot: Option<String>,
    /// The outcome.
    pub outcome: AdoptOutcome,
}

/// The outcome of a tenant that is not different.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdoptOutcome {
    /// It has its marker.
    Adopted,
    /// A dry run: it would get its marker.
    WouldAdopt,
    /// It had a marker before.
    Marked,
    /// There is no such schema.
    Missing,
    /// It is refused.
    Refused(AdoptRefusal),
    /// The server refused to mark it.
    Failed(String),
    /// psql ended before it reported whether it was marked.
    Unknown(String),
}

/// The reason why a schema is refused without a difference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptRefusal {
    /// `public`: whatever has no schema of its own is in it.
    #[error("'public' is shared by all tenants")]
    Public,
    /// An extension has made it.
    #[error("it belongs to the extension '{}'", .0.escape_debug())]
    Extension(String),
    /// It is a ready-made tenant of the pool.
    #[error("it is a ready-made tenant; claim it with `schemastamp provision --from-pool`")]
    Spare,
    /// Nothing is in it.
    #[error("the schema is empty")]
    Empty,
    /// Nothing says what its version should be.
    #[error("no snapshot or migrations lead to its version")]
    NoReference,
}

/// The result for all tenants of a target.
#[derive(Debug)]
#[non_exhaustive]
pub struct AdoptReport {
    /// The tenants that are not different, by name.
    pub tenants: Vec<AdoptedTenant>,
    /// The comparison, with the differences of the others.
    pub verification: Verification,
}

/// Facts about a schema that decide whether it can be marked.
#[derive(Debug, Deserialize)]
struct SchemaFacts {
    name: String,
    comment: Option<String>,
    extension: Option<String>,
    is_empty: bool,
}

/// Compares the tenants of the scope that have no marker, and marks those that are what their version should be.
///
/// # Errors
/// [`VerifyError`] if they could not be compared. Everything else is in the report.
pub async fn adopt(
    server: &Server,
    references: &VersionReferences<'_>,
    options: &AdoptOptions,
    shutdown: &Shutdown,
) -> Result<AdoptReport, VerifyError> {
    let versions_table = options.versions_table.as_deref();
    let fleet = read_fleet(server, &options.scope, versions_table, shutdown).await?;
    let names: Vec<&TenantName> = fleet.tenants.iter().map(|tenant| &tenant.name).collect();
    let facts = read_facts(server, &names, shutdown).await?;
    let mut tenants = Vec::new();
    let mut open: Vec<&Tenant> = Vec::new();
    for tenant in &fleet.tenants {
        match settled(tenant, facts.get(tenant.name.as_str())) {
            Some(outcome) => tenants.push(adopted(tenant, tenant.snapshot.clone(), outcome)),
            None => open.push(tenant),
        }
    }
    let verify_options = VerifyOptions {
        scope: TenantSelection::Named(open.iter().map(|tenant| tenant.name.clone()).collect()),
        aspects: options.aspects.clone(),
        versions_table: options.versions_table.clone(),
        jobs: 1,
    };
    let verification = if open.is_empty() {
        Verification::default()
    } else {
        let reference = Reference::AtVersion(references);
        verify(server, reference, &verify_options, shutdown).await?
    };
    let fitting = find_fitting(&verification, options.strict);
    let mut marks = Vec::new();
    for tenant in open
        .into_iter()
        .filter(|tenant| fitting.contains(&tenant.name))
    {
        let snapshot = references
            .origin(&tenant.applied)
            .filter(|_| has_reference(&verification, tenant));
        match snapshot {
            None => {
                let refused = AdoptOutcome::Refused(AdoptRefusal::NoReference);
                tenants.push(adopted(tenant, None, refused));
            }
            Some(snapshot) => marks.push(NewMark {
                tenant,
                snapshot,
                comment: facts
                    .get(tenant.name.as_str())
                    .and_then(|facts| facts.comment.as_deref()),
            }),
        }
    }
    let outcomes = if options.dry_run {
        marks.iter().map(|_| AdoptOutcome::WouldAdopt).collect()
    } else {
        write_marks(server, &marks, shutdown).await
    };
    for (mark, outcome) in marks.iter().zip(outcomes) {
        let fingerprint = Some(mark.snapshot.fingerprint().to_owned());
        tenants.push(adopted(mark.tenant, fingerprint, outcome));
    }
    tenants.sort_by(|one, two| one.tenant.cmp(&two.tenant));
    Ok(AdoptReport {
        tenants,
        verification,
    })
}

fn adopted(tenant: &Tenant, snapshot: Option<String>, outcome: AdoptOutcome) -> AdoptedTenant {
    AdoptedTenant {
        tenant: tenant.name.clone(),
        version: marked_version(tenant),
        snapshot,
        outcome,
    }
}

fn marked_version(tenant: &Tenant) -> Option<String> {
    match &tenant.applied {
        Applied::Known(table) => table.last().map(|version| version.text.clone()),
        Applied::Odd(_) => None,
    }
}

/// Returns the outcome of a schema that needs no comparison.
fn settled(tenant: &Tenant, facts: Option<&SchemaFacts>) -> Option<AdoptOutcome> {
    let missing = matches!(tenant.applied, Applied::Odd(TenantProblem::NoSchema));
    let Some(facts) = facts.filter(|_| !missing) else {
        return Some(AdoptOutcome::Missing);
    };
    if tenant.name.as_str() == "public" {
        return Some(AdoptOutcome::Refused(AdoptRefusal::Public));
    }
    if let Some(extension) = &facts.extension {
        return Some(AdoptOutcome::Refused(AdoptRefusal::Extension(
            extension.clone(),
        )));
    }
    match facts.comment.as_deref().and_then(Mark::read) {
        Some(Mark::Tenant { .. }) => Some(AdoptOutcome::Marked),
        Some(Mark::Spare) => Some(AdoptOutcome::Refused(AdoptRefusal::Spare)),
        None if facts.is_empty => Some(AdoptOutcome::Refused(AdoptRefusal::Empty)),
        None => None,
    }
}

/// Reads the comments of schemas, and the extensions that have made them.
async fn read_facts(
    server: &Server,
    names: &[&TenantName],
    shutdown: &Shutdown,
) -> Result<BTreeMap<String, SchemaFacts>, VerifyError> {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let names = serde_json::Value::from(names).to_string();
    let sql = format!(
        "SELECT pg_catalog.json_build_object('name', n.nspname, 'comment', pg_catalog.obj_description(n.oid, 'pg_namespace'), \
         'extension', (SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid \
         WHERE d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.objid = n.oid AND d.deptype = 'e' \
         AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass LIMIT 1), \
         'is_empty', NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid) \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid)) \
         FROM pg_catalog.pg_namespace n WHERE n.nspname IN \
         (SELECT wanted::pg_catalog.name FROM pg_catalog.json_array_elements_text({}) AS wanted);\n",
        quote_literal(&names)
    );
    let lines = server
        .query_json(&sql, shutdown)
        .await
        .map_err(FleetError::from)?;
    let facts = lines.into_iter().enumerate().map(|(index, line)| {
        let facts: SchemaFacts = read_json(line, index + 1)?;
        Ok((facts.name.clone(), facts))
    });
    let facts: Result<BTreeMap<String, SchemaFacts>, PsqlError> = facts.collect();
    Ok(facts.map_err(FleetError::from)?)
}

/// Returns the tenants that are what their version should be.
fn find_fitting(verification: &Verification, strict: bool) -> BTreeSet<TenantName> {
    let is_cosmetic = |class| class == Class::Cosmetic && !strict;
    let cosmetic = verification
        .variants
        .iter()
        .filter(|variant| is_cosmetic(variant.class()))
        .flat_map(|variant| &variant.tenants);
    verification.equal.iter().chain(cosmetic).cloned().collect()
}

/// Returns `true` if the tenant was compared with more than others of its own kind.
fn has_reference(verification: &Verification, tenant: &Tenant) -> bool {
    let version = marked_version(tenant);
    !verification
        .levels
        .iter()
        .any(|level| level.reference == ReferenceKind::Majority && level.version == version)
}

/// A marker to be written.
struct NewMark<'a> {
    tenant: &'a Tenant,
    snapshot: &'a Snapshot,
    /// The comment that the schema has.
    comment: Option<&'a str>,
}

impl NewMark<'_> {
    /// Returns the transaction that writes the marker behind the comment that there is, and prints why it could not.
    fn sql(&self) -> String {
        let text = strip_mark(self.comment.unwrap_or_default());
        let mark = format!("{MARK}{}", self.snapshot.fingerprint());
        let comment = if text.is_empty() {
            mark
        } else {
            format!("{text}\n\n{mark}")
        };
        let seen = self
            .comment
            .map_or_else(|| "NULL".to_owned(), quote_literal);
        let command = format!(
            "COMMENT ON SCHEMA {} IS {}",
            self.tenant.name.quoted(),
            quote_literal(&comment)
        );
        let name = quote_literal(self.tenant.name.as_str());
        let body = format!(
            "BEGIN PERFORM pg_catalog.set_config('{REFUSAL}', '', true), pg_catalog.pg_advisory_xact_lock({}); \
             IF (SELECT pg_catalog.obj_description(n.oid, 'pg_namespace') FROM pg_catalog.pg_namespace n \
             WHERE n.nspname = {name}) IS DISTINCT FROM {seen} THEN \
             RAISE EXCEPTION 'its comment was changed meanwhile'; END IF; \
             EXECUTE {}; \
             EXCEPTION WHEN OTHERS THEN PERFORM pg_catalog.set_config('{REFUSAL}', SQLERRM, true); END",
            lock_key(&self.tenant.name),
            quote_literal(&command)
        );
        let mut sql =
            String::from("BEGIN;\nSET LOCAL search_path = '';\nSET LOCAL lock_timeout = '10s';\n");
        swrite!(
            sql,
            "DO {};\nSELECT pg_catalog.json_build_array({name}, pg_catalog.current_setting('{REFUSAL}'));\nCOMMIT;\n",
            quote_literal(&body)
        );
        sql
    }
}

/// Writes the markers, each in a transaction of its own. A transaction without an effect costs nothing to repeat.
async fn write_marks(
    server: &Server,
    marks: &[NewMark<'_>],
    shutdown: &Shutdown,
) -> Vec<AdoptOutcome> {
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    let script: String = marks.iter().map(NewMark::sql).collect();
    let ran = if marks.is_empty() {
        Ok(())
    } else {
        let read = |line| {
            if let Ok((name, refusal)) = serde_json::from_value::<(String, String)>(line) {
                told.insert(name, refusal);
            }
        };
        server.query_json_each(&script, shutdown, read).await
    };
    let end = ran.err().map_or_else(
        || "psql did not report it".to_owned(),
        |error| error.to_string(),
    );
    marks
        .iter()
        .map(|mark| match told.get(mark.tenant.name.as_str()) {
            Some(refusal) if refusal.is_empty() => AdoptOutcome::Adopted,
            Some(refusal) => AdoptOutcome::Failed(refusal.clone()),
            None => AdoptOutcome::Unknown(end.clone()),
        })
        .collect()
}
