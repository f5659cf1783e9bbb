//! Functions that do something outside of the schema of whoever calls them.

/// Functions that read or write files of the server, steer it or its sessions, or send SQL to another server. All of
/// `PostgreSQL` 13 to 18, `adminpack` and `dblink`.
const OF_THE_SERVER: &[&str] = &[
    "lo_export",
    "lo_import",
    "pg_backup_start",
    "pg_backup_stop",
    "pg_copy_logical_replication_slot",
    "pg_copy_physical_replication_slot",
    "pg_create_logical_replication_slot",
    "pg_create_physical_replication_slot",
    "pg_create_restore_point",
    "pg_drop_replication_slot",
    "pg_file_read",
    "pg_file_rename",
    "pg_file_sync",
    "pg_file_unlink",
    "pg_file_write",
    "pg_log_backend_memory_contexts",
    "pg_logdir_ls",
    "pg_promote",
    "pg_read_binary_file",
    "pg_read_file",
    "pg_read_file_old",
    "pg_reload_conf",
    "pg_replication_slot_advance",
    "pg_rotate_logfile",
    "pg_start_backup",
    "pg_stat_file",
    "pg_stop_backup",
    "pg_switch_wal",
    "pg_wal_replay_pause",
    "pg_wal_replay_resume",
];

/// Beginnings of names of such functions.
const FAMILIES: &[&str] = &["dblink", "pg_ls_", "pg_replication_origin_"];

/// Functions that change something else in the database.
const OF_THE_DATABASE: &[&str] = &[
    "lo_put",
    "lo_truncate",
    "lo_unlink",
    "lowrite",
    // The sessions of others.
    "pg_cancel_backend",
    "pg_import_system_collations",
    "pg_stat_reset",
    "pg_stat_reset_shared",
    "pg_stat_reset_slru",
    "pg_terminate_backend",
];

pub(super) fn is_of_the_server(function: &str) -> bool {
    OF_THE_SERVER.binary_search(&function).is_ok()
        || FAMILIES.iter().any(|family| function.starts_with(family))
}

pub(super) fn is_of_the_database(function: &str) -> bool {
    OF_THE_DATABASE.contains(&function)
}

/// Returns whether the C source of a `LANGUAGE internal` function is that of one of these: `be_lo_import`,
/// `pg_read_file_all`.
pub(super) fn is_source_of_the_server(symbol: &str) -> bool {
    let symbol = symbol.trim();
    let plain = symbol.strip_prefix("be_").unwrap_or(symbol);
    [
        "pg_read_",
        "pg_ls_",
        "pg_stat_file",
        "lo_import",
        "lo_export",
    ]
    .iter()
    .any(|family| plain.starts_with(family))
        || is_of_the_server(plain)
}

/// Returns whether code in a language runs with the rights of the server's own user (`plpython3u`).
pub(super) fn is_untrusted(language: &str) -> bool {
    language.ends_with('u') || language == "c"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_for_the_search() {
        assert!(OF_THE_SERVER.is_sorted());
    }

    #[test]
    fn families_and_sources() {
        assert!(is_of_the_server("dblink_exec") && is_of_the_server("pg_ls_waldir"));
        assert!(!is_of_the_server("pg_get_viewdef") && !is_of_the_server("lo_get"));
        assert!(
            is_source_of_the_server("be_lo_import") && is_source_of_the_server("pg_read_file_v2")
        );
        assert!(!is_source_of_the_server("int4pl"));
        assert!(is_untrusted("plpython3u") && !is_untrusted("plperl"));
    }
}
