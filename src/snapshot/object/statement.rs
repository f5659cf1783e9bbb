//! The grammar of each statement, as far as its object.

use super::identity::{Object, ObjectScope};
use super::kind::{Action, ObjectKind};
use super::parser::Parser;
use crate::sql::identifier::fold;
use crate::sql::{Statement, Token, TokenKind};

/// The most tokens that are read of rows: their table stands in front. Anything else is read to its end, as `UPDATE OF` may
/// list all columns of a table in front of the table's name.
const HEAD_OF_ROWS: usize = 2000;

fn head(statement: &Statement, source: &str) -> Vec<Token> {
    let mut significant = statement.significant().peekable();
    let is_rows = significant
        .peek()
        .is_some_and(|token| token.is_word(source, "insert"));
    if is_rows {
        significant.take(HEAD_OF_ROWS).collect()
    } else {
        significant.collect()
    }
}

impl Object {
    /// Reads the head of a statement.
    pub fn from_statement(statement: &Statement, source: &str) -> Self {
        let tokens = head(statement, source);
        Parser {
            tokens: &tokens,
            source,
            at: 0,
        }
        .statement()
    }

    /// The cast that `CREATE CAST` makes, when one of its types is in the schema; it can have types of two.
    pub fn cast_in(statement: &Statement, source: &str, schema: &str) -> Option<Self> {
        let tokens = head(statement, source);
        Parser {
            tokens: &tokens,
            source,
            at: 0,
        }
        .cast_in(schema)
    }
}

impl Parser<'_> {
    pub(super) fn statement(mut self) -> Object {
        let Some(first) = self.peek() else {
            return object(Action::Other, ObjectKind::Unknown, ObjectScope::None, "");
        };
        self.at += 1;
        let word = if first.kind == TokenKind::Word {
            fold(first.text(self.source))
        } else {
            String::new()
        };
        match word.as_str() {
            "create" => self.create(),
            "alter" => self.alter(),
            "comment" if self.eat(&["on"]) => self.described(Action::Comment),
            "security" if self.skip_to(&["on"]) => self.described(Action::Comment),
            "grant" | "revoke" => self.grant(),
            "copy" => self.relation(Action::Rows, ObjectKind::Table),
            "insert" if self.eat(&["into"]) => self.relation(Action::Rows, ObjectKind::Table),
            "refresh" if self.eat(&["materialized", "view"]) => {
                self.eat(&["concurrently"]);
                self.relation(Action::Refresh, ObjectKind::MaterializedView)
            }
            "set" | "reset" => object(Action::Setting, ObjectKind::Setting, ObjectScope::None, ""),
            "select" => self.select(),
            "drop" => self.dropped(),
            "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint"
            | "release" | "prepare" => object(
                Action::Transaction,
                ObjectKind::Unknown,
                ObjectScope::None,
                "",
            ),
            _ => object(Action::Other, ObjectKind::Unknown, ObjectScope::None, ""),
        }
    }

    fn relation(&mut self, action: Action, kind: ObjectKind) -> Object {
        let name = self.name();
        object(action, kind, name.scope, &name.object)
    }

    /// Only an index has its name: its migration can be run again.
    fn dropped(&mut self) -> Object {
        let kind = self.kind().unwrap_or(ObjectKind::Unknown);
        if kind != ObjectKind::Index {
            return object(Action::Drop, kind, ObjectScope::None, "");
        }
        self.eat(&["concurrently"]);
        self.eat(&["if", "exists"]);
        self.relation(Action::Drop, kind)
    }

    /// `SELECT pg_catalog.setval('…')` and `SELECT pg_catalog.set_config('…')`.
    fn select(&mut self) -> Object {
        let name = self.name();
        match name.object.as_str() {
            "set_config" => object(Action::Setting, ObjectKind::Setting, ObjectScope::None, ""),
            "setval" => {
                self.at += 1;
                let literal = self
                    .peek()
                    .and_then(|token| crate::sql::literal::content(token, self.source));
                let Some(literal) = literal else {
                    return object(Action::Rows, ObjectKind::Sequence, ObjectScope::None, "");
                };
                let tokens = crate::sql::tokens_of_template(&literal.text);
                let name = Parser {
                    tokens: &tokens,
                    source: &literal.text,
                    at: 0,
                }
                .name();
                object(Action::Rows, ObjectKind::Sequence, name.scope, &name.object)
            }
            _ => object(Action::Other, ObjectKind::Unknown, ObjectScope::None, ""),
        }
    }

    fn create(&mut self) -> Object {
        self.eat_any(&[
            &["or", "replace"],
            &["unlogged"],
            &["temporary"],
            &["temp"],
            &["global"],
            &["local"],
            &["unique"],
            &["recursive"],
            &["default"],
            &["trusted"],
            &["procedural"],
        ]);
        if self.eat(&["constraint", "trigger"]) {
            return self.on_table(Action::Create, ObjectKind::Trigger, &["on"]);
        }
        if self.eat(&["cast"]) {
            return self.cast();
        }
        let Some(kind) = self.kind() else {
            return object(Action::Create, ObjectKind::Global, ObjectScope::None, "");
        };
        self.eat(&["concurrently"]);
        self.eat(&["if", "not", "exists"]);
        match kind {
            ObjectKind::Schema => {
                let scope = self.schema();
                object(Action::Create, kind, scope, "")
            }
            ObjectKind::Extension => self.extension(),
            ObjectKind::Trigger | ObjectKind::Policy => {
                self.on_table(Action::Create, kind, &["on"])
            }
            ObjectKind::Rule => self.on_table(Action::Create, kind, &["to"]),
            ObjectKind::Index => {
                let mut index = self.on_table(Action::Create, kind, &["on"]);
                // An index without a name gets one from the server; only people write that.
                if index.name == "on" {
                    index.name = String::new();
                }
                index
            }
            _ => self.named(Action::Create, kind),
        }
    }

    /// A name in the words of the object's own kind: routines with arguments, operators by symbol.
    fn named(&mut self, action: Action, kind: ObjectKind) -> Object {
        match kind {
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
                let name = self.name();
                let arguments = self.arguments(&name.scope);
                object(
                    action,
                    kind,
                    name.scope,
                    &format!("{}{arguments}", name.object),
                )
            }
            ObjectKind::Operator => {
                let name = self.operator();
                object(action, kind, name.scope, &name.object)
            }
            _ => self.relation(action, kind),
        }
    }

    /// `(source AS target)`: the cast goes with the schema of the first type that is not the system's.
    fn cast(&mut self) -> Object {
        let start = self.at;
        let mut scope = ObjectScope::None;
        while let Some(token) = self.peek().filter(|token| !token.is(self.source, ")")) {
            self.at += 1;
            if self.peek().is_some_and(|next| next.is(self.source, ".")) {
                match token.kind {
                    TokenKind::Placeholder => scope = ObjectScope::Placeholder,
                    _ if scope == ObjectScope::None => {
                        let schema = super::parser::identifier_value(token, self.source);
                        scope = schema
                            .filter(|name| name != "pg_catalog")
                            .map_or(ObjectScope::None, ObjectScope::Named);
                    }
                    _ => {}
                }
            }
        }
        self.at = start;
        let types = self.arguments(&scope);
        object(Action::Create, ObjectKind::Cast, scope, &types)
    }

    /// The cast of `CREATE CAST`, when one of its types is in the schema.
    pub(super) fn cast_in(mut self, schema: &str) -> Option<Object> {
        if !self.eat(&["create", "cast"]) {
            return None;
        }
        let scope = ObjectScope::Named(schema.to_owned());
        let start = self.at;
        let mut names_it = false;
        while let Some(token) = self.peek().filter(|token| !token.is(self.source, ")")) {
            self.at += 1;
            names_it |= self.peek().is_some_and(|next| next.is(self.source, "."))
                && super::parser::identifier_value(token, self.source).as_deref() == Some(schema);
        }
        self.at = start;
        let types = self.arguments(&scope);
        names_it.then(|| object(Action::Create, ObjectKind::Cast, scope, &types))
    }

    fn extension(&mut self) -> Object {
        let name = self.name().object;
        let scope = if self.skip_to(&["schema"]) {
            self.schema()
        } else {
            ObjectScope::None
        };
        object(Action::Create, ObjectKind::Extension, scope, &name)
    }

    fn on_table(&mut self, action: Action, kind: ObjectKind, before_table: &[&str]) -> Object {
        let name = self.name().object;
        if name != "on" {
            self.skip_to(before_table);
        }
        self.eat(&["only"]);
        let table = self.name();
        Object {
            action,
            kind,
            scope: table.scope,
            name,
            table: Some(table.object),
        }
    }

    fn alter(&mut self) -> Object {
        if self.eat(&["default", "privileges"]) {
            let scope = if self.skip_to(&["schema"]) {
                self.schema()
            } else {
                ObjectScope::None
            };
            return object(Action::Privileges, ObjectKind::DefaultPrivileges, scope, "");
        }
        let Some(kind) = self.kind() else {
            return object(Action::Alter, ObjectKind::Global, ObjectScope::None, "");
        };
        self.eat_any(&[&["if", "exists"], &["only"]]);
        let mut altered = match kind {
            ObjectKind::Schema => {
                let scope = self.schema();
                object(Action::Alter, kind, scope, "")
            }
            ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Policy => {
                self.on_table(Action::Alter, kind, &["on"])
            }
            _ => self.named(Action::Alter, kind),
        };
        if kind == ObjectKind::Operator
            || kind == ObjectKind::OperatorClass
            || kind == ObjectKind::OperatorFamily
        {
            self.skip_to(&["owner"]);
            self.at = self.at.saturating_sub(1);
        }
        if self.eat(&["owner", "to"]) {
            altered.action = Action::Owner;
        } else if altered.kind == ObjectKind::Table && self.eat(&["add", "constraint"]) {
            let constraint = self.name().object;
            altered = Object {
                action: Action::Create,
                kind: ObjectKind::Constraint,
                scope: altered.scope,
                name: constraint,
                table: Some(altered.name),
            };
        }
        altered
    }

    fn described(&mut self, action: Action) -> Object {
        let Some(kind) = self.kind() else {
            return object(action, ObjectKind::Global, ObjectScope::None, "");
        };
        match kind {
            ObjectKind::Schema => {
                let scope = self.schema();
                object(action, kind, scope, "")
            }
            ObjectKind::Extension => object(action, kind, ObjectScope::None, &self.name().object),
            ObjectKind::Trigger
            | ObjectKind::Rule
            | ObjectKind::Policy
            | ObjectKind::Constraint => {
                let name = self.name().object;
                self.skip_to(&["on"]);
                self.eat(&["domain"]);
                let table = self.name();
                Object {
                    action,
                    kind,
                    scope: table.scope,
                    name,
                    table: Some(table.object),
                }
            }
            ObjectKind::Column => {
                let name = self.name();
                Object {
                    action,
                    kind,
                    scope: name.scope,
                    name: name.member.unwrap_or_default(),
                    table: Some(name.object),
                }
            }
            _ => self.named(action, kind),
        }
    }

    fn grant(&mut self) -> Object {
        if !self.skip_to(&["on"]) {
            // Membership in a role.
            return object(
                Action::Privileges,
                ObjectKind::Global,
                ObjectScope::None,
                "",
            );
        }
        self.eat(&["all"]);
        match self.kind() {
            Some(ObjectKind::Schema) => {
                let scope = self.schema();
                object(Action::Privileges, ObjectKind::Schema, scope, "")
            }
            Some(kind) => self.named(Action::Privileges, kind),
            None if self.eat(&["database"])
                || self.eat(&["language"])
                || self.eat(&["tablespace"]) =>
            {
                object(
                    Action::Privileges,
                    ObjectKind::Global,
                    ObjectScope::None,
                    "",
                )
            }
            None => self.named(Action::Privileges, ObjectKind::Table),
        }
    }
}

fn object(action: Action, kind: ObjectKind, scope: ObjectScope, name: &str) -> Object {
    Object {
        action,
        kind,
        scope,
        name: name.to_owned(),
        table: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Script;

    fn read(source: &str) -> String {
        let script = Script::parse_template(source).unwrap();
        let object = Object::from_statement(script.statements().next().unwrap(), source);
        let scope = match &object.scope {
            ObjectScope::None => "-".to_owned(),
            ObjectScope::Named(name) => name.clone(),
            ObjectScope::Placeholder => "#".to_owned(),
        };
        format!("{:?} {scope} {object}", object.action)
    }

    #[test]
    fn statements_of_pg_dump() {
        for (sql, expected) in [
            ("CREATE SCHEMA app", "Create app schema"),
            (
                "CREATE TABLE #{prefix}.\"A b\" (id integer)",
                "Create # table A b",
            ),
            ("CREATE UNLOGGED TABLE app.t ()", "Create app table t"),
            (
                "CREATE FUNCTION app.f(a integer DEFAULT (1 + 2), b app.ty[], OUT c numeric(3,1)) RETURNS text AS $$$$",
                "Create app function f(a integer, b ty[], OUT c numeric(3, 1))",
            ),
            (
                "CREATE FUNCTION app.f(app.m[], VARIADIC app.p[] DEFAULT '{}'::app.p[]) RETURNS text LANGUAGE sql AS ''",
                "Create app function f(m[], VARIADIC p[])",
            ),
            (
                "CREATE OR REPLACE PROCEDURE app.p() LANGUAGE sql BEGIN ATOMIC SELECT 1; END",
                "Create app procedure p()",
            ),
            (
                "CREATE OPERATOR app.=== (FUNCTION = app.eq)",
                "Create app operator ===",
            ),
            (
                "CREATE OPERATOR CLASS app.oc FOR TYPE app.t USING btree AS STORAGE x",
                "Create app operator class oc",
            ),
            (
                "DROP INDEX CONCURRENTLY IF EXISTS #{prefix}.i, b",
                "Drop # index i",
            ),
            (
                "CREATE UNIQUE INDEX i ON ONLY app.t USING btree (id)",
                "Create app index i on t",
            ),
            (
                "CREATE CONSTRAINT TRIGGER c AFTER INSERT OR UPDATE OF a ON app.t FOR EACH ROW EXECUTE FUNCTION app.f()",
                "Create app trigger c on t",
            ),
            (
                "CREATE RULE r AS ON INSERT TO app.v WHERE x DO INSTEAD NOTHING",
                "Create app rule r on v",
            ),
            (
                "CREATE POLICY p ON app.t USING (true)",
                "Create app policy p on t",
            ),
            (
                "CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA ext",
                "Create ext extension citext",
            ),
            (
                "CREATE CAST (text AS app.ty[]) WITH FUNCTION app.f(text)",
                "Create app cast (text AS ty[])",
            ),
            (
                "CREATE CAST (#{prefix}.a AS #{prefix}.b) WITH INOUT",
                "Create # cast (a AS b)",
            ),
            (
                "CREATE PUBLICATION p FOR TABLE app.t",
                "Create - object without a schema",
            ),
            (
                "CREATE TEXT SEARCH CONFIGURATION app.c (PARSER = x)",
                "Create app text search object c",
            ),
            (
                "ALTER TABLE ONLY app.t ADD CONSTRAINT t_pkey PRIMARY KEY (id)",
                "Create app constraint t_pkey on t",
            ),
            ("ALTER TABLE app.t OWNER TO bob", "Owner app table t"),
            (
                "ALTER FUNCTION app.f(a integer) OWNER TO bob",
                "Owner app function f(a integer)",
            ),
            (
                "ALTER OPERATOR app.=== (integer, text) OWNER TO bob",
                "Owner app operator ===",
            ),
            (
                "ALTER OPERATOR FAMILY app.f USING btree OWNER TO bob",
                "Owner app operator family f",
            ),
            ("ALTER SCHEMA app OWNER TO bob", "Owner app schema"),
            (
                "ALTER TABLE app.t ENABLE ROW LEVEL SECURITY",
                "Alter app table t",
            ),
            (
                "ALTER INDEX app.i ATTACH PARTITION app.j",
                "Alter app index i",
            ),
            (
                "ALTER DEFAULT PRIVILEGES FOR ROLE r IN SCHEMA app GRANT SELECT ON TABLES TO x",
                "Privileges app default privileges",
            ),
            (
                "COMMENT ON COLUMN app.t.c IS 'x'",
                "Comment app column c on t",
            ),
            (
                "COMMENT ON CONSTRAINT c ON DOMAIN app.d IS 'x'",
                "Comment app constraint c on d",
            ),
            (
                "COMMENT ON FUNCTION app.f(integer) IS 'x'",
                "Comment app function f(integer)",
            ),
            (
                "GRANT SELECT(a),UPDATE ON TABLE app.t TO bob WITH GRANT OPTION",
                "Privileges app table t",
            ),
            (
                "REVOKE ALL ON SCHEMA app FROM PUBLIC",
                "Privileges app schema",
            ),
            (
                "GRANT ALL ON FUNCTION app.f(integer) TO bob",
                "Privileges app function f(integer)",
            ),
            ("GRANT admin TO bob", "Privileges - object without a schema"),
            (
                "SELECT pg_catalog.setval('app.t_id_seq', 3, true)",
                "Rows app sequence t_id_seq",
            ),
            (
                "SELECT pg_catalog.set_config('search_path', '', false)",
                "Setting - setting",
            ),
            ("INSERT INTO app.t (a) VALUES (1)", "Rows app table t"),
            (
                "REFRESH MATERIALIZED VIEW app.m",
                "Refresh app materialized view m",
            ),
            ("COMMIT", "Transaction - statement"),
        ] {
            assert_eq!(read(sql), expected, "{sql}");
        }
    }

    #[test]
    fn names_cannot_leave_their_line() {
        assert_eq!(
            read("CREATE TABLE app.\"a\n\\! id\" ()"),
            "Create app table a\\n\\! id"
        );
    }
}
