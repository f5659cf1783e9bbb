//! Routines and operators of one name: `pg_dump` sorts them by the schemas of their arguments' types, so that the order
//! would depend on the schema's name.

use super::dump::DumpStatement;
use crate::snapshot::object::{Action, ObjectKind, identifier_value};
use crate::sql::{Token, tokens};

/// A created object with the statements that follow: its owner, its comment.
struct OverloadGroup {
    statements: Vec<DumpStatement>,
    /// The statement without the schema.
    key: String,
}

/// Sorts overloads that stand together by their text without the schema's name.
pub(super) fn sort_overloads(statements: &mut Vec<DumpStatement>, schema: &str) {
    sort_overloads_by(statements, schema, &|text| without_schema(text, schema));
}

/// Sorts overloads that stand together by a key of their text.
pub(super) fn sort_overloads_by(
    statements: &mut Vec<DumpStatement>,
    schema: &str,
    key: &dyn Fn(&str) -> String,
) {
    let mut output = Vec::with_capacity(statements.len());
    let mut run: Vec<OverloadGroup> = Vec::new();
    for statement in std::mem::take(statements) {
        let creates = statement.object.action == Action::Create;
        let same_name = run
            .last()
            .and_then(|group| group.statements.first())
            .is_some_and(|first| {
                class(first) == class(&statement)
                    && first.object.bare_name() == statement.object.bare_name()
            });
        if !same_name {
            flush(&mut run, &mut output, schema);
        }
        if creates && class(&statement).is_some() {
            run.push(OverloadGroup {
                key: key(&statement.text),
                statements: vec![statement],
            });
        } else if let Some(group) = run.last_mut() {
            group.statements.push(statement);
        } else {
            output.push(statement);
        }
    }
    flush(&mut run, &mut output, schema);
    *statements = output;
}

/// Kinds that `pg_dump` sorts together.
fn class(statement: &DumpStatement) -> Option<ObjectKind> {
    match statement.object.kind {
        ObjectKind::Function | ObjectKind::Procedure => Some(ObjectKind::Function),
        kind @ (ObjectKind::Aggregate | ObjectKind::Operator) => Some(kind),
        _ => None,
    }
}

fn flush(run: &mut Vec<OverloadGroup>, output: &mut Vec<DumpStatement>, schema: &str) {
    // A routine that calls another must stay after it.
    if run.len() > 1
        && !run
            .iter()
            .filter_map(|group| group.statements.first())
            .any(|first| calls_its_name(first, schema))
    {
        run.sort_by(|left, right| left.key.cmp(&right.key));
    }
    output.extend(run.drain(..).flat_map(|group| group.statements));
}

fn calls_its_name(statement: &DumpStatement, schema: &str) -> bool {
    let text = statement.text.as_str();
    if class(statement) == Some(ObjectKind::Operator) {
        return false;
    }
    let tokens: Vec<Token> = tokens(text)
        .into_iter()
        .filter(|token| !token.is_trivia())
        .collect();
    let is_atomic = tokens
        .windows(2)
        .any(|pair| matches!(pair, [begin, atomic] if begin.is_word(text, "begin") && atomic.is_word(text, "atomic")));
    let named = tokens.windows(3).filter(|window| {
        matches!(window, [scope, dot, name] if dot.is(text, ".")
            && identifier_value(*scope, text).as_deref() == Some(schema)
            && identifier_value(*name, text).as_deref() == Some(statement.object.bare_name()))
    });
    is_atomic || named.count() > 1
}

pub(super) fn without_schema(text: &str, schema: &str) -> String {
    let tokens: Vec<Token> = tokens(text)
        .into_iter()
        .filter(|token| !token.is_trivia())
        .collect();
    let mut key = String::with_capacity(text.len());
    let mut rest = tokens.iter().peekable();
    while let Some(token) = rest.next() {
        let qualifies = rest.peek().is_some_and(|next| next.is(text, "."));
        if qualifies && identifier_value(*token, text).as_deref() == Some(schema) {
            rest.next();
        } else {
            key.push_str(token.text(text));
            key.push(' ');
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use crate::snapshot::capture::Dump;

    fn order(schema: &str, first: &str, second: &str) -> Vec<String> {
        let create = |arguments: &str, rest: &str| {
            format!(
                "CREATE FUNCTION {schema}.f({arguments}) RETURNS integer LANGUAGE sql{rest};\n\
                 ALTER FUNCTION {schema}.f({arguments}) OWNER TO bob;\n"
            )
        };
        let text = format!(
            "{}{}CREATE VIEW {schema}.v AS SELECT 1;",
            create(first, "AS ''"),
            create(second, "AS ''")
        );
        let dump = Dump::read(&text, schema).unwrap();
        dump.statements
            .iter()
            .map(|statement| statement.object.to_string())
            .collect()
    }

    #[test]
    fn the_order_does_not_depend_on_the_name() {
        let expected = [
            "function f(text)",
            "function f(text)",
            "function f(ty)",
            "function f(ty)",
            "view v",
        ];
        assert_eq!(order("app", "app.ty", "text"), expected);
        assert_eq!(order("zoo", "text", "zoo.ty"), expected);
        // The called routine comes first.
        let calls = order("app", "app.ty", "text DEFAULT app.f(NULL::app.ty)");
        assert_eq!(calls[0], "function f(ty)");
    }
}
