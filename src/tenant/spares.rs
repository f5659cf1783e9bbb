//! The table of spares.

use super::marker::POOL;
use crate::snapshot::{RenderOptions, Rendered, Snapshot};
use crate::sql::{TenantName, quote, quote_literal};

/// SQLSTATE of the error that says that the pool has as many spares as it is to have.
pub const POOL_FULL: &str = "SS007";
/// SQLSTATE of the error that says that a claimed schema still names the spare.
pub const STILL_NAMED: &str = "SS008";
/// The table of spares, in the schema of the pools.
const SPARES: &str = "spares";
/// The advisory lock beneath which pools are made and counted: the first 64 bits of a SHA-256 of `schemastamp pool`.
const LOCK: i64 = -0x5128_50b1_e918_6ab8;

/// Which spares are alike: those of one snapshot that were made with the same options by the same role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SpareKind {
    pub(crate) snapshot: String,
    pub(crate) options: String,
    /// The role that makes and claims; `None` for the one that logs in.
    pub(crate) role: Option<String>,
}

impl SpareKind {
    pub(crate) fn new(snapshot: &Snapshot, options: &RenderOptions) -> Self {
        let left_out = [
            (!options.owners, "no owners"),
            (!options.privileges, "no privileges"),
        ];
        let words: Vec<&str> = left_out
            .into_iter()
            .filter(|(left_out, _)| *left_out)
            .map(|(_, word)| word)
            .collect();
        Self {
            snapshot: snapshot.fingerprint().to_owned(),
            options: words.join(", "),
            role: options.role.clone(),
        }
    }

    /// The condition that a row of the table, called `s`, is of this kind.
    ///
    /// The role counts: what it makes belongs to it, and a claim changes no owner.
    pub(crate) fn condition(&self) -> String {
        format!(
            "s.snapshot = {} AND s.options = {} AND s.owner = {}",
            quote_literal(&self.snapshot),
            quote_literal(&self.options),
            self.owner()
        )
    }

    /// The role as an expression.
    pub(crate) fn owner(&self) -> String {
        self.role
            .as_ref()
            .map_or_else(|| "current_user".to_owned(), |role| quote_literal(role))
    }
}

/// The table's name.
pub(crate) fn pool_table() -> String {
    format!("{POOL}.{SPARES}")
}

/// Takes the lock of all pools until the end of the transaction.
pub(crate) fn pool_lock() -> String {
    format!("SELECT pg_catalog.pg_advisory_xact_lock({LOCK})")
}

/// Begins a message: what follows is done by the role that makes and claims.
pub(crate) fn as_role(options: &RenderOptions) -> String {
    options
        .role
        .as_ref()
        .map(|role| format!("SET LOCAL ROLE {} \\;\n", quote(role)))
        .unwrap_or_default()
}

/// Whether the table is there, and may be used: an expression.
///
/// Its name is no secret, and whoever may create schemas could have made it, with triggers that run as whoever claims. So
/// it must belong to a superuser, or to the role itself or one that it is a member of.
pub(crate) fn pool_is_usable() -> String {
    format!(
        "COALESCE((SELECT c.relkind = 'r' AND pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE') \
         AND pg_catalog.has_table_privilege(c.oid, 'DELETE') \
         AND ((SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.oid = c.relowner) \
         OR (pg_catalog.current_setting('is_superuser') = 'off' AND pg_catalog.pg_has_role(c.relowner, 'MEMBER'))) \
         FROM pg_catalog.pg_class c WHERE c.relname = '{SPARES}' \
         AND c.relnamespace = pg_catalog.to_regnamespace('{POOL}')::oid), false)"
    )
}

/// Statements that make the table, if it is not there; an error if it is somebody else's.
pub(crate) fn creation() -> Vec<String> {
    let table = pool_table();
    let body = format!(
        "BEGIN IF pg_catalog.to_regnamespace('{POOL}') IS NULL THEN CREATE SCHEMA {POOL}; \
         COMMENT ON SCHEMA {POOL} IS 'Ready-made tenants that schemastamp hands out: schemastamp pool status'; \
         CREATE TABLE {table} (name name PRIMARY KEY, snapshot text NOT NULL, options text NOT NULL, \
         owner name NOT NULL DEFAULT current_user, made timestamp with time zone NOT NULL DEFAULT pg_catalog.now()); \
         END IF; \
         IF NOT {usable} THEN RAISE EXCEPTION USING ERRCODE = '42501', \
         MESSAGE = '{table} is not a table of this role, of one that it is a member of, or of a superuser', \
         HINT = 'fill and claim as the role that owns it (--role), or drop the schema {POOL}'; END IF; END",
        usable = pool_is_usable()
    );
    vec![pool_lock(), format!("DO {}", quote_literal(&body))]
}

/// The statements behind those that make a spare: they count the spares of its kind, and add it unless there are enough.
pub(crate) fn registering(
    spare: &TenantName,
    snapshot: &Snapshot,
    options: &RenderOptions,
    size: usize,
) -> [Rendered; 2] {
    let kind = SpareKind::new(snapshot, options);
    let table = pool_table();
    let body = format!(
        "BEGIN IF (SELECT pg_catalog.count(*) FROM {table} s JOIN pg_catalog.pg_namespace n ON n.nspname = s.name \
         WHERE {}) >= {size} THEN RAISE EXCEPTION USING \
         ERRCODE = '{POOL_FULL}', MESSAGE = 'the pool is full'; END IF; \
         INSERT INTO {table} (name, snapshot, options) VALUES ({}, {}, {}); END",
        kind.condition(),
        quote_literal(spare.as_str()),
        quote_literal(&kind.snapshot),
        quote_literal(&kind.options),
    );
    [
        Rendered::added(pool_lock()),
        Rendered::added(format!("DO {}", quote_literal(&body))),
    ]
}
