//! Objects that Citus 12 and later cannot put into a distributed schema (schema-based sharding).

use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;
use crate::snapshot::{Action, ObjectKind, PLACEHOLDER, Snapshot};
use crate::sql::literal::content;
use crate::sql::{Token, TokenKind, quote_literal, tokens_of_template};

/// The first version of Citus with schema-based sharding.
pub const FIRST: u32 = 12;

/// Objects of a snapshot that Citus may refuse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CitusObstacles {
    /// `trigger t on users`: refused unless `citus.enable_unsafe_triggers` is on.
    pub triggers: Vec<String>,
    /// `statistics s`: only simple column references are allowed.
    pub statistics: Vec<String>,
    /// Foreign keys that leave the tenant: the constraint, and the table it refers to, as `public.plans`. Refused unless
    /// that is a reference table or a distributed one.
    pub references: Vec<(String, String)>,
}

impl CitusObstacles {
    /// Collects these objects from a snapshot.
    pub fn from_snapshot(snapshot: &Snapshot) -> Self {
        let mut refused = Self::default();
        let source = snapshot.body();
        for statement in &snapshot.template().statements {
            let object = &statement.object;
            if (object.action, object.kind) == (Action::Create, ObjectKind::Trigger) {
                refused.triggers.push(object.to_string());
            }
        }
        let tokens: Vec<Token> = tokens_of_template(source)
            .into_iter()
            .filter(|token| !token.is_trivia())
            .collect();
        for statement in tokens.split(|token| token.is(source, ";")) {
            let words = |number: usize| {
                statement
                    .get(number)
                    .map(|token| token.text(source).to_ascii_lowercase())
            };
            if (words(0).as_deref(), words(1).as_deref()) == (Some("create"), Some("statistics"))
                && is_on_an_expression(statement, source)
            {
                let (name, _) = name_at(statement, 2, source);
                let name = name
                    .strip_prefix(PLACEHOLDER)
                    .and_then(|name| name.strip_prefix('.'))
                    .unwrap_or(&name);
                refused.statistics.push(format!("statistics {name}"));
            }
            refused.references.extend(references(statement, source));
        }
        refused
    }

    /// Returns the objects that the server does refuse, as lines for people: `trigger t on users:
    /// …`.
    ///
    /// # Errors
    /// See [`PsqlError`].
    pub async fn by_server(
        &self,
        server: &Server,
        shutdown: &Shutdown,
    ) -> Result<Vec<String>, PsqlError> {
        let tables: Vec<String> = self
            .references
            .iter()
            .map(|(_, table)| quote_literal(table))
            .collect();
        let sql = format!(
            "SELECT pg_catalog.json_build_array(COALESCE(pg_catalog.current_setting('citus.enable_unsafe_triggers', true), 'off'), \
             COALESCE((SELECT pg_catalog.json_agg(t.name) FROM pg_catalog.unnest(ARRAY[{}]::text[]) AS t (name) \
             WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_dist_partition p \
             WHERE p.logicalrelid = pg_catalog.to_regclass(t.name))), '[]'));\n",
            tables.join(", ")
        );
        let (unsafe_triggers, ordinary): (String, Vec<String>) =
            server.query_json_one(&sql, shutdown).await?;
        Ok(self.lines(unsafe_triggers == "on", &ordinary))
    }

    /// Returns the lines, given the server's setting and the tables that are ordinary.
    fn lines(&self, unsafe_triggers: bool, ordinary: &[String]) -> Vec<String> {
        let triggers = self.triggers.iter().filter(|_| !unsafe_triggers).map(|trigger| {
            format!("{trigger}: triggers are not supported on distributed tables (citus.enable_unsafe_triggers is off)")
        });
        let statistics = self.statistics.iter().map(|statistics| {
            format!(
                "{statistics}: statistics on expressions are not supported on distributed tables"
            )
        });
        let references = self.references.iter().filter(|(_, table)| ordinary.contains(table)).map(|(key, table)| {
            format!("{key}: {table} is an ordinary table; make it a reference table: SELECT create_reference_table('{table}')")
        });
        triggers.chain(statistics).chain(references).collect()
    }
}

/// Returns `true` for `CREATE STATISTICS … ON (lower(a)), b FROM …`: an opening parenthesis, or a
/// call, between ON and FROM.
fn is_on_an_expression(statement: &[Token], source: &str) -> bool {
    let on = statement
        .iter()
        .position(|token| token.is_word(source, "on"));
    let columns = on.and_then(|on| statement.get(on..)).unwrap_or_default();
    columns
        .iter()
        .take_while(|token| !token.is_word(source, "from"))
        .any(|token| token.is(source, "("))
}

/// Returns the foreign keys of a statement that refer to tables outside of the tenant.
fn references(statement: &[Token], source: &str) -> Vec<(String, String)> {
    let is_table = ["create", "alter"].iter().any(|word| {
        statement
            .first()
            .is_some_and(|token| token.is_word(source, word))
    }) && statement
        .iter()
        .take(6)
        .any(|token| token.is_word(source, "table"));
    if !is_table {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut name = None;
    for (index, token) in statement.iter().enumerate() {
        if token.is_word(source, "constraint") {
            name = Some(name_at(statement, index + 1, source).0);
        }
        if !token.is_word(source, "references") {
            continue;
        }
        let (table, placeholder) = name_at(statement, index + 1, source);
        if !placeholder {
            found.push((
                format!(
                    "foreign key {}",
                    name.clone().unwrap_or_else(|| "without a name".to_owned())
                ),
                table,
            ));
        }
    }
    found
}

/// Reads a name, qualified or not, from a token on. The flag says that it begins with the
/// placeholder.
fn name_at(statement: &[Token], from: usize, source: &str) -> (String, bool) {
    let mut text = String::new();
    let mut placeholder = false;
    for (index, token) in statement.get(from..).unwrap_or_default().iter().enumerate() {
        let part = token.text(source);
        let is_dot = part == ".";
        let is_name = !is_dot
            && !matches!(token.kind, TokenKind::Punctuation)
            && content(*token, source).is_none();
        // Name, dot, name.
        if (index % 2 == 0 && !is_name) || (index % 2 == 1 && !is_dot) {
            break;
        }
        placeholder |= index == 0 && part.contains(PLACEHOLDER);
        text.push_str(part);
    }
    (text, placeholder)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: &str = "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\n\
        CREATE TABLE #{prefix}.users (id int, plan int, name text);\n\
        CREATE TABLE #{prefix}.notes (id int REFERENCES public.kinds (id), b text DEFAULT 'x references y');\n\
        ALTER TABLE ONLY #{prefix}.users ADD CONSTRAINT users_plan_fkey FOREIGN KEY (plan) REFERENCES public.plans(id);\n\
        ALTER TABLE ONLY #{prefix}.notes ADD CONSTRAINT notes_id_fkey FOREIGN KEY (id) REFERENCES #{prefix}.users(id);\n\
        CREATE STATISTICS #{prefix}.simple ON id, plan FROM #{prefix}.users;\n\
        CREATE STATISTICS #{prefix}.by_name ON (lower(name)) FROM #{prefix}.users;\n\
        CREATE TRIGGER touch BEFORE UPDATE ON #{prefix}.users FOR EACH ROW EXECUTE FUNCTION public.touch();\n";

    #[test]
    fn what_may_be_refused_is_found_by_object() {
        let refused = CitusObstacles::from_snapshot(&Snapshot::parse(SNAPSHOT).unwrap());
        assert_eq!(refused.triggers, ["trigger touch on users"]);
        assert_eq!(refused.statistics, ["statistics by_name"]);
        let references = [
            ("foreign key without a name", "public.kinds"),
            ("foreign key users_plan_fkey", "public.plans"),
        ];
        assert_eq!(
            refused.references,
            references.map(|(key, table)| (key.to_owned(), table.to_owned()))
        );
        insta::assert_snapshot!(refused.lines(false, &["public.plans".to_owned()]).join("\n"), @"
        trigger touch on users: triggers are not supported on distributed tables (citus.enable_unsafe_triggers is off)
        statistics by_name: statistics on expressions are not supported on distributed tables
        foreign key users_plan_fkey: public.plans is an ordinary table; make it a reference table: SELECT create_reference_table('public.plans')
        ");
        assert_eq!(refused.lines(true, &[]).len(), 1);
    }
}
