//! Extensions that are installed in the captured schema: a database has them once, and tenants share them.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::dump::{Dump, DumpStatement};
use super::overloads::{sort_overloads_by, without_schema};
use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;
use crate::snapshot::object::{Object, ObjectKind, identifier_value};
use crate::snapshot::rename::{Catalog, Mention, MentionVerdict};
use crate::sql::{Script, Token, TokenKind, quote, quote_literal, tokens};
use crate::text::{slice, swriteln};

/// The schema that every database has: applications install their extensions there.
pub(super) const PUBLIC: &str = "public";

/// A name of no schema, in the place of the shared one while the schema's own name is removed.
const STAND_IN: &str = "schemastamp_shared";

const UNKNOWN: &str = "the dump makes nothing of this name: an extension's object, which stays where it is, or one that is \
    made at run time";
const BOTH: &str = "an extension's object, or the schema's own of the same name";

/// Names in a schema that belong to extensions.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Members {
    /// Functions and procedures.
    routines: BTreeSet<String>,
    /// Types, operators, operator classes, tables and others.
    others: BTreeSet<String>,
}

impl Members {
    /// Queries the names in the schema `public`, as if these extensions were installed there.
    pub(super) async fn query(
        server: &Server,
        extensions: &[String],
        shutdown: &Shutdown,
    ) -> Result<Self, PsqlError> {
        let query = include_str!("shared.sql").replace("$schema$", &quote_literal(PUBLIC));
        let mut installed = String::new();
        for extension in extensions {
            let extension = quote(extension);
            swriteln!(
                installed,
                "CREATE EXTENSION IF NOT EXISTS {extension} WITH SCHEMA {PUBLIC};"
            );
        }
        let sql = format!(
            "BEGIN;\nSET LOCAL search_path = '';\nSET LOCAL client_min_messages = warning;\n{installed}{query}ROLLBACK;\n"
        );
        server.query_json_one(&sql, shutdown).await
    }
}

/// Objects in the schema that belong to extensions.
#[derive(Clone, Debug, Default)]
pub struct SharedObjects {
    members: Members,
    /// True if the server has listed all of them.
    is_complete: bool,
    /// True if the schema has extensions, so that a `search_path` of a routine may find their objects.
    has_any: bool,
    /// Names that the dump makes without a `CREATE` of their own: sequences of identity columns, multiranges.
    implicit: BTreeSet<String>,
}

impl SharedObjects {
    /// Returns the objects of extensions in the schema of a dump. They are complete if the server has listed them for the
    /// very source of the dump.
    pub(super) fn new(dump: &Dump, members: Members, is_complete: bool) -> Self {
        let mut shared = Self {
            members,
            is_complete,
            has_any: is_complete || !dump.extensions.is_empty(),
            implicit: implicit_names(dump),
        };
        shared.has_any = shared.has_any || shared.is_named_in(dump);
        shared
    }

    /// Returns `true` if the schema has extensions.
    pub(super) fn has_any(&self) -> bool {
        self.has_any
    }

    /// Gives routines with arguments of shared types the names and the order that they have in any other schema, where these
    /// types are qualified.
    pub(super) fn requalify(&self, dump: &mut Dump) {
        let own = Catalog::from_objects(dump.statements.iter().map(|statement| &statement.object));
        for statement in &mut dump.statements {
            let name = self
                .marked(&statement.text, &own)
                .filter(|_| statement.object.name.contains('('))
                .and_then(|marked| {
                    let script = Script::parse(&marked).ok()?;
                    let parsed = script.statements().next()?;
                    Some(Object::from_statement(parsed, &marked).name)
                });
            if let Some(name) = name {
                statement.object.name = name.replace(STAND_IN, PUBLIC);
            }
        }
        sort_overloads_by(&mut dump.statements, PUBLIC, &|text| {
            let marked = self.marked(text, &own);
            let key = without_schema(marked.as_deref().unwrap_or(text), PUBLIC);
            key.replace(STAND_IN, PUBLIC)
        });
    }

    /// Returns a definition with [`STAND_IN`] for the schema of shared objects; `None` if it names none.
    fn marked(&self, text: &str, own: &Catalog) -> Option<String> {
        let all = tokens(text);
        let mut marked = String::new();
        let mut copied = 0;
        for token in &all {
            if identifier_value(*token, text).as_deref() != Some(PUBLIC) {
                continue;
            }
            let is_shared = Member::behind(text, token.end).is_some_and(|member| {
                let name = member.name.as_str();
                let is_own = own.has(name) || self.implicit.contains(name);
                let is_known =
                    self.members.routines.contains(name) || self.members.others.contains(name);
                !is_own && (is_known || !self.is_complete)
            });
            if is_shared {
                marked.push_str(slice(text, copied..token.start));
                marked.push_str(STAND_IN);
                copied = token.end;
            }
        }
        (copied > 0).then(|| marked + slice(text, copied..))
    }

    /// Returns `true` if a definition of the dump names something that the dump does not make.
    fn is_named_in(&self, dump: &Dump) -> bool {
        let own = Catalog::from_objects(dump.statements.iter().map(|statement| &statement.object));
        dump.statements.iter().any(|statement| {
            let text = statement.text.as_str();
            let all = tokens(text);
            all.windows(2).any(|pair| {
                let [name, dot] = pair else { return false };
                let is_schema = identifier_value(*name, text).as_deref() == Some(PUBLIC);
                is_schema
                    && dot.is(text, ".")
                    && Member::behind(text, name.end).is_some_and(|member| {
                        !own.has(&member.name) && !self.implicit.contains(&member.name)
                    })
            })
        })
    }

    /// Takes the mentions of extensions' objects for what they are: they keep their schema. Returns the names that were
    /// found.
    pub(super) fn settle(
        &self,
        mentions: &mut [Mention],
        object: &Object,
        text: &str,
        own: &Catalog,
    ) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for mention in mentions {
            if mention.verdict == MentionVerdict::Other {
                continue;
            }
            let Some(member) = Member::behind(text, mention.range.end) else {
                continue;
            };
            match self.judge(&member, mention, object, text, own) {
                Some(MentionVerdict::Other) => {
                    mention.verdict = MentionVerdict::Other;
                    found.insert(member.name);
                }
                Some(verdict) => mention.verdict = verdict,
                None => {}
            }
        }
        found
    }

    /// Returns the verdict about a qualified name, or `None` if extensions have nothing to do with it.
    fn judge(
        &self,
        member: &Member,
        mention: &Mention,
        object: &Object,
        text: &str,
        own: &Catalog,
    ) -> Option<MentionVerdict> {
        let name = member.name.as_str();
        let is_shared_routine = self.members.routines.contains(name);
        let is_shared = is_shared_routine || self.members.others.contains(name);
        let is_own = own.has(name) || self.implicit.contains(name);
        match (is_own, is_shared) {
            (true, false) => None,
            (false, false) if self.is_complete => None,
            (false, false) if is_in_literal(text, mention) => match mention.verdict {
                MentionVerdict::Text => None,
                _ => Some(MentionVerdict::Doubtful(UNKNOWN)),
            },
            // The dump makes everything else that a definition names.
            (false, _) => Some(MentionVerdict::Other),
            (true, true) if object.bare_name() == name && is_first(text, mention) => None,
            (true, true) => {
                let own_is_called = own.has_routine(name);
                let own_is_named = own.has_other(name) || self.implicit.contains(name);
                let shared_is_named = self.members.others.contains(name);
                match (
                    member.is_called && own_is_called && is_shared_routine,
                    member.is_called,
                ) {
                    // Overloads: only the arguments distinguish them.
                    (true, _) => Some(MentionVerdict::Doubtful(BOTH)),
                    (_, true) if !own_is_called && !shared_is_named => Some(MentionVerdict::Other),
                    (_, true) if own_is_called && !shared_is_named => None,
                    (_, false) if !own_is_named => Some(MentionVerdict::Other),
                    (_, false) if !shared_is_named => None,
                    _ => Some(MentionVerdict::Doubtful(BOTH)),
                }
            }
        }
    }
}

/// The name behind the schema and its dot.
struct Member {
    name: String,
    /// True if a parenthesis follows, as behind a function.
    is_called: bool,
}

impl Member {
    fn behind(text: &str, end: usize) -> Option<Self> {
        let rest = slice(text, end..);
        let rest = rest.strip_prefix('.')?;
        // Identifiers have at most 63 bytes, each of them doubled in the worst case.
        let near = slice(rest, ..floor(rest, 300));
        let all = tokens(near);
        let first = all.first()?;
        let name = match first.kind {
            TokenKind::Word | TokenKind::Quoted(true) | TokenKind::UnicodeQuoted(true) => {
                identifier_value(*first, near)?
            }
            TokenKind::Operator => first.text(near).to_owned(),
            _ => return None,
        };
        let next = all.iter().skip(1).find(|token| !token.is_trivia());
        Some(Self {
            name,
            is_called: next.is_some_and(|token| token.is(near, "(")),
        })
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Returns `true` if a mention is in a string of the statement: a body, or text.
fn is_in_literal(text: &str, mention: &Mention) -> bool {
    tokens(text).iter().any(|token| {
        matches!(token.kind, TokenKind::String(..) | TokenKind::Dollar(..))
            && token.start <= mention.range.start
            && mention.range.end <= token.end
    })
}

/// Returns `true` if no other token in front of a mention is qualified: it is the name of the statement's own object.
fn is_first(text: &str, mention: &Mention) -> bool {
    !slice(text, ..mention.range.start).contains('.')
}

/// Collects the names that the statements of a dump make without a `CREATE` of their own.
fn implicit_names(dump: &Dump) -> BTreeSet<String> {
    dump.statements.iter().flat_map(implicit_names_of).collect()
}

/// Collects the names behind `SEQUENCE NAME` and `multirange_type_name =` in one statement.
pub(super) fn implicit_names_of(statement: &DumpStatement) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let text = statement.text.as_str();
    let is_concerned = statement.object.kind == ObjectKind::Type
        || text.contains("SEQUENCE NAME")
        || text.contains("AS IDENTITY");
    if !is_concerned {
        return names;
    }
    let all: Vec<Token> = tokens(text)
        .into_iter()
        .filter(|token| !token.is_trivia())
        .collect();
    for window in all.windows(5) {
        let [first, second, _, dot, name] = window else {
            continue;
        };
        let introduces = (first.is_word(text, "sequence") && second.is_word(text, "name"))
            || (first.is_word(text, "multirange_type_name") && second.is(text, "="));
        if introduces && dot.is(text, ".") {
            names.extend(identifier_value(*name, text));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public;\n\
        CREATE FUNCTION public.digest(integer) RETURNS text LANGUAGE sql AS 'SELECT 1';\n\
        CREATE TABLE public.hmac (id integer NOT NULL);\n\
        ALTER TABLE public.hmac ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE NAME public.hmac_id_seq\n);\n\
        CREATE TYPE public.span AS RANGE (\n    subtype = integer,\n    multirange_type_name = public.spans\n);\n";

    fn verdicts(text: &str, shared: &SharedObjects, own: &Catalog) -> Vec<MentionVerdict> {
        let object = Object {
            action: crate::snapshot::object::Action::Create,
            kind: ObjectKind::View,
            scope: crate::snapshot::object::ObjectScope::Named(PUBLIC.to_owned()),
            name: "v".to_owned(),
            table: None,
        };
        let mut mentions: Vec<Mention> = text
            .match_indices("public")
            .map(|(at, word)| Mention {
                range: at..at + word.len(),
                verdict: MentionVerdict::Schema,
            })
            .collect();
        shared.settle(&mut mentions, &object, text, own);
        mentions
            .into_iter()
            .map(|mention| mention.verdict)
            .collect()
    }

    #[test]
    fn extensions_keep_their_schema() {
        let dump = Dump::read(DUMP, PUBLIC).unwrap();
        let own = Catalog::from_objects(dump.statements.iter().map(|statement| &statement.object));
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let members = Members {
            routines: names(&["digest", "hmac"]),
            others: names(&["citext", "="]),
        };
        let mut shared = SharedObjects::new(&dump, members, false);
        for (text, expected) in [
            (
                "SELECT public.hmac('a') FROM public.hmac",
                [MentionVerdict::Other, MentionVerdict::Schema],
            ),
            (
                "SELECT a::public.citext OPERATOR(public.=) b",
                [MentionVerdict::Other; 2],
            ),
            (
                "public.hmac_id_seq public.spans",
                [MentionVerdict::Schema; 2],
            ),
            (
                "public.\"citext\" public.digest(1)",
                [MentionVerdict::Other, MentionVerdict::Doubtful(BOTH)],
            ),
            (
                "public.crypt('a') 'public.crypt'",
                [MentionVerdict::Other, MentionVerdict::Doubtful(UNKNOWN)],
            ),
            (
                "IN SCHEMA public GRANT public.\"D\"",
                [MentionVerdict::Schema, MentionVerdict::Other],
            ),
        ] {
            assert_eq!(verdicts(text, &shared, &own), expected, "{text}");
        }
        shared.is_complete = true;
        assert_eq!(
            verdicts("public.crypt('a')", &shared, &own),
            [MentionVerdict::Schema]
        );
    }
}
