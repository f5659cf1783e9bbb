//! An order of relations and routines that depends on the schema alone.
//!
//! `pg_dump` sorts all objects of the database by kind and name, and moves them apart by their
//! dependencies (`TopoSort` in `pg_dump_sort.c`), even when it writes a single schema. So a function
//! of another schema that returns rows of a table can change the order of the tables. Here the same
//! algorithm runs on what the statements of this schema name.

use std::collections::{BTreeSet, BinaryHeap};

use super::dump::DumpStatement;
use crate::snapshot::object::{Action, ObjectKind, identifier_value};
use crate::sql::literal::content;
use crate::sql::{Token, TokenKind, tokens};

/// Kinds that are sorted together, in the order in which `pg_dump` writes them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SortClass {
    Routine,
    Relation,
}

/// A statement that creates an object, and the statements about the object that follow it.
struct SortGroup {
    class: SortClass,
    name: String,
    statements: Vec<DumpStatement>,
}

/// Sorts each run of relations and routines by name, behind what they name.
pub(super) fn sort_by_name(statements: &mut Vec<DumpStatement>, schema: &str) {
    let mut output = Vec::with_capacity(statements.len());
    let mut run: Vec<SortGroup> = Vec::new();
    for statement in std::mem::take(statements) {
        if let Some((class, name)) = head(&statement) {
            run.push(SortGroup {
                class,
                name,
                statements: vec![statement],
            });
        } else if let Some(group) = run.last_mut()
            && group.is_followed_by(&statement)
        {
            group.statements.push(statement);
        } else {
            output.extend(sorted(std::mem::take(&mut run), schema));
            output.push(statement);
        }
    }
    output.extend(sorted(run, schema));
    *statements = output;
}

/// The class and name of the object that a statement creates; `None` for what ends a run.
fn head(statement: &DumpStatement) -> Option<(SortClass, String)> {
    let object = &statement.object;
    match (object.action, object.kind) {
        (Action::Create, ObjectKind::Function | ObjectKind::Procedure) => {
            Some((SortClass::Routine, object.bare_name().to_owned()))
        }
        // The second step of a view in a circle replaces the first.
        (Action::Create, ObjectKind::View) if statement.text.starts_with("CREATE OR REPLACE") => {
            None
        }
        (
            Action::Create,
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence,
        ) => Some((SortClass::Relation, object.name.clone())),
        // Creates the sequence of an identity column.
        (Action::Alter, ObjectKind::Table) => {
            let text = statement.text.as_str();
            let tokens = significant(text);
            let at = tokens.windows(2).position(|pair| {
                matches!(pair, [sequence, name] if sequence.is_word(text, "sequence") && name.is_word(text, "name"))
            })?;
            let sequence = tokens.get(at + 4)?;
            Some((SortClass::Relation, identifier_value(*sequence, text)?))
        }
        _ => None,
    }
}

impl SortGroup {
    /// Returns whether `pg_dump` writes a statement along with this object: its owner, its comments, and
    /// what `CREATE` cannot say.
    fn is_followed_by(&self, statement: &DumpStatement) -> bool {
        let Some(first) = self.statements.first() else {
            return false;
        };
        let of = &first.object;
        let object = &statement.object;
        let is_about = object.name == of.name && object.kind != ObjectKind::Column
            || object.table.as_deref() == Some(of.name.as_str())
                && object.kind == ObjectKind::Column;
        let text = statement.text.as_str();
        match object.action {
            Action::Owner | Action::Comment => is_about,
            // These have entries of their own, which stand behind all tables.
            Action::Alter => {
                let own_entry = ["add", "attach", "default", "enable", "trigger"];
                is_about
                    && !matches!(object.kind, ObjectKind::Constraint | ObjectKind::Index)
                    && !significant(text)
                        .iter()
                        .any(|token| own_entry.iter().any(|word| token.is_word(text, word)))
            }
            _ => false,
        }
    }

    /// The names of the schema's objects that the object needs when it is created.
    fn mentions(&self, schema: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for statement in &self.statements {
            if matches!(statement.object.action, Action::Create | Action::Alter) {
                collect_mentions(&statement.text, schema, &mut found);
            }
        }
        found
    }
}

fn significant(text: &str) -> Vec<Token> {
    let mut all = tokens(text);
    all.retain(|token| !token.is_trivia());
    all
}

/// Collects names that are qualified with the schema, also in `'app.s'::regclass` and, as people write
/// it, in `nextval('app.s')`. Bodies that are strings are not read: they are not checked when they are
/// loaded.
fn collect_mentions(text: &str, schema: &str, found: &mut BTreeSet<String>) {
    let tokens = significant(text);
    let value = |at: usize| {
        tokens
            .get(at)
            .and_then(|token| identifier_value(*token, text))
    };
    for (at, token) in tokens.iter().enumerate() {
        let is_cast = tokens
            .get(at + 1)
            .is_some_and(|next| next.kind == TokenKind::Cast);
        if (is_cast || is_sequence_argument(&tokens, at, text))
            && let Some(literal) = content(*token, text)
        {
            collect_mentions(&literal.text, schema, found);
        } else if tokens.get(at + 1).is_some_and(|dot| dot.is(text, "."))
            && value(at).as_deref() == Some(schema)
        {
            found.extend(value(at + 2));
        }
    }
}

/// Returns `true` for the first argument of a function on sequences.
fn is_sequence_argument(tokens: &[Token], at: usize, text: &str) -> bool {
    let before = |steps: usize| at.checked_sub(steps).and_then(|index| tokens.get(index));
    before(1).is_some_and(|open| open.is(text, "("))
        && before(2).is_some_and(|name| {
            ["nextval", "currval", "setval"]
                .iter()
                .any(|function| name.is_word(text, function))
        })
}

/// Sorts a run as `pg_dump` does: from its end, always the last by class and name that nothing left
/// depends on.
fn sorted(run: Vec<SortGroup>, schema: &str) -> impl Iterator<Item = DumpStatement> {
    let mut dependents = vec![0_usize; run.len()];
    let mut needs: Vec<Vec<usize>> = Vec::with_capacity(run.len());
    for (at, group) in run.iter().enumerate() {
        let mentioned = group.mentions(schema);
        let before = run.iter().take(at).enumerate();
        let needed: Vec<usize> = before
            .filter(|(_, other)| {
                // A routine may be needed without its name, through a cast.
                mentioned.contains(&other.name)
                    || (other.class == SortClass::Routine && group.class == SortClass::Relation)
            })
            .map(|(index, _)| index)
            .collect();
        for index in &needed {
            if let Some(count) = dependents.get_mut(*index) {
                *count += 1;
            }
        }
        needs.push(needed);
    }
    let mut order = Vec::with_capacity(run.len());
    let key = |at: usize| {
        run.get(at)
            .map(|group| (group.class, group.name.as_str(), at))
    };
    let is_free = |(_, count): &(usize, &usize)| **count == 0;
    let free = dependents.iter().enumerate().filter(is_free);
    let mut heap: BinaryHeap<_> = free.filter_map(|(at, _)| key(at)).collect();
    while let Some((_, _, at)) = heap.pop() {
        order.push(at);
        for index in needs.get(at).into_iter().flatten() {
            if let Some(count) = dependents.get_mut(*index) {
                *count -= 1;
                if *count == 0 {
                    heap.extend(key(*index));
                }
            }
        }
    }
    let mut groups: Vec<Option<SortGroup>> = run.into_iter().map(Some).collect();
    let ordered: Vec<SortGroup> = order
        .into_iter()
        .rev()
        .filter_map(|at| groups.get_mut(at).and_then(Option::take))
        .collect();
    ordered.into_iter().flat_map(|group| group.statements)
}

#[cfg(test)]
mod tests {
    use crate::snapshot::capture::Dump;

    fn order(text: &str) -> Vec<String> {
        let dump = Dump::read(text, "app").unwrap();
        dump.statements
            .iter()
            .map(|statement| {
                let first = statement.text.split('\n').next().unwrap_or_default();
                first.replace("app.", "")
            })
            .collect()
    }

    const A: &str = "CREATE TABLE app.a (x integer NOT NULL);\nALTER TABLE app.a OWNER TO bob;\n\
        COMMENT ON COLUMN app.a.x IS 'b';\nCREATE SEQUENCE app.a_x_seq;\nALTER SEQUENCE app.a_x_seq OWNED BY app.a.x;\n";
    const B: &str = "CREATE TABLE app.b (x integer NOT NULL);\nALTER TABLE app.b OWNER TO bob;\n\
        ALTER TABLE app.b ALTER COLUMN x ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE NAME app.b_x_seq\n);\n";
    const F: &str =
        "CREATE FUNCTION app.f() RETURNS integer LANGUAGE sql AS 'select x from app.b';\n";
    const V: &str = "CREATE VIEW app.aa AS SELECT x FROM app.b;\n";
    const REST: &str = "ALTER TABLE ONLY app.a ALTER COLUMN x SET DEFAULT nextval('app.a_x_seq'::regclass);\n\
        ALTER TABLE ONLY app.a ADD CONSTRAINT a_pkey PRIMARY KEY (x);\n";

    #[test]
    fn order_does_not_depend_on_what_other_schemas_need() {
        let as_ever = order(&[F, A, B, V, REST].concat());
        assert_eq!(
            as_ever,
            [
                "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'select x from b'",
                "CREATE TABLE a (x integer NOT NULL)",
                "ALTER TABLE a OWNER TO bob",
                "COMMENT ON COLUMN a.x IS 'b'",
                "CREATE SEQUENCE a_x_seq",
                "ALTER SEQUENCE a_x_seq OWNED BY a.x",
                "CREATE TABLE b (x integer NOT NULL)",
                "ALTER TABLE b OWNER TO bob",
                "CREATE VIEW aa AS SELECT x FROM b",
                "ALTER TABLE b ALTER COLUMN x ADD GENERATED ALWAYS AS IDENTITY (",
                "ALTER TABLE ONLY a ALTER COLUMN x SET DEFAULT nextval('a_x_seq'::regclass)",
                "ALTER TABLE ONLY a ADD CONSTRAINT a_pkey PRIMARY KEY (x)",
            ]
        );
        for moved in [[B, A, F, V], [B, F, V, A], [F, B, V, A]] {
            assert_eq!(
                order(&[&moved.concat(), REST].concat()),
                as_ever,
                "{moved:?}"
            );
        }
    }

    #[test]
    fn a_sequence_in_a_default_without_a_cast_comes_first() {
        for call in [
            "nextval('app.t_id_seq')",
            "pg_catalog.nextval('app.\"t_id_seq\"')",
            "nextval('app.t_id_seq'::regclass)",
        ] {
            let text = format!(
                "CREATE SEQUENCE app.t_id_seq;\nCREATE TABLE app.t (id bigint DEFAULT {call} NOT NULL);\n\
                 ALTER SEQUENCE app.t_id_seq OWNED BY app.t.id;\n"
            );
            assert_eq!(order(&text)[0], "CREATE SEQUENCE t_id_seq", "{call}");
        }
        // A text that only looks like it keeps no order.
        let text = "CREATE SEQUENCE app.t_id_seq;\nCREATE TABLE app.t (name text DEFAULT 'app.t_id_seq');\n";
        assert_eq!(order(text)[1], "CREATE SEQUENCE t_id_seq");
    }

    #[test]
    fn what_is_named_comes_first() {
        let function = "CREATE FUNCTION app.g(app.z) RETURNS integer LANGUAGE sql\n BEGIN ATOMIC\n SELECT app.h();\nEND;\n";
        let text = format!(
            "CREATE FUNCTION app.h() RETURNS integer LANGUAGE sql AS '';\nCREATE TABLE app.z (i integer);\n{function}\
             CREATE TABLE app.b (i integer DEFAULT app.g(NULL));\n"
        );
        assert_eq!(
            order(&text),
            [
                "CREATE FUNCTION h() RETURNS integer LANGUAGE sql AS ''",
                "CREATE TABLE z (i integer)",
                "CREATE FUNCTION g(z) RETURNS integer LANGUAGE sql",
                "CREATE TABLE b (i integer DEFAULT g(NULL))",
            ]
        );
    }
}
