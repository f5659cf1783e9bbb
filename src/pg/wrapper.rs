use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Debian's `pg_wrapper` is this much text before it names its Perl module.
const SCRIPT_HEAD: u64 = 8 * 1024;

/// Returns the program behind Debian's wrapper (postgresql-common's `pg_wrapper`): the newest
/// installed version, which the wrapper itself picks for a remote server. Returns `None` if `found`
/// is not such a wrapper.
pub(super) fn real_program(name: &str, found: &Path) -> Option<PathBuf> {
    let target = fs::canonicalize(found).ok()?;
    if !is_wrapper(&target) {
        return None;
    }
    // PREFIX/share/postgresql-common/pg_wrapper or a copy at PREFIX/bin/psql; the programs are at
    // PREFIX/lib/postgresql/MAJOR/bin.
    let prefixes = [
        target.ancestors().nth(3),
        target.ancestors().nth(2),
        Some(Path::new("/usr")),
    ];
    prefixes
        .into_iter()
        .flatten()
        .find_map(|prefix| newest(&prefix.join("lib/postgresql"), name))
}

fn is_wrapper(target: &Path) -> bool {
    if target.file_name().is_some_and(|name| name == "pg_wrapper") {
        return true;
    }
    let mut head = Vec::new();
    let read = crate::path::open(target)
        .is_ok_and(|file| file.take(SCRIPT_HEAD).read_to_end(&mut head).is_ok());
    read && head.starts_with(b"#!") && head.windows(8).any(|window| window == b"PgCommon")
}

fn newest(versions: &Path, name: &str) -> Option<PathBuf> {
    let mut found: Vec<(u16, PathBuf)> = fs::read_dir(versions)
        .ok()?
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin").join(name),
            ))
        })
        .filter(|(_, program)| rustix::fs::access(program, rustix::fs::Access::EXEC_OK).is_ok())
        .collect();
    found.sort();
    found.pop().map(|(_, program)| program)
}
