//! The place of each tenant, and what makes it worth a look.

use std::collections::BTreeMap;

use crate::cli::lines::TenantOutcome;
use crate::cli::servers::Servers;
use crate::fleet::Selection;
use crate::fleet::status::TenantStatus;
use crate::sql::TenantName;

/// The attention that a tenant needs, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attention {
    /// It is missing, not registered, in the wrong place or in two places, or its versions have a problem.
    Problem,
    /// Migrations are pending.
    Behind,
    /// It is what it should be.
    Nothing,
}

/// A tenant, where it is, and where it should be.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) status: TenantStatus,
    pub(super) target: Option<String>,
    /// The target to which the rules of the file send it, if it is at another one.
    pub(super) belongs_at: Option<String>,
    /// Further targets that have a tenant with its name.
    pub(super) also_at: Vec<String>,
    /// The query of `--reconcile` did not return it.
    pub(super) is_unregistered: bool,
}

pub(super) fn place(
    servers: &Servers,
    places: &[usize],
    tenants: Vec<TenantStatus>,
    registered: Option<&Selection>,
) -> Vec<Placed> {
    let mut targets: BTreeMap<TenantName, Vec<usize>> = BTreeMap::new();
    for (place, tenant) in places.iter().zip(&tenants) {
        targets
            .entry(tenant.tenant.clone())
            .or_default()
            .push(*place);
    }
    let name = |index: usize| servers.name(index).map(str::to_owned);
    places
        .iter()
        .zip(tenants)
        .map(|(place, status)| {
            let target = servers.name(*place);
            let others = targets.get(&status.tenant).into_iter().flatten();
            Placed {
                belongs_at: servers
                    .belongs_at(&status.tenant)
                    .filter(|belongs| Some(*belongs) != target)
                    .map(str::to_owned),
                also_at: others
                    .filter(|other| *other != place)
                    .filter_map(|other| name(*other))
                    .collect(),
                is_unregistered: registered
                    .is_some_and(|registered| !registered.names(&status.tenant, target)),
                target: name(*place),
                status,
            }
        })
        .collect()
}

impl Placed {
    pub(super) fn outcome(&self) -> TenantOutcome {
        match self.status.behind {
            _ if self.status.is_missing() => TenantOutcome::Missing,
            _ if self.is_unregistered => TenantOutcome::Unregistered,
            _ if self.status.has_problem() => TenantOutcome::Odd,
            Some(0) | None => TenantOutcome::Current,
            Some(_) => TenantOutcome::Behind,
        }
    }

    /// Returns the attention that the tenant needs.
    pub(super) fn attention(&self) -> Attention {
        let is_out_of_place = self.belongs_at.is_some() || !self.also_at.is_empty();
        match self.outcome() {
            TenantOutcome::Missing | TenantOutcome::Unregistered | TenantOutcome::Odd => {
                Attention::Problem
            }
            _ if is_out_of_place => Attention::Problem,
            TenantOutcome::Behind => Attention::Behind,
            _ => Attention::Nothing,
        }
    }
}
