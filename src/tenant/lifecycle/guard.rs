//! Decides which schemas are dropped, renamed and cloned at all.

use serde::Deserialize;
use serde_json::Value;

use crate::pg::PsqlError;
use crate::sql::{TenantName, quote_literal};
use crate::tenant::marker::Mark;
use crate::tenant::versions::TABLES;

/// Reasons why a schema is left alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaRefusal {
    /// `public`: whatever has no schema of its own is in it.
    #[error("'public' is shared by all tenants and is never dropped, renamed or cloned")]
    Public,
    /// An extension has made the schema, or is installed in a schema that is no tenant.
    #[error("the schema '{}' belongs to the extension '{}'", schema.escape_debug(), extension.escape_debug())]
    Extension {
        /// The schema.
        schema: String,
        /// The extension.
        extension: String,
    },
    /// It has neither a mark nor a versions table, so nothing says that it is a tenant.
    #[error(
        "the schema '{}' is not a tenant: it has neither schemastamp's mark in its comment nor a versions table",
        .0.escape_debug()
    )]
    NotATenant(String),
}

/// Schemas that a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// Only a tenant will do.
    Tenant,
    /// Any schema that is not protected.
    AnySchema,
}

/// Facts about a schema that the decision rests on.
#[derive(Debug, Deserialize)]
pub(super) struct GuardFacts {
    comment: Option<String>,
    /// The extension that has made the schema.
    maker: Option<String>,
    /// An extension that is installed in it.
    guest: Option<String>,
    has_versions: bool,
}

impl GuardFacts {
    /// An SQL expression that builds the facts of the schema `n`.
    pub(super) fn sql(versions_table: Option<&str>) -> String {
        let tables: Vec<String> = match versions_table {
            Some(table) => vec![quote_literal(table)],
            None => TABLES.iter().map(|table| quote_literal(table)).collect(),
        };
        format!(
            "pg_catalog.json_build_object('comment', pg_catalog.obj_description(n.oid, 'pg_namespace'), \
             'maker', (SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid \
             WHERE d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.objid = n.oid AND d.deptype = 'e' \
             AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass LIMIT 1), \
             'guest', (SELECT pg_catalog.min(e.extname::text) FROM pg_catalog.pg_extension e WHERE e.extnamespace = n.oid), \
             'has_versions', EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid \
             AND c.relkind IN ('r', 'p') AND c.relname IN ({})))",
            tables.join(", ")
        )
    }

    /// Reads what [`GuardFacts::sql`] has built.
    pub(super) fn read(value: Value) -> Result<Self, PsqlError> {
        let text = value.to_string().chars().take(200).collect();
        serde_json::from_value(value).map_err(|source| PsqlError::Output {
            line: 1,
            text,
            source,
        })
    }

    /// Refuses a schema that is protected, or is not what is demanded.
    ///
    /// System schemas and schemastamp's own have names that no [`TenantName`] has.
    pub(super) fn check(&self, schema: &TenantName, demand: Demand) -> Result<(), SchemaRefusal> {
        let name = schema.as_str();
        let is_tenant = self.has_versions
            || matches!(
                self.comment.as_deref().and_then(Mark::read),
                Some(Mark::Tenant { .. })
            );
        let guest = self.guest.as_ref().filter(|_| !is_tenant);
        if name == "public" {
            return Err(SchemaRefusal::Public);
        }
        if let Some(extension) = self.maker.as_ref().or(guest) {
            return Err(SchemaRefusal::Extension {
                schema: name.to_owned(),
                extension: extension.clone(),
            });
        }
        if demand == Demand::Tenant && !is_tenant {
            return Err(SchemaRefusal::NotATenant(name.to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(json: &str) -> GuardFacts {
        GuardFacts::read(serde_json::from_str(json).unwrap()).unwrap()
    }

    fn tenant(name: &str) -> TenantName {
        TenantName::new(name).unwrap()
    }

    fn check(json: &str, schema: &str, demand: Demand) -> Result<(), SchemaRefusal> {
        facts(json).check(&tenant(schema), demand)
    }

    #[test]
    fn a_tenant_has_a_mark_or_a_versions_table() {
        let bare = r#"{"comment":"ours","maker":null,"guest":null,"has_versions":false}"#;
        let versions = bare.replace("\"has_versions\":false", "\"has_versions\":true");
        let marked = bare.replace("ours", &format!("ours\\nschemastamp: {}", "0f".repeat(32)));
        let spare = bare.replace("ours", &format!("schemastamp spare: {}", "0f".repeat(32)));
        for tenant in [&versions, &marked] {
            assert_eq!(check(tenant, "acme", Demand::Tenant), Ok(()));
        }
        for other in [bare, &spare] {
            assert!(matches!(
                check(other, "acme", Demand::Tenant),
                Err(SchemaRefusal::NotATenant(_))
            ));
            assert_eq!(check(other, "acme", Demand::AnySchema), Ok(()));
        }
    }

    #[test]
    fn what_belongs_to_all_or_to_an_extension_is_refused_whatever_is_demanded() {
        let bare = r#"{"comment":null,"maker":null,"guest":null,"has_versions":true}"#;
        let made = bare.replace("\"maker\":null", "\"maker\":\"cron\"");
        let guest = bare.replace("\"guest\":null", "\"guest\":\"partman\"");
        let home = guest.replace("true", "false");
        for demand in [Demand::Tenant, Demand::AnySchema] {
            assert_eq!(check(bare, "public", demand), Err(SchemaRefusal::Public));
            for owned in [&made, &home] {
                assert!(matches!(
                    check(owned, "partman", demand),
                    Err(SchemaRefusal::Extension { .. })
                ));
            }
            assert_eq!(
                check(&guest, "acme", demand),
                Ok(()),
                "a tenant may have an extension"
            );
        }
    }
}
