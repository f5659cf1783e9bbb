//! All tenants of a scope: by hashes that the server computes, and one of each group of equal ones in full.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::comparison::Comparison;
use super::hashing::Hashing;
use super::verification::{Verification, VerifyError, VerifyOptions};
use crate::fleet::engine::RunLimits;
use crate::fleet::inventory::{Fleet, Tenant, read_fleet, read_names};
use crate::fleet::progress::{Unobserved, WorkObserver};
use crate::fleet::selection::TenantSelection;
use crate::pg::catalog::by_keys_in_message;
use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;
use crate::sql::{TenantName, quote_literal};
use crate::tenant::compare::{
    DriftFinding, Level, LevelReference, Reference, ReferenceKind, TenantNames,
};
use crate::tenant::versions::{Applied, TenantProblem};

/// Number of tenants up to which only those are queried whose names occur in definitions, instead of all of the database.
const FEW: usize = 20;

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
    let names = names.join(", ");
    // An index of a partitioned table is invalid until each partition has one; that is in its definition. The catalogs have no
    // key for the indexes of a schema: those of a few lead through their tables, those of many through all indexes.
    let indexes = if tenants.len() <= FEW {
        format!(
            "SELECT x.indexrelid FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_depend d \
             ON d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid = n.oid \
             AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass CROSS JOIN LATERAL (SELECT x.indexrelid \
             FROM pg_catalog.pg_index x WHERE x.indrelid = d.objid AND NOT x.indisvalid OFFSET 0) x WHERE n.nspname IN ({names})"
        )
    } else {
        "SELECT x.indexrelid FROM pg_catalog.pg_index x WHERE NOT x.indisvalid".to_owned()
    };
    let sql = format!(
        "{by_keys}WITH indexes (oid) AS MATERIALIZED ({indexes}), \
         invalid AS MATERIALIZED (SELECT c.relnamespace, pg_catalog.json_agg(c.relname ORDER BY c.relname) AS names FROM indexes i \
         CROSS JOIN LATERAL (SELECT c.relnamespace, c.relname FROM pg_catalog.pg_class c WHERE c.oid = i.oid AND c.relkind = 'i' \
         OFFSET 0) c GROUP BY c.relnamespace) \
         SELECT pg_catalog.json_build_array(n.nspname, pg_catalog.has_schema_privilege(n.oid, 'USAGE'), i.names) \
         FROM pg_catalog.pg_namespace n LEFT JOIN invalid i ON i.relnamespace = n.oid \
         WHERE n.nspname IN ({names}) AND (i.names IS NOT NULL OR NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')) \
         ORDER BY n.nspname;\n",
        by_keys = if tenants.len() <= FEW {
            by_keys_in_message()
        } else {
            String::new()
        }
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
    let limits = Arc::new(RunLimits::new(1, None, 0));
    verify_share(server, reference, options, &limits, &Unobserved, shutdown).await
}

/// As [`verify`], for one of several targets, with their limits. The observer hears of the tenants that are hashed.
///
/// # Errors
/// See [`verify`].
pub async fn verify_share(
    server: &Server,
    reference: Reference<'_>,
    options: &VerifyOptions,
    limits: &Arc<RunLimits>,
    observer: &dyn WorkObserver,
    shutdown: &Shutdown,
) -> Result<Verification, VerifyError> {
    let _permit = limits.worker().await;
    if let TenantSelection::Named(names) = &options.scope
        && names.iter().any(|name| name.as_str() == "public")
    {
        return Err(VerifyError::Public);
    }
    let versions_table = options.versions_table.as_deref();
    let fleet = read_fleet(server, &options.scope, versions_table, shutdown).await?;
    let mut present = Vec::new();
    let mut missing = Vec::new();
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
    let mut by_hash = match present.as_slice() {
        // It is a group of its own, whatever its hash.
        [only] => HashMap::from([(String::new(), vec![only.clone()])]),
        several => {
            let hashing = Hashing {
                server,
                major: fleet.major,
                options,
                limits,
                observer,
                shutdown,
            };
            hashing.read(several).await?
        }
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
    let mut verification = Verification {
        undistributed: undistributed(&fleet),
        invalid_indexes,
        ..Verification::default()
    };
    let levels = by_level(&fleet, reference, groups, &mut verification);
    let names = known_names(server, &options.scope, &present, shutdown).await?;
    let mut comparison = Comparison {
        major: fleet.major,
        options,
        names: match &names {
            Some(names) => TenantNames::Known(names.iter().map(TenantName::as_str).collect()),
            None => TenantNames::Collected(Mutex::default()),
        },
    };
    let mut compared = compare_levels(&comparison, server, &levels, shutdown).await?;
    let mentioned = mentioned_tenants(&comparison.names, server, shutdown).await?;
    if !mentioned.is_empty() {
        let mentioned = mentioned.iter().map(TenantName::as_str).collect();
        comparison.names = TenantNames::Known(mentioned);
        compared = compare_levels(&comparison, server, &levels, shutdown).await?;
    }
    verification.missing = missing;
    verification.notes = compared.notes;
    for ((level, _, groups), (kind, findings)) in levels.into_iter().zip(compared.levels) {
        verification.add(&level, kind, groups, findings);
    }
    verification.sort();
    Ok(verification)
}

/// Returns the names of all tenants, or `None` if the few tenants of the scope are no reason to read them all.
async fn known_names(
    server: &Server,
    scope: &TenantSelection,
    present: &[TenantName],
    shutdown: &Shutdown,
) -> Result<Option<Vec<TenantName>>, PsqlError> {
    let all = TenantSelection::All { pattern: None };
    if matches!(scope, TenantSelection::All { pattern: None }) {
        return Ok(Some(present.to_vec()));
    }
    if present.len() <= FEW {
        return Ok(None);
    }
    read_names(server, &all, shutdown).await.map(Some)
}

/// Returns the tenants among the words that a comparison has collected.
async fn mentioned_tenants(
    names: &TenantNames<'_>,
    server: &Server,
    shutdown: &Shutdown,
) -> Result<Vec<TenantName>, PsqlError> {
    let TenantNames::Collected(words) = names else {
        return Ok(Vec::new());
    };
    let words = std::mem::take(&mut *words.lock().unwrap_or_else(PoisonError::into_inner));
    // `public` is shared, even if it has a version table.
    let words: Vec<TenantName> = words
        .into_iter()
        .filter(|word| word != "public")
        .filter_map(|word| TenantName::for_own_schema(word).ok())
        .collect();
    if words.is_empty() {
        return Ok(words);
    }
    read_names(server, &TenantSelection::Named(words), shutdown).await
}

/// The result of all levels, in their order.
#[derive(Debug, Default)]
struct ComparedLevels {
    levels: Vec<(ReferenceKind, Vec<Option<Vec<DriftFinding>>>)>,
    /// References that could not be made, with the reasons.
    notes: Vec<String>,
}

async fn compare_levels(
    comparison: &Comparison<'_>,
    server: &Server,
    levels: &[LevelGroups<'_>],
    shutdown: &Shutdown,
) -> Result<ComparedLevels, VerifyError> {
    let mut compared = ComparedLevels::default();
    for (level, reference, groups) in levels {
        let notes = &mut compared.notes;
        let found = comparison.run_level(server, level, reference, groups, shutdown, notes);
        compared.levels.push(found.await?);
    }
    Ok(compared)
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
