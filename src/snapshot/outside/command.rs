//! Commands, by the words that they begin with.

use super::names::{is_source_of_the_server, is_untrusted};
use super::words::Words;
use crate::snapshot::object::{Action, Object, ObjectKind, ObjectScope};
use crate::sql::Statement;
use crate::sql::literal::content;
use crate::sql::token::PLACEHOLDER;

/// The code that a command stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CommandContext {
    /// The file itself.
    File,
    /// A routine's body, or text that a routine executes. `COPY` cannot reach the client from there.
    Body,
}

const OF_THE_SERVER: &[&str] = &[
    "role",
    "group",
    "system",
    "database",
    "tablespace",
    "subscription",
];

/// Returns whether a command changes roles, databases or the server, or uses its files and programs.
pub(super) fn commands_the_server(words: Words<'_>, setting: CommandContext) -> bool {
    let is_user = words.is(1, &["user"]) && !words.is(2, &["mapping"]);
    match () {
        () if words.is(0, &["create", "alter", "drop"])
            && (words.is(1, OF_THE_SERVER) || is_user) =>
        {
            true
        }
        () if words.is(0, &["drop", "reassign"]) && words.is(1, &["owned"]) => true,
        () if words.is(0, &["load"]) => words.is_literal(1),
        () if words.is(0, &["checkpoint"]) => words.tokens.len() == 1,
        () if words.is(0, &["comment"]) => words.is(1, &["on"]) && words.is(2, OF_THE_SERVER),
        () if words.is(0, &["security"]) => {
            words.is(1, &["label"])
                && words
                    .find(&["on"])
                    .is_some_and(|on| words.is(on + 1, OF_THE_SERVER))
        }
        () if words.is(0, &["grant", "revoke"]) => grants_on_the_server(words),
        () if words.is(0, &["copy"]) => copies_beyond_the_client(words, setting),
        () if words.is(0, &["create"]) => creates_server_code(words),
        () if words.is(0, &["do"]) => language(words).is_some_and(|name| is_untrusted(&name)),
        () => false,
    }
}

/// Membership in a role, and rights on a database, tablespace or parameter.
fn grants_on_the_server(words: Words<'_>) -> bool {
    let Some(on) = words.find(&["on"]) else {
        return words.has(&["to", "from"]);
    };
    words.is(on + 1, &["database", "tablespace", "parameter"])
}

/// `COPY … TO PROGRAM`, `COPY … FROM 'file'`.
fn copies_beyond_the_client(words: Words<'_>, setting: CommandContext) -> bool {
    let mut ends = words.outer().filter(|at| words.is(*at, &["from", "to"]));
    ends.any(|at| {
        let next = at + 1;
        words.is(next, &["program"])
            || words.is_literal(next)
            || (setting == CommandContext::Body && !words.is(next, &["stdin", "stdout"]))
    })
}

/// Returns the value of `LANGUAGE`.
pub(super) fn language(words: Words<'_>) -> Option<String> {
    let at = words.find(&["language"])? + 1;
    words.name(at).or_else(|| {
        let literal = content(words.get(at)?, words.sql)?;
        Some(literal.text.to_ascii_lowercase())
    })
}

/// A library of another place than the server's own, a handler of a language, a foreign table that runs a program.
fn creates_server_code(words: Words<'_>) -> bool {
    let head = (1..6).find(|at| words.is(*at, &["function", "procedure", "language", "foreign"]));
    let Some(head) = head else {
        return false;
    };
    if words.is(head, &["language"]) {
        return words.has(&["handler"]);
    }
    if words.begins(head, &["foreign", "table"]) {
        return (head..words.tokens.len())
            .any(|at| words.is(at, &["program"]) && words.is_literal(at + 1));
    }
    let source = || {
        let after = words.find(&["as"])? + 1;
        Some(content(words.get(after)?, words.sql)?.text)
    };
    match language(words).as_deref() {
        // The modules that the server's packages install are found by `$libdir`, or by a bare name.
        Some("c") => source().is_some_and(|library| {
            let name = library.strip_prefix("$libdir/").unwrap_or(&library);
            name.contains('/')
        }),
        Some("internal") => source().is_some_and(|symbol| is_source_of_the_server(&symbol)),
        _ => false,
    }
}

/// Returns whether a command changes something in the database that is not in the tenant's schema.
pub(super) fn changes_elsewhere(words: Words<'_>) -> bool {
    let statement = Statement {
        tokens: words.tokens.to_vec(),
    };
    let Some(first) = words.get(0) else {
        return false;
    };
    let object = || Object::from_statement(&statement, words.sql);
    match first.text(words.sql).to_ascii_lowercase().as_str() {
        "create" => creates_elsewhere(words, &object()),
        "alter" => alters_elsewhere(words, &object()),
        "comment" | "security" | "refresh" => is_elsewhere(words, &object()),
        "grant" | "revoke" => grants_elsewhere(words),
        "drop" => drops_elsewhere(words),
        "truncate" | "lock" => words.names_fixed(),
        "call" => words.fixed_schema(1).is_some(),
        "select" | "perform" => calls_elsewhere(words, &object()),
        "import" => words
            .find(&["into"])
            .is_some_and(|at| !words.is_tenant(at + 1)),
        "vacuum" | "analyze" | "analyse" | "cluster" => words.names_fixed() || !has_name(words),
        "reindex" => words.names_fixed() || reindexes_all(words),
        // Of the session: other clients of a pooler have made them, or are reached.
        "discard" | "deallocate" | "listen" | "unlisten" | "notify" => true,
        _ => false,
    }
}

/// Returns whether the object of a statement is in another schema, or in none.
fn is_elsewhere(words: Words<'_>, object: &Object) -> bool {
    match (&object.scope, object.kind) {
        (ObjectScope::Named(schema), _) => schema != "pg_temp" && schema != PLACEHOLDER,
        (ObjectScope::None, ObjectKind::Extension) => true,
        // A cast and a transform go with their types.
        (ObjectScope::None, ObjectKind::Global | ObjectKind::Cast) => !words.names_tenant(),
        (ObjectScope::Placeholder | ObjectScope::None, _) => false,
    }
}

fn creates_elsewhere(words: Words<'_>, object: &Object) -> bool {
    if object.kind == ObjectKind::Extension {
        return true;
    }
    // An event trigger, a publication or a server that names the tenant is the database's all the same.
    if object.kind == ObjectKind::Global {
        return !words.is(1, &["transform"]) || !words.names_tenant();
    }
    let is_partition = || {
        words.outer().any(|at| {
            words.begins(at, &["partition", "of"]) && words.fixed_schema(at + 2).is_some()
        })
    };
    is_elsewhere(words, object) || is_partition()
}

fn alters_elsewhere(words: Words<'_>, object: &Object) -> bool {
    if object.action == Action::Privileges {
        return !schemas_are_the_tenants(words);
    }
    if object.kind == ObjectKind::Global {
        return true;
    }
    is_elsewhere(words, object)
        || words.begins(2, &["all", "in", "tablespace"])
        || words.outer().any(|at| {
            (words.begins(at, &["set", "schema"]) && !words.is_tenant(at + 2))
                || (words.is(at, &["partition", "inherit"]) && words.fixed_schema(at + 1).is_some())
        })
}

/// Returns whether each schema of `IN SCHEMA a, b` is the tenant's, and there is one.
fn schemas_are_the_tenants(words: Words<'_>) -> bool {
    let Some(start) = words
        .outer()
        .find(|at| words.begins(*at, &["in", "schema"]))
    else {
        return false;
    };
    are_tenants(words, start + 2)
}

/// Returns whether the names of a list, from an index on, are the tenant's schema.
fn are_tenants(words: Words<'_>, mut at: usize) -> bool {
    loop {
        if !words.is_tenant(at) {
            return false;
        }
        if !words.is_mark(at + 1, ",") {
            return true;
        }
        at += 2;
    }
}

fn grants_elsewhere(words: Words<'_>) -> bool {
    let Some(on) = words.find(&["on"]) else {
        return true;
    };
    if words.is(on + 1, &["schema"]) {
        return !are_tenants(words, on + 2);
    }
    if words.is(on + 1, &["all"]) {
        return !schemas_are_the_tenants(words);
    }
    let is_of_the_database = words.is(on + 1, &["language"])
        || words.begins(on + 1, &["large", "object"])
        || words.begins(on + 1, &["foreign", "data"])
        || words.begins(on + 1, &["foreign", "server"]);
    is_of_the_database || words.skip(on + 1).names_fixed()
}

fn drops_elsewhere(words: Words<'_>) -> bool {
    let is_of_the_database = words.is(
        1,
        &[
            "access",
            "cast",
            "event",
            "extension",
            "language",
            "procedural",
            "publication",
            "schema",
            "server",
            "transform",
        ],
    ) || words.begins(1, &["user", "mapping"])
        || words.begins(1, &["foreign", "data"]);
    if is_of_the_database {
        return !words.names_tenant();
    }
    words.names_fixed()
}

/// Returns whether a query only calls functions of a fixed schema: they are called for what they do.
fn calls_elsewhere(words: Words<'_>, object: &Object) -> bool {
    if object.action == Action::Rows {
        return is_elsewhere(words, object);
    }
    let is_call = |at: usize| {
        words
            .fixed_schema(at)
            .is_some_and(|schema| !matches!(schema.as_str(), "pg_catalog" | "information_schema"))
            && words.is_mark(at + 3, "(")
    };
    !words.has(&["from"]) && words.outer().any(is_call)
}

fn has_name(words: Words<'_>) -> bool {
    const OPTIONS: &[&str] = &["full", "freeze", "verbose", "analyze", "analyse"];
    words
        .outer()
        .skip(1)
        .any(|at| words.name(at).is_some() && !words.is(at, OPTIONS) || words.is_tenant(at))
}

fn reindexes_all(words: Words<'_>) -> bool {
    words
        .find(&["schema", "database", "system"])
        .is_some_and(|at| !words.is_tenant(at + 1))
}
