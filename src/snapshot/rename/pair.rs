//! Contested places, settled by `PostgreSQL`: it prints a definition before and after the schema was renamed.

use super::mention::{Mention, MentionVerdict};
use crate::snapshot::object::identifier_value;
use crate::sql::{Token, tokens};

/// A definition as `PostgreSQL` prints it, before and after `ALTER SCHEMA … RENAME TO` an unguessable name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// With the schema's own name.
    pub before: String,
    /// With the unguessable name, exactly where the schema is meant.
    pub after: String,
}

/// Settles the contested mentions of a statement, whose text begins at byte `start` of the source, with the
/// definitions that it holds. Returns whether none is left.
pub fn settle(
    mentions: &mut [Mention],
    text: &str,
    start: usize,
    pairs: &[Pair],
    new_name: &str,
) -> bool {
    for pair in pairs {
        if !mentions
            .iter()
            .any(|mention| mention.verdict == MentionVerdict::Contested)
        {
            break;
        }
        if pair.before.is_empty() || !text.contains(&pair.before) {
            continue;
        }
        // The same text has another meaning elsewhere, so the two cannot be distinguished.
        if pairs
            .iter()
            .any(|other| other.before == pair.before && other.after != pair.after)
        {
            continue;
        }
        let Some(renamed) = renamed_places(pair, new_name) else {
            continue;
        };
        // A policy can have the same expression twice: in USING and in WITH CHECK.
        for (offset, _) in text.match_indices(&pair.before) {
            let within = start + offset..start + offset + pair.before.len();
            for mention in mentions
                .iter_mut()
                .filter(|mention| mention.verdict == MentionVerdict::Contested)
            {
                if within.contains(&mention.range.start) {
                    let place = mention.range.start - start - offset;
                    mention.verdict = if renamed.contains(&place) {
                        MentionVerdict::Schema
                    } else {
                        MentionVerdict::Other
                    };
                }
            }
        }
    }
    mentions
        .iter()
        .all(|mention| mention.verdict != MentionVerdict::Contested)
}

/// Byte offsets in `before` of the identifiers that are the new name in `after`; `None` when the two are not the same
/// definition token by token.
fn renamed_places(pair: &Pair, new_name: &str) -> Option<Vec<usize>> {
    let significant = |text: &str| -> Vec<Token> {
        tokens(text)
            .into_iter()
            .filter(|t| !t.is_trivia())
            .collect()
    };
    let before = significant(&pair.before);
    let after = significant(&pair.after);
    if before.len() != after.len() {
        return None;
    }
    let mut places = Vec::new();
    for (old, new) in before.iter().zip(&after) {
        if identifier_value(*new, &pair.after).as_deref() == Some(new_name) {
            places.push(old.start);
        } else if old.text(&pair.before) != new.text(&pair.after)
            && !new.text(&pair.after).contains(new_name)
        {
            return None;
        }
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgresql_says_which_is_which() {
        let statement = "CREATE VIEW film.v AS SELECT film.title, film.film.id FROM film.film film";
        let pair = Pair {
            before: "SELECT film.title, film.film.id FROM film.film film".into(),
            after: "SELECT film.title, tok.film.id FROM tok.film film".into(),
        };
        let places: Vec<usize> = statement.match_indices("film.").map(|(at, _)| at).collect();
        let mut mentions: Vec<Mention> = places
            .iter()
            .skip(1)
            .map(|at| Mention {
                range: *at..at + 4,
                verdict: MentionVerdict::Contested,
            })
            .collect();
        assert!(settle(&mut mentions, statement, 0, &[pair], "tok"));
        let verdicts: Vec<MentionVerdict> =
            mentions.iter().map(|mention| mention.verdict).collect();
        assert_eq!(
            verdicts,
            [
                MentionVerdict::Other,
                MentionVerdict::Schema,
                MentionVerdict::Other,
                MentionVerdict::Schema
            ]
        );
    }

    #[test]
    fn the_same_expression_twice() {
        let pair = Pair {
            before: "(app.id = app.f())".into(),
            after: "(app.id = tok.f())".into(),
        };
        let statement =
            "CREATE POLICY p ON app.t USING ((app.id = app.f())) WITH CHECK ((app.id = app.f()))";
        let places: Vec<usize> = statement
            .match_indices("app.")
            .skip(1)
            .map(|(at, _)| at)
            .collect();
        let mentions = |verdict| -> Vec<Mention> {
            places
                .iter()
                .map(|at| Mention {
                    range: *at..at + 3,
                    verdict,
                })
                .collect()
        };
        let mut found = mentions(MentionVerdict::Contested);
        assert!(settle(
            &mut found,
            statement,
            0,
            std::slice::from_ref(&pair),
            "tok"
        ));
        let verdicts: Vec<MentionVerdict> = found.iter().map(|mention| mention.verdict).collect();
        assert_eq!(
            verdicts,
            [
                MentionVerdict::Other,
                MentionVerdict::Schema,
                MentionVerdict::Other,
                MentionVerdict::Schema
            ]
        );
        let other = Pair {
            after: "(tok.id = tok.f())".into(),
            ..pair.clone()
        };
        assert!(!settle(
            &mut mentions(MentionVerdict::Contested),
            statement,
            0,
            &[pair, other],
            "tok"
        ));
    }

    #[test]
    fn another_definition_settles_nothing() {
        let pair = Pair {
            before: "SELECT a.b".into(),
            after: "SELECT tok.b, 1".into(),
        };
        let mut mentions = vec![Mention {
            range: 7..8,
            verdict: MentionVerdict::Contested,
        }];
        assert!(!settle(&mut mentions, "SELECT a.b", 0, &[pair], "tok"));
    }
}
