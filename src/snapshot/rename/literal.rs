//! Mentions inside string literals, by what the literal is used for.

use super::mention::MentionVerdict;
use super::reader::{CodePlace, CodeReader, words};
use super::view::View;
use crate::snapshot::object::{Action, ObjectKind, identifier_value};
use crate::snapshot::template::{callee, reads_as_identifier};
use crate::sql::literal::{LiteralContent, content};
use crate::sql::{Token, TokenKind, tokens};
use crate::text::slice;

/// The use of a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Names of parameters, options of types: not a reference, and nothing that anybody would want changed.
    Nothing,
    /// Text for people, labels, bounds: not a reference.
    Text,
    /// A comment: of interest only where it names an object.
    Prose,
    /// An item of `search_path`: the name itself.
    SearchPathItem,
    /// The value of `set_config('search_path', …)`: a list of identifiers.
    SearchPathList,
    /// Parsed as an identifier: `::regclass`, `nextval(…)`.
    Identifier,
    /// Run as SQL: the body of a routine, `EXECUTE '…'`.
    Code,
    /// A constant in a definition that is compared or stored, and given to no function that could run it.
    Constant,
    /// A value for something that the schema, or somebody else, wrote: the argument of a trigger or of a function that is
    /// not `PostgreSQL`'s, a label. A whole word there is likely to be the schema.
    Handed(&'static str),
    /// Anything else.
    Unknown,
}

/// Reads the literal at `index`. Returns its content and tokens if it is code, which is left to the caller.
pub(super) fn read(
    reader: &mut CodeReader<'_>,
    code: &LiteralContent,
    view: &View<'_>,
    index: usize,
    place: CodePlace,
) -> Option<(LiteralContent, Vec<Token>)> {
    let inner = content(view.at(index)?, view.source)?;
    // The common case first: most literals do not hold the name at all.
    if !may_hold(&inner.text, reader.schema) {
        return None;
    }
    let inner = inner.rebased(|offset| code.source_offset(offset));
    let tokens = tokens(&inner.text);
    let found_before = reader.found.len();
    let used_as = judge_use(reader, view, index, place);
    match used_as {
        Use::Nothing | Use::Text => {}
        Use::Prose => prose(reader, &inner, &tokens),
        Use::SearchPathItem => {
            if inner.text == reader.schema {
                whole(reader, &inner, MentionVerdict::PathItem);
            } else if !tokens.is_empty() {
                // PostgreSQL takes the whole string for the name of one schema.
                for token in &tokens {
                    if reader.is_schema(*token, &inner.text) {
                        reader.add(&inner, *token, MentionVerdict::Doubtful(ONE_STRING));
                    }
                }
            }
        }
        Use::SearchPathList => {
            for token in &tokens {
                if reader.is_schema(*token, &inner.text) {
                    reader.add(&inner, *token, MentionVerdict::PathName);
                }
            }
        }
        Use::Identifier => identifier(reader, &inner, &tokens, view, index),
        Use::Code => {
            cut_off(reader, &inner, &tokens, view, index);
            return Some((inner, tokens));
        }
        Use::Constant => doubtful(reader, &inner, &tokens, true),
        Use::Unknown | Use::Handed(_) => doubtful(reader, &inner, &tokens, false),
    }
    let verdict = match used_as {
        Use::Text | Use::Constant | Use::Unknown => MentionVerdict::Text,
        Use::Handed(why) => MentionVerdict::Doubtful(why),
        _ => return None,
    };
    other_words(reader, &inner, found_before, verdict);
    None
}

const ONE_STRING: &str =
    "one string as a whole search_path, which PostgreSQL takes for the name of one schema";

/// Reports whole words that are the name, where nothing was found yet.
fn other_words(
    reader: &mut CodeReader<'_>,
    inner: &LiteralContent,
    found_before: usize,
    verdict: MentionVerdict,
) {
    for word in words(&inner.text, reader.schema) {
        let range = inner.source_offset(word.start)..inner.source_offset(word.end);
        let is_known = reader
            .found
            .get(found_before..)
            .unwrap_or_default()
            .iter()
            .any(|mention| mention.range.start < range.end && range.start < mention.range.end);
        let byte = |at: Option<usize>| at.and_then(|at| inner.text.as_bytes().get(at));
        // `other.app` is something of that name in another schema.
        let is_member =
            byte(word.start.checked_sub(1)) == Some(&b'.') && byte(Some(word.end)) != Some(&b'.');
        if word.text(&inner.text) == reader.schema && !is_known && !is_member {
            reader.add(inner, word, verdict);
        }
    }
}

/// Reports the qualified names of objects that a comment holds: some are read by programs.
fn prose(reader: &mut CodeReader<'_>, inner: &LiteralContent, tokens: &[Token]) {
    for triple in tokens.windows(3) {
        if let [name, dot, member] = triple
            && dot.is(&inner.text, ".")
            && reader.is_schema(*name, &inner.text)
            && identifier_value(*member, &inner.text)
                .is_some_and(|member| reader.catalog.has(&member))
        {
            reader.add(inner, *name, MentionVerdict::Text);
        }
    }
}

/// Reports the name at the end of a command that continues after `||`: `EXECUTE 'SELECT … FROM app'
/// || '.t'`.
fn cut_off(
    reader: &mut CodeReader<'_>,
    inner: &LiteralContent,
    tokens: &[Token],
    view: &View<'_>,
    index: usize,
) {
    let last = tokens.iter().rev().find(|token| !token.is_trivia());
    if view.is(index + 1, "||")
        && let Some(last) = last
        && reader.is_schema(*last, &inner.text)
    {
        reader.add(
            inner,
            *last,
            MentionVerdict::Doubtful("the name at the end of a part of a command"),
        );
    }
}

/// Returns `true` if the text contains, in any letter case, a part of the name that no quoting
/// changes.
pub(in crate::snapshot) fn may_hold(text: &str, schema: &str) -> bool {
    let plain = schema
        .split(['"', '\'', '\\', '%'])
        .max_by_key(|part| part.len())
        .unwrap_or_default();
    text.to_ascii_lowercase()
        .contains(&plain.to_ascii_lowercase())
}

fn whole(reader: &mut CodeReader<'_>, inner: &LiteralContent, verdict: MentionVerdict) {
    let token = Token {
        kind: TokenKind::Word,
        start: 0,
        end: inner.text.len(),
    };
    reader.add(inner, token, verdict);
}

/// `'schema.object'::regclass`: the first of several parts, or the whole for `::regnamespace`.
fn identifier(
    reader: &mut CodeReader<'_>,
    inner: &LiteralContent,
    tokens: &[Token],
    view: &View<'_>,
    index: usize,
) {
    let significant: Vec<Token> = tokens
        .iter()
        .copied()
        .filter(|token| !token.is_trivia())
        .collect();
    let behind = view.at(index).map_or(0, |token| token.end);
    let namespace = slice(view.source, behind..);
    let namespace = namespace
        .trim_start_matches("::")
        .starts_with("regnamespace")
        || callee(view.tokens, index, view.source)
            .is_some_and(|(name, _)| name == "to_regnamespace");
    let parts = View {
        tokens: &significant,
        source: &inner.text,
    };
    for (at, token) in significant.iter().enumerate() {
        let first = !parts.before_is(at, ".");
        // Several in an array literal: `'{a,b}'::regnamespace[]`.
        let qualifies = parts.is(at + 1, ".") || namespace;
        if first && qualifies && reader.is_schema(*token, &inner.text) {
            reader.add(inner, *token, MentionVerdict::Schema);
        }
    }
}

/// Reports what may be the schema in text whose use is not known.
fn doubtful(reader: &mut CodeReader<'_>, inner: &LiteralContent, tokens: &[Token], constant: bool) {
    let words: Vec<&Token> = tokens.iter().filter(|token| !token.is_trivia()).collect();
    if let [only] = words.as_slice()
        && inner.text.trim() != reader.schema
        && reader.is_schema(**only, &inner.text)
    {
        if !constant {
            // Its quotes stay: a tenant's name may need them there too.
            let quotes = usize::from(only.kind == TokenKind::Quoted(true));
            let name = Token {
                kind: TokenKind::Word,
                start: only.start + quotes,
                end: only.end - quotes,
            };
            reader.add(
                inner,
                name,
                MentionVerdict::Doubtful("the name as an identifier, as a string"),
            );
        }
        return;
    }
    if inner.text.trim() == reader.schema {
        if !constant {
            let start = inner.text.len() - inner.text.trim_start().len();
            let token = Token {
                kind: TokenKind::Word,
                start,
                end: start + reader.schema.len(),
            };
            reader.add(
                inner,
                token,
                MentionVerdict::Doubtful("the bare name, as a string"),
            );
        }
        return;
    }
    let significant: Vec<Token> = tokens
        .iter()
        .copied()
        .filter(|token| !token.is_trivia())
        .collect();
    let view = View {
        tokens: &significant,
        source: &inner.text,
    };
    for (index, token) in significant.iter().enumerate() {
        // A string inside the string: a command in parts.
        if !constant && matches!(token.kind, TokenKind::String(..) | TokenKind::Dollar(..)) {
            in_a_string(reader, inner, *token);
            continue;
        }
        if !reader.is_schema(*token, &inner.text) || view.before_is(index, ".") {
            continue;
        }
        let touches = token
            .start
            .checked_sub(1)
            .and_then(|before| inner.text.as_bytes().get(before));
        // No host or path: it is called as a function.
        let called = view.is(index + 3, "(");
        let address =
            !called && touches.is_some_and(|byte| matches!(byte, b'@' | b'/' | b'-' | b'#'));
        let member = view
            .at(index + 2)
            .and_then(|token| identifier_value(token, &inner.text));
        if view.is(index + 1, ".") && !address {
            let known = member
                .as_deref()
                .is_some_and(|member| reader.catalog.has(member));
            if known || (!constant && !ends_sentence(&inner.text, *token)) {
                reader.add(
                    inner,
                    *token,
                    MentionVerdict::Doubtful("a qualified name, as a string"),
                );
            }
        } else if !constant && (view.names_schema(index) || is_list(&significant, &inner.text)) {
            reader.add(
                inner,
                *token,
                MentionVerdict::Doubtful("a schema's name, as a string"),
            );
        }
    }
}

/// Reports what may be the schema in a string inside a string whose use is not known.
fn in_a_string(reader: &mut CodeReader<'_>, outer: &LiteralContent, token: Token) {
    let nested = if let Some(nested) = content(token, &outer.text) {
        nested.rebased(|offset| outer.source_offset(offset))
    } else {
        // An apostrophe in prose: what follows is no string.
        let start = token.start + 1;
        let rest = slice(&outer.text, start..token.end);
        LiteralContent::verbatim(rest, 0).rebased(|offset| outer.source_offset(start + offset))
    };
    if nested.text == reader.schema {
        whole(
            reader,
            &nested,
            MentionVerdict::Doubtful("the bare name, in a string in a string"),
        );
    } else if may_hold(&nested.text, reader.schema) {
        doubtful(reader, &nested, &tokens(&nested.text), false);
    }
}

/// `… of app. Then …`: a full stop and a blank.
fn ends_sentence(text: &str, token: Token) -> bool {
    text.get(token.end + 1..)
        .is_some_and(|rest| rest.starts_with(char::is_whitespace))
}

/// Identifiers and commas only: a `search_path`.
fn is_list(tokens: &[Token], source: &str) -> bool {
    tokens.len() > 1
        && tokens.iter().enumerate().all(|(index, token)| {
            if index % 2 == 0 {
                matches!(token.kind, TokenKind::Word | TokenKind::Quoted(true))
            } else {
                token.is(source, ",")
            }
        })
}

fn judge_use(reader: &CodeReader<'_>, view: &View<'_>, index: usize, place: CodePlace) -> Use {
    if view.in_search_path(index) {
        return Use::SearchPathItem;
    }
    let call = callee(view.tokens, index, view.source);
    if let Some((name, arguments)) = &call {
        match name.as_str() {
            "current_setting" => return Use::Nothing,
            "set_config" if arguments.is_empty() => return Use::Nothing,
            "set_config" if arguments.contains("search_path") => return Use::SearchPathList,
            "set_config" => return Use::Unknown,
            _ => {}
        }
    }
    if is_parsed(view, index) {
        return Use::Identifier;
    }
    let used_as = match place {
        CodePlace::Body => in_body(view, index, call.as_ref()),
        CodePlace::Definition { .. } => in_definition(reader, view, index, call.as_ref()),
    };
    match (used_as, &call) {
        (Use::Unknown, Some((name, _))) if is_foreign_call(reader, view, index, name) => {
            Use::Handed("the schema's name in text that a function gets")
        }
        _ => used_as,
    }
}

/// Returns whether the function that a literal is given to is not `PostgreSQL`'s own: qualified with another schema, or one of the
/// schema's.
fn is_foreign_call(reader: &CodeReader<'_>, view: &View<'_>, index: usize, name: &str) -> bool {
    let called = (0..index).rev().find(|at| {
        view.is(at + 1, "(")
            && view
                .at(*at)
                .and_then(|token| identifier_value(token, view.source))
                .as_deref()
                == Some(name)
    });
    let Some(at) = called else { return false };
    if !view.before_is(at, ".") {
        return reader.catalog.has_routine(name);
    }
    let schema = at
        .checked_sub(2)
        .and_then(|at| view.at(at))
        .and_then(|token| identifier_value(token, view.source));
    schema.is_some_and(|schema| schema != "pg_catalog")
}

/// Parsed as an identifier by a cast or function; adjacent `||` is no proof of that.
fn is_parsed(view: &View<'_>, index: usize) -> bool {
    let concatenated = view.is(index + 1, "||") || view.before_is(index, "||");
    !concatenated && reads_as_identifier(view.tokens, index, view.source)
}

fn in_body(view: &View<'_>, index: usize, call: Option<&(String, String)>) -> Use {
    let Some(before) = index.checked_sub(1) else {
        return Use::Unknown;
    };
    // RAISE [level] 'format': text for people.
    let raise = (0..=2).any(|back| {
        before
            .checked_sub(back)
            .is_some_and(|at| view.word(at, "raise"))
    });
    if raise && !view.is(before, ",") {
        return Use::Text;
    }
    // DO '…', DO LANGUAGE plpgsql '…'.
    let language = before >= 2 && view.word(before - 1, "language") && view.word(before - 2, "do");
    if view.word(before, "execute") || view.word(before, "do") || language {
        return Use::Code;
    }
    // EXECUTE format('…', …): the first argument.
    if call.is_some_and(|(name, arguments)| name == "format" && arguments.is_empty()) {
        let executed = (1..=4).any(|back| {
            index
                .checked_sub(back)
                .is_some_and(|at| view.word(at, "execute"))
        });
        if executed {
            return Use::Code;
        }
    }
    Use::Unknown
}

fn in_definition(
    reader: &CodeReader<'_>,
    view: &View<'_>,
    index: usize,
    call: Option<&(String, String)>,
) -> Use {
    let object = reader.object;
    match (object.action, object.kind) {
        // Labels are read by their providers: `MASKED WITH FUNCTION app.mask(email)`.
        (Action::Comment, _) if view.word(0, "security") => {
            return Use::Handed("the schema's name in a security label");
        }
        (Action::Comment, _) => return Use::Prose,
        (Action::Create, ObjectKind::Type) => return Use::Text,
        (Action::Create, ObjectKind::Collation | ObjectKind::Conversion) => return Use::Nothing,
        (Action::Create, ObjectKind::Function | ObjectKind::Procedure)
            if index
                .checked_sub(1)
                .is_some_and(|before| view.word(before, "as")) =>
        {
            return Use::Code;
        }
        (Action::Create, ObjectKind::Trigger) => {
            // The arguments after EXECUTE FUNCTION f. In WHEN, a literal is compared.
            let executes = (0..index).any(|at| view.word(at, "execute"));
            return if executes {
                Use::Handed("the schema's name in the argument of a trigger")
            } else {
                Use::Constant
            };
        }
        (Action::Create, ObjectKind::ForeignTable | ObjectKind::TextSearch) => return Use::Unknown,
        _ => {}
    }
    if (0..index).any(|at| view.word(at, "attach")) && object.action == Action::Alter {
        // FOR VALUES of a partition.
        return Use::Text;
    }
    // SET parameter TO 'value' of a routine; search_path was handled.
    if matches!(object.kind, ObjectKind::Function | ObjectKind::Procedure)
        && index
            .checked_sub(1)
            .is_some_and(|before| view.word(before, "to"))
    {
        // The only parameter of PostgreSQL, apart from search_path, that names an object with its
        // schema.
        let names_object = index >= 2 && view.word(index - 2, "default_text_search_config");
        // A parameter of an extension or of the app: `SET app.schema TO 'tenant'` or `SET "app.schema" TO …`.
        let is_custom = index
            .checked_sub(2)
            .and_then(|at| view.at(at))
            .is_some_and(|token| {
                token.text(view.source).contains('.')
                    || index
                        .checked_sub(3)
                        .is_some_and(|before| view.is(before, "."))
            });
        let is_name = view
            .at(index)
            .and_then(|token| content(token, view.source))
            .is_some_and(|content| content.text == reader.schema);
        return if names_object {
            Use::Identifier
        } else if is_custom && is_name {
            Use::Unknown
        } else {
            Use::Text
        };
    }
    if meets_schemas(reader, view, index) {
        return Use::Unknown;
    }
    match call.filter(|(_, arguments)| !is_column_list(reader, view, index, arguments)) {
        None => Use::Constant,
        Some((name, _)) if is_harmless(view, index, name) => Use::Constant,
        Some(_) => Use::Unknown,
    }
}

/// Returns `true` if a constant may be compared with a schema's name, or becomes an identifier at
/// run time: its type is `name`, the definition reads a column such as `table_schema`, `nspname` or
/// `current_schema`, or it casts a computed text to one of the types that are read as identifiers.
fn meets_schemas(reader: &CodeReader<'_>, view: &View<'_>, index: usize) -> bool {
    if view.is_cast(index + 1) && view.word(index + 2, "name") {
        return true;
    }
    view.tokens.iter().enumerate().any(|(at, token)| {
        let Some(value) = identifier_value(*token, view.source) else {
            return false;
        };
        let computed =
            value.starts_with("reg") && at >= 2 && view.is_cast(at - 1) && view.is(at - 2, ")");
        let about =
            (value.contains("schema") && value != "information_schema") || value == "nspname";
        computed
            || (about
                && value != reader.schema
                && reader.object.action == Action::Create
                && reader.object.kind != ObjectKind::Schema
                && !reader.catalog.has(&value)
                && !view.is(at + 1, "."))
    })
}

/// Returns `true` if a list in parentheses is the columns of `CREATE TABLE t (…)` or `… OF type
/// (…)`, not the arguments of a call.
fn is_column_list(reader: &CodeReader<'_>, view: &View<'_>, index: usize, arguments: &str) -> bool {
    let first = view.tokens.iter().find(|token| token.is(view.source, "("));
    let end = view.at(index).map_or(0, |token| token.start);
    matches!(
        reader.object.kind,
        ObjectKind::Table | ObjectKind::ForeignTable
    ) && first.is_some_and(|first| view.source.get(first.end..end) == Some(arguments))
}

/// Returns `true` if a function of `pg_catalog` (which the server prints without a schema) only
/// computes with its text.
fn is_harmless(view: &View<'_>, index: usize, name: &str) -> bool {
    let qualified = (0..index).rev().any(|at| {
        view.at(at)
            .and_then(|token| identifier_value(token, view.source))
            .as_deref()
            == Some(name)
            && view.before_is(at, ".")
            && view.is(at + 1, "(")
    });
    let risky = [
        "has_",
        "query_",
        "table_",
        "schema_",
        "cursor_",
        "database_",
        "to_reg",
        "pg_",
        "format",
        "quote_",
    ];
    !qualified && !risky.iter().any(|prefix| name.starts_with(prefix))
}
