//! Indexes of migrations outside of transactions, and what an earlier attempt left of them.

use std::collections::BTreeMap;

use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;
use crate::snapshot::{Action, CompiledStatement, ObjectKind, ObjectScope};
use crate::sql::{TenantName, quote_literal, tokens};
use crate::tenant::migrations::Migration;
use crate::tenant::runs::NOT_RECORDED;
use crate::text::swrite;

/// The state of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexState {
    Valid,
    /// The index is invalid: `CREATE INDEX CONCURRENTLY` was interrupted.
    Invalid,
}

/// Returns whether a statement creates or drops an index of the tenant concurrently, or `None` if it does neither.
pub(crate) fn concurrent_index(statement: &CompiledStatement, sql: &str) -> Option<Action> {
    let object = &statement.object;
    let matches = object.kind == ObjectKind::Index
        && !object.name.is_empty()
        && !matches!(object.scope, ObjectScope::Named(_))
        && matches!(object.action, Action::Create | Action::Drop)
        && tokens(sql)
            .iter()
            .any(|token| token.is_word(sql, "concurrently"));
    matches.then_some(object.action)
}

/// Queries the indexes of migrations outside of transactions, if there are any.
pub(crate) async fn index_states(
    server: &Server,
    tenant: &TenantName,
    migrations: &[&Migration],
    shutdown: &Shutdown,
) -> Result<BTreeMap<String, IndexState>, PsqlError> {
    let mut names = Vec::new();
    for statement in migrations
        .iter()
        .filter(|m| !m.transaction)
        .flat_map(|migration| migration.statements())
    {
        let mut sql = String::new();
        if statement.render(tenant, &mut sql).is_ok() && concurrent_index(statement, &sql).is_some()
        {
            names.push(quote_literal(&statement.object.name));
        }
    }
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sql = format!(
        "SELECT pg_catalog.json_build_array(c.relname, i.indisvalid) FROM pg_catalog.pg_index i \
         JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {} AND c.relname IN ({});\n",
        quote_literal(tenant.as_str()),
        names.join(", ")
    );
    let lines = server.query_json(&sql, shutdown).await?;
    let states = lines
        .into_iter()
        .filter_map(|line| serde_json::from_value::<(String, bool)>(line).ok());
    Ok(states
        .map(|(name, valid)| {
            (
                name,
                if valid {
                    IndexState::Valid
                } else {
                    IndexState::Invalid
                },
            )
        })
        .collect())
}

/// Returns statements of `PL/pgSQL` that fail unless the indexes that a migration has created or dropped concurrently are
/// as it leaves them. Their state is read before the first statement, and without a transaction others may re-create a table
/// meanwhile.
pub(super) fn indexes_as_planned_sql(
    tenant: &TenantName,
    concurrent: &BTreeMap<&str, Action>,
) -> String {
    let mut checks = String::new();
    for (name, action) in concurrent {
        let index = format!(
            "SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = {}",
            quote_literal(name)
        );
        let own = format!("n.nspname = {}", quote_literal(tenant.as_str()));
        let (condition, state) = match action {
            // An index on a shared table is in the schema of that table.
            Action::Create => (
                format!(
                    "NOT EXISTS ({index} AND i.indisvalid AND ({own} OR pg_catalog.pg_table_is_visible(c.oid)))"
                ),
                "missing or invalid",
            ),
            _ => (format!("EXISTS ({index} AND {own})"), "there again"),
        };
        let message =
            format!("index {name} is {state}: its table was changed during the migration");
        swrite!(
            checks,
            "IF {condition} THEN RAISE EXCEPTION USING ERRCODE = '{NOT_RECORDED}', MESSAGE = {}; END IF; ",
            quote_literal(&message)
        );
    }
    checks
}
