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
    /// True if they are applied to a schema that was made from the snapshot.
    for_instance: bool,
}

/// The meaning of the numbers of an object's doubtful places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaceNumbers {
    /// They are those of the decisions.
    Same,
    /// Each place is one that was renamed: those that were kept do not name this schema.
    AllRenamed,
    /// The places are not those that were decided on.
    Unknown,
}

/// Begins the name of the constants of an object: `text of table orders`.
pub const TEXT_OF: &str = "text of ";

impl PartialEq for Decisions {
    /// Their origin makes no difference.
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

    /// The same decisions for a schema that was made from the snapshot, such as a tenant or a scratch copy.
    #[must_use]
    pub fn for_instance(mut self) -> Self {
        self.for_instance = true;
        self
    }

    /// Returns what the numbers of the `count` doubtful places of an object mean.
    ///
    /// A place that was kept (`'app'`) does not name a tenant that was made from the snapshot, so that the
    /// tenant has fewer places, with other numbers.
    pub(crate) fn place_numbers(&self, object: &str, count: usize) -> PlaceNumbers {
        let bare = object.split_once('(').map_or(object, |(bare, _)| bare);
        let numbers = self.remembered.iter().filter_map(|name| {
            let (of, number) = name.rsplit_once('#')?;
            let number = number.parse::<usize>().ok()?;
            (of == object || of == bare).then_some(number)
        });
        let Some(total) = numbers.max().filter(|total| count < *total) else {
            return PlaceNumbers::Same;
        };
        let is_renamed =
            |place: &usize| self.decision_for(object, *place) == Some(Decision::Rename);
        if self.for_instance && (1..=total).filter(is_renamed).count() == count {
            PlaceNumbers::AllRenamed
        } else {
            PlaceNumbers::Unknown
        }
    }

    /// Returns the decisions that were given this time, without those that a header remembers.
    pub(crate) fn given(&self) -> Self {
        let mut given = self.clone();
        given
            .by_object
            .retain(|object, _| !self.is_remembered(object));
        given
    }

    /// Gives each of an object's places a decision of its own, if one of them has one, so that their number is known.
    pub(crate) fn number_places(&mut self, object: &str, places: &[Decision]) {
        let bare = object.split_once('(').map_or(object, |(bare, _)| bare);
        let has_place = |of: &str| {
            (1..=places.len()).any(|place| self.by_object.contains_key(&format!("{of}#{place}")))
        };
        let Some(of) = [object, bare]
            .into_iter()
            .find(|of| has_place(of))
            .map(str::to_owned)
        else {
            return;
        };
        for (at, decision) in places.iter().enumerate() {
            let place = at + 1;
            let exact = [format!("{object}#{place}"), format!("{bare}#{place}")];
            if !exact.iter().any(|name| self.by_object.contains_key(name)) {
                self.add_remembered(&format!("{of}#{place}"), *decision);
            }
        }
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
    pub fn decision_for(&self, object: &str, place: usize) -> Option<Decision> {
        self.find(object, place).map(|(_, decision)| decision)
    }

    /// Returns the decision like [`Decisions::decision_for`], with the name or pattern that it was given for.
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
    fn numbers_of_places_are_those_of_the_schema_that_was_decided_on() {
        let mut decisions = Decisions::default();
        decisions.add_remembered("function f#1", Decision::Keep);
        decisions.add_remembered("function f", Decision::Rename);
        decisions.number_places("function f(text)", &[Decision::Keep, Decision::Rename]);
        assert_eq!(
            decisions.iter().collect::<Vec<_>>(),
            [
                ("function f", Decision::Rename),
                ("function f#1", Decision::Keep),
                ("function f#2", Decision::Rename),
            ]
        );
        let object = "function f(text)";
        assert_eq!(decisions.place_numbers(object, 2), PlaceNumbers::Same);
        assert_eq!(decisions.place_numbers(object, 1), PlaceNumbers::Unknown);
        assert_eq!(
            decisions.place_numbers("function g()", 1),
            PlaceNumbers::Same
        );
        let decisions = decisions.for_instance();
        assert_eq!(decisions.place_numbers(object, 2), PlaceNumbers::Same);
        assert_eq!(decisions.place_numbers(object, 1), PlaceNumbers::AllRenamed);
        assert_eq!(decisions.place_numbers(object, 0), PlaceNumbers::Unknown);
    }

    #[test]
    fn the_most_exact_decision_wins() {
        let mut decisions = Decisions::default();
        decisions.add("*", Decision::Keep);
        decisions.add("function n", Decision::Rename);
        decisions.add("function n(integer)#2", Decision::Keep);
        assert_eq!(
            decisions.decision_for("function n(integer)", 1),
            Some(Decision::Rename)
        );
        assert_eq!(
            decisions.decision_for("function n(integer)", 2),
            Some(Decision::Keep)
        );
        assert_eq!(decisions.decision_for("view v", 1), Some(Decision::Keep));
        assert_eq!(Decisions::default().decision_for("view v", 1), None);
    }

    #[test]
    fn constants_are_decided_by_name_only() {
        let mut decisions = Decisions::default();
        decisions.add("*", Decision::Rename);
        assert_eq!(decisions.decision_for("text of table t", 1), None);
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
