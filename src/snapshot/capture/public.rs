//! Properties of the schema `public` itself, which no tenant has: initdb gives it an owner, a comment, and privileges for
//! everybody.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::dump::{Dump, DumpStatement};
use super::inspect::Inspection;
use super::shared::PUBLIC;
use crate::pg::catalog::{Aspects, ObjectAspect, ObjectId, with_own_members};
use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;
use crate::snapshot::Snapshot;
use crate::snapshot::object::{Action, ObjectKind, identifier_value};
use crate::sql::literal::content;
use crate::sql::{Token, quote, quote_literal, tokens};

/// The comment that initdb gives the schema.
const COMMENT: &str = "standard public schema";

/// First version in which `pg_database_owner` owns the schema, and not everybody may create objects there.
const OWNED_BY_DATABASE_OWNER: u32 = 15;

/// Removes what belongs to the schema `public` alone from its dump. Returns that in words.
pub(super) fn leave_out_own(dump: &mut Dump, inspection: Option<&Inspection>) -> Vec<String> {
    let owner = dump
        .statements
        .iter()
        .find(|statement| is_on_schema(statement, Action::Owner))
        .and_then(|statement| last_name(&statement.text))
        .filter(|owner| match inspection {
            Some(inspection) => inspection.has_initial_owner,
            None => is_initial_owner(owner, dump.server),
        });
    let mut left_out = BTreeSet::new();
    dump.statements.retain(|statement| {
        let words = match statement.object.action {
            _ if statement.object.kind != ObjectKind::Schema => None,
            Action::Owner => owner
                .as_ref()
                .map(|owner| format!("the owner {}", quote(owner))),
            Action::Comment if holds_comment(&statement.text) => {
                Some(format!("the comment {}", quote_literal(COMMENT)))
            }
            Action::Privileges => privileges(&statement.text, owner.as_deref()),
            _ => None,
        };
        let stays = words.is_none();
        left_out.extend(words.filter(|words| !words.is_empty()));
        stays
    });
    left_out.into_iter().collect()
}

/// Returns whether a snapshot sets the owner of the schema itself.
pub(crate) fn sets_schema_owner(snapshot: &Snapshot) -> bool {
    snapshot.template().statements.iter().any(|statement| {
        statement.object.kind == ObjectKind::Schema && statement.object.action == Action::Owner
    })
}

pub(super) fn is_on_schema(statement: &DumpStatement, action: Action) -> bool {
    statement.object.kind == ObjectKind::Schema && statement.object.action == action
}

/// Before 15 the schema belongs to the superuser that initdb made, who is called `postgres` unless somebody wants
/// otherwise. `pg_dump` 15 and newer write that owner down.
fn is_initial_owner(owner: &str, server: Option<u32>) -> bool {
    owner == "pg_database_owner"
        || (owner == "postgres" && server.is_some_and(|server| server < OWNED_BY_DATABASE_OWNER))
}

fn significant(text: &str) -> Vec<Token> {
    tokens(text)
        .into_iter()
        .filter(|token| !token.is_trivia())
        .collect()
}

fn last_name(text: &str) -> Option<String> {
    let all = significant(text);
    all.iter()
        .rev()
        .find_map(|token| identifier_value(*token, text))
}

fn holds_comment(text: &str) -> bool {
    significant(text)
        .iter()
        .filter_map(|token| content(*token, text))
        .any(|inner| inner.text == COMMENT)
}

/// Returns in words what a `GRANT` on the schema gives to everybody or to its first owner; an empty text for a `REVOKE`,
/// which takes nothing from a new schema.
fn privileges(text: &str, owner: Option<&str>) -> Option<String> {
    let all = significant(text);
    let is = |at: usize, word: &str| all.get(at).is_some_and(|token| token.is_word(text, word));
    if is(0, "revoke") {
        return Some(String::new());
    }
    let to = (0..all.len()).rev().find(|at| is(*at, "to"))?;
    let on = (0..all.len()).find(|at| is(*at, "on"))?;
    if is(to + 1, "public") {
        let granted = text.get(all.get(1)?.start..all.get(on)?.start)?;
        return Some(format!("{} for everybody", granted.trim()));
    }
    let grantee = identifier_value(*all.get(to + 1)?, text);
    (grantee.is_some() && grantee.as_deref() == owner).then(String::new)
}

/// Removes the same from the aspects of the schema `public`, or of a copy of it. `keeps_owner` is true if the copy
/// has the owner of its source.
pub(super) fn leave_out_own_aspects(aspects: &mut Aspects, keeps_owner: bool) {
    let schema = ObjectId {
        kind: "schema".to_owned(),
        parts: Vec::new(),
    };
    let owner = aspects.get(&schema, "owner").cloned().flatten();
    if !keeps_owner {
        aspects.remove(&schema, "owner");
    }
    let comment = aspects.get(&schema, "comment").cloned().flatten();
    if comment.as_deref() == Some(COMMENT) {
        aspects.remove(&schema, "comment");
    }
    let Some(Some(privileges)) = aspects.remove(&schema, "privileges") else {
        return;
    };
    let stays = |entry: &&str| {
        let grantee = entry
            .rsplit_once('=')
            .map_or(*entry, |(grantee, _)| grantee);
        grantee != "PUBLIC" && (keeps_owner || Some(grantee) != owner.as_deref())
    };
    let left: Vec<&str> = privileges.split(", ").filter(stays).collect();
    let aspect = ObjectAspect {
        schema: PUBLIC.to_owned(),
        object: schema,
        aspect: "privileges".to_owned(),
        value: Some(left.join(", ")),
    };
    // It was removed just now, so that it cannot come twice.
    drop(aspects.insert(aspect));
}

/// Takes the schema `public` behind a copy's own name out of a `search_path`: extensions are found there, which the source has
/// at home.
pub(super) fn without_schema_behind(value: &str, copy: &str) -> String {
    let mut value = value.to_owned();
    for marks in ["''", "'", ""] {
        let name = format!("{marks}{copy}{marks}");
        value = value.replace(&format!("{name}, {marks}{PUBLIC}{marks}"), &name);
    }
    value
}

/// Content of a database's schema `public`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct PublicState {
    /// True if the schema exists.
    pub(super) exists: bool,
    /// True if nothing is in it, apart from extensions.
    pub(super) is_empty: bool,
    /// The extensions that are installed there.
    pub(super) extensions: Vec<String>,
}

impl PublicState {
    pub(super) async fn query(server: &Server, shutdown: &Shutdown) -> Result<Self, PsqlError> {
        let sql = format!(
            "WITH ns AS MATERIALIZED (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = '{PUBLIC}'), $members$ \
             SELECT pg_catalog.json_build_object('exists', EXISTS (SELECT FROM ns), 'is_empty', NOT EXISTS (SELECT FROM named), \
             'extensions', COALESCE((SELECT pg_catalog.json_agg(e.extname ORDER BY e.extname) FROM pg_catalog.pg_extension e \
             JOIN ns ON ns.oid = e.extnamespace), '[]'));\n"
        );
        server
            .query_json_one(&with_own_members(&sql), shutdown)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_initdb_made_is_left_out() {
        let text = "CREATE SCHEMA public;\nALTER SCHEMA public OWNER TO pg_database_owner;\n\
            COMMENT ON SCHEMA public IS 'standard public schema';\nCREATE TABLE public.t (id integer);\n\
            REVOKE USAGE ON SCHEMA public FROM PUBLIC;\nGRANT ALL ON SCHEMA public TO PUBLIC;\n\
            GRANT USAGE ON SCHEMA public TO reader;\nGRANT SELECT ON TABLE public.t TO PUBLIC;\n";
        let mut dump = Dump::read(text, PUBLIC).unwrap();
        assert_eq!(
            leave_out_own(&mut dump, None),
            [
                "ALL for everybody",
                "the comment 'standard public schema'",
                "the owner pg_database_owner"
            ]
        );
        let left: Vec<&str> = dump
            .statements
            .iter()
            .map(|statement| statement.text.as_str())
            .collect();
        assert_eq!(
            left,
            [
                "CREATE SCHEMA public",
                "CREATE TABLE public.t (id integer)",
                "GRANT USAGE ON SCHEMA public TO reader",
                "GRANT SELECT ON TABLE public.t TO PUBLIC"
            ]
        );
        let own = "ALTER SCHEMA public OWNER TO app;\nCOMMENT ON SCHEMA public IS 'ours';\nCREATE TABLE public.t ();\n";
        let mut dump = Dump::read(own, PUBLIC).unwrap();
        assert!(leave_out_own(&mut dump, None).is_empty());
        assert_eq!(dump.statements.len(), 3);
    }

    #[test]
    fn the_schema_behind_is_no_difference() {
        for (copy, same) in [
            (
                "search_path=s_1, public, pg_temp",
                "search_path=s_1, pg_temp",
            ),
            (
                "SET search_path TO 's_1', 'public'",
                "SET search_path TO 's_1'",
            ),
            ("search_path=s_1, other", "search_path=s_1, other"),
        ] {
            assert_eq!(without_schema_behind(copy, "s_1"), same);
        }
    }
}
