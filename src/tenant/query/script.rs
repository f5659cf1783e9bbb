//! The script that runs a query for some tenants through one psql, and the meaning of each of its lines.

use super::statements::{Query, QueryAccess};
use crate::pg::{SqlState, restrict_key};
use crate::snapshot::capture::shared_schemas;
use crate::snapshot::lock_key;
use crate::sql::{
    SettingScope, TenantName, quote, quote_literal, session_cleanup, session_remembered,
};
use crate::tenant::migrate::BUSY;
use crate::text::swrite;

/// Raised if the tenant's schema is not there.
pub(crate) const GONE: SqlState = SqlState::new(*b"SS013");

/// The values that all tenants of a run share.
pub(crate) struct QueryContext<'a> {
    /// The statements.
    pub(crate) query: &'a Query,
    /// Asks for the types of columns too.
    pub(crate) typed: bool,
    /// The role that the query runs as, or `None` for the login role.
    pub(crate) role: Option<&'a str>,
    /// Time limit of a statement in milliseconds, or `None` for that of the role.
    pub(crate) statement_timeout: Option<u128>,
    /// The initial `search_path` of sessions.
    pub(crate) search_path: &'a str,
    /// psql knows `\restrict`.
    pub(crate) restrict: bool,
    /// The unguessable beginning of the lines that are not results.
    pub(crate) key: &'a str,
    /// The unguessable text for NULL.
    pub(crate) null: &'a str,
}

/// The place that a message of the script belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueryPlace {
    /// Index among the script's tenants.
    pub(crate) tenant: usize,
    /// Number of the statement, starting at 1, with its line, or `None` for schemastamp's own.
    pub(crate) statement: Option<(usize, usize)>,
}

/// A line of the script's output that is not part of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryLine {
    /// The next lines are of this tenant.
    Tenant(usize),
    /// The tenant's transaction, by its id.
    Transaction(u64),
    /// The types of a statement's columns follow.
    Types,
    /// The rows of a statement follow.
    Rows,
    /// The statement has ended, and returned or changed this number of rows.
    Ended(u64),
    /// The tenant's transaction has ended.
    Done,
}

/// A script under construction.
pub(crate) struct QueryScript<'a> {
    context: &'a QueryContext<'a>,
    text: String,
    lines: usize,
    /// The last line of each part, with its place.
    parts: Vec<(usize, QueryPlace)>,
    tenants: usize,
}

impl<'a> QueryScript<'a> {
    pub(crate) fn new(context: &'a QueryContext<'a>) -> Self {
        let mut script = Self {
            context,
            text: String::new(),
            lines: 0,
            parts: Vec::new(),
            tenants: 0,
        };
        // psql is started for rows without headers.
        script.push(&format!(
            "\\pset format csv\n\\pset tuples_only off\n\\pset footer off\n\\pset null {}",
            context.null
        ));
        script
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the place of the part that a line of the script belongs to.
    pub(crate) fn place(&self, line: usize) -> Option<QueryPlace> {
        let index = self.parts.partition_point(|(last, _)| *last < line);
        self.parts.get(index).map(|(_, place)| *place)
    }

    /// Reads a line of the output. `None` is a line of a result.
    pub(crate) fn read(&self, line: &[u8]) -> Option<QueryLine> {
        let rest = str::from_utf8(line).ok()?.strip_prefix(self.context.key)?;
        let mut words = rest.split(' ').skip(1);
        let word = words.next()?;
        let number = words.next();
        let number = || number?.parse().ok();
        Some(match word {
            "tenant" => QueryLine::Tenant(usize::try_from(number()?).ok()?),
            "transaction" => QueryLine::Transaction(number()?),
            "types" => QueryLine::Types,
            "rows" => QueryLine::Rows,
            "ended" => QueryLine::Ended(number().unwrap_or_default()),
            "done" => QueryLine::Done,
            _ => return None,
        })
    }

    /// Adds a tenant's transaction.
    ///
    /// # Errors
    /// The operating system has no random bytes.
    pub(crate) fn tenant(&mut self, tenant: &TenantName) -> std::io::Result<()> {
        let index = self.tenants;
        self.tenants += 1;
        let context = self.context;
        let key = self.context.key;
        let ours = QueryPlace {
            tenant: index,
            statement: None,
        };
        let begin = match context.query.access() {
            QueryAccess::ReadOnly => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            QueryAccess::Write => "BEGIN",
        };
        self.part(ours, &format!("\\echo {key} tenant {index}"));
        self.part(
            ours,
            &format!("{begin} \\;\n{};", begin_guard(context, tenant)),
        );
        if context.query.access() == QueryAccess::Write {
            self.part(
                ours,
                &format!("SELECT '{key} transaction ' || pg_catalog.pg_current_xact_id()::text;"),
            );
        }
        for (number, statement) in (1..).zip(&context.query.statements) {
            let here = QueryPlace {
                tenant: index,
                statement: Some((number, statement.line)),
            };
            if number > 1 {
                // The statement before this one may have called a function that changed them, and psql and the server
                // would find other statements in the text than those that were checked.
                self.part(
                    ours,
                    "SET LOCAL standard_conforming_strings = on \\;\nSET LOCAL client_encoding = 'UTF8';",
                );
            }
            let (restrict, unrestrict) = if context.restrict {
                let key = restrict_key()?;
                (
                    format!("\\restrict {key}\n"),
                    format!("\\unrestrict {key}\n"),
                )
            } else {
                (String::new(), String::new())
            };
            let types = if context.typed {
                // Sends the text to be described only, and keeps it for `\g`.
                format!("\\echo {key} types\n\\gdesc\n")
            } else {
                String::new()
            };
            self.part(
                here,
                &format!(
                    "{restrict}{}\n{unrestrict}{types}\\echo {key} rows\n\\g\n\\echo {key} ended :ROW_COUNT",
                    statement.sql
                ),
            );
        }
        let end = match context.query.access() {
            QueryAccess::ReadOnly => "ROLLBACK",
            QueryAccess::Write => "COMMIT",
        };
        let mut last = vec![end_guard(tenant)];
        match context.query.access() {
            // What a rollback does not take back.
            QueryAccess::ReadOnly => last.push(read_cleanup()),
            QueryAccess::Write => {
                last.extend(session_cleanup(SettingScope::Transaction));
                last.push("DISCARD SEQUENCES".to_owned());
            }
        }
        last.push(end.to_owned());
        self.part(ours, &format!("{};", last.join(" \\;\n")));
        self.part(ours, &format!("\\echo {key} done"));
        Ok(())
    }

    fn push(&mut self, text: &str) {
        self.lines += text.matches('\n').count() + 1;
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn part(&mut self, place: QueryPlace, text: &str) {
        self.push(text);
        self.parts.push((self.lines, place));
    }
}

/// Returns the beginning of each tenant's transaction, as one statement that prints nothing.
///
/// A server leaves a schema out of the `search_path` if it does not exist or the role may not use it, and the query would
/// find its tables elsewhere. A read-only transaction cannot become another once it has a snapshot
/// (`check_transaction_read_only`), which this statement takes.
fn begin_guard(context: &QueryContext<'_>, tenant: &TenantName) -> String {
    let mut path = vec![tenant.quoted()];
    path.extend(
        shared_schemas(context.search_path, tenant.as_str())
            .iter()
            .map(|schema| quote(schema)),
    );
    let timeout = context.statement_timeout.map(|limit| limit.to_string());
    let settings = [
        ("standard_conforming_strings", Some("on".to_owned())),
        ("client_encoding", Some("UTF8".to_owned())),
        ("client_min_messages", Some("warning".to_owned())),
        ("bytea_output", Some("hex".to_owned())),
        ("datestyle", Some("ISO, MDY".to_owned())),
        ("intervalstyle", Some("postgres".to_owned())),
        ("extra_float_digits", Some("1".to_owned())),
        ("idle_in_transaction_session_timeout", Some("0".to_owned())),
        ("statement_timeout", timeout),
        ("role", context.role.map(str::to_owned)),
        ("search_path", Some(path.join(", "))),
    ];
    let mut body = String::from("BEGIN ");
    if context.query.access() == QueryAccess::Write {
        swrite!(
            body,
            "PERFORM {}; ",
            session_remembered(SettingScope::Transaction)
        );
    }
    for (name, value) in settings {
        if let Some(value) = value {
            swrite!(
                body,
                "PERFORM pg_catalog.set_config('{name}', {}, true); ",
                quote_literal(&value)
            );
        }
    }
    let schema = quote_literal(&tenant.quoted());
    swrite!(
        body,
        "IF pg_catalog.to_regnamespace({schema}) IS NULL THEN RAISE EXCEPTION USING ERRCODE = '{GONE}', \
         MESSAGE = 'there is no such schema'; END IF; \
         IF NOT pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace({schema})::oid, 'USAGE') THEN \
         RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = {}; END IF; ",
        quote_literal(&format!("permission denied for schema {tenant}"))
    );
    if context.query.access() == QueryAccess::Write {
        swrite!(
            body,
            "IF NOT pg_catalog.pg_try_advisory_xact_lock({}) THEN RAISE EXCEPTION USING ERRCODE = '{BUSY}', \
             MESSAGE = 'another run works on this tenant'; END IF; ",
            lock_key(tenant)
        );
    }
    body.push_str("END");
    format!("DO {}", quote_literal(&body))
}

/// Returns the check that the tenant was there all the time.
fn end_guard(tenant: &TenantName) -> String {
    let body = format!(
        "BEGIN IF pg_catalog.to_regnamespace({}) IS NULL THEN RAISE EXCEPTION USING ERRCODE = '{GONE}', \
         MESSAGE = 'there is no such schema'; END IF; END",
        quote_literal(&tenant.quoted())
    );
    format!("DO {}", quote_literal(&body))
}

/// Releases the locks of the session and the prepared statements that functions made.
fn read_cleanup() -> String {
    let body = "DECLARE made record; BEGIN PERFORM pg_catalog.pg_advisory_unlock_all(); \
        FOR made IN SELECT s.name FROM pg_catalog.pg_prepared_statements s WHERE s.from_sql \
        AND s.prepare_time OPERATOR(pg_catalog.>=) pg_catalog.transaction_timestamp() LOOP \
        EXECUTE pg_catalog.format('DEALLOCATE %I', made.name); END LOOP; END";
    format!("DO {}", quote_literal(body))
}
