//! The SQL that finds tenants and reads their version tables.

use crate::fleet::selection::TenantSelection;
use crate::pg::UNHURRIED;
use crate::sql::{TenantName, quote_literal};
use crate::tenant::versions::{Style, TABLES, qualified};

/// Number of tables that one statement reads. It bounds the locks to a few hundred, whatever the
/// number of tenants.
const TABLES_PER_STATEMENT: usize = 200;

/// Returns a query that prints one line for the server, `["server", major, search_path]`, then one
/// for each schema that may be a tenant: `[name, comment, usage, [[table, select, [[column,
/// type]]]]]`.
///
/// Tables may belong to anybody, and reading them must not run anybody's code. So only columns of
/// `PostgreSQL`'s own types are listed, to which no user-defined cast applies, and a table whose
/// policies would run counts as not readable.
pub(super) fn schemas(scope: &TenantSelection, versions_table: Option<&str>) -> String {
    let tables: Vec<String> = match versions_table {
        Some(table) => vec![quote_literal(table)],
        None => TABLES.iter().map(|table| quote_literal(table)).collect(),
    };
    let filter = match scope {
        // `public` is not a tenant, even if it has a version table.
        TenantSelection::All { pattern } => {
            let pattern = pattern.as_ref().map(|pattern| {
                format!(
                    " AND n.nspname OPERATOR(pg_catalog.~) {} COLLATE pg_catalog.default",
                    quote_literal(&regex_of(pattern))
                )
            });
            format!(
                "n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public'){}",
                pattern.unwrap_or_default()
            )
        }
        TenantSelection::Named(names) if names.is_empty() => "false".to_owned(),
        TenantSelection::Named(names) => {
            // A list of constants is compared one by one before PostgreSQL 14; this is hashed.
            let names: Vec<&str> = names.iter().map(TenantName::as_str).collect();
            let names = serde_json::Value::from(names).to_string();
            format!(
                "n.nspname IN (SELECT wanted::pg_catalog.name FROM pg_catalog.json_array_elements_text({}) AS wanted)",
                quote_literal(&names)
            )
        }
    };
    // The functions for privileges answer NULL for a schema or table that was dropped since the query began; whoever reads
    // from it next learns that it is gone.
    format!(
        "SELECT pg_catalog.json_build_array('server', pg_catalog.current_setting('server_version_num')::int / 10000, \
         (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path'), \
         pg_catalog.to_regclass('pg_catalog.pg_dist_schema') IS NOT NULL);\n\
         {UNHURRIED}SELECT pg_catalog.json_build_array(n.nspname, pg_catalog.obj_description(n.oid, 'pg_namespace'), \
         COALESCE(pg_catalog.has_schema_privilege(n.oid, 'USAGE'), true), \
         (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(c.relname, \
         COALESCE(pg_catalog.has_table_privilege(c.oid, 'SELECT') AND NOT pg_catalog.row_security_active(c.oid), true), \
         (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, \
         pg_catalog.format_type(a.atttypid, NULL)) ORDER BY a.attnum), '[]') \
         FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         AND t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace::oid)) ORDER BY c.relname) \
         FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND c.relname IN ({tables}))) \
         FROM pg_catalog.pg_namespace n WHERE {filter} ORDER BY n.nspname;\n",
        tables = tables.join(", ")
    )
}

/// Query for the names of Citus's distributed schemas.
pub(super) const DISTRIBUTED: &str = "SELECT pg_catalog.to_json(n.nspname) FROM pg_catalog.pg_dist_schema d \
    JOIN pg_catalog.pg_namespace n ON n.oid = d.schemaid;\n";

/// Returns queries that print for each table a line `[index, rows or null, index of the table that
/// has the same rows]`. Rows that many tenants share are sent once.
pub(super) fn rows<'a>(tables: impl Iterator<Item = (usize, &'a str, &'a str, Style)>) -> String {
    let selects: Vec<String> = tables
        .map(|(index, schema, table, style)| {
            format!(
                "SELECT {index}, {}::text",
                style.rows_sql(&qualified(schema, table))
            )
        })
        .collect();
    let mut sql = String::new();
    for chunk in selects.chunks(TABLES_PER_STATEMENT) {
        // Set this for the statement only: a session setting would reach other clients through a
        // pooler.
        sql.push_str(UNHURRIED);
        sql.push_str(
            "SELECT pg_catalog.json_build_array(i, CASE WHEN i = same THEN rows::json END, same) FROM (\
             SELECT i, rows, pg_catalog.min(i) OVER (PARTITION BY rows) AS same FROM (\n",
        );
        sql.push_str(&chunk.join("\nUNION ALL "));
        sql.push_str(") AS t (i, rows)) AS s ORDER BY i;\n");
    }
    sql
}

/// Translates a pattern of psql's `\d` into a regular expression: `*`, `?`, and letters folded
/// outside of double quotes.
fn regex_of(pattern: &str) -> String {
    let mut regex = String::from("^(");
    let mut quoted = false;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                regex.push('"');
            }
            '"' => quoted = !quoted,
            '*' if !quoted => regex.push_str(".*"),
            '?' if !quoted => regex.push('.'),
            // In names, `$` is a letter and not the end of the text.
            '$' | '.' => {
                regex.push('\\');
                regex.push(character);
            }
            '|' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '\\' if quoted => {
                regex.push('\\');
                regex.push(character);
            }
            _ if quoted => regex.push(character),
            _ => regex.push(character.to_ascii_lowercase()),
        }
    }
    regex.push_str(")$");
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_psql() {
        assert_eq!(regex_of("tenant_*"), "^(tenant_.*)$");
        assert_eq!(regex_of("T?\"A*b\"\"\""), "^(t.A\\*b\")$");
        assert_eq!(regex_of("a|b[0-9].x$"), "^(a|b[0-9]\\.x\\$)$");
    }
}
