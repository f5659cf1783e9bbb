//! Names of roles and databases that a server does not take: where they come from, and how they are written.

use super::decision::DecidedCause;
use crate::diagnose::context::Context;
use crate::text;

/// Adds to a refusal what the configuration says about the names in it: a default that nobody chose comes before all else.
pub(super) fn about_names(decision: DecidedCause, context: &Context) -> DecidedCause {
    let unnamed = context.configured.unnamed;
    let about_role = matches!(
        decision.id,
        "login.unknown_role" | "login.wrong_password" | "login.no_hba_entry" | "login.peer"
    );
    let about_database = matches!(
        decision.id,
        "server.unknown_database" | "server.no_connect_right" | "login.no_hba_entry"
    );
    match (&context.user, &context.database) {
        (Some(user), _) if about_role && unnamed.user => decision
            .because(format!(
                "no role is named, and libpq takes the operating system's user '{}' for one",
                text::safe(user)
            ))
            .cure("name the role in [user]"),
        (_, Some(database)) if about_database && unnamed.database => decision
            .because(format!(
                "no database is named, and libpq takes the role's name '{}' for one",
                text::safe(database)
            ))
            .cure("name the database in [dbname]"),
        (_, Some(database)) if decision.id == "server.unknown_database" => {
            in_capitals(decision, "dbname", "CREATE DATABASE", database)
        }
        (Some(user), _) if decision.id == "login.unknown_role" => {
            in_capitals(decision, "user", "CREATE ROLE", user)
        }
        _ => decision,
    }
}

/// SQL folds a name without quotes to lower case; a setting keeps it as it is.
fn in_capitals(decision: DecidedCause, keyword: &str, create: &str, name: &str) -> DecidedCause {
    let folded = name.to_ascii_lowercase();
    if folded == name || decision.fix.is_some() {
        return decision;
    }
    let name = text::safe(&crate::sql::quote(name));
    decision
        .because(format!(
            "the server has none of that name; SQL folds a name without quotes to lower case, and a setting keeps its capitals: \
             {create} {} made '{}'",
            name.trim_matches('"'),
            text::safe(&folded)
        ))
        .cure(format!(
            "[set {keyword}={}], or {create} {name}",
            text::safe(&folded)
        ))
}
