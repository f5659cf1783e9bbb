//! The table of spares.

use super::marker::POOL;
use super::own_table::OwnTable;
use crate::pg::SqlState;
use crate::snapshot::{RenderOptions, Rendered, Snapshot};
use crate::sql::{TenantName, quote, quote_literal};

/// SQLSTATE of the error that the pool already has the requested number of spares.
pub const POOL_FULL: SqlState = SqlState::new(*b"SS007");
/// SQLSTATE of the error that a claimed schema still names the spare.
pub const STILL_NAMED: SqlState = SqlState::new(*b"SS008");
/// The table of spares.
const SPARES: OwnTable = OwnTable {
    schema: POOL,
    name: "spares",
    privileges: &["DELETE"],
};
/// The advisory lock that protects creating and counting pools: the first 64 bits of the SHA-256 of
/// `schemastamp pool`.
const LOCK: i64 = -0x5128_50b1_e918_6ab8;

/// Identifies equivalent spares: those of one snapshot that the same role created with the same
/// options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SpareKind {
    pub(crate) snapshot: String,
    /// Fingerprints that the same snapshot had in older formats.
    formerly: Vec<String>,
    pub(crate) options: String,
    /// The role that creates and claims, or `None` for the login role.
    pub(crate) role: Option<String>,
}

impl SpareKind {
    pub(crate) fn new(snapshot: &Snapshot, options: &RenderOptions) -> Self {
        let words = [
            (!options.owners, "no owners"),
            (!options.privileges, "no privileges"),
            (options.citus, "distributed"),
        ];
        let words: Vec<&str> = words
            .into_iter()
            .filter(|(applies, _)| *applies)
            .map(|(_, word)| word)
            .collect();
        Self {
            snapshot: snapshot.fingerprint().to_owned(),
            formerly: snapshot.header().formerly.clone(),
            options: words.join(", "),
            role: options.role.clone(),
        }
    }

    /// Returns the condition that a row `s` of the table is of this kind.
    ///
    /// The role is part of the kind: it owns what it creates, and a claim changes no owner.
    pub(crate) fn condition(&self) -> String {
        let snapshots: Vec<String> = std::iter::once(&self.snapshot)
            .chain(&self.formerly)
            .map(|fingerprint| quote_literal(fingerprint))
            .collect();
        format!(
            "s.snapshot IN ({}) AND s.options = {} AND s.owner = {}",
            snapshots.join(", "),
            quote_literal(&self.options),
            self.owner()
        )
    }

    /// Returns the role as an SQL expression.
    pub(crate) fn owner(&self) -> String {
        self.role
            .as_ref()
            .map_or_else(|| "current_user".to_owned(), |role| quote_literal(role))
    }
}

/// Returns the table's name.
pub(crate) fn pool_table() -> String {
    SPARES.path()
}

/// Returns the statement that locks all pools until the end of the transaction.
pub(crate) fn pool_lock() -> String {
    format!("SELECT pg_catalog.pg_advisory_xact_lock({LOCK})")
}

/// Returns the beginning of a message, which switches to the role that creates and claims.
pub(crate) fn as_role(options: &RenderOptions) -> String {
    options
        .role
        .as_ref()
        .map(|role| format!("SET LOCAL ROLE {} \\;\n", quote(role)))
        .unwrap_or_default()
}

/// Returns an SQL expression that is true if the table exists and may be used.
pub(crate) fn pool_is_usable() -> String {
    SPARES.is_usable()
}

/// Returns an SQL expression for the table's state, or null if there is none.
pub(crate) fn pool_state() -> String {
    SPARES.state()
}

/// Returns an SQL expression for the role that the pool belongs to, or null if there is none.
pub(crate) fn pool_owner() -> String {
    SPARES.owner()
}

/// Returns statements that create the table if it does not exist, and fail if it belongs to an
/// untrusted role.
pub(crate) fn creation() -> Vec<String> {
    let table = pool_table();
    let definition = format!(
        "CREATE TABLE {table} (name name PRIMARY KEY, snapshot text NOT NULL, options text NOT NULL, \
         owner name NOT NULL DEFAULT current_user, made timestamp with time zone NOT NULL DEFAULT pg_catalog.now());"
    );
    let creation = SPARES.creation(
        "Ready-made tenants that schemastamp hands out: schemastamp pool status",
        &definition,
        "fill and claim as the role that owns it (--role), or drop the schema schemastamp_pool",
    );
    vec![pool_lock(), creation]
}

/// Returns the statements that follow those of a new spare: they count the spares of its kind, and
/// add it unless there are enough.
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
