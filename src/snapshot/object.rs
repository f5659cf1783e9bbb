//! Which object a statement of a dump or snapshot is about.
//!
//! Reads the head of a statement by its grammar (`gram.y`), for the statements that `pg_dump` writes and people add.

use std::fmt;

use crate::sql::identifier::{fold, unquote};
use crate::sql::{Kind, Statement, Token};

/// The most tokens that are read of a statement: a routine has at most 100 arguments.
const HEAD: usize = 2000;

/// What a statement does to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Creates the object.
    Create,
    /// Changes it: constraints, defaults, row security, attached partitions.
    Alter,
    /// `ALTER … OWNER TO`.
    Owner,
    /// `GRANT`, `REVOKE`, `ALTER DEFAULT PRIVILEGES`.
    Privileges,
    /// `COMMENT ON`, `SECURITY LABEL`.
    Comment,
    /// `COPY`, `INSERT`, `setval`: rows.
    Rows,
    /// `REFRESH MATERIALIZED VIEW`.
    Refresh,
    /// `SET`, `SELECT set_config(…)`: a setting of the session.
    Setting,
    /// `BEGIN`, `COMMIT` and their kin.
    Transaction,
    /// `DROP`.
    Drop,
    /// Anything else.
    Other,
}

/// The kind of a database object, in the words of `COMMENT ON`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are PostgreSQL's own")]
pub enum ObjectKind {
    Schema,
    Table,
    ForeignTable,
    View,
    MaterializedView,
    Sequence,
    Index,
    Function,
    Procedure,
    Aggregate,
    Operator,
    OperatorClass,
    OperatorFamily,
    Type,
    Domain,
    Collation,
    Conversion,
    TextSearch,
    Statistics,
    Trigger,
    Rule,
    Policy,
    Constraint,
    Column,
    DefaultPrivileges,
    Extension,
    /// An object that belongs to no schema: publication, cast, language, event trigger and the like.
    Global,
    Setting,
    Unknown,
}

impl ObjectKind {
    /// The words for people: `materialized view`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Table => "table",
            Self::ForeignTable => "foreign table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Sequence => "sequence",
            Self::Index => "index",
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Operator => "operator",
            Self::OperatorClass => "operator class",
            Self::OperatorFamily => "operator family",
            Self::Type => "type",
            Self::Domain => "domain",
            Self::Collation => "collation",
            Self::Conversion => "conversion",
            Self::TextSearch => "text search object",
            Self::Statistics => "statistics",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::Constraint => "constraint",
            Self::Column => "column",
            Self::DefaultPrivileges => "default privileges",
            Self::Extension => "extension",
            Self::Global => "object without a schema",
            Self::Setting => "setting",
            Self::Unknown => "statement",
        }
    }

    /// The words for a number of them: `2 indexes`.
    pub fn plural(self) -> String {
        match self {
            Self::Index => "indexes".to_owned(),
            Self::Policy => "policies".to_owned(),
            Self::OperatorClass => "operator classes".to_owned(),
            Self::OperatorFamily => "operator families".to_owned(),
            Self::Statistics | Self::DefaultPrivileges => self.words().to_owned(),
            other => format!("{}s", other.words()),
        }
    }
}

/// The schema part of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The name is not qualified.
    None,
    /// A schema by name.
    Named(String),
    /// `#{prefix}`.
    Placeholder,
}

/// The object a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What the statement does.
    pub action: Action,
    /// The kind of the object.
    pub kind: ObjectKind,
    /// The schema that the object, or the table it belongs to, is in.
    pub scope: Scope,
    /// Its name, with argument types for routines; empty for settings.
    pub name: String,
    /// The table of a trigger, rule, policy, index or constraint.
    pub table: Option<String>,
}

impl fmt::Display for Object {
    /// The identity without the schema, the same for each tenant: `function audit(integer)`, `trigger t on users`.
    /// Control characters in names are escaped, so that the text stays on its line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.kind.words())?;
        if !self.name.is_empty() {
            write!(formatter, " {}", printable(&self.name))?;
        }
        if let Some(table) = &self.table {
            write!(formatter, " on {}", printable(table))?;
        }
        Ok(())
    }
}

fn printable(name: &str) -> String {
    name.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

impl Object {
    /// Reads the head of a statement.
    pub fn of(statement: &Statement, source: &str) -> Self {
        let tokens: Vec<Token> = statement.significant().take(HEAD).collect();
        Parser { tokens: &tokens, source, at: 0 }.statement()
    }

    /// A routine's or other object's name without its arguments.
    pub fn bare_name(&self) -> &str {
        match self.kind {
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
                self.name.split_once('(').map_or(self.name.as_str(), |(name, _)| name)
            }
            _ => &self.name,
        }
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    source: &'a str,
    at: usize,
}

/// A qualified name as it was read.
struct Name {
    scope: Scope,
    name: String,
    /// A third part: the column of `schema.table.column`.
    member: Option<String>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    /// Consumes the words if all of them come next.
    fn eat(&mut self, words: &[&str]) -> bool {
        let next = self.tokens.get(self.at..).unwrap_or_default();
        let matches =
            next.len() >= words.len() && words.iter().zip(next).all(|(word, token)| token.is_word(self.source, word));
        if matches {
            self.at += words.len();
        }
        matches
    }

    fn eat_any(&mut self, choices: &[&[&str]]) {
        while choices.iter().any(|words| self.eat(words)) {}
    }

    /// Moves behind the first of these words outside of parentheses.
    fn skip_to(&mut self, words: &[&str]) -> bool {
        let mut depth = 0_usize;
        while let Some(token) = self.peek() {
            self.at += 1;
            match token.text(self.source) {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ if depth == 0 && words.iter().any(|word| token.is_word(self.source, word)) => return true,
                _ => {}
            }
        }
        false
    }

    fn identifier(&mut self) -> Option<Result<String, ()>> {
        let token = self.peek()?;
        let text = token.text(self.source);
        let value = match token.kind {
            Kind::Word => Ok(fold(text)),
            Kind::Quoted(_) => Ok(unquote(text)),
            Kind::Placeholder => Err(()),
            _ => return None,
        };
        self.at += 1;
        Some(value)
    }

    fn dot(&mut self) -> bool {
        let dot = self.peek().is_some_and(|token| token.is(self.source, "."));
        self.at += usize::from(dot);
        dot
    }

    fn name(&mut self) -> Name {
        let mut parts = Vec::new();
        while let Some(part) = self.identifier() {
            parts.push(part);
            if !self.dot() {
                break;
            }
        }
        let mut parts = parts.into_iter();
        let text = |part: Option<Result<String, ()>>| part.and_then(Result::ok);
        let first = parts.next();
        match (first, parts.next()) {
            (Some(Err(())), second) => {
                Name { scope: Scope::Placeholder, name: text(second).unwrap_or_default(), member: text(parts.next()) }
            }
            (Some(Ok(schema)), Some(second)) => {
                let name = second.unwrap_or_default();
                Name { scope: Scope::Named(schema), name, member: text(parts.next()) }
            }
            (first, _) => Name { scope: Scope::None, name: text(first).unwrap_or_default(), member: None },
        }
    }

    /// A schema's own name, after `SCHEMA`.
    fn schema(&mut self) -> Scope {
        match self.identifier() {
            Some(Ok(name)) => Scope::Named(name),
            Some(Err(())) => Scope::Placeholder,
            None => Scope::None,
        }
    }

    /// An operator's name: `schema.===`.
    fn operator(&mut self) -> Name {
        let mut name = Name { scope: Scope::None, name: String::new(), member: None };
        if self.tokens.get(self.at + 1).is_some_and(|token| token.is(self.source, ".")) {
            name.scope = self.schema();
            self.at += 1;
        }
        while let Some(token) = self.peek().filter(|token| token.kind == Kind::Operator) {
            name.name.push_str(token.text(self.source));
            self.at += 1;
        }
        name
    }

    /// The arguments of a routine, up to its closing parenthesis, without defaults and without the tenant's schema.
    fn arguments(&mut self, scope: &Scope) -> String {
        let mut text = String::new();
        let (mut depth, mut in_default) = (0_usize, false);
        while let Some(token) = self.peek() {
            let piece = token.text(self.source);
            let closes = piece == ")" && depth == 1;
            match piece {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && !closes {
                break;
            }
            self.at += 1;
            if closes || (depth == 1 && piece == ",") {
                in_default = false;
            }
            if depth == 1 && (token.is_word(self.source, "default") || token.is(self.source, "=")) {
                in_default = true;
            }
            let followed_by_dot = self.peek().is_some_and(|next| next.is(self.source, "."));
            if followed_by_dot && self.is_scope(token, scope) {
                self.at += 1;
                continue;
            }
            if !in_default && !(depth == 1 && piece == "(") {
                let glued = text.is_empty()
                    || text.ends_with(['(', '.', '['])
                    || matches!(piece, "," | ")" | "(" | "." | "[" | "]");
                if !glued {
                    text.push(' ');
                }
                text.push_str(piece);
            }
            if closes {
                break;
            }
        }
        format!("({}", if text.is_empty() { ")" } else { &text })
    }

    fn is_scope(&self, token: Token, scope: &Scope) -> bool {
        match scope {
            Scope::Placeholder => token.kind == Kind::Placeholder,
            Scope::Named(schema) => identifier_value(token, self.source).as_deref() == Some(schema),
            Scope::None => false,
        }
    }

    /// The words of an object kind, as in `CREATE`, `ALTER`, `COMMENT ON`, `GRANT … ON`.
    fn kind(&mut self) -> Option<ObjectKind> {
        const KINDS: &[(&[&str], ObjectKind)] = &[
            (&["schema"], ObjectKind::Schema),
            (&["foreign", "table"], ObjectKind::ForeignTable),
            (&["table"], ObjectKind::Table),
            (&["materialized", "view"], ObjectKind::MaterializedView),
            (&["view"], ObjectKind::View),
            (&["sequence"], ObjectKind::Sequence),
            (&["index"], ObjectKind::Index),
            (&["function"], ObjectKind::Function),
            (&["procedure"], ObjectKind::Procedure),
            (&["routine"], ObjectKind::Function),
            (&["aggregate"], ObjectKind::Aggregate),
            (&["operator", "class"], ObjectKind::OperatorClass),
            (&["operator", "family"], ObjectKind::OperatorFamily),
            (&["operator"], ObjectKind::Operator),
            (&["type"], ObjectKind::Type),
            (&["domain"], ObjectKind::Domain),
            (&["collation"], ObjectKind::Collation),
            (&["conversion"], ObjectKind::Conversion),
            (&["text", "search", "configuration"], ObjectKind::TextSearch),
            (&["text", "search", "dictionary"], ObjectKind::TextSearch),
            (&["text", "search", "parser"], ObjectKind::TextSearch),
            (&["text", "search", "template"], ObjectKind::TextSearch),
            (&["statistics"], ObjectKind::Statistics),
            (&["trigger"], ObjectKind::Trigger),
            (&["rule"], ObjectKind::Rule),
            (&["policy"], ObjectKind::Policy),
            (&["constraint"], ObjectKind::Constraint),
            (&["column"], ObjectKind::Column),
            (&["extension"], ObjectKind::Extension),
        ];
        KINDS.iter().find(|(words, _)| self.eat(words)).map(|(_, kind)| *kind)
    }

    fn statement(mut self) -> Object {
        let Some(first) = self.peek() else { return object(Action::Other, ObjectKind::Unknown, Scope::None, "") };
        self.at += 1;
        let word = if first.kind == Kind::Word { fold(first.text(self.source)) } else { String::new() };
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
            "set" | "reset" => object(Action::Setting, ObjectKind::Setting, Scope::None, ""),
            "select" => self.select(),
            "drop" => object(Action::Drop, self.kind().unwrap_or(ObjectKind::Unknown), Scope::None, ""),
            "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release" | "prepare" => {
                object(Action::Transaction, ObjectKind::Unknown, Scope::None, "")
            }
            _ => object(Action::Other, ObjectKind::Unknown, Scope::None, ""),
        }
    }

    fn relation(&mut self, action: Action, kind: ObjectKind) -> Object {
        let name = self.name();
        object(action, kind, name.scope, &name.name)
    }

    /// `SELECT pg_catalog.setval('…')` and `SELECT pg_catalog.set_config('…')`.
    fn select(&mut self) -> Object {
        let name = self.name();
        match name.name.as_str() {
            "set_config" => object(Action::Setting, ObjectKind::Setting, Scope::None, ""),
            "setval" => {
                self.at += 1;
                let literal = self.peek().and_then(|token| crate::sql::literal::content(token, self.source));
                let Some(literal) = literal else {
                    return object(Action::Rows, ObjectKind::Sequence, Scope::None, "");
                };
                let tokens = crate::sql::tokens_of_template(&literal.text);
                let name = Parser { tokens: &tokens, source: &literal.text, at: 0 }.name();
                object(Action::Rows, ObjectKind::Sequence, name.scope, &name.name)
            }
            _ => object(Action::Other, ObjectKind::Unknown, Scope::None, ""),
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
        let Some(kind) = self.kind() else {
            return object(Action::Create, ObjectKind::Global, Scope::None, "");
        };
        self.eat(&["concurrently"]);
        self.eat(&["if", "not", "exists"]);
        match kind {
            ObjectKind::Schema => {
                let scope = self.schema();
                object(Action::Create, kind, scope, "")
            }
            ObjectKind::Extension => self.extension(),
            ObjectKind::Trigger | ObjectKind::Policy => self.on_table(Action::Create, kind, &["on"]),
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
                object(action, kind, name.scope, &format!("{}{arguments}", name.name))
            }
            ObjectKind::Operator => {
                let name = self.operator();
                object(action, kind, name.scope, &name.name)
            }
            _ => self.relation(action, kind),
        }
    }

    fn extension(&mut self) -> Object {
        let name = self.name().name;
        let scope = if self.skip_to(&["schema"]) { self.schema() } else { Scope::None };
        object(Action::Create, ObjectKind::Extension, scope, &name)
    }

    fn on_table(&mut self, action: Action, kind: ObjectKind, before_table: &[&str]) -> Object {
        let name = self.name().name;
        if name != "on" {
            self.skip_to(before_table);
        }
        self.eat(&["only"]);
        let table = self.name();
        Object { action, kind, scope: table.scope, name, table: Some(table.name) }
    }

    fn alter(&mut self) -> Object {
        if self.eat(&["default", "privileges"]) {
            let scope = if self.skip_to(&["schema"]) { self.schema() } else { Scope::None };
            return object(Action::Privileges, ObjectKind::DefaultPrivileges, scope, "");
        }
        let Some(kind) = self.kind() else {
            return object(Action::Alter, ObjectKind::Global, Scope::None, "");
        };
        self.eat_any(&[&["if", "exists"], &["only"]]);
        let mut altered = match kind {
            ObjectKind::Schema => {
                let scope = self.schema();
                object(Action::Alter, kind, scope, "")
            }
            ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Policy => self.on_table(Action::Alter, kind, &["on"]),
            _ => self.named(Action::Alter, kind),
        };
        if kind == ObjectKind::Operator || kind == ObjectKind::OperatorClass || kind == ObjectKind::OperatorFamily {
            self.skip_to(&["owner"]);
            self.at = self.at.saturating_sub(1);
        }
        if self.eat(&["owner", "to"]) {
            altered.action = Action::Owner;
        } else if altered.kind == ObjectKind::Table && self.eat(&["add", "constraint"]) {
            let constraint = self.name().name;
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
            return object(action, ObjectKind::Global, Scope::None, "");
        };
        match kind {
            ObjectKind::Schema => {
                let scope = self.schema();
                object(action, kind, scope, "")
            }
            ObjectKind::Extension => object(action, kind, Scope::None, &self.name().name),
            ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Policy | ObjectKind::Constraint => {
                let name = self.name().name;
                self.skip_to(&["on"]);
                self.eat(&["domain"]);
                let table = self.name();
                Object { action, kind, scope: table.scope, name, table: Some(table.name) }
            }
            ObjectKind::Column => {
                let name = self.name();
                Object {
                    action,
                    kind,
                    scope: name.scope,
                    name: name.member.unwrap_or_default(),
                    table: Some(name.name),
                }
            }
            _ => self.named(action, kind),
        }
    }

    fn grant(&mut self) -> Object {
        if !self.skip_to(&["on"]) {
            // Membership in a role.
            return object(Action::Privileges, ObjectKind::Global, Scope::None, "");
        }
        self.eat(&["all"]);
        match self.kind() {
            Some(ObjectKind::Schema) => {
                let scope = self.schema();
                object(Action::Privileges, ObjectKind::Schema, scope, "")
            }
            Some(kind) => self.named(Action::Privileges, kind),
            None if self.eat(&["database"]) || self.eat(&["language"]) || self.eat(&["tablespace"]) => {
                object(Action::Privileges, ObjectKind::Global, Scope::None, "")
            }
            None => self.named(Action::Privileges, ObjectKind::Table),
        }
    }
}

fn object(action: Action, kind: ObjectKind, scope: Scope, name: &str) -> Object {
    Object { action, kind, scope, name: name.to_owned(), table: None }
}

/// The value of an identifier token; `None` for other tokens.
pub fn identifier_value(token: Token, source: &str) -> Option<String> {
    match token.kind {
        Kind::Word => Some(fold(token.text(source))),
        Kind::Quoted(true) => Some(unquote(token.text(source))),
        Kind::UnicodeQuoted(true) => crate::sql::literal::unicode_identifier(token.text(source)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Script;

    fn read(source: &str) -> String {
        let script = Script::parse_template(source).unwrap();
        let object = Object::of(script.statements().next().unwrap(), source);
        let scope = match &object.scope {
            Scope::None => "-".to_owned(),
            Scope::Named(name) => name.clone(),
            Scope::Placeholder => "#".to_owned(),
        };
        format!("{:?} {scope} {object}", object.action)
    }

    #[test]
    fn statements_of_pg_dump() {
        for (sql, expected) in [
            ("CREATE SCHEMA app", "Create app schema"),
            ("CREATE TABLE #{prefix}.\"A b\" (id integer)", "Create # table A b"),
            ("CREATE UNLOGGED TABLE app.t ()", "Create app table t"),
            (
                "CREATE FUNCTION app.f(a integer DEFAULT (1 + 2), b app.ty[], OUT c numeric(3,1)) RETURNS text AS $$$$",
                "Create app function f(a integer, b ty[], OUT c numeric(3, 1))",
            ),
            (
                "CREATE FUNCTION app.f(app.m[], VARIADIC app.p[] DEFAULT '{}'::app.p[]) RETURNS text LANGUAGE sql AS ''",
                "Create app function f(m[], VARIADIC p[])",
            ),
            ("CREATE OR REPLACE PROCEDURE app.p() LANGUAGE sql BEGIN ATOMIC SELECT 1; END", "Create app procedure p()"),
            ("CREATE OPERATOR app.=== (FUNCTION = app.eq)", "Create app operator ==="),
            ("CREATE OPERATOR CLASS app.oc FOR TYPE app.t USING btree AS STORAGE x", "Create app operator class oc"),
            ("CREATE UNIQUE INDEX i ON ONLY app.t USING btree (id)", "Create app index i on t"),
            (
                "CREATE CONSTRAINT TRIGGER c AFTER INSERT OR UPDATE OF a ON app.t FOR EACH ROW EXECUTE FUNCTION app.f()",
                "Create app trigger c on t",
            ),
            ("CREATE RULE r AS ON INSERT TO app.v WHERE x DO INSTEAD NOTHING", "Create app rule r on v"),
            ("CREATE POLICY p ON app.t USING (true)", "Create app policy p on t"),
            ("CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA ext", "Create ext extension citext"),
            ("CREATE PUBLICATION p FOR TABLE app.t", "Create - object without a schema"),
            ("CREATE TEXT SEARCH CONFIGURATION app.c (PARSER = x)", "Create app text search object c"),
            ("ALTER TABLE ONLY app.t ADD CONSTRAINT t_pkey PRIMARY KEY (id)", "Create app constraint t_pkey on t"),
            ("ALTER TABLE app.t OWNER TO bob", "Owner app table t"),
            ("ALTER FUNCTION app.f(a integer) OWNER TO bob", "Owner app function f(a integer)"),
            ("ALTER OPERATOR app.=== (integer, text) OWNER TO bob", "Owner app operator ==="),
            ("ALTER OPERATOR FAMILY app.f USING btree OWNER TO bob", "Owner app operator family f"),
            ("ALTER SCHEMA app OWNER TO bob", "Owner app schema"),
            ("ALTER TABLE app.t ENABLE ROW LEVEL SECURITY", "Alter app table t"),
            ("ALTER INDEX app.i ATTACH PARTITION app.j", "Alter app index i"),
            (
                "ALTER DEFAULT PRIVILEGES FOR ROLE r IN SCHEMA app GRANT SELECT ON TABLES TO x",
                "Privileges app default privileges",
            ),
            ("COMMENT ON COLUMN app.t.c IS 'x'", "Comment app column c on t"),
            ("COMMENT ON CONSTRAINT c ON DOMAIN app.d IS 'x'", "Comment app constraint c on d"),
            ("COMMENT ON FUNCTION app.f(integer) IS 'x'", "Comment app function f(integer)"),
            ("GRANT SELECT(a),UPDATE ON TABLE app.t TO bob WITH GRANT OPTION", "Privileges app table t"),
            ("REVOKE ALL ON SCHEMA app FROM PUBLIC", "Privileges app schema"),
            ("GRANT ALL ON FUNCTION app.f(integer) TO bob", "Privileges app function f(integer)"),
            ("GRANT admin TO bob", "Privileges - object without a schema"),
            ("SELECT pg_catalog.setval('app.t_id_seq', 3, true)", "Rows app sequence t_id_seq"),
            ("SELECT pg_catalog.set_config('search_path', '', false)", "Setting - setting"),
            ("INSERT INTO app.t (a) VALUES (1)", "Rows app table t"),
            ("REFRESH MATERIALIZED VIEW app.m", "Refresh app materialized view m"),
            ("COMMIT", "Transaction - statement"),
        ] {
            assert_eq!(read(sql), expected, "{sql}");
        }
    }

    #[test]
    fn names_cannot_leave_their_line() {
        assert_eq!(read("CREATE TABLE app.\"a\n\\! id\" ()"), "Create app table a\\n\\! id");
    }
}
