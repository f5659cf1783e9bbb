//! SQL kept in files, with lines for some server versions only.

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
