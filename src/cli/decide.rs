//! Asks on a terminal for decisions about ambiguous text.

use std::io::{self, IsTerminal as _};

use super::doubts::{object_lines, undecided_objects};
use super::failure::CommandError;
use super::prompt::{PromptAnswer, ask};
use super::session::Session;
use crate::snapshot::capture::Undecided;
use crate::snapshot::{Decision, Decisions};

/// Answer to the question about an object or a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Rename,
    Keep,
    EachPlace,
    Quit,
}

/// The answers about an object with several places.
const OF_SEVERAL: &[Choice] = &[
    Choice::Rename,
    Choice::Keep,
    Choice::EachPlace,
    Choice::Quit,
];
/// The answers about a single place.
const OF_ONE: &[Choice] = &[Choice::Rename, Choice::Keep, Choice::Quit];

impl Choice {
    /// The word of the answer. Its first letter is enough.
    fn word(self) -> &'static str {
        match self {
            Self::Rename => "rename",
            Self::Keep => "keep",
            Self::EachPlace => "each",
            Self::Quit => "quit",
        }
    }

    /// Returns the choice that an answer means, if it is among those that are offered.
    fn parse(answer: &str, offered: &[Self]) -> Option<Self> {
        let answer = answer.trim().to_lowercase();
        offered
            .iter()
            .copied()
            .find(|choice| answer == choice.word() || choice.word().get(..1) == Some(&answer))
    }
}

/// Asks about every object on a terminal; `None` where there is none, or if the user quits.
pub(super) async fn answers(
    session: &Session,
    undecided: &Undecided,
) -> Result<Option<Decisions>, CommandError> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    let mut decisions = Decisions::default();
    for object in undecided_objects(undecided) {
        for line in object_lines(undecided, object) {
            session.output.say(&line);
        }
        let places: Vec<usize> = undecided
            .doubts
            .iter()
            .filter(|doubt| doubt.object == object)
            .map(|doubt| doubt.place)
            .collect();
        let (question, offered) = if places.len() > 1 {
            (
                "  does it name the schema? [r]ename it for each tenant, [k]eep it, [e]ach place by itself, [q]uit: ",
                OF_SEVERAL,
            )
        } else {
            (
                "  does it name the schema? [r]ename it for each tenant, [k]eep it, [q]uit: ",
                OF_ONE,
            )
        };
        match choose(session, question, offered).await? {
            Choice::Rename => decisions.add(object, Decision::Rename),
            Choice::Keep => decisions.add(object, Decision::Keep),
            Choice::EachPlace => {
                for place in places {
                    let question = format!("  #{place}: [r]ename, [k]eep or [q]uit: ");
                    let decision = match choose(session, &question, OF_ONE).await? {
                        Choice::Rename => Decision::Rename,
                        Choice::Keep => Decision::Keep,
                        Choice::EachPlace | Choice::Quit => return Ok(None),
                    };
                    decisions.add(&format!("{object}#{place}"), decision);
                }
            }
            Choice::Quit => return Ok(None),
        }
    }
    Ok(Some(decisions))
}

/// Asks until the answer is one of those that are offered. The end of the input quits.
async fn choose(
    session: &Session,
    question: &str,
    offered: &[Choice],
) -> Result<Choice, CommandError> {
    loop {
        let answer = match ask(session, question).await? {
            PromptAnswer::Line(answer) => answer,
            PromptAnswer::EndOfInput | PromptAnswer::NoTerminal => return Ok(Choice::Quit),
        };
        if let Some(choice) = Choice::parse(&answer, offered) {
            return Ok(choice);
        }
        let words: Vec<&str> = offered.iter().map(|choice| choice.word()).collect();
        session
            .output
            .say(&format!("  answer with one of: {}", words.join(", ")));
    }
}
