//! All tenants of a scope: by hashes that the server computes, and one of each group of equal ones in full.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::comparison::Comparison;
use super::verification::{Verification, VerifyError, VerifyOptions};
use crate::fleet::inventory::{Fleet, Tenant, read_fleet, read_names};
use crate::fleet::selection::TenantSelection;
use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;
use crate::sql::{TenantName, quote_literal};
use crate::tenant::compare::{Level, LevelReference, Reference, hashes};
use crate::tenant::versions::{Applied, TenantProblem};

/// Maximum number of times that the hashes are read again because a tenant was dropped meanwhile.
const ATTEMPTS: usize = 3;

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
