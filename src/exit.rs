//! Exit codes of the command, a public contract.

/// Done.
pub const DONE: u8 = 0;
/// `check`, `verify` or `adopt` found differences, or `status` with `--reconcile` or `--exit-code` did.
pub const DIFFERENCES: u8 = 1;
/// Wrong usage, also a tenant's name that no schema can have.
pub const USAGE: u8 = 2;
/// A setting is missing, empty or malformed.
pub const CONFIGURATION: u8 = 10;
/// psql or `pg_dump` is missing or too old.
pub const PROGRAM: u8 = 11;
/// A certificate, key or other file is missing or not accessible as libpq needs it.
pub const FILE: u8 = 12;
/// Connection, TLS or login failed.
pub const CONNECTION: u8 = 13;
/// The server refused a statement.
pub const SQL: u8 = 14;
/// A snapshot or template is invalid.
pub const SNAPSHOT: u8 = 15;
/// The run took longer than `--timeout`.
pub const TIMEOUT: u8 = 16;
/// The tenant exists.
pub const EXISTS: u8 = 17;
/// Some tenants of a bulk run failed.
pub const PARTIAL: u8 = 18;
/// `diagnose` found an error.
pub const DIAGNOSED: u8 = 20;
/// Added to the number of the signal that ended the run.
pub const SIGNAL_BASE: u8 = 128;

/// Exit codes by the stable id of what failed, or by the area that the id begins with; the first line that fits counts.
///
/// `interrupted` is not among them: its code depends on the signal.
const CODES: &[(&str, u8)] = &[
    ("usage", USAGE),
    ("timeout", TIMEOUT),
    ("config.file", FILE),
    ("config.exposed", FILE),
    ("config.", CONFIGURATION),
    ("program.", PROGRAM),
    ("file.", FILE),
    ("tls.client_cert.", FILE),
    ("tls.client_key.", FILE),
    ("tls.root_cert.", FILE),
    ("tls.crl.", FILE),
    ("connection.", CONNECTION),
    ("sql.", SQL),
    ("snapshot.", SNAPSHOT),
    ("dump.", SNAPSHOT),
    ("migration.", SNAPSHOT),
    ("capture.no_table", USAGE),
    ("capture.unused_decision", USAGE),
    ("capture.", SNAPSHOT),
    ("clone.", SNAPSHOT),
    ("refresh.migration", SQL),
    ("pool.not_proven", SNAPSHOT),
    ("pool.", SQL),
    ("migrate.unknown_run", USAGE),
    ("migrate.", PARTIAL),
    ("query.refused", USAGE),
    ("query.", PARTIAL),
    ("tenant.exists", EXISTS),
    ("tenant.name", USAGE),
    ("tenant.no_target", USAGE),
    ("tenant.group", USAGE),
    ("tenant.missing", USAGE),
    ("tenant.none", USAGE),
    ("tenant.query", USAGE),
    ("tenant.two_places", USAGE),
    ("tenant.depended_on", SQL),
    ("tenant.changed", SQL),
    ("tenant.not_proven", SQL),
    ("tenant.nested_names", SQL),
    ("tenant.not_a_tenant", USAGE),
    ("tenant.protected", USAGE),
    ("tenant.", PARTIAL),
];

/// The last parts of the ids of findings about a file on this machine.
const FILE_FAULTS: [&str; 10] = [
    "missing",
    "unreadable",
    "not_a_file",
    "permissions",
    "invalid",
    "encrypted",
    "mismatch",
    "colon",
    "weak_key",
    "weak_digest",
];

/// The exit code of a command that failed for the reason that the id names.
pub fn code_of(id: &str) -> u8 {
    let row = CODES.iter().find(|(begin, _)| id.starts_with(begin));
    row.map_or(PROGRAM, |(_, code)| *code)
}

/// The exit code of a command whose connection failed: [`FILE`] where a file on this machine is the cause, else
/// [`CONNECTION`].
pub fn code_of_failed_connection(finding: &str) -> u8 {
    let is_fault = |fault: &str| FILE_FAULTS.contains(&fault);
    let local = code_of(finding) == FILE && finding.rsplit('.').next().is_some_and(is_fault);
    if local { FILE } else { CONNECTION }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_code_of_their_area() {
        for (id, code) in [
            ("config.no_user", CONFIGURATION),
            ("config.exposed", FILE),
            ("program.libpq_too_old", PROGRAM),
            ("tls.root_cert.no_system_roots", FILE),
            ("sql.undefined_table", SQL),
            ("capture.no_table", USAGE),
            ("capture.doubtful", SNAPSHOT),
            ("pool.not_proven", SNAPSHOT),
            ("tenant.exists_in_part", EXISTS),
            ("tenant.hook", PARTIAL),
        ] {
            assert_eq!(code_of(id), code, "{id}");
        }
    }

    #[test]
    fn a_failed_connection_is_about_a_file_only_where_the_file_is_here() {
        assert_eq!(
            code_of_failed_connection("tls.client_key.permissions"),
            FILE
        );
        assert_eq!(
            code_of_failed_connection("tls.client_cert.unknown_ca"),
            CONNECTION
        );
        assert_eq!(code_of_failed_connection("config.no_host_name"), CONNECTION);
        assert_eq!(
            code_of_failed_connection("login.wrong_password"),
            CONNECTION
        );
    }
}
