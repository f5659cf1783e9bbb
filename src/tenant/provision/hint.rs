//! What to change when the server refuses a statement of a snapshot.

use crate::pg::ServerMessage;
use crate::snapshot::{Action, Object, ObjectKind};
use crate::sql::TenantName;

/// What to change, where the server's words tell.
///
/// Told by SQLSTATE first; where one stands for several causes, by words of the message, which are English only when the
/// server's `lc_messages` is. `statement` is what the failed statement is about, `role` what the user asked for.
pub(super) fn hint_for(
    message: &ServerMessage,
    statement: Option<&Object>,
    tenant: &TenantName,
    role: Option<&str>,
) -> Option<String> {
    let text = message.message.as_str();
    let creates_schema = statement
        .is_some_and(|object| object.kind == ObjectKind::Schema && object.action == Action::Create);
    let owner = statement.is_some_and(|object| object.action == Action::Owner);
    let says = |words: &str| text.contains(words);
    let role_named = || quoted_name(text).unwrap_or("…");
    let own = text.contains(&format!("{tenant}."));
    Some(match message.sqlstate?.as_str() {
        // undefined_object: a role, an operator class, a type, a tablespace …
        "42704" if says("role ") => format!(
            "create the role (CREATE ROLE {}), or leave owners and grants out with --no-owner and --no-privileges",
            role_named()
        ),
        "42P01" | "42883" | "42704" if own => {
            "the snapshot itself does not make it, or only further down; was it edited? capture it again".to_owned()
        }
        "42704" if says("type ") || says("operator class ") || says("access method ") => {
            "install the extension that it comes from, into the schema that the snapshot names".to_owned()
        }
        "22023" | "42704" if role.is_some() && statement.is_none() => {
            "create the role that --role names, or name another".to_owned()
        }
        "42501" if creates_schema => {
            "grant the right to the role that provisions: GRANT CREATE ON DATABASE … TO …; or provision as one that has it \
             (--role, --username)"
                .to_owned()
        }
        "42501" if statement.is_none() && role.is_some() && says("set role") => {
            "grant that role to the one that logs in: GRANT … TO …".to_owned()
        }
        "42501" if says("set role") || says("must be member of role") || says("must be able to SET ROLE") || owner => {
            "grant the role to the one that provisions (GRANT … TO …), provision as it with --role, or leave owners out \
             with --no-owner"
                .to_owned()
        }
        "42501" if statement.is_some_and(|object| object.action == Action::Privileges) => {
            "leave grants out with --no-privileges, or provision as a role that may grant them".to_owned()
        }
        "42501" => "provision as a role that has this right (--role, --username), or grant it".to_owned(),
        "3F000" => "create the shared schema first: the snapshot needs it beside the tenant's own".to_owned(),
        "42P01" => {
            "the snapshot needs this relation outside the tenant's schema; create it first, in the schema that the \
             snapshot names"
                .to_owned()
        }
        "42883" => {
            "the snapshot needs this function outside the tenant's schema; create it, or the extension it comes from, first"
                .to_owned()
        }
        "54023" | "54001" => "the statement is beyond a limit of the server; see its stack and argument limits".to_owned(),
        "42601" => "the server does not know this syntax; the snapshot may be from a newer PostgreSQL, or was edited".to_owned(),
        "42704" => "create what the statement needs first: it lies outside the tenant's schema".to_owned(),
        _ => return hint_of(message),
    })
}

/// What to change when the server refuses a statement of ours, whatever it is for; the server's own hint where it has one
/// and nothing better is known.
pub fn hint_of(message: &ServerMessage) -> Option<String> {
    let says = |words: &str| message.message.contains(words);
    let text = match message.sqlstate?.as_str() {
        "42501" if says("for database") => {
            "grant the right (GRANT CREATE ON DATABASE … TO …), or do it as a role that has it"
        }
        "42501" if message.hint.is_none() => "grant the right, or do it as a role that has it",
        "53200" if says("shared memory") => {
            "raise max_locks_per_transaction on the server: every object of a tenant takes a lock"
        }
        "53100" => "the server's disk is full",
        "25006" => {
            "this server is a standby or read-only: connect to the primary; or the role or database has \
             default_transaction_read_only on: set it off for what provisions"
        }
        "55000" if says("recovery") => "this server is a standby; connect to the primary",
        _ => return message.hint.clone(),
    };
    Some(text.to_owned())
}

/// The first name in double quotes, as the message has it.
fn quoted_name(text: &str) -> Option<&str> {
    let start = text.find('"')?;
    let rest = text.get(start + 1..)?;
    let end = rest.find('"')?;
    text.get(start..start + end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(stderr: &str) -> ServerMessage {
        ServerMessage::parse_all(&format!("psql:/x/script.sql:3: {stderr}\n")).remove(0)
    }

    fn acme() -> TenantName {
        TenantName::new("acme").unwrap()
    }

    #[test]
    fn roles_that_are_missing_are_named() {
        let hint = hint_for(
            &said("ERROR:  42704: role \"app owner\" does not exist"),
            None,
            &acme(),
            None,
        )
        .unwrap();
        assert!(
            hint.starts_with("create the role (CREATE ROLE \"app owner\")"),
            "{hint}"
        );
        assert!(hint.contains("--no-owner"));
    }

    #[test]
    fn locks_rights_and_what_nobody_knows() {
        let text = |stderr: &str| hint_for(&said(stderr), None, &acme(), None);
        assert!(
            text("ERROR:  42P01: relation \"acme.t\" does not exist")
                .unwrap()
                .contains("capture it again")
        );
        assert!(
            text("ERROR:  42P01: relation \"public.t\" does not exist")
                .unwrap()
                .contains("outside")
        );
        assert!(
            text("ERROR:  53200: out of shared memory")
                .unwrap()
                .contains("max_locks_per_transaction")
        );
        assert!(
            text("ERROR:  42501: must be member of role \"x\"")
                .unwrap()
                .contains("--role")
        );
        assert_eq!(text("ERROR:  22012: division by zero"), None);
        assert_eq!(
            text("ERROR:  22012: division by zero\nHINT:  Try more.").as_deref(),
            Some("Try more.")
        );
    }
}
