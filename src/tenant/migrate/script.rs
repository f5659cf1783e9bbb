//! The script that migrates some tenants through one psql, and the meaning of each of its lines.

use std::collections::BTreeMap;
use std::time::Duration;

use super::indexes::{IndexState, concurrent_index, indexes_as_planned_sql};
use crate::pg::SqlState;
use crate::snapshot::capture::shared_schemas;
use crate::snapshot::{
    Action, CompiledStatement, ObjectKind, ObjectScope, TemplateError, lock_key,
};
use crate::sql::{
    SettingScope, TenantName, local, quote, quote_literal, session_cleanup, session_remembered,
};
use crate::tenant::migrations::Migration;
use crate::tenant::runs::record_sql;
use crate::tenant::versions::{Style, VersionsTable, qualified};
use crate::text::swrite;

/// Raised if the version is already in the table, because another run was faster.
pub(crate) const ALREADY: SqlState = SqlState::new(*b"SS001");
/// Raised if another run holds the tenant's lock.
pub(crate) const BUSY: SqlState = SqlState::new(*b"SS002");

/// Reasons why a tenant cannot be added to a script.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MigrationScriptError {
    /// A migration cannot be rendered for the tenant.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The version table cannot hold the migration's version, so that nothing would say that it is applied or undone. A plan
    /// has no such migration.
    #[error("the version table has no row for '{file}'")]
    NoVersionRow {
        /// The migration's file.
        file: String,
    },
}

impl MigrationScriptError {
    pub(super) fn without_row(migration: &Migration) -> Self {
        Self::NoVersionRow {
            file: migration.file_name(),
        }
    }
}

/// The place that a message of the script belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessagePlace {
    /// Index among the script's tenants.
    pub(crate) tenant: usize,
    /// The migration's file.
    pub(crate) file: String,
    /// The number of the statement in the file, starting at 1. `None` if all are one message, and
    /// for schemastamp's own statements.
    pub(crate) statement: Option<usize>,
    /// 1-based line of the statement in the file.
    pub(crate) line: Option<usize>,
}

/// The values that all tenants of a run share.
pub(crate) struct ScriptContext<'a> {
    /// Time that a statement waits for a lock.
    pub(crate) lock_timeout: Duration,
    /// Time limit of one statement, or `None` for no limit.
    pub(crate) statement_timeout: Option<Duration>,
    /// The role that migrates, or `None` for the login role.
    pub(crate) role: Option<&'a str>,
    pub(crate) major: u32,
    pub(crate) search_path: &'a str,
    /// The unguessable beginning of the lines that report commits.
    pub(crate) key: &'a str,
    /// The run for which migrations are recorded, or `None` if they are not.
    pub(crate) run: Option<&'a str>,
}

/// State of the version table in which a step may begin.
#[derive(Debug)]
pub(super) enum Expected {
    /// The version is not in it: the migration is applied.
    Absent,
    /// The migration is undone. Statements of `PL/pgSQL`, run under the tenant's lock and with the migration's settings,
    /// fail unless that is still right.
    AsPlanned(String),
}

/// A migration of a tenant, up or down.
#[derive(Debug)]
pub(super) struct ScriptStep<'m> {
    pub(super) migration: &'m Migration,
    pub(super) expected: Expected,
    /// The statement that writes or removes the version row.
    pub(super) finish: String,
    /// The statements of `PL/pgSQL` that record the step for the run.
    pub(super) record: Option<String>,
}

impl ScriptStep<'_> {
    /// Returns the statement behind those of the migration. With a record or with checks it is one statement: outside of a
    /// transaction none may be without the others.
    fn finishing_sql(&self, checks: &str) -> String {
        let record = self.record.as_deref().unwrap_or("");
        if record.is_empty() && checks.is_empty() {
            return self.finish.clone();
        }
        let body = format!("BEGIN {checks}{}; {record} END", self.finish);
        format!("DO {}", quote_literal(&body))
    }

    /// Returns the checks of an undo, as statements of `PL/pgSQL`; empty for a way up.
    fn checks(&self) -> &str {
        match &self.expected {
            Expected::Absent => "",
            Expected::AsPlanned(checks) => checks,
        }
    }

    /// Returns the statement that checks whether an undo may go on; `None` for a way up.
    fn check_sql(&self) -> Option<String> {
        let checks = Some(self.checks()).filter(|checks| !checks.is_empty())?;
        Some(format!(
            "DO {}",
            quote_literal(&format!("BEGIN {checks} END"))
        ))
    }
}

/// A script under construction.
pub(crate) struct MigrationScript<'a> {
    context: &'a ScriptContext<'a>,
    text: String,
    lines: usize,
    /// The last line of each message, with its place.
    messages: Vec<(usize, MessagePlace)>,
    tenants: usize,
}

impl<'a> MigrationScript<'a> {
    pub(crate) fn new(context: &'a ScriptContext<'a>) -> Self {
        Self {
            context,
            text: String::new(),
            lines: 0,
            messages: Vec::new(),
            tenants: 0,
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the place of the message that ends on a line of the script.
    pub(crate) fn place(&self, line: usize) -> Option<&MessagePlace> {
        let index = self.messages.partition_point(|(last, _)| *last < line);
        self.messages.get(index).map(|(_, place)| place)
    }

    /// Reads a line of the result: a tenant, and the number of its committed migrations.
    pub(crate) fn committed(&self, line: &[u8]) -> Option<(usize, usize)> {
        let rest = str::from_utf8(line)
            .ok()?
            .strip_prefix(self.context.key)?
            .strip_prefix(' ')?;
        let (tenant, count) = rest.split_once(' ')?;
        Some((tenant.parse().ok()?, count.parse().ok()?))
    }

    /// Adds a tenant's migrations. Each is a transaction, in one message or, if `separated`, in a
    /// message per statement.
    pub(crate) fn tenant(
        &mut self,
        tenant: &TenantName,
        versions: &VersionsTable,
        migrations: &[&Migration],
        separated: bool,
        indexes: &BTreeMap<String, IndexState>,
    ) -> Result<(), MigrationScriptError> {
        let table = qualified(tenant.as_str(), &versions.table);
        let mut previous = versions.last().map(|version| version.text.as_str());
        let mut steps = Vec::with_capacity(migrations.len());
        for &migration in migrations {
            let record = self
                .context
                .run
                .map(|run| record_sql(run, tenant, &versions.table, previous, migration) + ";");
            steps.push(ScriptStep {
                migration,
                expected: Expected::Absent,
                finish: versions
                    .style
                    .write_sql(&table, migration)
                    .ok_or_else(|| MigrationScriptError::without_row(migration))?,
                record,
            });
            previous = Some(migration.version.as_str());
        }
        self.steps(tenant, versions, &steps, separated, indexes)
    }

    /// Adds the steps of a tenant.
    pub(super) fn steps(
        &mut self,
        tenant: &TenantName,
        versions: &VersionsTable,
        steps: &[ScriptStep<'_>],
        separated: bool,
        indexes: &BTreeMap<String, IndexState>,
    ) -> Result<(), MigrationScriptError> {
        let index = self.tenants;
        self.tenants += 1;
        let table = qualified(tenant.as_str(), &versions.table);
        let mut indexes = indexes.clone();
        for (done, step) in steps.iter().enumerate() {
            let migration = step.migration;
            let place = MessagePlace {
                tenant: index,
                file: migration.file_name(),
                statement: None,
                line: None,
            };
            let marker = format!("SELECT '{} {index} {}'", self.context.key, done + 1);
            let mut parts: Vec<(String, MessagePlace)> = Vec::new();
            let ours = |sql: String| (sql, place.clone());
            let guard = version_guard(self.context, tenant, versions.style, &table, step);
            if migration.transaction {
                parts.extend([ours("BEGIN".to_owned()), ours(guard)]);
            } else {
                parts.push(ours(guard));
                parts.extend(session_settings(self.context, tenant).into_iter().map(ours));
            }
            let check = step.check_sql();
            parts.extend(check.clone().map(ours));
            let mut concurrent = BTreeMap::new();
            for (number, statement) in migration.statements().iter().enumerate() {
                let here = MessagePlace {
                    statement: Some(number + 1),
                    line: Some(statement.line),
                    ..place.clone()
                };
                // Outside of a transaction, others may have replaced the tenant since the last statement.
                if number > 0 && !migration.transaction {
                    parts.extend(check.clone().map(ours));
                }
                let planned = statement_sql(migration, statement, tenant, &indexes)?;
                parts.extend(planned.sql.into_iter().map(|sql| (sql, here.clone())));
                if let Some(action) = planned.concurrent_index {
                    concurrent.insert(statement.object.name.as_str(), action);
                }
                follow_index(&mut indexes, statement);
            }
            let checks = if migration.transaction {
                String::new()
            } else {
                step.checks().to_owned() + &indexes_as_planned_sql(tenant, &concurrent)
            };
            parts.push(ours(step.finishing_sql(&checks)));
            if !migration.transaction {
                parts.extend(session_cleanup(SettingScope::Session).into_iter().map(ours));
            } else if migration.changes_session() {
                let cleanup = session_cleanup(SettingScope::Transaction);
                parts.extend(cleanup.into_iter().map(ours));
            }
            if migration.transaction {
                parts.push(ours("COMMIT".to_owned()));
            }
            parts.push(ours(marker));
            if separated || !migration.transaction {
                for (sql, place) in parts {
                    self.push(&sql, place);
                }
            } else {
                let sql: Vec<String> = parts.into_iter().map(|(sql, _)| sql).collect();
                self.push(&sql.join(" \\;\n"), place);
            }
        }
        Ok(())
    }

    fn push(&mut self, sql: &str, place: MessagePlace) {
        self.lines += sql.matches('\n').count() + 1;
        self.text.push_str(sql);
        self.text.push_str(";\n");
        self.messages.push((self.lines, place));
    }
}

/// Brings the known indexes to their state after a statement: a migration behind it may create or drop the same one.
fn follow_index(indexes: &mut BTreeMap<String, IndexState>, statement: &CompiledStatement) {
    let object = &statement.object;
    if object.kind != ObjectKind::Index || matches!(object.scope, ObjectScope::Named(_)) {
        return;
    }
    match object.action {
        Action::Create => {
            indexes.insert(object.name.clone(), IndexState::Valid);
        }
        Action::Drop => {
            indexes.remove(&object.name);
        }
        _ => {}
    }
}

/// The work for a statement of a migration.
struct PlannedStatement {
    /// The SQL: nothing for an index that an earlier attempt created or dropped.
    sql: Vec<String>,
    /// The action on an index of the tenant outside of a transaction, if it is one.
    concurrent_index: Option<Action>,
}

/// Returns what is run for a statement of a migration.
fn statement_sql(
    migration: &Migration,
    statement: &CompiledStatement,
    tenant: &TenantName,
    indexes: &BTreeMap<String, IndexState>,
) -> Result<PlannedStatement, TemplateError> {
    let mut sql = String::new();
    statement.render(tenant, &mut sql)?;
    if migration.transaction {
        if statement.object.action == Action::Setting {
            sql = local(&sql);
        }
        return Ok(PlannedStatement {
            sql: vec![sql],
            concurrent_index: None,
        });
    }
    let index_action = concurrent_index(statement, &sql);
    let sql = match (index_action, indexes.get(&statement.object.name)) {
        (Some(Action::Create), Some(IndexState::Valid)) | (Some(Action::Drop), None) => Vec::new(),
        // CREATE INDEX CONCURRENTLY that was interrupted leaves an invalid index under the name.
        (Some(Action::Create), Some(IndexState::Invalid)) => {
            let drop = format!(
                "DROP INDEX CONCURRENTLY {}.{}",
                tenant.quoted(),
                quote(&statement.object.name)
            );
            vec![drop, sql]
        }
        _ => vec![sql],
    };
    Ok(PlannedStatement {
        sql,
        concurrent_index: index_action,
    })
}

/// Returns the settings of a migration: name and value.
fn tenant_settings(
    context: &ScriptContext<'_>,
    tenant: &TenantName,
) -> Vec<(&'static str, String)> {
    let mut path = vec![tenant.quoted()];
    path.extend(
        shared_schemas(context.search_path, tenant.as_str())
            .iter()
            .map(|schema| quote(schema)),
    );
    let mut settings = vec![
        ("search_path", path.join(", ")),
        ("lock_timeout", context.lock_timeout.as_millis().to_string()),
        (
            "statement_timeout",
            context
                .statement_timeout
                .map_or(0, |timeout| timeout.as_millis().max(1))
                .to_string(),
        ),
        ("idle_in_transaction_session_timeout", "0".to_owned()),
        ("standard_conforming_strings", "on".to_owned()),
        ("client_min_messages", "warning".to_owned()),
    ];
    // client_connection_check_interval is new in 14: the server ends a statement whose psql is gone, and with it the
    // lock.
    if context.major >= 14 {
        settings.push(("client_connection_check_interval", "1s".to_owned()));
    }
    settings.extend(context.role.map(|role| ("role", role.to_owned())));
    settings
}

/// Returns the settings for the session of a migration outside of transactions.
fn session_settings(context: &ScriptContext<'_>, tenant: &TenantName) -> Vec<String> {
    let settings = tenant_settings(context, tenant);
    let set = |(name, value): &(&str, String)| {
        format!(
            "PERFORM pg_catalog.set_config('{name}', {}, false);",
            quote_literal(value)
        )
    };
    let remembered = session_remembered(SettingScope::Session);
    let body: Vec<String> = std::iter::once(format!("PERFORM {remembered};"))
        .chain(settings.iter().map(set))
        .collect();
    vec![format!(
        "DO {}",
        quote_literal(&format!("BEGIN {} END", body.join(" ")))
    )]
}

/// Returns the beginning of each migration, as one statement that prints nothing: the transaction's
/// settings, the tenant's lock, and, for a way up, a check that the version is not applied yet.
///
/// The lock is only tried. A waiting statement would hold a database snapshot, which `CREATE INDEX
/// CONCURRENTLY` of the lock's holder would wait for in turn.
fn version_guard(
    context: &ScriptContext<'_>,
    tenant: &TenantName,
    style: Style,
    table: &str,
    step: &ScriptStep<'_>,
) -> String {
    let migration = step.migration;
    let mut body = String::from("BEGIN ");
    if migration.transaction {
        if migration.changes_session() {
            let remembered = session_remembered(SettingScope::Transaction);
            swrite!(body, "PERFORM {remembered}; ");
        }
        for (name, value) in tenant_settings(context, tenant) {
            swrite!(
                body,
                "PERFORM pg_catalog.set_config('{name}', {}, true); ",
                quote_literal(&value)
            );
        }
    }
    // Outside of a transaction the lock is that of the session, which ends with psql.
    let scope = if migration.transaction { "_xact" } else { "" };
    swrite!(
        body,
        "IF NOT pg_catalog.pg_try_advisory{scope}_lock({}) THEN RAISE EXCEPTION USING ERRCODE = '{BUSY}', \
         MESSAGE = 'another run works on this tenant'; END IF; ",
        lock_key(tenant)
    );
    if matches!(step.expected, Expected::Absent)
        && let Some(applied) = style.is_applied_sql(table, migration)
    {
        swrite!(
            body,
            "IF {applied} THEN RAISE EXCEPTION USING ERRCODE = '{ALREADY}', \
             MESSAGE = 'the version is applied already'; END IF; "
        );
    }
    body.push_str("END");
    format!("DO {}", quote_literal(&body))
}
