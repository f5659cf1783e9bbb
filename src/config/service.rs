//! Connection service files, by libpq's `parseServiceInfo` and `parseServiceFile`.

use std::path::{Path, PathBuf};

use super::error::nearest;
use super::keyword::KEYWORDS;
use super::part::is_blank;
use super::value::Given;
use super::{ConfigError, Environment, Keyword, Origin, Setting};
use crate::path;
use crate::text;

/// The system-wide directories that libpq is commonly built with. A libpq does not report which of
/// them it has.
const SYSTEM_FOLDERS: &[&str] = &[
    "/etc/postgresql-common",
    "/etc/sysconfig/pgsql",
    "/etc/postgresql",
    "/usr/local/etc/postgresql",
    "/usr/local/pgsql/etc",
];

/// Reads the entries of a service: from `file`, or else from `~/.pg_service.conf` if it exists. If
/// that has no such service, reads `pg_service.conf` in `PGSYSCONFDIR` or a system-wide directory.
pub(super) fn load(
    service: &Setting<String>,
    file: Option<Setting<PathBuf>>,
    environment: &Environment,
) -> Result<Vec<Given>, ConfigError> {
    let (mut searched, mut defined) = (Vec::new(), Vec::new());
    let personal = match file {
        Some(file) => Some((file.value, Some(file.origin))),
        // The tool reads the file itself, by the rule of libpq 15 and later for the home directory.
        None => environment
            .home(15)
            .map(|home| (home.join(".pg_service.conf"), None))
            .filter(|(path, _)| path.exists()),
    };
    if let Some((path, origin)) = personal {
        let origin = origin.unwrap_or(Origin::Default("libpq"));
        match section(&path, &origin, &service.value)? {
            Ok(entries) => return Ok(entries),
            Err(others) => defined.extend(others),
        }
        searched.push(path);
    }
    if let Some(path) = system_file(environment)? {
        match section(&path, &Origin::Default("libpq"), &service.value)? {
            Ok(entries) => return Ok(entries),
            Err(others) => defined.extend(others),
        }
        searched.push(path);
    }
    Err(ConfigError::ServiceNotFound {
        service: service.value.clone(),
        origin: Box::new(service.origin.clone()),
        searched,
        defined,
    })
}

fn system_file(environment: &Environment) -> Result<Option<PathBuf>, ConfigError> {
    let folders = match environment.text("PGSYSCONFDIR")? {
        Some(folder) => vec![folder],
        None => SYSTEM_FOLDERS.to_vec(),
    };
    let files = folders
        .into_iter()
        .filter_map(|folder| environment.absolute(&Path::new(folder).join("pg_service.conf")));
    Ok(files.into_iter().find(|path| path.exists()))
}

/// The entries of one section, or the names of the sections that the file has instead.
fn section(
    path: &Path,
    origin: &Origin,
    service: &str,
) -> Result<Result<Vec<Given>, Vec<String>>, ConfigError> {
    let content = path::read(path).map_err(|source| ConfigError::File {
        origin: origin.clone(),
        source,
    })?;
    Ok(parse(&content, path, service)?.ok_or_else(|| sections(&content)))
}

/// The names of the sections, safe to print.
fn sections(content: &[u8]) -> Vec<String> {
    let names = content.split(|byte| *byte == b'\n').filter_map(|line| {
        let (name, _) = std::str::from_utf8(line)
            .ok()?
            .trim_matches(is_blank)
            .strip_prefix('[')?
            .split_once(']')?;
        Some(text::safe(name))
    });
    names.take(100).collect()
}

fn parse(content: &[u8], path: &Path, service: &str) -> Result<Option<Vec<Given>>, ConfigError> {
    let mut entries: Option<Vec<Given>> = None;
    for (line, text) in (1..).zip(content.split(|byte| *byte == b'\n')) {
        let fail = |problem: String| ConfigError::ServiceFile {
            path: path.to_owned(),
            line,
            problem,
        };
        let Ok(text) = std::str::from_utf8(text) else {
            match entries {
                Some(_) => return Err(fail("the line is not valid UTF-8".to_owned())),
                None => continue,
            }
        };
        let text = text.trim_matches(is_blank);
        if let Some(header) = text.strip_prefix('[') {
            if entries.is_some() {
                break;
            }
            let found = header
                .strip_prefix(service)
                .is_some_and(|rest| rest.starts_with(']'));
            entries = found.then(Vec::new);
            continue;
        }
        let Some(entries) = entries
            .as_mut()
            .filter(|_| !text.is_empty() && !text.starts_with('#'))
        else {
            continue;
        };
        if text.starts_with("ldap") {
            return Err(fail(
                "services in an LDAP directory are not supported; write the settings here"
                    .to_owned(),
            ));
        }
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| fail("there is no '=' in the line".to_owned()))?;
        if name == "service" || name == "servicefile" {
            return Err(fail("a service cannot name another service".to_owned()));
        }
        let keyword = Keyword::named(name).ok_or_else(|| {
            let suggestion = nearest(name, KEYWORDS.iter().map(|keyword| keyword.name));
            fail(
                match (name.trim_end_matches(is_blank) != name, suggestion) {
                    (true, _) => "a blank before '=' is not allowed in a service file".to_owned(),
                    (_, Some(suggestion)) => {
                        format!("the keyword is not known to libpq; did you mean {suggestion}?")
                    }
                    (_, None) => "the keyword is not known to libpq".to_owned(),
                },
            )
        })?;
        // In a service file the first entry of a keyword counts.
        if !entries.iter().any(|entry| entry.keyword == keyword) {
            let origin = Origin::Service {
                path: path.to_owned(),
                line,
                service: service.to_owned(),
            };
            entries.push(Given::new(keyword, value, origin));
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str, service: &str) -> Result<Option<Vec<(&'static str, String)>>, String> {
        let entries = parse(content.as_bytes(), Path::new("/f"), service)
            .map_err(|error| error.to_string())?;
        Ok(entries.map(|entries| {
            entries
                .into_iter()
                .map(|entry| (entry.keyword.name, entry.value))
                .collect()
        }))
    }

    #[test]
    fn a_section_is_read_as_libpq_reads_it() {
        let file =
            "# c\n[a]\nhost=x\n\n[b]\n  host=h1 \nhost=h2\r\n#port=1\nport=6\n[b]\nuser=late\n";
        assert_eq!(
            read(file, "b"),
            Ok(Some(vec![
                ("host", "h1".to_owned()),
                ("port", "6".to_owned())
            ]))
        );
        assert_eq!(read(file, "c"), Ok(None));
    }

    #[test]
    fn what_libpq_refuses_is_refused_with_the_line() {
        assert_eq!(
            read("[a]\nhost = x", "a"),
            Err("'/f', line 2: a blank before '=' is not allowed in a service file".into())
        );
        assert_eq!(
            read("[a]\nsslmod=x", "a"),
            Err("'/f', line 2: the keyword is not known to libpq; did you mean sslmode?".into())
        );
        assert_eq!(
            read("[a]\nhunter2", "a"),
            Err("'/f', line 2: there is no '=' in the line".into())
        );
        assert_eq!(
            read("[a]\nservice=b", "a"),
            Err("'/f', line 2: a service cannot name another service".into())
        );
        assert!(read("[a]\nldap://x", "a").unwrap_err().contains("LDAP"));
        assert_eq!(
            read("[a]\nbad\n[b]\nport=1", "b"),
            Ok(Some(vec![("port", "1".to_owned())]))
        );
    }
}
