//! Roles that are called like the schema: most likely those of one tenant.

use std::collections::BTreeSet;

use super::dump::DumpStatement;
use crate::snapshot::object::{Action, ObjectKind, identifier_value};
use crate::sql::literal::content;
use crate::sql::{Token, tokens};

/// The roles in owners, grants, policies and `SET role` of routines whose name holds the schema's as a word.
pub(super) fn roles_like(statements: &[DumpStatement], schema: &str) -> Vec<String> {
    let mut roles = BTreeSet::new();
    for statement in statements {
        let object = &statement.object;
        let begins: &[&str] = match (object.action, object.kind) {
            (Action::Owner, _) | (Action::Create, ObjectKind::Policy) => &["to"],
            (Action::Privileges, _) => &["to", "from", "role", "authorization"],
            (Action::Create, ObjectKind::Function | ObjectKind::Procedure) => &["role"],
            _ => continue,
        };
        let text = statement.text.as_str();
        if !text
            .to_ascii_lowercase()
            .contains(&schema.to_ascii_lowercase())
        {
            continue;
        }
        let tokens: Vec<Token> = tokens(text)
            .into_iter()
            .filter(|token| !token.is_trivia())
            .collect();
        for (at, _) in tokens
            .iter()
            .enumerate()
            .filter(|(_, token)| begins.iter().any(|word| token.is_word(text, word)))
        {
            // `TO a, b`; `SET role TO 'a'`.
            for token in tokens.get(at + 1..).unwrap_or_default() {
                let is_filler =
                    token.is(text, ",") || token.is_word(text, "to") || token.is(text, "=");
                if is_filler {
                    continue;
                }
                let name = identifier_value(*token, text)
                    .or_else(|| content(*token, text).map(|content| content.text));
                match name {
                    Some(name) if is_like(&name, schema) => roles.insert(name),
                    Some(_) | None => break,
                };
            }
        }
    }
    roles.into_iter().collect()
}

/// Returns whether a name holds another as a word; underscores and dashes separate words here.
fn is_like(name: &str, schema: &str) -> bool {
    let ends = |character: Option<char>| character.is_none_or(|c| !c.is_alphanumeric());
    !schema.is_empty()
        && name.match_indices(schema).any(|(at, found)| {
            ends(name.get(..at).and_then(|before| before.chars().next_back()))
                && ends(
                    name.get(at + found.len()..)
                        .and_then(|behind| behind.chars().next()),
                )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::capture::Dump;

    #[test]
    fn roles_of_one_tenant() {
        let dump = Dump::read(
            "CREATE SCHEMA app;
             ALTER SCHEMA app OWNER TO app;
             CREATE TABLE app.t (i integer);
             ALTER TABLE app.t OWNER TO web;
             GRANT SELECT ON TABLE app.t TO app_ro;
             GRANT SELECT ON TABLE app.t TO myapp;
             CREATE POLICY p ON app.t TO \"x-app\", web USING (true);
             ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA app GRANT SELECT ON TABLES TO report_app;
             CREATE FUNCTION app.f() RETURNS integer LANGUAGE sql SET role TO 'app_admin' AS 'SELECT 1';",
            "app",
        )
        .unwrap();
        assert_eq!(
            roles_like(&dump.statements, "app"),
            ["app", "app_admin", "app_ro", "report_app", "x-app"]
        );
    }
}
