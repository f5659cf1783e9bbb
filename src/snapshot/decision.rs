//! The user's decisions about text that cannot be proven to name the schema, object by object.

use std::collections::{BTreeMap, BTreeSet};

/// The decision about the ambiguous text of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// It only looks like the schema's name, and stays as it is.
    Keep,
    /// It names the schema: it becomes `#{prefix}`.
    Rename,
}

impl Decision {
    /// The word of the flag and of the header line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Rename => "rename",
        }
    }
}

/// Decisions by object, as the header of a snapshot keeps them.
///
/// An object is named as the report names it (`function n(integer)`), without its arguments (`function n`), or by a
/// pattern with `*`; `#2` behind the name means the second doubtful place in it only. Words in constants, which stay as
/// they are without a decision, are decided by [`TEXT_OF`] and the name of their object.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    by_object: BTreeMap<String, Decision>,
    /// Those that nobody gave this time: they were read from a header.
    remembered: BTreeSet<String>,
}

/// Begins the name of the constants of an object: `text of table orders`.
pub const TEXT_OF: &str = "text of ";

impl PartialEq for Decisions {
    /// Where they come from makes no difference.
    fn eq(&self, other: &Self) -> bool {
        self.by_object == other.by_object
    }
}

impl Eq for Decisions {}

impl Decisions {
    /// Adds a decision; a later one for the same object wins.
    pub fn add(&mut self, object: &str, decision: Decision) {
        let object = object.trim();
        self.remembered.remove(object);
        self.by_object.insert(object.to_owned(), decision);
    }

    /// Adds a decision that a header remembers. Without effect it is dropped, where one that was just given is an error.
    pub fn add_remembered(&mut self, object: &str, decision: Decision) {
        self.add(object, decision);
        self.remembered.insert(object.trim().to_owned());
    }

    /// Returns whether a decision was read from a header.
    pub fn is_remembered(&self, object: &str) -> bool {
        self.remembered.contains(object)
    }

    /// Keeps the decisions that a predicate accepts.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, Decision) -> bool) {
        self.by_object
            .retain(|object, decision| keep(object, *decision));
    }

    /// The objects or patterns and their decisions, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Decision)> {
        self.by_object
            .iter()
            .map(|(object, decision)| (object.as_str(), *decision))
    }

    /// The decision for a doubtful place (counted from 1) of an object; the most exact one wins.
    pub fn of(&self, object: &str, place: usize) -> Option<Decision> {
        self.find(object, place).map(|(_, decision)| decision)
    }

    /// As [`Decisions::of`], with the name or pattern that the decision was given for.
    pub fn find(&self, object: &str, place: usize) -> Option<(&str, Decision)> {
        let bare = object.split_once('(').map_or(object, |(bare, _)| bare);
        let exact = [
            format!("{object}#{place}"),
            format!("{bare}#{place}"),
            object.to_owned(),
            bare.to_owned(),
        ];
        exact
            .iter()
            .find_map(|name| self.by_object.get_key_value(name.as_str()))
            .or_else(|| {
                // A pattern for objects does not reach the constants of every object.
                let is_text = object.starts_with(TEXT_OF);
                self.by_object.iter().find(|(pattern, _)| {
                    pattern.contains('*')
                        && (!is_text || pattern.starts_with(TEXT_OF))
                        && matches_pattern(pattern, object)
                })
            })
            .map(|(name, decision)| (name.as_str(), *decision))
    }
}

/// Returns `true` if a text matches a pattern in which `*` stands for any text.
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some((_, behind)) = rest.split_once(part) else {
            return false;
        };
        rest = behind;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_decision_wins() {
        let mut decisions = Decisions::default();
        decisions.add("*", Decision::Keep);
        decisions.add("function n", Decision::Rename);
        decisions.add("function n(integer)#2", Decision::Keep);
        assert_eq!(
            decisions.of("function n(integer)", 1),
            Some(Decision::Rename)
        );
        assert_eq!(decisions.of("function n(integer)", 2), Some(Decision::Keep));
        assert_eq!(decisions.of("view v", 1), Some(Decision::Keep));
        assert_eq!(Decisions::default().of("view v", 1), None);
    }

    #[test]
    fn constants_are_decided_by_name_only() {
        let mut decisions = Decisions::default();
        decisions.add("*", Decision::Rename);
        assert_eq!(decisions.of("text of table t", 1), None);
        decisions.add_remembered("text of table *", Decision::Rename);
        assert_eq!(
            decisions.find("text of table t", 1),
            Some(("text of table *", Decision::Rename))
        );
        assert!(decisions.is_remembered("text of table *"));
        decisions.add("text of table *", Decision::Keep);
        assert!(!decisions.is_remembered("text of table *"));
    }

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("function *", "function a()", true),
            ("*n*", "function", true),
            ("view *v", "view xv", true),
            ("view *v", "view xw", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("x", "x", true),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
        }
    }
}
