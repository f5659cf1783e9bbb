//! Finds names in a fixed schema where a migration should use `#{prefix}`.

use std::fmt;

use crate::snapshot::PLACEHOLDER;
use crate::sql::literal::content;
use crate::sql::script::line_of;
use crate::sql::{Token, TokenKind, fold, tokens_of_template};

/// A name in a fixed schema, in a migration that runs for every tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedSchema {
    /// 1-based line in the file.
    pub line: usize,
    /// The schema.
    pub schema: String,
    /// The object's name.
    pub object: String,
    /// `true` if the object is changed, not only read: every tenant's run would change the same
    /// object.
    pub changed: bool,
}

impl fmt::Display for FixedSchema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            schema,
            object,
            changed,
        } = self;
        let schema = schema.escape_debug();
        let object = object.escape_debug();
        if *changed {
            write!(
                formatter,
                "line {line}: '{schema}.{object}' would be changed again for each tenant; write #{{prefix}}.{object}"
            )
        } else {
            write!(
                formatter,
                "line {line}: '{schema}.{object}' is the same object for each tenant; write #{{prefix}}.{object}"
            )
        }
    }
}

/// Words that precede the name of a relation or routine. Other names are ignored: `a.b` may be an
/// alias and its column.
const READ: &[&str] = &["from", "join", "references"];
const CHANGED: &[&str] = &[
    "into",
    "update",
    "table",
    "exists",
    "only",
    "view",
    "sequence",
    "function",
    "procedure",
    "type",
    "domain",
    "index",
    "on",
];
/// Functions with FROM in their arguments.
const FROM_FUNCTIONS: &[&str] = &["extract", "substring", "trim", "overlay"];

/// Schemas that tenants share on purpose. `public` may only be read.
fn is_shared(schema: &str, changed: bool) -> bool {
    schema.starts_with("pg_") || schema == "information_schema" || (schema == "public" && !changed)
}

/// Finds the names, also in function bodies.
pub(super) fn fixed_schemas(source: &str) -> Vec<FixedSchema> {
    let mut found = Vec::new();
    look(source, &|offset| line_of(source, offset), true, &mut found);
    found.sort_by_key(|fixed| fixed.line);
    found.dedup();
    found
}

fn look(text: &str, line: &dyn Fn(usize) -> usize, outermost: bool, found: &mut Vec<FixedSchema>) {
    let tokens: Vec<Token> = tokens_of_template(text)
        .into_iter()
        .filter(|token| !token.is_trivia())
        .collect();
    for (index, token) in tokens.iter().enumerate() {
        if let TokenKind::Dollar(..) = token.kind
            && let Some(inner) = content(*token, text)
        {
            look(
                &inner.text,
                &|offset| line(inner.source_offset(offset)),
                false,
                found,
            );
        }
        let [before, schema, dot, object] =
            [index, index + 1, index + 2, index + 3].map(|at| tokens.get(at).copied());
        let (Some(before), Some(schema), Some(dot), Some(object)) = (before, schema, dot, object)
        else {
            continue;
        };
        let is = |words: &[&str]| words.iter().any(|word| before.is_word(text, word));
        let earlier = |word: &str| {
            index > 0
                && tokens
                    .get(index - 1)
                    .is_some_and(|token| token.is_word(text, word))
        };
        // `DELETE FROM` changes the object.
        let changed = (is(CHANGED) || (is(READ) && earlier("delete"))) && outermost;
        if !dot.is(text, ".") || !(is(READ) || is(CHANGED)) {
            continue;
        }
        let other_meaning = (is(&["from"]) && (earlier("distinct") || is_argument(&tokens, index, text)))
            // `SELECT … INTO record.field` of PL/pgSQL.
            || (is(&["into"]) && !earlier("insert") && !earlier("merge"))
            // `ON a.b = c.d` of a join is a condition.
            || (is(&["on"]) && !(outermost && names_a_table(&tokens, index, text)));
        let (Some(schema_name), Some(object)) = (name(schema, text), name(object, text)) else {
            continue;
        };
        let is_of_tenant = schema_name.contains(PLACEHOLDER);
        if !other_meaning && !is_of_tenant && !is_shared(&schema_name, changed) {
            found.push(FixedSchema {
                line: line(schema.start),
                schema: schema_name,
                object,
                changed,
            });
        }
    }
}

/// Returns `true` if the FROM at an index is in the arguments of `extract` or a similar function.
fn is_argument(tokens: &[Token], index: usize, text: &str) -> bool {
    let mut depth = 0_usize;
    for (position, token) in tokens.iter().enumerate().take(index).rev() {
        match token.text(text) {
            ")" => depth += 1,
            "(" if depth == 0 => {
                let callee = position
                    .checked_sub(1)
                    .and_then(|before| tokens.get(before));
                return callee.is_some_and(|callee| {
                    FROM_FUNCTIONS.iter().any(|name| callee.is_word(text, name))
                });
            }
            "(" => depth -= 1,
            _ => {}
        }
    }
    false
}

/// Returns `true` if the `ON` at an index is that of `CREATE INDEX`, `CREATE TRIGGER`, `GRANT` or a
/// similar statement: only a join has FROM, JOIN, USING or UPDATE before it in the statement.
fn names_a_table(tokens: &[Token], index: usize, text: &str) -> bool {
    let before = tokens.get(..index).unwrap_or_default().iter().rev();
    before
        .take_while(|token| !token.is(text, ";"))
        .all(|token| {
            !["from", "join", "merge"]
                .iter()
                .any(|word| token.is_word(text, word))
        })
}

fn name(token: Token, text: &str) -> Option<String> {
    match token.kind {
        TokenKind::Word => Some(fold(token.text(text))),
        TokenKind::Quoted(true) => Some(crate::sql::identifier::unquote(token.text(text))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<String> {
        fixed_schemas(source)
            .iter()
            .map(|fixed| format!("{}:{}.{}", fixed.line, fixed.schema, fixed.object))
            .collect()
    }

    #[test]
    fn fixed_schemas_are_found_with_their_line() {
        assert_eq!(
            found("ALTER TABLE app.users ADD x int;\nSELECT 1 FROM App.t"),
            ["1:app.users", "2:app.t"]
        );
        assert_eq!(found("CREATE INDEX i ON app.users (id)"), ["1:app.users"]);
        assert_eq!(
            found("CREATE TABLE IF NOT EXISTS \"my app\".t ()"),
            ["1:my app.t"]
        );
        assert_eq!(
            found("CREATE FUNCTION #{prefix}.f() AS $$\nselect 1 from app.t\n$$"),
            ["2:app.t"]
        );
    }

    #[test]
    fn what_is_shared_or_an_alias_is_left_alone() {
        for source in [
            "ALTER TABLE #{prefix}.users ADD c public.citext REFERENCES public.accounts (id)",
            "SELECT u.id FROM #{prefix}.users u JOIN #{prefix}.t ON u.id = t.id",
            "UPDATE #{prefix}.users u SET a = u.b",
            "INSERT INTO \"#{prefix}\".users SELECT * FROM \"#{prefix}_old\".users",
            "SELECT 1 FROM pg_catalog.pg_class",
            "SELECT 'from app.t'",
            "SELECT 1 FROM #{prefix}.t u WHERE extract(epoch FROM u.at) > 0 AND u.a IS DISTINCT FROM u.b",
            "DO $$ BEGIN SELECT 1 INTO r.x; EXECUTE q USING r.y; END $$",
        ] {
            assert_eq!(found(source), Vec::<String>::new(), "{source}");
        }
        assert_eq!(
            found("ALTER TABLE public.accounts ADD x int"),
            ["1:public.accounts"]
        );
        assert_eq!(found("DELETE FROM public.accounts"), ["1:public.accounts"]);
    }
}
