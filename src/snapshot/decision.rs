//! What the user decided about text that cannot be proven to name the schema, object by object.

use std::collections::BTreeMap;

/// Whether the doubtful text of an object names the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// It only looks alike: it stays as it is.
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
/// pattern with `*`; `#2` behind the name means the second doubtful place in it only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    by_object: BTreeMap<String, Decision>,
}

impl Decisions {
    /// Adds a decision; a later one for the same object wins.
    pub fn add(&mut self, object: &str, decision: Decision) {
        self.by_object.insert(object.trim().to_owned(), decision);
    }

    /// The objects or patterns and their decisions, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Decision)> {
        self.by_object
            .iter()
            .map(|(object, decision)| (object.as_str(), *decision))
    }

    /// The decision for a doubtful place (counted from 1) of an object; the most exact one wins.
    pub fn of(&self, object: &str, place: usize) -> Option<Decision> {
        let bare = object.split_once('(').map_or(object, |(bare, _)| bare);
        let exact = [
            format!("{object}#{place}"),
            format!("{bare}#{place}"),
            object.to_owned(),
            bare.to_owned(),
        ];
        exact
            .iter()
            .find_map(|name| self.by_object.get(name))
            .copied()
            .or_else(|| {
                self.by_object
                    .iter()
                    .find(|(pattern, _)| pattern.contains('*') && matches_pattern(pattern, object))
                    .map(|(_, decision)| *decision)
            })
    }
}

/// Whether a text matches a pattern in which `*` stands for any text.
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
