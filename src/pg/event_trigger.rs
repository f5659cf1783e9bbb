//! Event triggers: functions that run for the DDL of everybody in a database.

use std::fmt;

use serde::Deserialize;

use super::{PsqlError, Server};
use crate::process::Shutdown;

/// An event trigger that runs for DDL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EventTrigger {
    /// Its name.
    pub name: String,
    /// Its function, qualified.
    pub function: String,
}

impl fmt::Display for EventTrigger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "'{}' ({}())", self.name, self.function)
    }
}

/// Those that are on and run before or behind a statement that creates or changes something. The columns are JSON.
pub const EVENT_TRIGGERS: &str = "SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('name', e.evtname, 'function', \
    pg_catalog.quote_ident(n.nspname) OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) pg_catalog.quote_ident(p.proname)) \
    ORDER BY e.evtname), '[]') FROM pg_catalog.pg_event_trigger e JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) e.evtfoid \
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace \
    WHERE e.evtenabled OPERATOR(pg_catalog.<>) 'D' AND e.evtenabled OPERATOR(pg_catalog.<>) 'R' \
    AND e.evtevent OPERATOR(pg_catalog.<>) 'sql_drop'";

/// Returns the event triggers that run for the DDL of this database.
///
/// # Errors
/// See [`PsqlError`].
pub async fn event_triggers(
    server: &Server,
    shutdown: &Shutdown,
) -> Result<Vec<EventTrigger>, PsqlError> {
    server
        .query_json_one(&format!("{EVENT_TRIGGERS};\n"), shutdown)
        .await
}
