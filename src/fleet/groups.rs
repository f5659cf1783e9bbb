//! The groups of a staged run, and the group of each tenant.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::engine::GroupRules;
use super::registry::SelectedTenant;
use super::route::is_match;
use super::selection::Selection;
use crate::sql::TenantName;
use crate::text::listed;

/// Maximum number of workers of a group.
const MOST_JOBS: usize = 256;
/// Number of tenants without a group that an error names.
const NAMED: usize = 5;

/// The groups of a staged run, in their order.
#[derive(Clone, Debug)]
pub struct GroupPlan {
    rules: Vec<GroupRules>,
    /// Groups by the tenants that the file lists for them.
    names: HashMap<String, usize>,
    /// Patterns with their groups, in the file's order.
    patterns: Vec<(String, usize)>,
    /// The group of all other tenants.
    rest: Option<usize>,
}

/// The problem with a file of groups.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct GroupFileError {
    /// 1-based line, if it is known.
    pub line: Option<usize>,
    /// The problem.
    pub problem: String,
}

/// The reason why a selected tenant has no group, or not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// The tenants query puts a tenant into a group that the file does not have.
    #[error("the tenants query puts the tenant '{}' into the group '{}', which the groups file does not have",
        tenant.as_str().escape_debug(), group.escape_debug())]
    Unknown {
        /// The tenant.
        tenant: TenantName,
        /// The group.
        group: String,
    },
    /// The tenants query and the file put a tenant into different groups.
    #[error("the tenants query puts the tenant '{}' into the group '{}', and the groups file into '{}'",
        tenant.as_str().escape_debug(), queried.escape_debug(), listed.escape_debug())]
    Two {
        /// The tenant.
        tenant: TenantName,
        /// The group of the query.
        queried: String,
        /// The group of the file.
        listed: String,
    },
    /// Selected tenants are in no group.
    #[error("{} in no group", no_group(.0))]
    None(Vec<TenantName>),
    /// The tenants are not known beforehand, so some may be in no group.
    #[error("tenants that are selected by --all or --match may be in no group")]
    NoRest,
}

fn no_group(tenants: &[TenantName]) -> String {
    let names = tenants
        .iter()
        .map(|tenant| format!("'{}'", tenant.as_str().escape_debug()));
    let verb = if tenants.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", listed(names, NAMED))
}

/// A name or a pattern of the groups file that matches no tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedEntry {
    /// The name or pattern, as the file has it.
    pub text: String,
    /// The name of its group.
    pub group: String,
}

/// The group of each tenant on one target.
#[derive(Clone, Debug)]
pub struct TenantGroups {
    assignment: Arc<Assignment>,
    target: Option<String>,
}

#[derive(Debug)]
struct Assignment {
    plan: GroupPlan,
    /// Groups by the tenants query. The target is `None` for a tenant of any target.
    queried: HashMap<(TenantName, Option<String>), usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupFile {
    #[serde(default)]
    group: Vec<GroupTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupTable {
    name: String,
    #[serde(default)]
    tenants: Vec<String>,
    #[serde(default)]
    rest: bool,
    jobs: Option<usize>,
    max_failures: Option<usize>,
    #[serde(default)]
    pause: u32,
}

impl GroupPlan {
    /// Reads a file of groups (TOML).
    ///
    /// # Errors
    /// [`GroupFileError`].
    pub fn parse(text: &str) -> Result<Self, GroupFileError> {
        let file: GroupFile = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            GroupFileError {
                line: before.map(|before| before.matches('\n').count() + 1),
                problem: error.message().to_owned(),
            }
        })?;
        let problem = |problem: String| GroupFileError {
            line: None,
            problem,
        };
        if file.group.is_empty() {
            return Err(problem("there is no [[group]]".to_owned()));
        }
        let mut plan = Self {
            rules: Vec::with_capacity(file.group.len()),
            names: HashMap::new(),
            patterns: Vec::new(),
            rest: None,
        };
        for table in file.group {
            plan.add(table).map_err(problem)?;
        }
        Ok(plan)
    }

    fn add(&mut self, table: GroupTable) -> Result<(), String> {
        let index = self.rules.len();
        let name = table.name;
        let place = format!("group '{}'", name.escape_debug());
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(format!("group {}: it needs a name", index + 1));
        }
        if self.rules.iter().any(|rules| rules.name == name) {
            return Err(format!(
                "there are two groups called '{}'",
                name.escape_debug()
            ));
        }
        if table
            .jobs
            .is_some_and(|jobs| !(1..=MOST_JOBS).contains(&jobs))
        {
            return Err(format!(
                "{place}: jobs must be a whole number from 1 to {MOST_JOBS}"
            ));
        }
        if table.max_failures == Some(0) {
            return Err(format!("{place}: max_failures must be at least 1"));
        }
        if table.rest && self.rest.replace(index).is_some() {
            return Err("there are two groups with rest = true".to_owned());
        }
        for tenant in table.tenants {
            if tenant.contains(['*', '?']) {
                self.patterns.push((tenant, index));
                continue;
            }
            let shown = tenant.escape_debug().to_string();
            if let Some(other) = self.names.insert(tenant, index) {
                let other = self.rules.get(other).map_or(&name, |rules| &rules.name);
                return Err(format!(
                    "{place}: the tenant '{shown}' is in the group '{}' too",
                    other.escape_debug()
                ));
            }
        }
        self.rules.push(GroupRules {
            jobs: table.jobs,
            max_failures: table.max_failures,
            pause: Duration::from_secs(table.pause.into()),
            ..GroupRules::new(name)
        });
        Ok(())
    }

    /// Returns the rules of the groups, in their order.
    pub fn rules(&self) -> &[GroupRules] {
        &self.rules
    }

    /// Returns the name of a group.
    pub fn name(&self, group: usize) -> Option<&str> {
        self.rules.get(group).map(|rules| rules.name.as_str())
    }

    /// Finds the group of each selected tenant.
    ///
    /// # Errors
    /// [`GroupError`] if one has none, or not one.
    pub fn assign(self, selection: &Selection) -> Result<TenantGroups, GroupError> {
        if !selection.is_by_name() && self.rest.is_none() {
            return Err(GroupError::NoRest);
        }
        let by_name: BTreeMap<&str, usize> = self
            .rules
            .iter()
            .enumerate()
            .map(|(index, rules)| (rules.name.as_str(), index))
            .collect();
        let mut queried = HashMap::new();
        let mut without: Vec<TenantName> = Vec::new();
        for tenant in selection.tenants() {
            let Some(group) = &tenant.group else {
                if self.group_of(&tenant.name).is_none() {
                    without.push(tenant.name.clone());
                }
                continue;
            };
            let Some(index) = by_name.get(group.as_str()) else {
                let tenant = tenant.name.clone();
                let group = group.clone();
                return Err(GroupError::Unknown { tenant, group });
            };
            self.refuse_two(tenant, *index)?;
            queried.insert((tenant.name.clone(), tenant.target.clone()), *index);
        }
        if without.is_empty() {
            let assignment = Arc::new(Assignment {
                plan: self,
                queried,
            });
            Ok(TenantGroups {
                assignment,
                target: None,
            })
        } else {
            let mut seen = HashSet::new();
            without.retain(|tenant| seen.insert(tenant.clone()));
            Err(GroupError::None(without))
        }
    }

    /// Refuses a tenant that the query puts into one group, and the file by its name into another.
    fn refuse_two(&self, tenant: &SelectedTenant, queried: usize) -> Result<(), GroupError> {
        let listed = self.names.get(tenant.name.as_str()).copied();
        match listed.filter(|listed| *listed != queried) {
            None => Ok(()),
            Some(listed) => {
                let name = |group| self.name(group).unwrap_or_default().to_owned();
                Err(GroupError::Two {
                    tenant: tenant.name.clone(),
                    queried: name(queried),
                    listed: name(listed),
                })
            }
        }
    }

    /// Returns the group of a tenant by the file: a name wins over a pattern, and an earlier pattern
    /// over a later one.
    fn group_of(&self, tenant: &TenantName) -> Option<usize> {
        let tenant = tenant.as_str();
        let by_pattern = || {
            let mut patterns = self.patterns.iter();
            patterns.find(|(pattern, _)| is_match(pattern, tenant))
        };
        self.names
            .get(tenant)
            .copied()
            .or_else(|| by_pattern().map(|(_, group)| *group))
            .or(self.rest)
    }
}

impl TenantGroups {
    /// Returns the groups of the tenants on a target.
    #[must_use]
    pub fn at(&self, target: Option<&str>) -> Self {
        Self {
            assignment: Arc::clone(&self.assignment),
            target: target.map(str::to_owned),
        }
    }

    /// Returns the index of a tenant's group. A tenant that was not selected by its name and that no
    /// group lists is in the group for the rest.
    pub fn group_of(&self, tenant: &TenantName) -> usize {
        let Assignment { plan, queried } = &*self.assignment;
        let by_query = |target: Option<String>| queried.get(&(tenant.clone(), target)).copied();
        by_query(self.target.clone())
            .or_else(|| by_query(None))
            .or_else(|| plan.group_of(tenant))
            .unwrap_or_else(|| plan.rules.len().saturating_sub(1))
    }

    /// Returns the name of a tenant's group.
    pub fn name_of(&self, tenant: &TenantName) -> Option<&str> {
        self.assignment.plan.name(self.group_of(tenant))
    }

    /// Returns the names and patterns of the file that match none of these tenants: first the names, by their order,
    /// then the patterns.
    pub fn unmatched<'a>(
        &self,
        tenants: impl Iterator<Item = &'a TenantName>,
    ) -> Vec<UnmatchedEntry> {
        let plan = &self.assignment.plan;
        let tenants: HashSet<&str> = tenants.map(TenantName::as_str).collect();
        let entry = |text: &str, group: usize| UnmatchedEntry {
            text: text.to_owned(),
            group: plan.name(group).unwrap_or_default().to_owned(),
        };
        let names: BTreeMap<&String, &usize> = plan.names.iter().collect();
        let names = names
            .into_iter()
            .filter(|(name, _)| !tenants.contains(name.as_str()))
            .map(|(name, group)| entry(name, *group));
        let patterns = plan
            .patterns
            .iter()
            .filter(|(pattern, _)| !tenants.iter().any(|tenant| is_match(pattern, tenant)))
            .map(|(pattern, group)| entry(pattern, *group));
        names.chain(patterns).collect()
    }

    /// Returns the rules of the groups, in their order.
    pub fn rules(&self) -> &[GroupRules] {
        self.assignment.plan.rules()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[[group]]\nname = 'early'\ntenants = ['acme', 'trial_*']\njobs = 2\npause = 600\n\
        [[group]]\nname = 'late'\ntenants = ['trial_big']\n[[group]]\nname = 'main'\nrest = true\nmax_failures = 3\n";

    fn name(text: &str) -> TenantName {
        TenantName::new(text).unwrap()
    }

    fn queried(tenant: &str, group: Option<&str>, target: Option<&str>) -> SelectedTenant {
        SelectedTenant {
            group: group.map(str::to_owned),
            target: target.map(str::to_owned),
            ..SelectedTenant::new(name(tenant))
        }
    }

    #[test]
    fn a_name_wins_over_a_pattern_and_others_are_the_rest() {
        let plan = GroupPlan::parse(FILE).unwrap();
        let pauses: Vec<u64> = plan.rules().iter().map(|r| r.pause.as_secs()).collect();
        assert_eq!(pauses, [600, 0, 0]);
        let groups = plan.assign(&Selection::all()).unwrap();
        for (tenant, group) in [
            ("acme", "early"),
            ("trial_7", "early"),
            ("trial_big", "late"),
            ("globex", "main"),
        ] {
            assert_eq!(groups.name_of(&name(tenant)), Some(group), "{tenant}");
        }
    }

    #[test]
    fn names_and_patterns_without_a_tenant_are_found() {
        let plan = GroupPlan::parse(FILE).unwrap();
        let groups = plan.assign(&Selection::all()).unwrap();
        let unmatched = |tenants: &[&str]| {
            let tenants: Vec<TenantName> = tenants.iter().map(|tenant| name(tenant)).collect();
            let found = groups.unmatched(tenants.iter()).into_iter();
            found
                .map(|entry| format!("{} {}", entry.group, entry.text))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            unmatched(&["Acme", "globex"]),
            ["early acme", "late trial_big", "early trial_*"]
        );
        assert_eq!(unmatched(&["acme", "trial_7"]), ["late trial_big"]);
        assert_eq!(unmatched(&["acme", "trial_big"]), [""; 0]);
    }

    #[test]
    fn the_group_of_the_query_is_that_of_its_target() {
        let plan = GroupPlan::parse(FILE).unwrap();
        let selection = Selection::queried(vec![
            queried("a", Some("early"), Some("eu")),
            queried("a", Some("late"), Some("us")),
            queried("b", Some("late"), None),
            queried("c", None, None),
        ]);
        let groups = plan.assign(&selection).unwrap();
        let at = |target: &str, tenant: &str| groups.at(Some(target)).group_of(&name(tenant));
        assert_eq!([at("eu", "a"), at("us", "a"), at("us", "b")], [0, 1, 1]);
        assert_eq!(at("eu", "c"), 2, "the rest");
    }

    #[test]
    fn a_tenant_without_one_group_is_refused() {
        let assign = |file: &str, selection: &Selection| {
            let plan = GroupPlan::parse(file).unwrap();
            plan.assign(selection).map(drop).unwrap_err().to_string()
        };
        let strict = "[[group]]\nname = 'early'\ntenants = ['acme']\n";
        assert_eq!(
            assign(strict, &Selection::named(["acme", "b", "c", "b"].map(name))),
            "'b', 'c' are in no group"
        );
        assert_eq!(
            assign(strict, &Selection::queried(vec![queried("b", None, None)])),
            "'b' is in no group"
        );
        assert_eq!(
            assign(strict, &Selection::all()),
            "tenants that are selected by --all or --match may be in no group"
        );
        assert_eq!(
            assign(
                FILE,
                &Selection::queried(vec![queried("b", Some("erly"), None)])
            ),
            "the tenants query puts the tenant 'b' into the group 'erly', which the groups file does not have"
        );
        assert_eq!(
            assign(
                FILE,
                &Selection::queried(vec![queried("acme", Some("main"), None)])
            ),
            "the tenants query puts the tenant 'acme' into the group 'main', and the groups file into 'early'"
        );
    }

    #[test]
    fn files_that_cannot_be_used_are_named() {
        for (file, error) in [
            ("", "there is no [[group]]"),
            ("[[group]]\nname = ''\n", "group 1: it needs a name"),
            ("[[group]]\njobs = 1\n", "line 1: missing field `name`"),
            (
                "[[group]]\nname = 'a'\n[[group]]\nname = 'a'\n",
                "there are two groups called 'a'",
            ),
            (
                "[[group]]\nname = 'a'\njobs = 0\n",
                "group 'a': jobs must be a whole number from 1 to 256",
            ),
            (
                "[[group]]\nname = 'a'\nmax_failures = 0\n",
                "group 'a': max_failures must be at least 1",
            ),
            (
                "[[group]]\nname = 'a'\nrest = true\n[[group]]\nname = 'b'\nrest = true\n",
                "there are two groups with rest = true",
            ),
            (
                "[[group]]\nname = 'a'\ntenants = ['x']\n[[group]]\nname = 'b'\ntenants = ['x']\n",
                "group 'b': the tenant 'x' is in the group 'a' too",
            ),
            (
                "[[group]]\nname = 'a'\npauses = 5\n",
                "line 3: unknown field `pauses`, expected one of `name`, `tenants`, `rest`, `jobs`, `max_failures`, `pause`",
            ),
            (
                "[[group]]\nname = 'a'\npause = -1\n",
                "line 3: invalid value: integer `-1`, expected u32",
            ),
        ] {
            let found = GroupPlan::parse(file).map(drop).unwrap_err().to_string();
            assert_eq!(found, error, "{file}");
        }
    }
}
