//! The SQL for one tenant: settings of the transaction, the lock, the statements.

use std::collections::BTreeSet;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::citus::{distributing, for_citus, is_repeated};
use super::format::Snapshot;
use super::mark::{MARK, SPARE};
use super::object::{Action, ObjectKind, identifier_value};
use super::rendered::Rendered;
use super::template::{CompiledStatement, TemplateError};
use crate::pg::{EXACT_SETTINGS, SqlState};
use crate::sql::literal::content;
use crate::sql::{
    SettingScope, TenantName, TokenKind, local, quote, quote_literal, session_cleanup,
    session_remembered, tokens,
};
use crate::text::{slice, swrite};

/// Options of rendering a snapshot.
#[derive(Clone, Debug)]
pub struct RenderOptions {
    /// `ALTER … OWNER TO`.
    pub owners: bool,
    /// `GRANT`, `REVOKE` and default privileges.
    pub privileges: bool,
    /// The role that creates the tenant; `None` for the one that logs in.
    pub role: Option<String>,
    /// Time limit of a statement, or `None` for no limit.
    pub timeout: Option<Duration>,
    /// The marker in the schema's comment.
    pub mark: Marking,
    /// The run that creates the tenant, in hexadecimal digits. They end the tenant's marker, so
    /// that a run that lost its answer can recognise its own tenant.
    pub run: Option<String>,
    /// The schema becomes a distributed one of Citus.
    pub citus: bool,
}

/// The marker in a schema's comment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marking {
    /// Nothing.
    None,
    /// It is a tenant of this snapshot.
    #[default]
    Tenant,
    /// A spare of this snapshot, which was not claimed.
    Spare,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            owners: true,
            privileges: true,
            role: None,
            timeout: None,
            mark: Marking::Tenant,
            run: None,
            citus: false,
        }
    }
}

impl Snapshot {
    /// All statements of the transaction that creates a tenant, in order, without `BEGIN` and `COMMIT`.
    ///
    /// If they may change the session, `Snapshot::contained` undoes that.
    ///
    /// # Errors
    /// [`TemplateError::Foreign`] for a name that a body in another language cannot hold.
    pub fn statements_for(
        &self,
        tenant: &TenantName,
        options: &RenderOptions,
    ) -> Result<Vec<Rendered>, TemplateError> {
        let mut statements = vec![
            Rendered::added(settings(options.timeout)),
            Rendered::added(lock(tenant)),
        ];
        statements.extend(storability(tenant).map(Rendered::added));
        if options.citus {
            statements.extend(distributing().map(Rendered::added));
        }
        if let Some(role) = &options.role {
            statements.push(Rendered::added(format!("SET LOCAL ROLE {}", quote(role))));
        }
        statements.extend(self.body_for(tenant, options)?);
        Ok(statements)
    }

    /// The statements of a transaction, and around them what gives the session back as it was: unchanged for a snapshot whose
    /// statements cannot change it.
    pub(crate) fn contained(&self, mut statements: Vec<Rendered>) -> Vec<Rendered> {
        if self.changes_session() {
            let remembered = format!("SELECT {}", session_remembered(SettingScope::Transaction));
            statements.insert(0, Rendered::added(remembered));
            let cleanup = session_cleanup(SettingScope::Transaction);
            statements.extend(cleanup.into_iter().map(Rendered::added));
        }
        statements
    }

    /// The statements of the body alone, for one tenant.
    ///
    /// # Errors
    /// See [`Snapshot::statements_for`].
    pub fn body_for(
        &self,
        tenant: &TenantName,
        options: &RenderOptions,
    ) -> Result<Vec<Rendered>, TemplateError> {
        let mut statements = Vec::with_capacity(self.template().statements.len() + 1);
        let mark = match options.mark {
            Marking::None => None,
            Marking::Tenant => Some(self.mark_of(options)),
            Marking::Spare => Some(format!("{SPARE}{}", self.fingerprint())),
        };
        // Before the first grant of the snapshot, or behind everything if it has none.
        let mut default_privileges = options.privileges;
        let mut repeated: Vec<(String, String)> = Vec::new();
        let lent = if options.owners {
            self.lent_create()
        } else {
            None
        };
        for (index, statement) in self.template().statements.iter().enumerate() {
            let object = &statement.object;
            if let Some(lent) = lent.as_ref().filter(|lent| lent.from == index) {
                statements.push(Rendered::added(lent.grant(tenant)));
            }
            if object.action == Action::Privileges && std::mem::take(&mut default_privileges) {
                statements.push(Rendered::added(without_default_privileges(tenant)));
            }
            let dropped = match object.action {
                Action::Owner => !options.owners,
                Action::Privileges => !options.privileges,
                _ => false,
            };
            if dropped {
                continue;
            }
            let mut sql = String::new();
            statement.render(tenant, &mut sql)?;
            // The next tenant may be made by the same session.
            if object.action == Action::Setting {
                sql = local(&sql);
            }
            if let Some(mark) = &mark
                && object.kind == ObjectKind::Schema
                && object.action == Action::Comment
            {
                sql = marked(&sql, mark);
            }
            if options.citus && is_repeated(object.action, object.kind) {
                let identity = object.to_string();
                let mut plain = String::new();
                statement.render_plain(tenant, &mut plain)?;
                // A view that `pg_dump` wrote twice: the later one is whole.
                repeated.retain(|(other, _)| *other != identity);
                repeated.push((identity, plain));
            }
            let created = object.kind == ObjectKind::Schema && object.action == Action::Create;
            statements.push(Rendered {
                sql,
                object: Some(object.clone()),
                line: Some(statement.line),
                file: None,
            });
            if let Some(lent) = lent.as_ref().filter(|lent| lent.to == index) {
                statements.push(Rendered::added(lent.revoke(tenant)));
            }
            if let Some(mark) = mark.as_ref().filter(|_| created) {
                let comment = format!(
                    "COMMENT ON SCHEMA {} IS {}",
                    tenant.quoted(),
                    quote_literal(mark)
                );
                statements.push(Rendered::added(comment));
            }
        }
        if default_privileges {
            statements.push(Rendered::added(without_default_privileges(tenant)));
        }
        // A snapshot that somebody edited: what is temporary would be there for the next tenant, or whoever a pooler serves
        // next.
        if self.changes_session() {
            statements.push(Rendered::added("DISCARD TEMP".to_owned()));
        }
        if options.citus {
            let repeated: Vec<String> = repeated.into_iter().map(|(_, sql)| sql).collect();
            statements = for_citus(statements, &repeated, tenant);
        }
        Ok(statements)
    }

    /// Returns the roles that get objects in a schema of another owner, and the statements that give them.
    ///
    /// A role without superuser rights can make only those the owner of an object who may create objects in its schema
    /// (`ATExecChangeOwner`), and a dump grants rights behind the owners, or the role had them only once.
    fn lent_create(&self) -> Option<LentCreate> {
        let of_schema = self.schema_owner();
        let mut lent: Option<LentCreate> = None;
        let mut is_granted = false;
        for (index, statement) in self.template().statements.iter().enumerate() {
            let object = &statement.object;
            is_granted |= object.action == Action::Privileges && object.kind == ObjectKind::Schema;
            if object.action != Action::Owner || object.kind == ObjectKind::Schema {
                continue;
            }
            let Some(owner) =
                new_owner(statement).filter(|owner| of_schema.as_ref() != Some(owner))
            else {
                continue;
            };
            if is_granted {
                // What is granted by then must not be revoked.
                return None;
            }
            let lent = lent.get_or_insert_with(|| LentCreate {
                roles: BTreeSet::new(),
                spares_owner: of_schema.is_none(),
                from: index,
                to: index,
            });
            lent.roles.insert(owner);
            lent.to = index;
        }
        lent
    }

    /// Returns the statement that sets the comment of a tenant's schema: the snapshot's own
    /// comment, then the marker.
    ///
    /// # Errors
    /// Cannot fail for a captured snapshot.
    pub fn schema_comment(
        &self,
        tenant: &TenantName,
        options: &RenderOptions,
    ) -> Result<String, TemplateError> {
        let mark = self.mark_of(options);
        let own = self.template().statements.iter().rev().find(|statement| {
            statement.object.kind == ObjectKind::Schema
                && statement.object.action == Action::Comment
        });
        let Some(own) = own else {
            return Ok(format!(
                "COMMENT ON SCHEMA {} IS {}",
                tenant.quoted(),
                quote_literal(&mark)
            ));
        };
        let mut sql = String::new();
        own.render_plain(tenant, &mut sql)?;
        Ok(marked(&sql, &mark))
    }

    /// The role that the snapshot makes the owner of the schema.
    pub fn schema_owner(&self) -> Option<String> {
        let owner = self.template().statements.iter().rev().find(|statement| {
            statement.object.kind == ObjectKind::Schema && statement.object.action == Action::Owner
        })?;
        new_owner(owner)
    }

    /// Returns the marker of a tenant: `schemastamp: FINGERPRINT`, followed by the run, if one is
    /// given.
    fn mark_of(&self, options: &RenderOptions) -> String {
        let run = options
            .run
            .as_ref()
            .map(|run| format!("/{run}"))
            .unwrap_or_default();
        format!("{MARK}{}{run}", self.fingerprint())
    }

    /// A script that psql runs as it is: one transaction, a statement after the other.
    ///
    /// # Errors
    /// See [`Snapshot::statements_for`].
    pub fn script_for(
        &self,
        tenant: &TenantName,
        options: &RenderOptions,
    ) -> Result<String, TemplateError> {
        let mut script = String::from("BEGIN;\n");
        for statement in self.contained(self.statements_for(tenant, options)?) {
            script.push_str(&statement.sql);
            script.push_str(";\n");
        }
        script.push_str("COMMIT;\n");
        Ok(script)
    }
}

/// The right to create objects in the schema, for roles that become owners of some.
#[derive(Debug)]
struct LentCreate {
    roles: BTreeSet<String>,
    /// True if one of the roles may own the schema, as the snapshot leaves it to the role that creates it.
    spares_owner: bool,
    /// Index of the first statement that makes one of them an owner.
    from: usize,
    /// Index of the last one.
    to: usize,
}

impl LentCreate {
    fn roles(&self) -> String {
        let roles: Vec<String> = self.roles.iter().map(|role| quote(role)).collect();
        roles.join(", ")
    }

    /// A role that does not exist is left to the statement that makes it an owner, whose error says where it stands.
    fn grant(&self, tenant: &TenantName) -> String {
        let grant = format!("GRANT CREATE ON SCHEMA {} TO ", tenant.quoted());
        self.for_each_role(tenant, &grant)
    }

    fn for_each_role(&self, tenant: &TenantName, command: &str) -> String {
        let roles: Vec<String> = self.roles.iter().map(|role| quote_literal(role)).collect();
        let but_owner = if self.spares_owner {
            format!(
                " AND oid <> (SELECT nspowner FROM pg_catalog.pg_namespace WHERE nspname = {})",
                quote_literal(tenant.as_str())
            )
        } else {
            String::new()
        };
        let body = format!(
            "DECLARE role name; BEGIN FOR role IN SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ({}){but_owner} LOOP \
             EXECUTE pg_catalog.concat({}, pg_catalog.quote_ident(role)); END LOOP; END",
            roles.join(", "),
            quote_literal(command)
        );
        format!("DO {}", quote_literal(&body))
    }

    fn revoke(&self, tenant: &TenantName) -> String {
        if self.spares_owner {
            let revoke = format!("REVOKE CREATE ON SCHEMA {} FROM ", tenant.quoted());
            return self.for_each_role(tenant, &revoke);
        }
        format!(
            "REVOKE CREATE ON SCHEMA {} FROM {}",
            tenant.quoted(),
            self.roles()
        )
    }
}

/// The role at the end of `ALTER … OWNER TO role`.
fn new_owner(statement: &CompiledStatement) -> Option<String> {
    let mut sql = String::new();
    statement
        .render_plain(&TenantName::new("t").ok()?, &mut sql)
        .ok()?;
    let last = tokens(&sql)
        .into_iter()
        .rev()
        .find(|token| !token.is_trivia())?;
    identifier_value(last, &sql)
}

/// SQLSTATE of the error that says that the server would store a tenant's name in another form.
pub const NOT_STORABLE: SqlState = SqlState::new(*b"SS010");

/// Fails where the server would store the tenant's name in another form; `None` for a name that is the same everywhere.
pub fn storability(tenant: &TenantName) -> Option<String> {
    if tenant.is_ascii() {
        return None;
    }
    let body = format!(
        "BEGIN IF NOT {} THEN RAISE EXCEPTION USING ERRCODE = '{NOT_STORABLE}', \
         MESSAGE = 'the name would be stored in another form'; END IF; END",
        tenant.is_storable_sql()
    );
    Some(format!("DO {}", quote_literal(&body)))
}

/// All statements as one message of the simple query protocol: one round trip, one implicit transaction, nothing of it
/// stays when a statement fails (psql's `\;`).
pub fn one_message(statements: &[Rendered]) -> String {
    let mut script = String::with_capacity(
        statements
            .iter()
            .map(|statement| statement.sql.len() + 4)
            .sum(),
    );
    for (index, statement) in statements.iter().enumerate() {
        if index > 0 {
            script.push_str(" \\;\n");
        }
        script.push_str(&statement.sql);
    }
    script.push_str(";\n");
    script
}

/// The longest timeout that the server takes (`guc.c`: `INT_MAX` milliseconds).
const MOST_MILLISECONDS: u128 = 2_147_483_647;

/// The session settings of `pg_dump`, for this transaction only, and the settings that end the
/// transaction if psql is gone.
///
/// An older server does not evaluate settings that it does not know. Before this statement has run,
/// the database's `search_path` may name a schema before `PostgreSQL`'s own, so each operator is
/// qualified.
pub fn settings(timeout: Option<Duration>) -> String {
    // The server takes an int.
    let milliseconds = timeout.map_or(0, |timeout| timeout.as_millis().clamp(1, MOST_MILLISECONDS));
    let mut sql = String::from("SELECT ");
    let always = [
        ("search_path", ""),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("standard_conforming_strings", "on"),
        // As in a dump: a body may name a table that comes later.
        ("check_function_bodies", "off"),
        ("xmloption", "content"),
        ("client_min_messages", "warning"),
        // A query of a table with policies fails then, instead of seeing a part of its rows.
        ("row_security", "off"),
        ("default_tablespace", ""),
        ("default_table_access_method", "heap"),
    ];
    swrite!(
        sql,
        "pg_catalog.set_config('statement_timeout', '{milliseconds}', true)"
    );
    for (name, value) in always.iter().chain(EXACT_SETTINGS) {
        swrite!(sql, ", pg_catalog.set_config('{name}', '{value}', true)");
    }
    for (since, name, value) in [
        // The server notices within a second that psql is gone, and rolls back; 13 notices when it answers.
        (140_000, "client_connection_check_interval", "1s"),
        (170_000, "transaction_timeout", "0"),
    ] {
        swrite!(
            sql,
            ", CASE WHEN pg_catalog.current_setting('server_version_num')::int OPERATOR(pg_catalog.>=) {since} \
             THEN pg_catalog.set_config('{name}', '{value}', true) END"
        );
    }
    sql
}

/// The transaction's lock on the tenant's name in this database: another run for the same name waits, others do not.
pub fn lock(tenant: &TenantName) -> String {
    format!(
        "SELECT pg_catalog.pg_advisory_xact_lock({})",
        lock_key(tenant)
    )
}

/// The key of a tenant's advisory lock: the first 64 bits of a SHA-256 of its name.
pub fn lock_key(tenant: &TenantName) -> i64 {
    let digest = Sha256::digest(format!("schemastamp tenant {tenant}"));
    let first: [u8; 8] = digest.first_chunk().copied().unwrap_or_default();
    i64::from_be_bytes(first)
}

/// Takes back what the database's own `ALTER DEFAULT PRIVILEGES` gave to what was just created, so that a tenant has the
/// snapshot's grants and no others. It stands in front of the snapshot's own grants, as `pg_dump` puts those last.
fn without_default_privileges(tenant: &TenantName) -> String {
    let body =
        include_str!("default_privileges.sql").replace("$tenant$", &quote_literal(tenant.as_str()));
    // The tenant's name stands in the body as a literal, and may hold the tag.
    let mut tag = "$stamp$".to_owned();
    while tenant.as_str().contains(&tag) {
        tag.insert(1, '_');
    }
    format!("DO {tag}{}{tag}", body.trim_end())
}

/// Returns `COMMENT ON SCHEMA … IS '…'` with the marker after the comment's own text.
fn marked(sql: &str, mark: &str) -> String {
    let literal = tokens(sql)
        .into_iter()
        .rev()
        .find(|token| matches!(token.kind, TokenKind::String(..)));
    let Some((token, comment)) = literal.and_then(|token| Some((token, content(token, sql)?)))
    else {
        return sql.to_owned();
    };
    let head = slice(sql, ..token.start);
    format!(
        "{head}{}",
        quote_literal(&format!("{}\n\n{mark}", comment.text))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(body: &str) -> Snapshot {
        Snapshot::parse(&format!(
            "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{{prefix}};\n{body}"
        ))
        .unwrap()
    }

    fn bodies(snapshot: &Snapshot, options: &RenderOptions) -> Vec<String> {
        let tenant = TenantName::new("a-b").unwrap();
        snapshot
            .body_for(&tenant, options)
            .unwrap()
            .into_iter()
            .map(|rendered| rendered.sql)
            .collect()
    }

    #[test]
    fn owners_and_privileges_can_be_left_out() {
        let snapshot = snapshot(
            "ALTER SCHEMA #{prefix} OWNER TO bob;\nGRANT USAGE ON SCHEMA #{prefix} TO eve;\nCREATE TABLE #{prefix}.t ();",
        );
        let options = RenderOptions {
            owners: false,
            privileges: false,
            mark: Marking::None,
            ..RenderOptions::default()
        };
        assert_eq!(
            bodies(&snapshot, &options),
            ["CREATE SCHEMA \"a-b\"", "CREATE TABLE \"a-b\".t ()"]
        );
        let all = RenderOptions {
            mark: Marking::None,
            ..RenderOptions::default()
        };
        let all = bodies(&snapshot, &all);
        assert_eq!(all.len(), 5);
        assert!(
            all[2].starts_with("DO $stamp$") && all[3].starts_with("GRANT USAGE"),
            "{all:?}"
        );
    }

    #[test]
    fn the_mark_joins_the_schemas_own_comment() {
        let snapshot = snapshot("COMMENT ON SCHEMA #{prefix} IS 'It''s a tenant';");
        let rendered = bodies(&snapshot, &RenderOptions::default());
        let mark = format!("schemastamp: {}", snapshot.fingerprint());
        assert_eq!(
            rendered[1],
            format!("COMMENT ON SCHEMA \"a-b\" IS '{mark}'")
        );
        assert_eq!(
            rendered[2],
            format!("COMMENT ON SCHEMA \"a-b\" IS 'It''s a tenant\n\n{mark}'")
        );
        assert_eq!(
            super::super::mark::strip_mark(&format!("It's a tenant\n\n{mark}")),
            "It's a tenant"
        );
        assert_eq!(super::super::mark::strip_mark(&mark), "");
        assert_eq!(
            super::super::mark::strip_mark("no schemastamp: here"),
            "no schemastamp: here"
        );
    }

    #[test]
    fn a_lock_for_each_name() {
        let key = |name: &str| lock_key(&TenantName::new(name).unwrap());
        assert_eq!(key("acme"), key("acme"));
        assert_ne!(key("acme"), key("Acme"));
    }

    #[test]
    fn one_message_has_one_end() {
        let statements: Vec<Rendered> = ["SELECT 1", "SELECT 2"]
            .iter()
            .map(|sql| Rendered::added((*sql).into()))
            .collect();
        assert_eq!(one_message(&statements), "SELECT 1 \\;\nSELECT 2;\n");
    }
}
