//! SQL kept in files, with lines for some server versions only.

/// Statements that make the planner find rows by their keys, however large the catalogs are and whatever the statistics say.
///
/// Right after a bulk run the statistics are those of a small database. The planner then reads whole catalogs for each row of
/// a schema, and compiles hundreds of expressions for a query that is run once.
pub const BY_KEYS: [&str; 2] = ["SET LOCAL enable_seqscan = off", "SET LOCAL jit = off"];

/// Returns [`BY_KEYS`] to be put before a statement that is a message of its own, and so a transaction.
pub fn by_keys_in_message() -> String {
    BY_KEYS.map(|set| format!("{set} \\;\n")).concat()
}

/// Returns SQL whose `$members$` stands for queries on the objects of the schema `ns`: `relation`, `routine`, `datatype` (each
/// has `oid`), and `inside` (has `classid` and `objid`), which are the next entries of its WITH.
pub fn with_members(sql: &str) -> String {
    members(sql, "")
}

/// Returns the same SQL without the members of extensions, which are installed once and shared.
pub fn with_own_members(sql: &str) -> String {
    members(
        sql,
        "WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid \
         AND e.objsubid = 0 AND e.deptype = 'e' OFFSET 0)",
    )
}

fn members(sql: &str, condition: &str) -> String {
    let members = include_str!("members.sql").trim_end();
    sql.replace("$members$", &members.replace("$own$", condition))
}

/// A query behind [`BY_KEYS`].
pub(super) fn by_keys(sql: &str) -> String {
    format!("{};\n{sql}", BY_KEYS.join(";\n"))
}

/// Keeps the lines meant for a server: one that ends in `-- since N` is for major versions from N on, one that ends in
/// `-- before N` for those below.
pub fn for_server(sql: &str, major: u32) -> String {
    let meant = |line: &&str| match line.rsplit_once("-- ") {
        Some((_, mark)) => match mark.split_once(' ') {
            Some(("since", version)) => version.parse::<u32>().map_or(true, |since| major >= since),
            Some(("before", version)) => {
                version.parse::<u32>().map_or(true, |before| major < before)
            }
            _ => true,
        },
        None => true,
    };
    let mut kept: String = sql
        .split_inclusive('\n')
        .filter(|line| meant(&line.trim_end()))
        .collect();
    if !kept.ends_with('\n') {
        kept.push('\n');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_by_version() {
        let sql = "a\nb -- since 14\nc -- before 14\nd -- since ever\n";
        assert_eq!(for_server(sql, 13), "a\nc -- before 14\nd -- since ever\n");
        assert_eq!(for_server(sql, 14), "a\nb -- since 14\nd -- since ever\n");
    }
}
