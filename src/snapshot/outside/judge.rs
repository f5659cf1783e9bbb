//! The judgement of a statement: what it does at once, and what its definition would do later.

use super::calls::{
    called, changes_rows_elsewhere, copies_elsewhere, names_function, selects_into_elsewhere,
};
use super::command::{CommandContext, changes_elsewhere, commands_the_server, language};
use super::names::is_untrusted;
use super::path::leaves_the_schema;
use super::reach::Reach;
use super::words::{Words, significant};
use crate::sql::Statement;
use crate::sql::literal::content;

/// The judgement of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::snapshot) struct Judgement {
    /// Its reach when it runs; `None` if it stays in the tenant's schema.
    pub(in crate::snapshot) reach: Option<Reach>,
    /// True if it defines something that reaches beyond the database when it is used.
    pub(in crate::snapshot) hides: bool,
}

/// Judges a statement of a template.
pub(in crate::snapshot) fn judge(statement: &Statement, sql: &str) -> Judgement {
    let tokens: Vec<_> = statement.significant().collect();
    let words = Words {
        tokens: &tokens,
        sql,
    };
    if is_definition(words) {
        let command = commands_the_server(words, CommandContext::File).then_some(Reach::Server);
        let elsewhere = || changes_elsewhere(words).then_some(Reach::Database);
        return Judgement {
            reach: command.or_else(elsewhere),
            hides: hides(words),
        };
    }
    Judgement {
        reach: statement_reach(words, CommandContext::File, 0),
        hides: false,
    }
}

/// Returns whether a statement only defines what others run.
pub(super) fn is_definition(words: Words<'_>) -> bool {
    const DEFINED: &[&str] = &["function", "procedure", "view", "rule", "trigger", "policy"];
    if !words.is(0, &["create"]) {
        return false;
    }
    let kind = (1..6).find(|at| words.is(*at, DEFINED));
    // With its data, a materialized view is filled at once. A name can be one of these words.
    kind.is_some_and(|at| {
        !words.is(at - 1, &["materialized"])
            && (1..at).all(|before| {
                words.is(
                    before,
                    &[
                        "or",
                        "replace",
                        "temp",
                        "temporary",
                        "local",
                        "global",
                        "recursive",
                        "constraint",
                        "event",
                    ],
                )
            })
    })
}

/// Returns whether a definition would reach beyond the database when it is used.
fn hides(words: Words<'_>) -> bool {
    if called(words) == Some(Reach::Server) {
        return true;
    }
    let is_routine = (1..4).any(|at| words.is(at, &["function", "procedure"]));
    if !is_routine {
        return false;
    }
    language(words).is_some_and(|name| is_untrusted(&name) && name != "c")
        || words
            .tokens
            .iter()
            .filter_map(|token| content(*token, words.sql))
            .any(|body| body_reach(&body.text, 0) == Some(Reach::Server))
}

/// Depth of texts within texts that is followed.
const DEPTH: usize = 4;

fn statement_reach(words: Words<'_>, setting: CommandContext, depth: usize) -> Option<Reach> {
    let words = without_explain(words);
    if commands_the_server(words, setting) || texts_command_the_server(words, setting, depth) {
        return Some(Reach::Server);
    }
    let calls = called(words);
    if calls == Some(Reach::Server) || (defines_by_name(words) && names_function(words)) {
        return Some(Reach::Server);
    }
    let within = [body_of_do(words, depth), parts_of_schema(words, depth)];
    let within = within.into_iter().flatten().max();
    if within == Some(Reach::Server) {
        return within;
    }
    let is_elsewhere = within.is_some()
        || calls.is_some()
        || changes_elsewhere(words)
        || changes_rows_elsewhere(words)
        || copies_elsewhere(words)
        || (setting == CommandContext::File
            && (selects_into_elsewhere(words) || leaves_the_schema(words)));
    is_elsewhere.then_some(Reach::Database)
}

/// `EXPLAIN ANALYZE` runs its statement.
fn without_explain(words: Words<'_>) -> Words<'_> {
    if !words.is(0, &["explain"]) {
        return words;
    }
    let mut at = 1;
    if words.is_mark(at, "(") {
        let end = (at..words.tokens.len()).find(|at| words.is_mark(*at, ")"));
        at = end.map_or(words.tokens.len(), |end| end + 1);
    }
    while words.is(at, &["analyze", "analyse", "verbose"]) {
        at += 1;
    }
    words.skip(at)
}

/// Aggregates, operators and types name their functions without calling them.
fn defines_by_name(words: Words<'_>) -> bool {
    words.is(0, &["create"])
        && (1..4).any(|at| words.is(at, &["aggregate", "operator", "type", "conversion"]))
}

/// Returns how far the body of `DO` reaches.
fn body_of_do(words: Words<'_>, depth: usize) -> Option<Reach> {
    if !words.is(0, &["do"]) || depth >= DEPTH {
        return None;
    }
    words
        .tokens
        .iter()
        .filter_map(|token| content(*token, words.sql))
        .filter_map(|body| body_reach(&body.text, depth + 1))
        .max()
}

/// `CREATE SCHEMA x CREATE TABLE … GRANT …`: each part is a statement.
fn parts_of_schema(words: Words<'_>, depth: usize) -> Option<Reach> {
    if !words.begins(0, &["create", "schema"]) || depth >= DEPTH {
        return None;
    }
    let starts: Vec<usize> = words
        .outer()
        .filter(|at| *at > 1 && words.is(*at, &["create", "grant"]))
        .collect();
    let ends = starts.iter().skip(1).copied().chain([words.tokens.len()]);
    starts
        .iter()
        .zip(ends)
        .filter_map(|(start, end)| {
            let part = Words {
                tokens: words.tokens.get(*start..end).unwrap_or_default(),
                ..words
            };
            statement_reach(part, CommandContext::File, depth + 1)
        })
        .max()
}

/// Returns how far a body reaches: that of `DO`, or of a routine when it is called.
pub(super) fn body_reach(body: &str, depth: usize) -> Option<Reach> {
    let tokens = significant(body);
    let words = Words {
        tokens: &tokens,
        sql: body,
    };
    let mut reach = None;
    let mut start = 0;
    for at in 0..=tokens.len() {
        let ends = at == tokens.len()
            || words.is_mark(at, ";")
            || words.is(at, &["begin", "then", "loop", "else", "declare"]);
        if !ends {
            continue;
        }
        let piece = Words {
            tokens: tokens.get(start..at).unwrap_or_default(),
            sql: body,
        };
        reach = reach.max(statement_reach(piece, CommandContext::Body, depth));
        if reach == Some(Reach::Server) {
            return reach;
        }
        start = at + 1;
    }
    reach
}

/// Returns whether a text that the statement runs, or hands to a function, commands the server.
fn texts_command_the_server(words: Words<'_>, setting: CommandContext, depth: usize) -> bool {
    // What is only reported is not run, and the body of `DO` is read as one.
    if depth >= DEPTH || words.is(0, &["raise", "do", "comment", "security"]) {
        return false;
    }
    let mut callers = Vec::new();
    let mut joined = String::new();
    let mut is_executed = false;
    for (at, token) in words.tokens.iter().enumerate() {
        if token.is(words.sql, "(") {
            callers.push(at > 0 && is_callable(words, at - 1));
        } else if token.is(words.sql, ")") {
            callers.pop();
        } else if words.is(at, &["execute"]) && !words.is(at + 1, &["function", "procedure"]) {
            is_executed = true;
        } else if words.is_literal(at)
            && (setting == CommandContext::Body || callers.last() == Some(&true))
            && let Some(text) = content(*token, words.sql)
        {
            if commands_at_its_start(&text.text, depth + 1) {
                return true;
            }
            if is_executed {
                joined.push_str(&text.text);
            }
        }
    }
    is_executed && commands_at_its_start(&joined, depth + 1)
}

fn is_callable(words: Words<'_>, at: usize) -> bool {
    words.name(at).is_some()
        && !words.is(
            at,
            &[
                "values", "in", "and", "or", "not", "as", "into", "check", "using", "where", "on",
            ],
        )
}

/// Returns whether a text is SQL whose first command, or one behind a semicolon, reaches beyond the database.
fn commands_at_its_start(text: &str, depth: usize) -> bool {
    // Shorter than any such command.
    if text.len() < 8 {
        return false;
    }
    let tokens = significant(text);
    tokens.split(|token| token.is(text, ";")).any(|tokens| {
        let words = Words { tokens, sql: text };
        let words = without_explain(words);
        commands_the_server(words, CommandContext::Body)
            || (words.is(0, &["select", "do", "call", "with", "insert"])
                && statement_reach(words, CommandContext::Body, depth) == Some(Reach::Server))
    })
}
