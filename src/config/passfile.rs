//! Password files, by libpq's `passwordFromFile`.

use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use secrecy::SecretString;

use super::{ConfigError, ConfigWarning, Host, Origin, PasswordFileMiss, Setting};
use crate::path;

/// The directories in which libpq is commonly built to find the server's socket. A password file
/// calls them `localhost`.
const SOCKET_FOLDERS: &[&str] = &["/var/run/postgresql", "/run/postgresql", "/tmp"];

/// The passwords of a connection's hosts in a password file.
#[derive(Debug)]
pub(super) struct Entries {
    /// The password of each host.
    pub(super) passwords: Vec<Option<Setting<SecretString>>>,
    /// Set if the file has none for any of them.
    pub(super) miss: Option<PasswordFileMiss>,
}

/// Reads the password of each host. A file that libpq would ignore gives none, and a warning.
pub(super) fn look_up(
    path: &Path,
    explicit: bool,
    (hosts, database, user): (&[Host], &str, &str),
    warnings: &mut Vec<ConfigWarning>,
) -> Result<Entries, ConfigError> {
    match read(path) {
        Ok(content) => {
            let passwords = hosts
                .iter()
                .map(|host| find(&content, path, host, database, user))
                .collect::<Result<Vec<_>, _>>()?;
            let miss = passwords
                .iter()
                .all(Option::is_none)
                .then(|| PasswordFileMiss {
                    path: path.to_owned(),
                    nearest: hosts
                        .iter()
                        .find_map(|host| nearest(&content, host, database, user)),
                });
            Ok(Entries { passwords, miss })
        }
        Err(problem) => {
            if explicit || !matches!(problem, Unusable::Missing) {
                let problem = problem.to_string();
                warnings.push(ConfigWarning::PasswordFile {
                    path: path.to_owned(),
                    problem,
                });
            }
            Ok(Entries {
                passwords: vec![None; hosts.len()],
                miss: None,
            })
        }
    }
}

/// The reason why libpq would not use a password file.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("it does not exist")]
    Missing,
    #[error("{0}")]
    Unreadable(std::io::Error),
    #[error("it is not a plain file")]
    NotPlain,
    #[error("its mode {0:04o} gives access to group or others; run `chmod 0600` on it")]
    Open(u32),
}

impl From<std::io::Error> for Unusable {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::Missing,
            _ => Self::Unreadable(error),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Unusable> {
    // Before opening, since opening a FIFO would wait for a writer; and after, on the file that is really read.
    if !path.metadata()?.is_file() {
        return Err(Unusable::NotPlain);
    }
    let mut file = path::open(path).map_err(|error| error.source)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Unusable::NotPlain);
    }
    let mode = metadata.permissions().mode() & path::PERMISSIONS;
    if mode & path::GROUP_AND_OTHERS != 0 {
        return Err(Unusable::Open(mode));
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(content)
}

fn find(
    content: &[u8],
    path: &Path,
    host: &Host,
    database: &str,
    user: &str,
) -> Result<Option<Setting<SecretString>>, ConfigError> {
    let names = names(host);
    let port = host.port.to_string();
    for (line, text) in lines(content) {
        let rest = names.iter().find_map(|name| matching(text, name));
        let rest = [port.as_str(), database, user]
            .iter()
            .try_fold(rest, |rest, token| rest.map(|rest| matching(rest, token)));
        let Some(Some(password)) = rest else { continue };
        let origin = Origin::PasswordFile {
            path: path.to_owned(),
            line,
        };
        let password = unescape(password);
        if password.is_empty() {
            return Err(ConfigError::Empty { origin });
        }
        let password = String::from_utf8(password).map_err(|_| ConfigError::NotUtf8 {
            origin: origin.clone(),
        })?;
        return Ok(Some(Setting::new(SecretString::from(password), origin)));
    }
    Ok(None)
}

/// The names that a line may have for a host.
fn names(host: &Host) -> Vec<&str> {
    match host.name.as_deref().or(host.address.as_deref()) {
        None => vec!["localhost"],
        // It is unknown which of these directories is the built-in one, so its entry may have
        // either name.
        Some(folder) if SOCKET_FOLDERS.contains(&folder) => vec!["localhost", folder],
        Some(name) => vec![name],
    }
}

/// The lines that are no comments, with their numbers.
fn lines(content: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    (1..)
        .zip(content.split(|byte| *byte == b'\n'))
        .map(|(line, text)| (line, text.strip_suffix(b"\r").unwrap_or(text)))
        .filter(|(_, text)| !text.starts_with(b"#"))
}

/// The first line of which one field alone is another one, with that field's name.
fn nearest(
    content: &[u8],
    host: &Host,
    database: &str,
    user: &str,
) -> Option<(usize, &'static str)> {
    let (names, port) = (names(host), host.port.to_string());
    lines(content).find_map(|(line, text)| {
        let mut rest = text;
        let mut other = None;
        for (field, tokens) in [
            ("host", names.as_slice()),
            ("port", &[port.as_str()]),
            ("database", &[database]),
            ("role", &[user]),
        ] {
            let fits = tokens.iter().find_map(|token| matching(rest, token));
            rest = match fits {
                Some(behind) => behind,
                None if other.is_none() => {
                    other = Some(field);
                    behind_field(rest)?
                }
                None => return None,
            };
        }
        other.map(|field| (line, field))
    })
}

/// Returns what follows the `:` at the end of a field.
fn behind_field(line: &[u8]) -> Option<&[u8]> {
    let mut rest = line;
    loop {
        let (byte, behind) = rest.split_first()?;
        rest = behind;
        match byte {
            b':' => return Some(rest),
            b'\\' => rest = rest.split_first()?.1,
            _ => {}
        }
    }
}

/// Takes the first field off a line if it is `*` or equals the token; returns what follows its `:`.
fn matching<'a>(line: &'a [u8], token: &str) -> Option<&'a [u8]> {
    if let Some(rest) = line.strip_prefix(b"*:") {
        return Some(rest);
    }
    let mut token = token.bytes();
    let mut rest = line;
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b':' if token.len() == 0 => return Some(rest),
            b'\\' => {
                let (byte, after) = rest.split_first()?;
                rest = after;
                if token.next() != Some(*byte) {
                    return None;
                }
            }
            byte if token.next() == Some(*byte) => {}
            _ => return None,
        }
    }
}

/// The password up to the next `:`, without its backslashes.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut password = Vec::with_capacity(field.len());
    let mut bytes = field.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b':' => break,
            b'\\' => password.push(bytes.next().unwrap_or(b'\\')),
            byte => password.push(byte),
        }
    }
    password
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn at(
        host: Option<&str>,
        content: &str,
        database: &str,
        user: &str,
    ) -> Option<(String, Origin)> {
        let host = Host {
            name: host.map(str::to_owned),
            address: None,
            port: 5432,
        };
        let found = find(content.as_bytes(), Path::new("/p"), &host, database, user).unwrap()?;
        Some((found.value.expose_secret().to_owned(), found.origin))
    }

    fn password(host: Option<&str>, content: &str) -> Option<String> {
        at(host, content, "d", "u").map(|(password, _)| password)
    }

    #[test]
    fn entries_match_as_in_libpq() {
        for (host, content, expected) in [
            (Some("h"), "h:5432:d:u:secret", Some("secret")),
            (Some("h"), "*:*:*:*:any\n", Some("any")),
            (
                Some("h"),
                "# h:5432:d:u:no\nh:5432:d:u:yes\r\n",
                Some("yes"),
            ),
            (Some("h"), "h:5433:d:u:other port", None),
            (Some("h"), "hh:5432:d:u:x", None),
            (Some("h"), "h:5432:d:u", None),
            (Some("h"), r"h:5432:d:u:a\:b\\c", Some(r"a:b\c")),
            (Some("h"), "h:5432:d:u:a:b", Some("a")),
            (Some("::1"), r"\:\:1:5432:d:u:v6", Some("v6")),
            (None, "localhost:5432:d:u:socket", Some("socket")),
            (
                Some("/var/run/postgresql"),
                "localhost:5432:d:u:socket",
                Some("socket"),
            ),
            (Some("/srv/s"), "localhost:5432:d:u:socket", None),
            (Some("/srv/s"), "/srv/s:5432:d:u:socket", Some("socket")),
        ] {
            assert_eq!(password(host, content).as_deref(), expected, "{content}");
        }
    }

    #[test]
    fn the_line_is_known_and_fields_may_be_escaped() {
        let (password, origin) = at(
            Some("h"),
            "x:1:*:*:no\nh:5432:a\\:b:c\\\\d:yes",
            "a:b",
            r"c\d",
        )
        .unwrap();
        assert_eq!(password, "yes");
        assert_eq!(
            origin,
            Origin::PasswordFile {
                path: "/p".into(),
                line: 2
            }
        );
    }

    #[test]
    fn a_file_others_can_read_is_ignored_with_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgpass");
        path::write_atomic(&file, b"*:*:*:*:hunter2\n").unwrap();
        let hosts = [Host {
            name: None,
            address: None,
            port: 5432,
        }];
        let mut warnings = Vec::new();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let passwords = |warnings: &mut Vec<ConfigWarning>| {
            let entries = look_up(&file, true, (&hosts, "d", "u"), warnings);
            entries.unwrap().passwords
        };
        assert!(passwords(&mut warnings)[0].is_none());
        let shown = warnings[0].to_string();
        assert!(
            shown.contains("0640") && shown.contains("chmod 0600") && !shown.contains("hunter2"),
            "{shown}"
        );
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(passwords(&mut warnings)[0].is_some());
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn the_line_that_nearly_fits_is_named_with_its_other_field() {
        let host = Host {
            name: Some("h".to_owned()),
            address: None,
            port: 5432,
        };
        for (content, expected) in [
            ("h:5432:e:u:secret", Some((1, "database"))),
            (
                "# c\nx:1:y:z:no\n127.0.0.1:5432:d:u:secret",
                Some((3, "host")),
            ),
            (" h:5432:d:u:secret", Some((1, "host"))),
            ("h:5433:d:u:secret", Some((1, "port"))),
            (r"h:5432:a\:b:u:secret", Some((1, "database"))),
            ("h:5432:d:U:secret", Some((1, "role"))),
            ("h:5433:d:U:secret", None),
            ("hunter2", None),
            ("h:5432:d", None),
        ] {
            assert_eq!(
                nearest(content.as_bytes(), &host, "d", "u"),
                expected,
                "{content}"
            );
        }
    }

    #[test]
    fn a_missing_file_is_worth_a_warning_only_where_it_was_named() {
        let hosts = [Host {
            name: None,
            address: None,
            port: 5432,
        }];
        let mut warnings = Vec::new();
        let missing = Path::new("/nonexistent/pgpass");
        look_up(missing, false, (&hosts, "d", "u"), &mut warnings).unwrap();
        assert!(warnings.is_empty());
        look_up(missing, true, (&hosts, "d", "u"), &mut warnings).unwrap();
        look_up(
            Path::new("/dev/null"),
            false,
            (&hosts, "d", "u"),
            &mut warnings,
        )
        .unwrap();
        assert!(warnings[0].to_string().ends_with("it does not exist"));
        assert!(warnings[1].to_string().ends_with("it is not a plain file"));
    }
}
