//! Settings, routines and rows elsewhere that name a schema: the server neither renames nor drops them with it.

use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;
use crate::snapshot::capture::{Concern, ConcernId, mentions_elsewhere};
use crate::sql::identifier::unquote;
use crate::sql::{TenantName, Token, TokenKind, fold, quote, quote_literal, tokens};

/// A setting of a role, of a database, or of a role in a database, that names a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingMention {
    role: Option<String>,
    database: Option<String>,
    name: String,
    value: String,
}

impl SettingMention {
    /// The statement that takes the setting back.
    pub fn reset_sql(&self) -> String {
        format!("{} RESET {}", self.alter(), self.name)
    }

    /// The statement that sets it with the new name in the place of the old one.
    pub fn rename_sql(&self, old: &TenantName, new: &TenantName) -> String {
        let value = if self.value == old.as_str() && self.name != "search_path" {
            new.as_str().to_owned()
        } else {
            renamed(&self.value, old.as_str(), new)
        };
        // The server keeps a list as it is written: identifiers, quoted where they need it.
        let value = if self.name == "search_path" {
            value
        } else {
            quote_literal(&value)
        };
        format!("{} SET {} TO {value}", self.alter(), self.name)
    }

    fn alter(&self) -> String {
        match (&self.role, &self.database) {
            (Some(role), Some(database)) => {
                format!("ALTER ROLE {} IN DATABASE {}", quote(role), quote(database))
            }
            (Some(role), None) => format!("ALTER ROLE {}", quote(role)),
            (None, Some(database)) => format!("ALTER DATABASE {}", quote(database)),
            (None, None) => "ALTER ROLE ALL".to_owned(),
        }
    }
}

/// Finds the settings of this database, and of roles in all databases, that name a schema.
///
/// # Errors
/// See [`PsqlError`].
pub async fn setting_mentions(
    server: &Server,
    schema: &TenantName,
    shutdown: &Shutdown,
) -> Result<Vec<SettingMention>, PsqlError> {
    let sql = "SELECT pg_catalog.json_build_array(r.rolname, d.datname, pg_catalog.split_part(s.setting, '=', 1), \
         pg_catalog.substr(s.setting, pg_catalog.strpos(s.setting, '=') + 1)) \
         FROM pg_catalog.pg_db_role_setting x LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.setrole \
         LEFT JOIN pg_catalog.pg_database d ON d.oid = x.setdatabase \
         CROSS JOIN LATERAL pg_catalog.unnest(x.setconfig) s (setting) \
         WHERE x.setdatabase = 0 OR d.datname = pg_catalog.current_database() \
         ORDER BY r.rolname, d.datname, s.setting;\n";
    let mut found = Vec::new();
    for (index, line) in server
        .query_json(sql, shutdown)
        .await?
        .into_iter()
        .enumerate()
    {
        let (role, database, name, value): (Option<String>, Option<String>, String, String) =
            serde_json::from_value(line).map_err(|source| PsqlError::Output {
                line: index + 1,
                text: String::new(),
                source,
            })?;
        if tokens(&value)
            .iter()
            .any(|token| is_named(*token, &value, schema.as_str()))
        {
            found.push(SettingMention {
                role,
                database,
                name,
                value,
            });
        }
    }
    Ok(found)
}

/// Finds what names a schema as text outside of it: routines, arguments of triggers, foreign tables, tables in subscriptions, and
/// rows of registries such as `pg_cron`'s, each in a few words.
///
/// # Errors
/// See [`PsqlError`].
pub async fn text_mentions(
    server: &Server,
    schema: &TenantName,
    shutdown: &Shutdown,
) -> Result<Vec<String>, PsqlError> {
    let concerns = mentions_elsewhere(server, schema.as_str(), shutdown).await?;
    Ok(concerns.into_iter().flat_map(in_words).collect())
}

fn in_words(concern: Concern) -> Vec<String> {
    let is_rows = concern.id == ConcernId::Registered;
    let objects = concern.objects.into_iter();
    objects
        .map(|object| {
            if is_rows {
                format!("rows of {object}")
            } else {
                object
            }
        })
        .collect()
}

/// Returns whether a token is the schema's name, as an identifier.
fn is_named(token: Token, text: &str, schema: &str) -> bool {
    match token.kind {
        TokenKind::Word => fold(token.text(text)) == schema,
        TokenKind::Quoted(true) => unquote(token.text(text)) == schema,
        _ => false,
    }
}

/// A value with the new name in the place of the old one.
fn renamed(value: &str, old: &str, new: &TenantName) -> String {
    tokens(value)
        .into_iter()
        .map(|token| {
            if is_named(token, value, old) {
                new.quoted()
            } else {
                token.text(value).to_owned()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_can_be_run_as_they_are() {
        let mention =
            |role: Option<&str>, database: Option<&str>, name: &str, value: &str| SettingMention {
                role: role.map(str::to_owned),
                database: database.map(str::to_owned),
                name: name.to_owned(),
                value: value.to_owned(),
            };
        let (old, new) = (
            TenantName::new("acme").unwrap(),
            TenantName::new("o'Neil").unwrap(),
        );
        for (mention, reset, rename) in [
            (
                mention(
                    Some("App"),
                    Some("db"),
                    "search_path",
                    "acme, \"$user\", acme2",
                ),
                "ALTER ROLE \"App\" IN DATABASE db RESET search_path",
                "ALTER ROLE \"App\" IN DATABASE db SET search_path TO \"o'Neil\", \"$user\", acme2",
            ),
            (
                mention(None, Some("db"), "search_path", "public, \"acme\""),
                "ALTER DATABASE db RESET search_path",
                "ALTER DATABASE db SET search_path TO public, \"o'Neil\"",
            ),
            (
                mention(Some("app"), None, "my.tenant", "acme"),
                "ALTER ROLE app RESET my.tenant",
                "ALTER ROLE app SET my.tenant TO 'o''Neil'",
            ),
        ] {
            assert_eq!(mention.reset_sql(), reset);
            assert_eq!(mention.rename_sql(&old, &new), rename);
        }
    }
}
