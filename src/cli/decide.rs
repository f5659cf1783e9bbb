//! Asks on a terminal for decisions about ambiguous text.

use std::io::{self, IsTerminal as _};

use super::doubts::{object_lines, objects};
use super::failure::CommandError;
use super::prompt::ask;
use super::session::Session;
use crate::snapshot::capture::Undecided;
use crate::snapshot::{Decision, Decisions};

/// Asks about every object on a terminal; `None` where there is none, or no answer to one of the questions.
pub(super) async fn answers(
    session: &Session,
    undecided: &Undecided,
) -> Result<Option<Decisions>, CommandError> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    let mut decisions = Decisions::default();
    for object in objects(undecided) {
        for line in object_lines(undecided, object) {
            session.output.say(&line);
        }
        let several = undecided
            .doubts
            .iter()
            .filter(|doubt| doubt.object == object)
            .count()
            > 1;
        let question = if several {
            "  does it name the schema? [r]ename it for each tenant, [k]eep it, [e]ach place by itself, [q]uit: "
        } else {
            "  does it name the schema? [r]ename it for each tenant, [k]eep it, [q]uit: "
        };
        match ask(session, question).await?.as_deref().map(str::trim) {
            Some("r") => decisions.add(object, Decision::Rename),
            Some("k") => decisions.add(object, Decision::Keep),
            Some("e") if several => {
                for doubt in undecided
                    .doubts
                    .iter()
                    .filter(|doubt| doubt.object == object)
                {
                    let question = format!("  #{}: [r]ename or [k]eep: ", doubt.place);
                    let place = format!("{object}#{}", doubt.place);
                    match ask(session, &question).await?.as_deref().map(str::trim) {
                        Some("r") => decisions.add(&place, Decision::Rename),
                        Some("k") => decisions.add(&place, Decision::Keep),
                        _ => return Ok(None),
                    }
                }
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(decisions))
}
