//! Lists ambiguous text, object by object, with the flags for the decisions.

use std::collections::BTreeSet;

use super::lines::DoubtObject;
use crate::snapshot::capture::{Doubt, Undecided};
use crate::text::plural;

/// Number of objects that a terminal shows.
const SHOWN: usize = 50;

/// The doubts for people: each object once, with its places.
pub(super) fn question_lines(undecided: &Undecided) -> Vec<String> {
    let objects = undecided_objects(undecided);
    let mut lines = Vec::new();
    for object in objects.iter().take(SHOWN) {
        lines.extend(object_lines(undecided, object));
    }
    if objects.len() > SHOWN {
        lines.push(format!(
            "  and {} more",
            plural(objects.len() - SHOWN, "object")
        ));
    }
    let flags: Vec<String> = objects
        .iter()
        .map(|object| format!("--rename {}", shell_words::quote(object)))
        .collect();
    lines.push("  if all of it names the schema:".to_owned());
    lines.push(format!("      {}", flags.join(" ")));
    lines
}

/// Returns the lines of an object and its places, the word underlined.
pub(super) fn object_lines(undecided: &Undecided, object: &str) -> Vec<String> {
    let mut lines = vec![format!("  {object}")];
    for doubt in undecided
        .doubts
        .iter()
        .filter(|doubt| doubt.object == object)
    {
        let line = if undecided.is_file {
            format!("line {}", doubt.line)
        } else {
            format!("line {} of its definition", doubt.own_line)
        };
        lines.push(format!("    #{}, {line}: {}", doubt.place, doubt.why));
        lines.push(format!("        {}", doubt.excerpt));
        let width = |text: Option<&str>| text.unwrap_or_default().chars().count();
        let before = width(doubt.excerpt.get(..doubt.word.start));
        let word = width(doubt.excerpt.get(doubt.word.clone())).max(1);
        lines.push(format!(
            "        {}{}",
            " ".repeat(before),
            "^".repeat(word)
        ));
    }
    lines
}

/// The objects in the order of their first places.
pub(super) fn undecided_objects(undecided: &Undecided) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    undecided
        .doubts
        .iter()
        .map(|doubt| doubt.object.as_str())
        .filter(|object| seen.insert(*object))
        .collect()
}

/// Returns the doubts as JSON.
pub(super) fn json(doubts: &[Doubt]) -> Vec<DoubtObject> {
    let doubt = |doubt: &Doubt| DoubtObject {
        object: doubt.object.clone(),
        place: doubt.place,
        line: doubt.line,
        own_line: doubt.own_line,
        excerpt: doubt.excerpt.clone(),
        word: [doubt.word.start, doubt.word.end],
        why: doubt.why.clone(),
        rename: flag("--rename", doubt, doubts),
        keep: flag("--keep", doubt, doubts),
    };
    doubts.iter().map(doubt).collect()
}

/// Returns the flag that decides a doubt. It includes the place if the object has several.
fn flag(name: &str, doubt: &Doubt, all: &[Doubt]) -> String {
    let several = doubt.place > 1
        || all
            .iter()
            .any(|other| other.object == doubt.object && other.place != doubt.place);
    let object = if several {
        format!("{}#{}", doubt.object, doubt.place)
    } else {
        doubt.object.clone()
    };
    format!("{name} {}", shell_words::quote(&object))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubt(object: &str, place: usize) -> Doubt {
        Doubt {
            object: object.to_owned(),
            place,
            line: 7,
            own_line: 2,
            excerpt: "EXECUTE 'SELECT é.app.t'".to_owned(),
            word: 19..22,
            why: "a literal may be run".to_owned(),
        }
    }

    #[test]
    fn each_object_is_asked_about_once() {
        let undecided = Undecided {
            doubts: vec![
                doubt("function n(integer)", 1),
                doubt("function n(integer)", 2),
                doubt("view v", 1),
            ],
            ..Undecided::default()
        };
        insta::assert_snapshot!(question_lines(&undecided).join("\n"), @"
          function n(integer)
            #1, line 2 of its definition: a literal may be run
                EXECUTE 'SELECT é.app.t'
                                  ^^^
            #2, line 2 of its definition: a literal may be run
                EXECUTE 'SELECT é.app.t'
                                  ^^^
          view v
            #1, line 2 of its definition: a literal may be run
                EXECUTE 'SELECT é.app.t'
                                  ^^^
          if all of it names the schema:
              --rename 'function n(integer)' --rename 'view v'
        ");
        let json = json(&undecided.doubts);
        assert_eq!(json[0].rename, "--rename 'function n(integer)#1'");
        assert_eq!(json[2].keep, "--keep 'view v'");
        let of_file = Undecided {
            is_file: true,
            ..undecided
        };
        assert!(question_lines(&of_file)[1].contains("#1, line 7: "));
    }
}
