//! Chooses the target of each tenant.

use sha2::{Digest, Sha256};

use crate::config::{Rule, TargetSettings, Targets};
use crate::sql::TenantName;

/// Routes tenants to targets by name, by pattern, or else by the file's rule. The result is the
/// same in each run and on each machine.
#[derive(Clone, Debug)]
pub struct Route {
    rule: Rule,
    targets: Vec<RouteTarget>,
}

#[derive(Clone, Debug)]
struct RouteTarget {
    name: String,
    weight: u32,
    tenants: Vec<String>,
}

impl Route {
    /// Creates the rule of a targets file.
    pub fn new(targets: &Targets) -> Self {
        let stop = |target: &TargetSettings| RouteTarget {
            name: target.name.clone(),
            weight: target.weight,
            tenants: target.tenants.clone(),
        };
        Self {
            rule: targets.rule,
            targets: targets.targets.iter().map(stop).collect(),
        }
    }

    /// Returns the index of a tenant's target in the file, or `None` if no target lists it and the
    /// rule is `explicit`.
    ///
    /// A name wins over a pattern, and an earlier pattern over a later one. Otherwise each target
    /// gets a score for the tenant, and the highest wins (weighted rendezvous hashing), so that a
    /// new target takes its share from the others and nothing else moves.
    pub fn target_of(&self, tenant: &TenantName) -> Option<usize> {
        let name = tenant.as_str();
        let find = |matches: &dyn Fn(&str) -> bool| {
            self.targets
                .iter()
                .position(|target| target.tenants.iter().any(|pattern| matches(pattern)))
        };
        find(&|pattern| pattern == name)
            .or_else(|| find(&|pattern| is_match(pattern, name)))
            .or_else(|| match self.rule {
                Rule::Explicit => None,
                Rule::Hash => self.by_hash(name),
            })
    }

    /// Returns the name of a target of the file.
    pub fn name(&self, index: usize) -> Option<&str> {
        self.targets.get(index).map(|target| target.name.as_str())
    }

    fn by_hash(&self, tenant: &str) -> Option<usize> {
        let claims = self
            .targets
            .iter()
            .enumerate()
            .filter(|(_, target)| target.weight > 0);
        let weighed =
            claims.map(|(index, target)| (index, claim(&target.name, tenant, target.weight)));
        weighed
            .max_by(|(_, one), (_, other)| one.total_cmp(other))
            .map(|(index, _)| index)
    }
}

/// Returns `-weight / ln(hash)`, where the hash is a number between 0 and 1.
fn claim(target: &str, tenant: &str, weight: u32) -> f64 {
    let digest = Sha256::digest(format!("{target}\0{tenant}"));
    let first: [u8; 8] = digest.first_chunk().copied().unwrap_or_default();
    // An `f64` holds 53 bits. Adding one half keeps the hash above 0.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let hash = ((u64::from_be_bytes(first) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -f64::from(weight) / hash.ln()
}

/// Returns `true` if a name matches a pattern with `*` and `?`.
pub(super) fn is_match(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let mut at = 0;
    let mut read = 0;
    // The position of the last star, and how far it reaches.
    let mut star: Option<(usize, usize)> = None;
    while read < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(letter) if *letter == '?' || name.get(read) == Some(letter) => {
                at += 1;
                read += 1;
            }
            _ => match &mut star {
                Some((place, reach)) => {
                    *reach += 1;
                    (at, read) = (*place + 1, *reach);
                }
                None => return false,
            },
        }
    }
    pattern
        .get(at..)
        .is_none_or(|rest| rest.iter().all(|letter| *letter == '*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(rule: Rule, targets: &[(&str, u32, &[&str])]) -> Route {
        let stop = |(name, weight, tenants): &(&str, u32, &[&str])| RouteTarget {
            name: (*name).to_owned(),
            weight: *weight,
            tenants: tenants.iter().map(ToString::to_string).collect(),
        };
        Route {
            rule,
            targets: targets.iter().map(stop).collect(),
        }
    }

    fn to(route: &Route, tenant: &str) -> Option<usize> {
        route.target_of(&TenantName::new(tenant).unwrap())
    }

    #[test]
    fn names_win_over_patterns_and_patterns_over_the_hash() {
        let route = route(
            Rule::Explicit,
            &[("a", 1, &["eu_*"]), ("b", 1, &["eu_special", "us?"])],
        );
        let found = ["eu_x", "eu_special", "us1", "us12", "other"].map(|tenant| to(&route, tenant));
        assert_eq!(found, [Some(0), Some(1), Some(1), None, None]);
    }

    #[test]
    fn patterns() {
        for (pattern, name, matches) in [
            ("*", "", true),
            ("a*c*", "abcc", true),
            ("a*c", "abcd", false),
            ("*a*b", "xaybzb", true),
            ("?é", "xé", true),
            ("A*", "a", false),
            ("", "a", false),
        ] {
            assert_eq!(is_match(pattern, name), matches, "{pattern} {name}");
        }
    }

    #[test]
    fn the_hash_is_even_and_a_further_target_moves_only_its_share() {
        let two = route(Rule::Hash, &[("a", 1, &[]), ("b", 1, &[])]);
        let three = route(Rule::Hash, &[("a", 1, &[]), ("b", 1, &[]), ("c", 2, &[])]);
        let names: Vec<String> = (0..4000).map(|number| format!("tenant_{number}")).collect();
        let count = |route: &Route, target| {
            names
                .iter()
                .filter(|name| to(route, name) == Some(target))
                .count()
        };
        assert!((1850..2150).contains(&count(&two, 0)), "{}", count(&two, 0));
        assert!(
            (1850..2150).contains(&count(&three, 2)),
            "half of the weight: {}",
            count(&three, 2)
        );
        let moved = names.iter().filter(|name| {
            let (before, after) = (to(&two, name), to(&three, name));
            before != after && after != Some(2)
        });
        assert_eq!(moved.count(), 0);
        // Never change these results: tenants stay where they are from one version to the next.
        let found = ["acme", "globex", "initech", "umbrella"].map(|name| to(&three, name));
        assert_eq!(found, [Some(1), Some(1), Some(2), Some(1)]);
    }

    #[test]
    fn a_target_without_weight_gets_only_what_names_it() {
        let route = route(Rule::Hash, &[("a", 0, &["mine"]), ("b", 1, &[])]);
        assert_eq!(
            (to(&route, "mine"), to(&route, "x"), to(&route, "y")),
            (Some(0), Some(1), Some(1))
        );
    }
}
