//! The common parts of reports on runs: failures by reason, and the reasons why targets ended early.

use std::collections::BTreeMap;

use crate::sql::TenantName;
use crate::text::safe;

/// Tenants that failed in the same way.
#[derive(Clone, Debug)]
pub struct FailureGroup {
    /// The reason.
    pub reason: String,
    /// The tenants, by name.
    pub tenants: Vec<TenantName>,
}

/// The failed tenants by their reason.
#[derive(Clone, Debug, Default)]
pub(in crate::fleet) struct FailureGroups {
    reasons: BTreeMap<String, Vec<TenantName>>,
}

impl FailureGroups {
    /// Adds a failed tenant.
    pub(in crate::fleet) fn add(&mut self, reason: String, tenant: TenantName) {
        self.reasons.entry(reason).or_default().push(tenant);
    }

    /// Adds the failures of another target.
    pub(in crate::fleet) fn extend(&mut self, other: Self) {
        for (reason, tenants) in other.reasons {
            self.reasons.entry(reason).or_default().extend(tenants);
        }
    }

    /// Returns the groups, the largest first.
    pub(in crate::fleet) fn into_sorted(self) -> Vec<FailureGroup> {
        let mut groups: Vec<FailureGroup> = self
            .reasons
            .into_iter()
            .map(|(reason, mut tenants)| {
                tenants.sort();
                FailureGroup { reason, tenants }
            })
            .collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.tenants.len()));
        groups
    }
}

impl FromIterator<(String, TenantName)> for FailureGroups {
    fn from_iter<T: IntoIterator<Item = (String, TenantName)>>(failures: T) -> Self {
        let mut groups = Self::default();
        for (reason, tenant) in failures {
            groups.add(reason, tenant);
        }
        groups
    }
}

/// Adds to the reasons why a run ended early that of one target, with the target's name.
pub(in crate::fleet) fn add_ended_early(
    all: &mut Option<String>,
    target: Option<&str>,
    reason: Option<&str>,
) {
    let Some(reason) = reason else { return };
    let reason = match target {
        Some(target) => format!("target '{}': {reason}", safe(target)),
        None => reason.to_owned(),
    };
    match all {
        Some(reasons) => {
            reasons.push_str("; ");
            reasons.push_str(&reason);
        }
        None => *all = Some(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_several_targets_are_grouped_by_reason_the_largest_first() {
        let name = |name: &str| TenantName::new(name).unwrap();
        let mut all = FailureGroups::default();
        all.add("a lock".to_owned(), name("b"));
        let mut other = FailureGroups::default();
        other.add("no table".to_owned(), name("d"));
        other.add("no table".to_owned(), name("c"));
        all.extend(other);
        let groups = all.into_sorted();
        let shown: Vec<_> = groups
            .iter()
            .map(|group| (group.reason.as_str(), group.tenants.as_slice()))
            .collect();
        assert_eq!(
            shown,
            [
                ("no table", &[name("c"), name("d")][..]),
                ("a lock", &[name("b")][..])
            ]
        );
    }

    #[test]
    fn the_reason_of_each_target_comes_with_its_name() {
        let mut all = None;
        add_ended_early(&mut all, None, None);
        assert_eq!(all, None);
        add_ended_early(&mut all, Some("eu"), Some("the run was stopped"));
        add_ended_early(&mut all, Some("us"), Some("2 tenants failed"));
        assert_eq!(
            all.as_deref(),
            Some("target 'eu': the run was stopped; target 'us': 2 tenants failed")
        );
    }
}
