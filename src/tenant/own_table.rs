//! The tables that schemastamp keeps in a database, and the roles that they may belong to.

use serde::Deserialize;

use crate::sql::quote_literal;

/// A table of schemastamp's own, in a schema of its own.
///
/// Its name is no secret: any role that may create schemas could have created it, with triggers that run as the role
/// that writes into it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnTable {
    pub(super) schema: &'static str,
    pub(super) name: &'static str,
    /// The privileges that its use takes.
    pub(super) privileges: &'static [&'static str],
}

/// The state of a table of schemastamp's own, for the current role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TableState {
    /// It may be used.
    Usable,
    /// It or its schema belongs to a role that is not trusted.
    OfAnother,
    /// It runs code when it is written to, or hides rows.
    Altered,
    /// The current role lacks privileges.
    Forbidden,
}

impl OwnTable {
    /// Returns its name with the schema.
    pub(super) fn path(self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Returns an SQL expression for its [`TableState`], or null if there is no such table.
    pub(super) fn state(self) -> String {
        let privileges: Vec<String> = self
            .privileges
            .iter()
            .map(|privilege| format!("pg_catalog.has_table_privilege(c.oid, '{privilege}')"))
            .collect();
        format!(
            "(SELECT CASE WHEN NOT {trusts_both} THEN 'of_another' \
             WHEN c.relkind <> 'r' OR c.relispartition OR c.relrowsecurity \
             OR EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid) \
             OR EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid) \
             OR EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) THEN 'altered' \
             WHEN NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND {privileges}) THEN 'forbidden' ELSE 'usable' END \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = '{schema}' AND c.relname = '{name}')",
            trusts_both = is_trusted("c.relowner, n.nspowner", None),
            privileges = privileges.join(" AND "),
            schema = self.schema,
            name = self.name,
        )
    }

    /// Returns an SQL expression that is true if it exists and may be used.
    pub(super) fn is_usable(self) -> String {
        format!("COALESCE({} = 'usable', false)", self.state())
    }

    /// Returns an SQL expression for the name of the role that it belongs to, or its schema if that is not trusted or has no
    /// such table. Null without the schema.
    pub(super) fn owner(self) -> String {
        format!(
            "(SELECT pg_catalog.pg_get_userbyid(CASE WHEN {trusts_schema} THEN COALESCE(c.relowner, n.nspowner) \
             ELSE n.nspowner END) FROM pg_catalog.pg_namespace n LEFT JOIN pg_catalog.pg_class c \
             ON c.relnamespace = n.oid AND c.relname = '{name}' WHERE n.nspname = '{schema}')",
            trusts_schema = is_trusted("n.nspowner", None),
            schema = self.schema,
            name = self.name,
        )
    }

    /// Returns a `DO` statement that creates the schema and the table unless the schema exists, and then fails unless the
    /// table may be used.
    pub(super) fn creation(self, comment: &str, definition: &str, hint: &str) -> String {
        let schema = self.schema;
        // With this setting of Citus on, for the role or the database, CREATE SCHEMA makes a distributed schema, which may be
        // on a worker. Citus has it from version 12 on, which is also what `pg_dist_schema` came with.
        let body = format!(
            "BEGIN IF pg_catalog.to_regnamespace('{schema}') IS NULL THEN \
             IF pg_catalog.to_regclass('pg_catalog.pg_dist_schema') IS NOT NULL THEN \
             PERFORM pg_catalog.set_config('citus.enable_schema_based_sharding', 'off', true); END IF; \
             CREATE SCHEMA {schema}; \
             COMMENT ON SCHEMA {schema} IS {comment}; \
             {definition} \
             END IF; \
             {check} END",
            comment = quote_literal(comment),
            check = self.check(hint),
        );
        format!("DO {}", quote_literal(&body))
    }

    /// Returns a statement of `PL/pgSQL` that fails unless it may be used.
    pub(super) fn check(self, hint: &str) -> String {
        let path = self.path();
        format!(
            "DECLARE state text := {state}; BEGIN IF state IS DISTINCT FROM 'usable' THEN RAISE EXCEPTION USING \
             ERRCODE = '42501', MESSAGE = CASE state WHEN 'altered' \
             THEN '{path} is not an ordinary table, or has triggers, rules, row-level security or children' \
             WHEN 'forbidden' THEN 'this role may not use {path}' \
             ELSE '{path} is not a table of this role, of the owner of the database or of a superuser, \
             in a schema of theirs' END, HINT = '{hint}'; END IF; END;",
            state = self.state()
        )
    }
}

/// Returns an SQL expression that is true if all of the owners may be trusted: the current role, a superuser, the owner of
/// the database (but not by superusers), and the role that is expected. One query for several is planned faster.
///
/// Membership proves nothing: from `PostgreSQL` 16 on, a role with `CREATEROLE` may grant a role that it made to anybody,
/// without the right to switch to it.
pub(super) fn is_trusted(owners: &str, expected: Option<&str>) -> String {
    let expected = expected
        .map(|role| format!(" OR r.rolname = {}", quote_literal(role)))
        .unwrap_or_default();
    format!(
        "(NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid IN ({owners}) AND NOT (r.rolsuper OR r.rolname = current_user{expected} \
         OR (r.oid = (SELECT d.datdba FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles s WHERE s.rolsuper AND s.rolname IN (current_user, session_user))))))"
    )
}
