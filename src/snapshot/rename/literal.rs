//! Mentions inside string literals, by what the literal is used for.

use super::code::{CodePlace, CodeReader};
use super::mention::MentionVerdict;
use super::view::View;
use crate::snapshot::object::{Action, ObjectKind, identifier_value};
use crate::snapshot::template::{callee, reads_as_identifier};
use crate::sql::literal::{LiteralContent, content};
use crate::sql::{Token, TokenKind, tokens};

/// What a literal is used for.
enum Use {
    /// Text for people, labels, bounds, names of parameters: never a reference.
    Text,
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
    /// Anything else.
    Unknown,
}

/// Reads the literal at `index`.
pub(super) fn read(
    reader: &mut CodeReader<'_>,
    code: &LiteralContent,
    view: &View<'_>,
    index: usize,
    place: CodePlace,
) {
    let Some(token) = view.at(index) else { return };
    let Some(inner) = content(token, view.source) else {
        return;
    };
    // The common case first: most literals do not hold the name at all.
    if !may_hold(&inner.text, reader.schema) {
        return;
    }
    let inner = inner.rebased(|offset| code.source_offset(offset));
    let tokens = tokens(&inner.text);
    match used_as(reader, view, index, place) {
        Use::Text => {}
        Use::SearchPathItem => {
            if inner.text == reader.schema {
                whole(reader, &inner, MentionVerdict::Schema);
            }
        }
        Use::SearchPathList => {
            for token in &tokens {
                if reader.is_schema(*token, &inner.text) {
                    reader.add(&inner, *token, MentionVerdict::Schema);
                }
            }
        }
        Use::Identifier => identifier(reader, &inner, &tokens, view, index),
        Use::Code => {
            cut_off(reader, &inner, &tokens, view, index);
            reader.code(&inner, &tokens, CodePlace::Body);
        }
        Use::Constant => doubtful(reader, &inner, &tokens, true),
        Use::Unknown => doubtful(reader, &inner, &tokens, false),
    }
}

/// Reports the name at the end of a command that goes on behind `||`: `EXECUTE 'SELECT … FROM app' || '.t'`.
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

/// Whether a part of the name that no quoting changes is in the text, in any case.
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
    let namespace = view
        .source
        .get(view.at(index).map_or(0, |token| token.end)..)
        .unwrap_or_default();
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
        let rest = outer.text.get(start..token.end).unwrap_or_default();
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

fn used_as(reader: &CodeReader<'_>, view: &View<'_>, index: usize, place: CodePlace) -> Use {
    if view.in_search_path(index) {
        return Use::SearchPathItem;
    }
    let call = callee(view.tokens, index, view.source);
    if let Some((name, arguments)) = &call {
        match name.as_str() {
            "current_setting" => return Use::Text,
            "set_config" if arguments.is_empty() => return Use::Text,
            "set_config" if arguments.contains("search_path") => return Use::SearchPathList,
            "set_config" => return Use::Unknown,
            _ => {}
        }
    }
    if is_parsed(view, index) {
        return Use::Identifier;
    }
    match place {
        CodePlace::Body => in_body(view, index, call.as_ref()),
        CodePlace::Definition { .. } => in_definition(reader, view, index, call.as_ref()),
    }
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
        (Action::Comment, _)
        | (Action::Create, ObjectKind::Type | ObjectKind::Collation | ObjectKind::Conversion) => {
            return Use::Text;
        }
        (Action::Create, ObjectKind::Function | ObjectKind::Procedure)
            if index
                .checked_sub(1)
                .is_some_and(|before| view.word(before, "as")) =>
        {
            return Use::Code;
        }
        (Action::Create, ObjectKind::Trigger) => {
            // The arguments behind EXECUTE FUNCTION f; in WHEN a literal is compared.
            let executes = (0..index).any(|at| view.word(at, "execute"));
            return if executes {
                Use::Unknown
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
        // The one parameter of PostgreSQL beside search_path that names an object with its schema.
        let names_object = index >= 2 && view.word(index - 2, "default_text_search_config");
        return if names_object {
            Use::Identifier
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

/// Whether a constant may be compared with a schema's name, or becomes an identifier at run time: its type is `name`, the
/// definition reads something called like a schema (`table_schema`, `nspname`, `current_schema`), or casts a computed
/// text to one of the types that are read as identifiers.
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

/// Whether what looks like the arguments of a call are the columns of `CREATE TABLE t (…)` or `… OF type (…)`.
fn is_column_list(reader: &CodeReader<'_>, view: &View<'_>, index: usize, arguments: &str) -> bool {
    let first = view.tokens.iter().find(|token| token.is(view.source, "("));
    let end = view.at(index).map_or(0, |token| token.start);
    matches!(
        reader.object.kind,
        ObjectKind::Table | ObjectKind::ForeignTable
    ) && first.is_some_and(|first| view.source.get(first.end..end) == Some(arguments))
}

/// Whether a function of `pg_catalog` (which the server prints without a schema) only computes with its text.
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
