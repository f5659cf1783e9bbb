use std::io;

use super::Version;
use crate::text::hexadecimal;

/// 192 bits, so that nobody who can write into the script can guess it.
const KEY_BYTES: usize = 24;

/// The lines that [`wrap_restricted`] puts before the script.
pub(super) const LINES_BEFORE: u32 = 1;

/// The line that psql writes to stderr when it is connected and begins the script.
const ANNOUNCEMENT: &str = "schemastamp: connected";

/// Makes psql report that it is connected, before anything is sent: `\warn`, which psql knows since
/// 13, is not buffered.
pub(super) fn announced(script: &str) -> String {
    format!("\\warn '{ANNOUNCEMENT}'\n{script}")
}

/// The lines that [`announced`] puts before the script.
pub(super) const ANNOUNCEMENT_LINES: u32 = 1;

/// Returns psql's output without the announcement, and `true` if it was there.
pub(super) fn without_announcement(stderr: &str) -> (String, bool) {
    let mut announced = false;
    let kept = stderr.split_inclusive('\n').filter(|line| {
        let is_first = !announced && line.trim_end() == ANNOUNCEMENT;
        announced |= is_first;
        !is_first
    });
    let kept = kept.collect();
    (kept, announced)
}

/// A fresh random key of ASCII letters and digits for `\restrict` and for `pg_dump --restrict-key`.
///
/// # Errors
/// The operating system has no random bytes.
pub fn restrict_key() -> io::Result<String> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(hexadecimal(&bytes))
}

/// Puts the script between `\restrict KEY` and `\unrestrict KEY` with a fresh key, so that psql refuses every other
/// backslash command in it; unchanged where psql does not know them.
///
/// # Errors
/// The operating system has no random bytes.
pub fn wrap_restricted(script: &str, psql: Version) -> io::Result<String> {
    if !psql.knows_restrict() {
        return Ok(script.to_owned());
    }
    let key = restrict_key()?;
    let end = if script.ends_with('\n') || script.is_empty() {
        ""
    } else {
        "\n"
    };
    Ok(format!(
        "\\restrict {key}\n{script}{end}\\unrestrict {key}\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_fresh_and_the_script_stays() {
        let psql = Version::new(15, 18);
        let (one, two) = (
            wrap_restricted("SELECT 1;", psql).unwrap(),
            wrap_restricted("SELECT 1;", psql).unwrap(),
        );
        assert_ne!(one, two);
        let lines: Vec<_> = one.lines().collect();
        let key = lines[0].strip_prefix("\\restrict ").unwrap();
        assert!(
            key.len() >= 32 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{key}"
        );
        assert_eq!(lines[1..], ["SELECT 1;", &*format!("\\unrestrict {key}")]);
        assert_eq!(
            wrap_restricted("SELECT 1;", Version::new(15, 13)).unwrap(),
            "SELECT 1;"
        );
    }
}
