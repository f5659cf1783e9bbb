//! Rewrites what holds a tenant's name as text, after the server has renamed the schema.

use std::collections::BTreeSet;

use crate::snapshot::{
    Action, CompiledStatement, Object, ObjectKind, Snapshot, TemplateError, identifier_value,
};
use crate::sql::literal::content;
use crate::sql::{TenantName, TokenKind, quote, tokens};

/// An object whose text is rewritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rewrite {
    /// The object: `function audit(integer)`.
    pub(crate) object: String,
    /// The statements that replace it, in order, without semicolons.
    pub(crate) statements: Vec<String>,
}

/// The reader of the statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RewriteReader {
    /// psql, which needs a backslash before some semicolons.
    Psql,
    /// The server itself.
    Execute,
}

/// Returns the statements that rewrite text, for a schema that already has the new name, in the
/// snapshot's order.
///
/// Text that cannot be rewritten is not among them, so the caller must prove the result. `major` is
/// the server's major version, or the oldest supported one.
pub(crate) fn rewrites(
    snapshot: &Snapshot,
    new: &TenantName,
    major: u32,
    reader: RewriteReader,
) -> Result<Vec<Rewrite>, TemplateError> {
    let sql_of = |statement: &CompiledStatement| -> Result<String, TemplateError> {
        let mut sql = String::new();
        match reader {
            RewriteReader::Psql => statement.render(new, &mut sql)?,
            RewriteReader::Execute => statement.render_plain(new, &mut sql)?,
        }
        Ok(sql)
    };
    let mut all = Vec::<Rewrite>::new();
    let mut made_again = Vec::<&Object>::new();
    let mut triggers = BTreeSet::new();
    for statement in &snapshot.template().statements {
        let object = &statement.object;
        // A re-created object has lost its comment.
        let lost =
            object.action == Action::Comment && made_again.iter().any(|made| is_same(made, object));
        // A trigger that is re-created or replaced is enabled.
        if object.action == Action::Alter && !triggers.is_empty() {
            let sql = sql_of(statement)?;
            if switched_trigger(&sql).is_some_and(|name| triggers.contains(&name)) {
                all.push(Rewrite {
                    object: object.to_string(),
                    statements: vec![sql],
                });
                continue;
            }
        }
        if !(lost || statement.holds_name_as_text()) {
            continue;
        }
        let sql = sql_of(statement)?;
        let Some(replacement) = replacement(object, sql, new, major) else {
            continue;
        };
        if replacement.len() > 1 {
            made_again.push(object);
        }
        if object.action == Action::Create && object.kind == ObjectKind::Trigger {
            triggers.insert(object.name.clone());
        }
        all.push(Rewrite {
            object: object.to_string(),
            statements: replacement,
        });
    }
    Ok(all)
}

fn is_same(one: &Object, other: &Object) -> bool {
    (one.kind, &one.name, &one.table) == (other.kind, &other.name, &other.table)
}

/// Returns the trigger of `ALTER TABLE t {ENABLE [ALWAYS | REPLICA] | DISABLE} TRIGGER name`.
fn switched_trigger(sql: &str) -> Option<String> {
    let tokens: Vec<_> = tokens(sql)
        .into_iter()
        .filter(|token| !token.is_trivia())
        .collect();
    let [.., switch, trigger, name] = tokens.as_slice() else {
        return None;
    };
    let switches = ["enable", "always", "replica", "disable"]
        .iter()
        .any(|word| switch.is_word(sql, word));
    (switches && trigger.is_word(sql, "trigger")).then(|| identifier_value(*name, sql))?
}

/// Returns the statement in a form that replaces the existing object. Returns `None` if the server
/// keeps the text as a reference (`'app.s'::regclass`), or if nothing can be replaced.
fn replacement(object: &Object, sql: String, new: &TenantName, major: u32) -> Option<Vec<String>> {
    let or_replace = |sql: String| match sql.strip_prefix("CREATE")? {
        rest if rest.starts_with(" OR REPLACE") => Some(vec![sql]),
        rest => Some(vec![format!("CREATE OR REPLACE{rest}")]),
    };
    let again = |kind: &str, sql: String| {
        let name = quote(&object.name);
        let table = quote(object.table.as_deref()?);
        Some(vec![
            format!("DROP {kind} {name} ON {}.{table}", new.quoted()),
            sql,
        ])
    };
    match (object.action, object.kind) {
        (
            Action::Create,
            ObjectKind::Function
            | ObjectKind::Procedure
            | ObjectKind::View
            | ObjectKind::Rule
            | ObjectKind::Aggregate,
        ) => or_replace(sql),
        (Action::Create, ObjectKind::Trigger)
            if major >= 14 && !sql.starts_with("CREATE CONSTRAINT") =>
        {
            or_replace(sql)
        }
        (Action::Create, ObjectKind::Trigger) => again("TRIGGER", sql),
        (Action::Create, ObjectKind::Policy) => again("POLICY", sql),
        (Action::Comment, kind) if kind != ObjectKind::Schema => Some(vec![sql]),
        (Action::Alter, ObjectKind::Table | ObjectKind::Column)
            if sql.contains(" SET DEFAULT ") && !is_tracked(&sql, new) =>
        {
            Some(vec![sql])
        }
        _ => None,
    }
}

/// Returns `true` if every literal with the name is a constant that the server keeps as a
/// reference: `'app.s'::regclass`.
fn is_tracked(sql: &str, name: &TenantName) -> bool {
    let tokens: Vec<_> = tokens(sql)
        .into_iter()
        .filter(|token| !token.is_trivia())
        .collect();
    tokens.iter().enumerate().all(|(index, token)| {
        let Some(text) = content(*token, sql) else {
            return true;
        };
        if !text.text.contains(name.as_str()) && !text.text.contains(&quote(name.as_str())) {
            return true;
        }
        let is_cast = tokens
            .get(index + 1)
            .is_some_and(|next| next.kind == TokenKind::Cast);
        is_cast
            && tokens
                .get(index + 2)
                .is_some_and(|kind| kind.is_word(sql, "regclass"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: &str = "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\n\
        CREATE FUNCTION #{prefix}.f() RETURNS text LANGUAGE sql AS $$ SELECT '#{prefix}' $$;\n\
        CREATE FUNCTION #{prefix}.g() RETURNS int LANGUAGE sql AS 'SELECT 1';\n\
        CREATE TABLE #{prefix}.t (a int, b text);\n\
        ALTER TABLE #{prefix}.t ALTER COLUMN a SET DEFAULT nextval('#{prefix}.s'::regclass);\n\
        ALTER TABLE #{prefix}.t ALTER COLUMN b SET DEFAULT '#{prefix}'::text;\n\
        CREATE TRIGGER w AFTER INSERT ON #{prefix}.t FOR EACH ROW EXECUTE FUNCTION #{prefix}.f('#{prefix}');\n\
        ALTER TABLE #{prefix}.t DISABLE TRIGGER w;\n\
        ALTER TABLE #{prefix}.t DISABLE TRIGGER other;\n\
        CREATE POLICY p ON #{prefix}.t USING (b = '#{prefix}'::text);\n\
        COMMENT ON POLICY p ON #{prefix}.t IS 'own rows';\n\
        COMMENT ON TABLE #{prefix}.t IS 'rows';\n";

    #[test]
    fn what_is_text_is_replaced_and_what_is_made_again_keeps_its_comment() {
        let snapshot = Snapshot::parse(SNAPSHOT).unwrap();
        let rewritten = |major| {
            let all = rewrites(
                &snapshot,
                &TenantName::new("a-b").unwrap(),
                major,
                RewriteReader::Execute,
            )
            .unwrap();
            all.into_iter()
                .flat_map(|rewrite| rewrite.statements)
                .collect::<Vec<_>>()
                .join("\n")
        };
        insta::assert_snapshot!(rewritten(13), @r#"
        CREATE OR REPLACE FUNCTION "a-b".f() RETURNS text LANGUAGE sql AS $$ SELECT 'a-b' $$
        ALTER TABLE "a-b".t ALTER COLUMN b SET DEFAULT 'a-b'::text
        DROP TRIGGER w ON "a-b".t
        CREATE TRIGGER w AFTER INSERT ON "a-b".t FOR EACH ROW EXECUTE FUNCTION "a-b".f('a-b')
        ALTER TABLE "a-b".t DISABLE TRIGGER w
        DROP POLICY p ON "a-b".t
        CREATE POLICY p ON "a-b".t USING (b = 'a-b'::text)
        COMMENT ON POLICY p ON "a-b".t IS 'own rows'
        "#);
        assert!(rewritten(14).contains("CREATE OR REPLACE TRIGGER"));
    }
}
