//! Finds the failed statement of a message: runs the same statements again, one by one, in a
//! transaction that is rolled back.

use super::error::FailedStatement;
use crate::pg::{PsqlError, ScriptOptions, Server, ServerMessage, SqlState};
use crate::process::Shutdown;
use crate::snapshot::{Object, ObjectKind, Rendered};
use crate::sql::TenantName;
use crate::text::one_line;

/// Number of characters of a statement in a message; the ellipsis makes 200.
const EXCERPT: usize = 199;

/// A script in which the last line of each statement is known.
#[derive(Debug, Default)]
struct TracedScript {
    script: String,
    /// The last line of each statement.
    ends: Vec<usize>,
    lines: usize,
}

impl TracedScript {
    fn new(statements: &[Rendered]) -> Self {
        let mut traced = Self::default();
        traced.script.push_str("BEGIN;\n");
        traced.lines = 1;
        for statement in statements {
            traced.script.push_str(&statement.sql);
            traced.script.push_str(";\n");
            traced.lines += statement.sql.bytes().filter(|byte| *byte == b'\n').count() + 1;
            traced.ends.push(traced.lines);
        }
        traced.script.push_str("ROLLBACK;\n");
        traced
    }

    /// Returns the statement that ends on a line, or the first one after it.
    fn statement_at(&self, line: usize) -> Option<usize> {
        let index = self.ends.partition_point(|end| *end < line);
        (index < self.ends.len() && line > 1).then_some(index)
    }
}

/// The failed statement, and the server's message.
pub(super) struct LocatedStatement {
    pub(super) message: ServerMessage,
    pub(super) statement: FailedStatement,
    pub(super) object: Option<Object>,
}

/// Returns `true` if a statement with an error of this class would fail again for the same reason.
/// This is not so for resources, cancellations, conflicts, lost connections and locks.
pub(super) fn is_repeatable(sqlstate: Option<SqlState>) -> bool {
    sqlstate.is_some_and(|sqlstate| {
        !matches!(
            sqlstate.class(),
            // Appendix A of the PostgreSQL documentation: operator intervention, insufficient resources, transaction
            // rollback, connection exception, object not in the required state (a lock), internal error, system
            // error.
            "57" | "53" | "40" | "08" | "55" | "XX" | "58"
        )
    })
}

/// Finds the statement. Returns `None` if the statements do not fail in the same way by themselves.
pub(super) async fn locate(
    server: &Server,
    statements: &[Rendered],
    tenant: &TenantName,
    sqlstate: Option<SqlState>,
    shutdown: &Shutdown,
) -> Option<LocatedStatement> {
    let traced = TracedScript::new(statements);
    let error = server
        .run_script(&traced.script, &ScriptOptions::default(), shutdown)
        .await
        .err()?;
    let PsqlError::Script { message, .. } = error else {
        tracing::debug!(%error, "the failed statement was not found");
        return None;
    };
    // Another error than that of the message has another cause, such as a lock: its statement would mislead.
    if message.sqlstate != sqlstate {
        tracing::debug!(%message, "the statements fail otherwise one by one");
        return None;
    }
    located(*message, &traced, statements, tenant)
}

/// Names the statement of a script that sent each statement by itself, from the line that psql reports. `lines_before` is
/// the number of lines in front of the first statement.
pub(super) fn located_by_line(
    message: &ServerMessage,
    lines_before: usize,
    statements: &[Rendered],
    tenant: &TenantName,
) -> Option<LocatedStatement> {
    let mut traced = TracedScript::new(statements);
    for end in &mut traced.ends {
        *end = (*end + lines_before).saturating_sub(1);
    }
    located(message.clone(), &traced, statements, tenant)
}

fn located(
    message: ServerMessage,
    traced: &TracedScript,
    statements: &[Rendered],
    tenant: &TenantName,
) -> Option<LocatedStatement> {
    let line = usize::try_from(message.script.as_ref()?.line).ok()?;
    let rendered = statements.get(traced.statement_at(line)?)?;
    let statement = FailedStatement {
        sql: one_line(&rendered.sql, EXCERPT),
        object: rendered.object.as_ref().map(|object| match object.kind {
            ObjectKind::Schema if object.name.is_empty() => format!("schema {}", tenant.quoted()),
            _ => object.to_string(),
        }),
        line: rendered.line,
        file: rendered.file.clone(),
    };
    Some(LocatedStatement {
        message,
        statement,
        object: rendered.object.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(sql: &str) -> Rendered {
        Rendered {
            sql: sql.to_owned(),
            object: None,
            line: None,
            file: None,
        }
    }

    #[test]
    fn lines_lead_to_statements() {
        let traced = TracedScript::new(&[
            rendered("SELECT 1"),
            rendered("SELECT\n2\n+ 3"),
            rendered("SELECT 4"),
        ]);
        let lines: Vec<&str> = traced.script.split('\n').collect();
        assert_eq!(lines[5], "SELECT 4;");
        let found: Vec<_> = (1..8).map(|line| traced.statement_at(line)).collect();
        assert_eq!(
            found,
            [None, Some(0), Some(1), Some(1), Some(1), Some(2), None]
        );
    }
}
