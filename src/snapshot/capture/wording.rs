//! Normalises the wording of different versions of `pg_dump`.

use std::collections::HashMap;

use crate::snapshot::object::{Action, Object, ObjectKind, identifier_value};
use crate::sql::{Statement, Token};
use crate::text::slice;

/// Begins the names of options that the server keeps for itself: `pg_attver`, which 15.20 sets for each column.
const PRIVATE_OPTION: &str = "pg_";

/// The wording that `pg_dump` 18 has for what older ones say differently; `None` when the statement sets nothing but what
/// the server keeps for itself.
pub(super) fn normalise(
    object: &Object,
    statement: &Statement,
    source: &str,
    kinds: &HashMap<String, ObjectKind>,
) -> Option<String> {
    let text = statement.text(source);
    Some(match (object.action, object.kind) {
        // Before 16 every relation's owner was set by ALTER TABLE.
        (Action::Owner, ObjectKind::Table) => {
            let words = match kinds.get(&object.name) {
                Some(ObjectKind::View) => "ALTER VIEW ",
                Some(ObjectKind::MaterializedView) => "ALTER MATERIALIZED VIEW ",
                Some(ObjectKind::Sequence) => "ALTER SEQUENCE ",
                _ => return Some(text.to_owned()),
            };
            text.replacen("ALTER TABLE ", words, 1)
        }
        // Before 16 there were two blanks in front of TO.
        (Action::Privileges, ObjectKind::DefaultPrivileges) => {
            crate::snapshot::minify_statement(statement, source)
        }
        (Action::Alter, _) => return without_private_options(statement, source),
        _ => text.to_owned(),
    })
}

/// `ALTER TABLE … ALTER COLUMN … SET (pg_attver=1)` without such options. A `pg_dump` that does not know them writes them:
/// 15.18, 16.14 and 18.4 for a server of 15.20.
fn without_private_options(statement: &Statement, source: &str) -> Option<String> {
    let text = statement.text(source);
    let tokens: Vec<Token> = statement.significant().collect();
    let columns = tokens
        .iter()
        .skip(1)
        .position(|token| token.is_word(source, "alter"));
    let Some((head, commands)) = columns.and_then(|at| tokens.split_at_checked(at + 1)) else {
        return Some(text.to_owned());
    };
    let mut changed = false;
    let mut kept = Vec::new();
    for command in split_at_commas(commands, source) {
        match PublicOptions::parse(command, source) {
            PublicOptions::All => kept.push(source_of(command, source).to_owned()),
            PublicOptions::Some(command) => {
                changed = true;
                kept.push(command);
            }
            PublicOptions::None => changed = true,
        }
    }
    if !changed {
        Some(text.to_owned())
    } else if kept.is_empty() {
        None
    } else {
        Some(format!("{} {}", source_of(head, source), kept.join(", ")))
    }
}

/// The options of `ALTER COLUMN … SET (…)` that a user can set.
enum PublicOptions {
    All,
    /// The command with these alone.
    Some(String),
    None,
}

impl PublicOptions {
    fn parse(command: &[Token], source: &str) -> Self {
        let list = command
            .windows(2)
            .position(|pair| matches!(pair, [set, open] if set.is_word(source, "set") && open.is(source, "(")));
        let Some((before, [options @ .., _close])) =
            list.and_then(|at| command.split_at_checked(at + 2))
        else {
            return Self::All;
        };
        let options = split_at_commas(options, source);
        let public: Vec<&str> = options
            .iter()
            .filter(|option| {
                let name = option
                    .first()
                    .and_then(|token| identifier_value(*token, source));
                !name.is_some_and(|name| name.starts_with(PRIVATE_OPTION))
            })
            .map(|option| source_of(option, source))
            .collect();
        if public.len() == options.len() {
            Self::All
        } else if public.is_empty() {
            Self::None
        } else {
            Self::Some(format!(
                "{}{})",
                source_of(before, source),
                public.join(", ")
            ))
        }
    }
}

/// The parts between the commas that stand in no parentheses.
fn split_at_commas<'t>(tokens: &'t [Token], source: &str) -> Vec<&'t [Token]> {
    let mut depth = 0_usize;
    tokens
        .split(|token| {
            match token.text(source) {
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                "," => return depth == 0,
                _ => {}
            }
            false
        })
        .collect()
}

/// The text from the first of the tokens to the last.
fn source_of<'a>(tokens: &[Token], source: &'a str) -> &'a str {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => slice(source, first.start..last.end),
        _ => "",
    }
}

/// The statement without `IF NOT EXISTS`, `OR REPLACE` and `CONCURRENTLY`, which mean nothing where a schema is re-created.
pub(super) fn without_shorthand(statement: &Statement, source: &str) -> String {
    let tokens: Vec<Token> = statement.significant().collect();
    let is = |at: usize, words: &[&str]| {
        words.iter().enumerate().all(|(offset, word)| {
            tokens
                .get(at + offset)
                .is_some_and(|token| token.is_word(source, word))
        })
    };
    // In front of the name: nothing else begins with these words there.
    let head = 0..tokens.len().min(8);
    let cuts = head.filter_map(|at| {
        let is_index = is(at.saturating_sub(1), &["index", "concurrently"]);
        let length = if is(at, &["if", "not", "exists"]) {
            3
        } else if is_index {
            1
        } else if at == 1 && is(at, &["or", "replace"]) {
            2
        } else {
            return None;
        };
        Some((tokens.get(at)?.start, tokens.get(at + length)?.start))
    });
    let mut text = String::new();
    let mut from = statement.range().start;
    for (start, end) in cuts {
        text.push_str(slice(source, from..start));
        from = end;
    }
    text.push_str(slice(source, from..statement.range().end));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Script;

    /// The part of a statement that is kept, or nothing if it is left out.
    fn kept(sql: &str) -> String {
        let script = Script::parse(sql).unwrap();
        let statement = script.statements().next().unwrap();
        normalise(
            &Object::from_statement(statement, sql),
            statement,
            sql,
            &HashMap::new(),
        )
        .unwrap_or_default()
    }

    #[test]
    fn options_of_the_server_are_left_out() {
        for private in [
            "ALTER TABLE ONLY app.t ALTER COLUMN i SET (pg_attver=58315808);",
            "ALTER FOREIGN TABLE ONLY app.t ALTER COLUMN \"a,b\" SET (pg_attver='1');",
            "ALTER TABLE app.t ALTER i SET (pg_attver=1), ALTER j SET (pg_attver=1);",
            "ALTER MATERIALIZED VIEW app.t ALTER COLUMN i SET ( pg_attver = 1 );",
        ] {
            assert_eq!(kept(private), "", "{private}");
        }
        for (both, public) in [
            (
                "ALTER TABLE ONLY app.t ALTER COLUMN i SET (pg_attver=1, n_distinct=5);",
                "ALTER TABLE ONLY app.t ALTER COLUMN i SET (n_distinct=5)",
            ),
            (
                "ALTER TABLE ONLY app.t ALTER COLUMN i SET (n_distinct=-0.5, pg_attver=1, n_distinct_inherited=3);",
                "ALTER TABLE ONLY app.t ALTER COLUMN i SET (n_distinct=-0.5, n_distinct_inherited=3)",
            ),
            (
                "ALTER TABLE app.t ALTER i SET (pg_attver=1), ALTER j SET NOT NULL;",
                "ALTER TABLE app.t ALTER j SET NOT NULL",
            ),
        ] {
            assert_eq!(kept(both), public, "{both}");
        }
    }

    #[test]
    fn what_users_set_stays_as_it_is() {
        for sql in [
            "ALTER TABLE ONLY app.t ALTER COLUMN i SET (n_distinct=5)",
            "ALTER TABLE ONLY app.t ALTER COLUMN pg_attver SET DEFAULT f(1, 2)",
            "ALTER TABLE ONLY app.t  ALTER COLUMN i SET STATISTICS 5",
            "ALTER TABLE app.alter SET (fillfactor=70)",
            "ALTER SEQUENCE app.s OWNED BY app.t.i",
        ] {
            assert_eq!(kept(&format!("{sql};")), sql);
        }
    }
}
