//! Lists ambiguous text, object by object, with the flag for each decision.

use super::lines::DoubtObject;
use crate::snapshot::capture::Doubt;

/// Number of doubts that are shown as text.
const SHOWN: usize = 50;

/// Returns the doubts as lines of text.
pub(super) fn question_lines(doubts: &[Doubt]) -> Vec<String> {
    let mut lines = Vec::new();
    for doubt in doubts.iter().take(SHOWN) {
        lines.push(format!(
            "  {}, line {} of the dump: {}",
            doubt.object, doubt.line, doubt.why
        ));
        lines.push(format!("      {}", doubt.excerpt));
        lines.push(format!(
            "      if it names the schema:       {}",
            flag("--rename", doubt, doubts)
        ));
        lines.push(format!(
            "      if it only looks like it:     {}",
            flag("--keep", doubt, doubts)
        ));
    }
    if doubts.len() > SHOWN {
        lines.push(format!("  and {} more", doubts.len() - SHOWN));
    }
    lines
}

/// Returns the doubts as JSON.
pub(super) fn json(doubts: &[Doubt]) -> Vec<DoubtObject> {
    let doubt = |doubt: &Doubt| DoubtObject {
        object: doubt.object.clone(),
        place: doubt.place,
        line: doubt.line,
        excerpt: doubt.excerpt.clone(),
        why: doubt.why.to_string(),
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

    #[test]
    fn each_doubt_has_its_flags() {
        let doubt = |object: &str, place| Doubt {
            object: object.to_owned(),
            place,
            line: 7,
            excerpt: "EXECUTE 'SELECT app.t'".to_owned(),
            why: "a literal may be run",
        };
        let doubts = [
            doubt("function n(integer)", 1),
            doubt("function n(integer)", 2),
            doubt("view v", 1),
        ];
        let lines = question_lines(&doubts);
        assert_eq!(
            lines[0],
            "  function n(integer), line 7 of the dump: a literal may be run"
        );
        assert_eq!(
            lines[6],
            "      if it names the schema:       --rename 'function n(integer)#2'"
        );
        assert_eq!(
            lines[11],
            "      if it only looks like it:     --keep 'view v'"
        );
        assert_eq!(json(&doubts)[0].rename, "--rename 'function n(integer)#1'");
    }
}
