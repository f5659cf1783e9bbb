//! Hints for statements of a snapshot that the server refuses.

use crate::pg::{ServerMessage, SqlState};
use crate::snapshot::{Action, Object, ObjectKind};
use crate::sql::{TenantName, quote};

/// Returns a hint, if the server's error allows one.
///
/// The SQLSTATE decides first. If it stands for several causes, words of the message decide; these
/// are English only if the server's `lc_messages` is. `statement` is the object of the failed
/// statement, `role` the role that the user asked for, and `login` the one that logged in.
pub(super) fn hint_for(
    message: &ServerMessage,
    statement: Option<&Object>,
    tenant: &TenantName,
    role: Option<&str>,
    login: Option<&str>,
) -> Option<String> {
    if let Some(hint) = hint_of_function(message)
        .or_else(|| hint_of_parameter(message, role.or(login)))
        .or_else(|| hint_of_unrecorded_role(message))
        .or_else(|| hint_of_superuser(message))
    {
        return Some(hint);
    }
    let text = message.message.as_str();
    let creates_schema = statement
        .is_some_and(|object| object.kind == ObjectKind::Schema && object.action == Action::Create);
    let owner = statement.is_some_and(|object| object.action == Action::Owner);
    let says = |words: &str| text.contains(words);
    let named = || quoted_name(text).unwrap_or("ROLE");
    let own = text.contains(&format!("{tenant}."));
    // A worker has not seen what the transaction created: Citus asks it as the extension's owner, on another connection.
    let own_schema = format!("schema {}", tenant.quoted());
    let unseen = says(&own_schema) || says(&format!("schema \"{tenant}\"")) || own;
    if message.is_of_worker() && unseen {
        return Some(
            "connect as the owner of the extension citus, without --role: of a tenant that is distributed, only that role \
             can create what a sequence or a type of the same transaction needs"
                .to_owned(),
        );
    }
    Some(match message.sqlstate? {
        // undefined_object: a role, an operator class, a type, a tablespace …
        SqlState::UNDEFINED_OBJECT if says("role ") => format!(
            "create the role (CREATE ROLE {}), or pass --no-owner and --no-privileges to leave out owners and grants",
            named()
        ),
        SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_FUNCTION | SqlState::UNDEFINED_OBJECT if own => {
            "capture the snapshot again: it does not create this object, or only further down; it may have been edited"
                .to_owned()
        }
        SqlState::UNDEFINED_OBJECT if says("type ") || says("operator class ") || says("access method ") => {
            "install its extension into the schema that the snapshot names, or check the spelling if you edited the \
             snapshot"
                .to_owned()
        }
        SqlState::INVALID_PARAMETER_VALUE | SqlState::UNDEFINED_OBJECT if role.is_some() && statement.is_none() => {
            "create the role that --role names, or pass another role".to_owned()
        }
        SqlState::INSUFFICIENT_PRIVILEGE if creates_schema || says("for database ") => format!(
            "run {}, or provision as a role that may create schemas (--role or --username)",
            grant_create(text, role.or(login))
        ),
        SqlState::INSUFFICIENT_PRIVILEGE if statement.is_none() && role.is_some() && says("set role") => {
            format!("run GRANT {} TO {}", named(), role_or_placeholder(login))
        }
        SqlState::INSUFFICIENT_PRIVILEGE
            if statement.is_some_and(|object| object.kind == ObjectKind::DefaultPrivileges) =>
        {
            format!(
                "run GRANT {} TO {}, or pass --no-privileges to leave out grants",
                named(),
                role_or_placeholder(role.or(login))
            )
        }
        SqlState::INSUFFICIENT_PRIVILEGE if says("set role") || says("must be member of role") || says("must be able to SET ROLE") || owner => {
            format!(
                "run GRANT {role} TO {}, provision with --role {role}, or pass --no-owner to leave out owners",
                role_or_placeholder(login),
                role = named()
            )
        }
        SqlState::INSUFFICIENT_PRIVILEGE if statement.is_some_and(|object| object.action == Action::Privileges) => {
            "pass --no-privileges to leave out grants, or provision as a role that may grant them".to_owned()
        }
        SqlState::INSUFFICIENT_PRIVILEGE => "provision as a role that has this privilege (--role or --username), or grant it".to_owned(),
        SqlState::INVALID_SCHEMA_NAME => "create the shared schema first: the snapshot needs it in addition to the tenant's own".to_owned(),
        SqlState::UNDEFINED_TABLE => {
            "create this relation first, in the schema that the snapshot names: the snapshot needs it outside of the \
             tenant's schema"
                .to_owned()
        }
        SqlState::UNDEFINED_FUNCTION => {
            "create this function or its extension first: the snapshot needs it outside of the tenant's schema".to_owned()
        }
        SqlState::TOO_MANY_ARGUMENTS | SqlState::STATEMENT_TOO_COMPLEX => "raise max_stack_depth or split the statement: it exceeds a limit of the server".to_owned(),
        SqlState::SYNTAX_ERROR if message.says_one_by_one() => {
            "pass --citus: this database has Citus, which does not take this statement in one message with others".to_owned()
        }
        SqlState::SYNTAX_ERROR => {
            "check whether the snapshot was edited, or comes from a newer PostgreSQL: the server does not know this syntax"
                .to_owned()
        }
        SqlState::UNDEFINED_OBJECT => "create this object first: the snapshot needs it outside of the tenant's schema".to_owned(),
        _ => return hint_of(message, role.or(login)),
    })
}

/// Returns a hint for a refused statement that is not part of a snapshot. `role` is the one that was
/// refused, if it is known. Falls back to the server's own hint.
pub fn hint_of(message: &ServerMessage, role: Option<&str>) -> Option<String> {
    let special = hint_of_function(message)
        .or_else(|| hint_of_parameter(message, role))
        .or_else(|| hint_of_unrecorded_role(message))
        .or_else(|| hint_of_superuser(message));
    if special.is_some() {
        return special;
    }
    let says = |words: &str| message.message.contains(words);
    let text = match message.sqlstate? {
        SqlState::INSUFFICIENT_PRIVILEGE
            if says("must be member of role") || says("must be able to SET ROLE") =>
        {
            return Some(format!(
                "run GRANT {} TO {}, or leave owners and grants out with --no-owner and --no-privileges where the command \
                 has these flags",
                quoted_name(&message.message).unwrap_or("ROLE"),
                role_or_placeholder(role)
            ));
        }
        SqlState::INSUFFICIENT_PRIVILEGE if says("for database") => {
            return Some(format!(
                "run {}, or connect as a role that has this privilege",
                grant_create(&message.message, role)
            ));
        }
        SqlState::INSUFFICIENT_PRIVILEGE if message.hint.is_none() => {
            "grant the privilege, or connect as a role that has it"
        }
        SqlState::OUT_OF_MEMORY if says("shared memory") => {
            "raise max_locks_per_transaction on the server: each object of a tenant takes a lock"
        }
        SqlState::DISK_FULL => "free disk space on the server",
        SqlState::READ_ONLY_SQL_TRANSACTION => {
            "connect to the primary, or turn off default_transaction_read_only for the role and the database that \
             provision"
        }
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE if says("recovery") => {
            "connect to the primary: this server is a standby"
        }
        _ => return message.hint.clone(),
    };
    Some(text.to_owned())
}

/// Returns the hint for a function that does not find a name: whatever calls it while a tenant is made has an empty
/// `search_path`, as `pg_dump` and `pg_restore` do.
fn hint_of_function(message: &ServerMessage) -> Option<String> {
    let is_unfound = matches!(
        message.sqlstate?,
        SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_FUNCTION | SqlState::UNDEFINED_OBJECT
    );
    let function = calling_function(message.context.as_deref()?)?;
    (is_unfound && !names_a_schema(&message.message)).then(|| {
        format!(
            "function {function} uses this name without a schema, and runs here with an empty search_path, as in any dump and \
             restore: qualify the name in it, or run ALTER FUNCTION {function} SET search_path = …"
        )
    })
}

/// Returns whether what is not found is named with its schema: `relation "a.t"`, `function a.f(integer)`.
fn names_a_schema(message: &str) -> bool {
    let name = quoted_name(message).or_else(|| {
        let called = message.strip_prefix("function ")?;
        called.split('(').next()
    });
    name.is_some_and(|name| name.contains('.'))
}

/// Returns the innermost function of a call stack (`CONTEXT`). A schema with a random name is left out.
fn calling_function(context: &str) -> Option<String> {
    let (_, rest) = context.lines().next()?.split_once("function ")?;
    let ends = [" line ", " during ", " statement ", " while ", " near "];
    let end = ends.iter().filter_map(|end| rest.find(end)).min()?;
    let function = rest.get(..end)?.trim();
    // The body of `DO`.
    if function.trim_matches('"') == "inline_code_block" {
        return None;
    }
    let of_copy = function
        .split_once('.')
        .filter(|(schema, _)| schema.starts_with("stamp_") || schema.starts_with("schemastamp_"));
    let function = of_copy.map_or(function, |(_, function)| function);
    Some(function.trim_matches('"').to_owned())
}

/// Returns the hint for a parameter that a routine may not set: one that the server does not know in this session, most
/// often because the library that defines it is not loaded.
fn hint_of_parameter(message: &ServerMessage, role: Option<&str>) -> Option<String> {
    let is_denied = message.sqlstate? == SqlState::INSUFFICIENT_PRIVILEGE
        && message.message.contains("set parameter");
    let parameter = quoted_name(&message.message).filter(|_| is_denied)?;
    Some(format!(
        "ask an administrator to run GRANT SET ON PARAMETER {parameter} TO {} (PostgreSQL 15 and newer), or, for a parameter \
         of a library, to load it for each session (session_preload_libraries)",
        role_or_placeholder(role)
    ))
}

/// Returns the hint for a role that Citus has not recorded, such as one that is older than the extension. Citus creates it on
/// the workers when the first object needs it, with the rights of the current role.
fn hint_of_unrecorded_role(message: &ServerMessage) -> Option<String> {
    let is_denied = message.sqlstate? == SqlState::INSUFFICIENT_PRIVILEGE && message.is_of_worker();
    // PostgreSQL 16 and newer say "permission denied to alter role".
    let words = ["superuser attribute", "to alter role", "to create role"];
    let is_of_role = words.iter().any(|words| message.message.contains(words));
    (is_denied && is_of_role).then(|| {
        "let a superuser run GRANT ROLE TO CURRENT_USER on the coordinator for each role that is named here, as owner or in a \
         GRANT: with it, Citus records the role, which only a superuser can take to the workers"
            .to_owned()
    })
}

/// Returns the hint for what no grant allows: operator classes and families, base types, functions in C.
fn hint_of_superuser(message: &ServerMessage) -> Option<String> {
    let is_denied = message.sqlstate? == SqlState::INSUFFICIENT_PRIVILEGE;
    let text = message.message.as_str();
    let needs_superuser = text.contains("must be superuser")
        || text.ends_with("for language c")
        || text.ends_with("for language internal");
    (is_denied && needs_superuser).then(|| {
        "only a superuser may do this: have the administrator run this command, or make these objects part of an extension in a \
         shared schema"
            .to_owned()
    })
}

/// Returns the statement that lets a role create schemas in the database that the message names.
fn grant_create(message: &str, role: Option<&str>) -> String {
    let database = message
        .split_once("for database ")
        .map_or_else(|| "DATABASE".to_owned(), |(_, name)| quote(name.trim()));
    format!(
        "GRANT CREATE ON DATABASE {database} TO {}",
        role_or_placeholder(role)
    )
}

fn role_or_placeholder(role: Option<&str>) -> String {
    role.map_or_else(|| "ROLE".to_owned(), quote)
}

/// Returns the first name in double quotes in the message.
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
    fn role_that_citus_takes_to_the_workers_is_granted_by_a_superuser() {
        for words in [
            "must be superuser to alter superuser roles or change superuser attribute",
            "permission denied to alter role",
        ] {
            let text = format!(
                "ERROR:  42501: {words}\nCONTEXT:  while executing command on 127.0.0.1:9701"
            );
            let of_worker = hint_of(&said(&text), None).unwrap();
            assert!(
                of_worker.starts_with("let a superuser run GRANT ROLE"),
                "{of_worker}"
            );
            let of_coordinator = hint_of(&said(&format!("ERROR:  42501: {words}")), None);
            assert_ne!(of_coordinator, Some(of_worker));
        }
    }

    #[test]
    fn what_only_a_superuser_may_do_says_whom_to_ask() {
        for (words, asks) in [
            ("must be superuser to create an operator family", true),
            ("must be superuser to create a base type", true),
            ("permission denied for language c", true),
            ("permission denied for language plperl", false),
            ("permission denied for table t", false),
        ] {
            let message = said(&format!("ERROR:  42501: {words}"));
            for hint in [
                hint_of(&message, Some("app")),
                hint_for(&message, None, &acme(), None, Some("app")),
            ] {
                let hint = hint.unwrap();
                assert_eq!(hint.contains("administrator"), asks, "{words}: {hint}");
            }
        }
    }

    #[test]
    fn missing_role_is_named() {
        let hint = hint_for(
            &said("ERROR:  42704: role \"app owner\" does not exist"),
            None,
            &acme(),
            None,
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
    fn a_function_that_does_not_find_a_name_is_named() {
        for (context, function) in [
            ("SQL function \"enc\" during inlining", "enc"),
            ("SQL function \"enc\" during startup", "enc"),
            ("SQL function \"enc\" statement 1", "enc"),
            (
                "PL/pgSQL function public.log_ddl() line 1 at SQL statement",
                "public.log_ddl()",
            ),
            (
                "PL/pgSQL function stamp_0123.words(text) line 2 at RETURN\nSQL function \"outer\" statement 1",
                "words(text)",
            ),
        ] {
            let message = said(&format!(
                "ERROR:  42P01: relation \"docs\" does not exist\nCONTEXT:  {context}"
            ));
            for hint in [
                hint_of(&message, None),
                hint_for(&message, None, &acme(), None, None),
            ] {
                let hint = hint.unwrap();
                assert!(
                    hint.starts_with(&format!("function {function} uses this name")),
                    "{hint}"
                );
            }
        }
        let other =
            said("ERROR:  22012: division by zero\nCONTEXT:  SQL function \"f\" statement 1");
        assert_eq!(hint_of(&other, None), None);
    }

    #[test]
    fn known_errors_have_hints() {
        let text = |stderr: &str| hint_for(&said(stderr), None, &acme(), None, Some("Login"));
        assert!(
            text("ERROR:  42P01: relation \"acme.t\" does not exist")
                .unwrap()
                .contains("capture the snapshot again")
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
                .contains("run GRANT \"x\" TO \"Login\", provision with --role \"x\"")
        );
        assert_eq!(
            text("ERROR:  42501: permission denied for database My App").as_deref(),
            Some(
                "run GRANT CREATE ON DATABASE \"My App\" TO \"Login\", or provision as a role that may create \
                 schemas (--role or --username)"
            )
        );
        assert_eq!(text("ERROR:  22012: division by zero"), None);
        assert!(
            text("ERROR:  42501: permission denied to set parameter \"demo.scope\"")
                .unwrap()
                .contains("GRANT SET ON PARAMETER \"demo.scope\" TO \"Login\" (")
        );
        assert_eq!(
            text("ERROR:  22012: division by zero\nHINT:  Try more.").as_deref(),
            Some("Try more.")
        );
        assert!(
            text("ERROR:  42601: cannot insert multiple commands into a prepared statement")
                .unwrap()
                .starts_with("pass --citus")
        );
        assert!(
            text("ERROR:  3F000: schema \"acme\" does not exist\nCONTEXT:  while executing command on 127.0.0.1:9701")
                .unwrap()
                .starts_with("connect as the owner of the extension citus")
        );
        assert!(
            text("ERROR:  3F000: schema \"shared\" does not exist")
                .unwrap()
                .starts_with("create the shared schema")
        );
    }
}
