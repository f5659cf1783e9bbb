use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::section::Direction;
use super::{Migration, MigrationError, MigrationVersion, Migrations};
use crate::path::{PathError, read, read_to_string};

/// Reads a directory of migrations.
///
/// Files other than `*.sql`, directories without `up.sql`, and ways down are ignored. A file that looks like a
/// migration and would be left out is an error.
///
/// # Errors
/// [`MigrationError`]. Names that do not begin with a version, and duplicate versions, are errors.
pub fn read_folder(folder: &Path) -> Result<Migrations, MigrationError> {
    let mut migrations = Vec::new();
    let up = folder.join("up");
    // Some tools keep the ways up and down in two directories.
    let files = if up.is_dir() && !up.join("up.sql").exists() {
        if let Some(path) = entries(folder)?.into_iter().find(|path| is_migration(path)) {
            return Err(MigrationError::Mixed { path });
        }
        &up
    } else {
        folder
    };
    for path in entries(files)? {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if path.is_dir() {
            let file = path.join("up.sql");
            if file.is_file() {
                let (version, rest) = parse_directory_name(&name)
                    .ok_or_else(|| MigrationError::Name { path: path.clone() })?;
                let transaction = wants_transaction(&path)?;
                migrations.push(Migration::compile(
                    &file,
                    Direction::Up,
                    version,
                    rest,
                    read_text(&file)?,
                    transaction,
                )?);
            } else if name != "down"
                && let Some(path) = entries(&path)?.into_iter().find(|path| is_migration(path))
            {
                return Err(MigrationError::Nested { path });
            }
            continue;
        }
        let Some(stem) = name.strip_suffix(".sql") else {
            continue;
        };
        // Names are compared with case, as the tools do.
        if stem.strip_suffix(".down").is_some() || is_undo(stem) {
            continue;
        }
        if stem
            .strip_prefix('R')
            .is_some_and(|rest| rest.starts_with("__"))
        {
            return Err(MigrationError::Repeatable { path });
        }
        let stem = stem.strip_suffix(".up").unwrap_or(stem);
        let (version, rest) =
            parse_file_name(stem).ok_or_else(|| MigrationError::Name { path: path.clone() })?;
        migrations.push(Migration::compile(
            &path,
            Direction::Up,
            version,
            rest,
            read_text(&path)?,
            true,
        )?);
    }
    Migrations::new(folder, migrations)
}

/// Languages of migrations that only an app can run.
const LANGUAGES: &[&str] = &[
    "rb", "py", "exs", "ex", "js", "mjs", "cjs", "ts", "php", "go", "java", "kt", "cs", "xml",
    "yaml", "yml",
];

/// Returns the first migration of another language than SQL in a directory.
///
/// # Errors
/// The directory cannot be read.
pub fn other_migration(folder: &Path) -> Result<Option<PathBuf>, MigrationError> {
    let is_other = |path: &PathBuf| {
        let language = path.extension().and_then(|extension| extension.to_str());
        language.is_some_and(|language| LANGUAGES.contains(&language))
            && !path.ends_with("__init__.py")
    };
    Ok(entries(folder)?.into_iter().find(is_other))
}

/// Returns whether a path looks like a migration that is to be run: an SQL file that begins with a version and is no way down, or a
/// directory of diesel's.
fn is_migration(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    if path.is_dir() {
        return path.join("up.sql").is_file();
    }
    let Some(stem) = name.strip_suffix(".sql") else {
        return false;
    };
    let is_down = stem.strip_suffix(".down").is_some() || is_undo(stem);
    let stem = stem.strip_suffix(".up").unwrap_or(stem);
    !is_down && parse_file_name(stem).is_some()
}

/// Returns the visible entries of a directory, sorted.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, PathError> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(PathError::on("read", folder))? {
        let entry = entry.map_err(PathError::on("read", folder))?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

pub(super) fn read_text(path: &Path) -> Result<String, MigrationError> {
    String::from_utf8(read(path)?).map_err(|error| {
        let before = error
            .as_bytes()
            .get(..error.utf8_error().valid_up_to())
            .unwrap_or_default();
        let line = String::from_utf8_lossy(before).matches('\n').count() + 1;
        MigrationError::Encoding {
            path: path.to_owned(),
            line,
        }
    })
}

/// Returns `true` for Flyway's way down: `U1__name`.
fn is_undo(stem: &str) -> bool {
    stem.strip_prefix('U')
        .and_then(|rest| rest.split_once("__"))
        .is_some_and(|(version, _)| flyway(version).is_some())
}

/// Flyway's versions may have underscores for dots.
pub(super) fn flyway(version: &str) -> Option<MigrationVersion> {
    MigrationVersion::parse(&version.replace('_', "."))
}

/// Parses `20240131_add_users`, `0001-add-users`, `20240131` or `V1_2__add_users`.
pub(super) fn parse_file_name(stem: &str) -> Option<(MigrationVersion, &str)> {
    if let Some((version, name)) = stem
        .strip_prefix(['V', 'v'])
        .and_then(|rest| rest.split_once("__"))
    {
        return Some((flyway(version)?, name));
    }
    let stem = stem.strip_prefix(['V', 'v']).unwrap_or(stem);
    let end = stem
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(stem.len());
    let (version, rest) = stem.split_at_checked(end)?;
    let name = match rest.strip_prefix(['_', '-']) {
        Some(name) => name,
        None if rest.is_empty() => rest,
        None => return None,
    };
    Some((MigrationVersion::parse(version)?, name))
}

/// Parses the name of a diesel directory, `2024-01-31-000000_add_users`. The version is kept
/// without its dashes.
fn parse_directory_name(name: &str) -> Option<(MigrationVersion, &str)> {
    let (version, rest) = name.split_once('_').unwrap_or((name, ""));
    Some((MigrationVersion::parse(&version.replace('-', ""))?, rest))
}

/// diesel's `metadata.toml` cannot be read.
#[derive(Deserialize)]
struct Metadata {
    run_in_transaction: Option<bool>,
}

pub(super) fn wants_transaction(folder: &Path) -> Result<bool, MigrationError> {
    let path = folder.join("metadata.toml");
    if !path.exists() {
        return Ok(true);
    }
    match toml::from_str::<Metadata>(&read_to_string(&path)?) {
        Ok(metadata) => Ok(metadata.run_in_transaction.unwrap_or(true)),
        Err(source) => Err(MigrationError::Metadata {
            path,
            source: Box::new(source),
        }),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests stage their own files")]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn versions(files: &[(&str, &str)]) -> Vec<String> {
        let folder = folder(files);
        let migrations = read_folder(folder.path()).unwrap();
        migrations
            .as_slice()
            .iter()
            .map(|migration| format!("{} {}", migration.version, migration.name))
            .collect()
    }

    fn refused(files: &[(&str, &str)]) -> String {
        let folder = folder(files);
        let error = read_folder(folder.path()).unwrap_err();
        let source = std::error::Error::source(&error)
            .map(|source| format!(": {source}"))
            .unwrap_or_default();
        format!("{error}{source}").replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn layouts_of_many_tools() {
        let sql = "SELECT 1;";
        assert_eq!(
            versions(&[
                ("9_b.sql", sql),
                ("10_c.sql", sql),
                ("001_a.sql", sql),
                ("README.md", "")
            ]),
            ["001 a", "9 b", "10 c"]
        );
        assert_eq!(
            versions(&[("1_a.up.sql", sql), ("1_a.down.sql", "\\bad")]),
            ["1 a"]
        );
        assert_eq!(
            versions(&[("up/1_a.sql", sql), ("down/1_a.sql", sql)]),
            ["1 a"]
        );
        assert_eq!(
            versions(&[
                ("2024-01-31-000000_add_users/up.sql", sql),
                ("2024-01-31-000000_add_users/down.sql", sql)
            ]),
            ["20240131000000 add_users"]
        );
        assert_eq!(
            versions(&[
                ("V1_2__a.sql", sql),
                ("V1.10__b.sql", sql),
                ("U1_2__a.sql", sql)
            ]),
            ["1.2 a", "1.10 b"]
        );
        assert_eq!(
            versions(&[("20240131.sql", sql), ("20240201-b.sql", sql)]),
            ["20240131 ", "20240201 b"]
        );
    }

    #[test]
    fn metadata_of_diesel() {
        let folder = folder(&[
            ("1_a/up.sql", "SELECT 1;"),
            ("1_a/metadata.toml", "run_in_transaction = false\n"),
        ]);
        let migrations = read_folder(folder.path()).unwrap();
        assert!(!migrations.as_slice()[0].transaction);
        assert_eq!(migrations.as_slice()[0].file_name(), "1_a/up.sql");
    }

    #[test]
    fn errors_name_file_and_line() {
        for (name, text, expected) in [
            ("users.sql", "", "'users.sql' does not begin with a version"),
            (
                "1users.sql",
                "",
                "'1users.sql' does not begin with a version",
            ),
            ("R__view.sql", "", "'R__view.sql' is a repeatable migration"),
            (
                "1_a.sql",
                "SELECT 1;\nCOMMIT;",
                "'1_a.sql', line 2: 'COMMIT' would end the transaction",
            ),
            (
                "1_a.sql",
                "\n\\i x",
                "'1_a.sql', line 2: psql meta-command '\\i'",
            ),
            (
                "1_a.sql",
                "COPY a FROM stdin;\n\\.\n",
                "'1_a.sql', line 1: COPY data",
            ),
            (
                "1_a.sql",
                "SELECT #{tenant}.x;",
                "'1_a.sql' is not a valid migration: line 1: unknown placeholder",
            ),
            (
                "1_a.sql",
                "SELECT 'x",
                "'1_a.sql' is not a valid migration: line 1: a string literal",
            ),
            (
                "1_a.sql",
                "SELECT 1;\n-- x\0\n",
                "'1_a.sql' is not a valid migration: line 2: a NUL byte",
            ),
            (
                "1_a.sql",
                "SELECT E'a'\n'b\\'c';",
                "'1_a.sql' is not a valid migration: line 1: a literal E'…'",
            ),
            (
                "1_a.sql",
                "-- migrate:down\nSELECT 1;\n",
                "'1_a.sql' has no way up",
            ),
            (
                "1_a.sql",
                "-- migrate:up\nCOMMIT;\n-- migrate:down\n",
                "'1_a.sql', line 2: 'COMMIT'",
            ),
            (
                "1_a.sql",
                "-- +goose ENVSUB ON\n-- +goose Up\n",
                "'1_a.sql', line 1: environment variables",
            ),
        ] {
            let said = refused(&[(name, text)]);
            assert!(said.starts_with(expected), "{said}");
        }
        let said = refused(&[("1_a.sql", ""), ("01_b.sql", "")]);
        assert_eq!(said, "'01_b.sql' and '1_a.sql' have the same version 01");
        let missing = read_folder(Path::new("/nonexistent/directory"))
            .unwrap_err()
            .to_string();
        assert_eq!(missing, "cannot read '/nonexistent/directory'");
    }

    #[test]
    fn what_would_be_left_out_is_an_error() {
        let sql = "SELECT 1;";
        for (files, expected) in [
            (
                &[("up/1_a.sql", sql), ("3_c.sql", sql)][..],
                "'3_c.sql' is next to",
            ),
            (
                &[("up/1_a.sql", sql), ("2_b/up.sql", sql)],
                "'2_b' is next to",
            ),
            (
                &[("1_a.sql", sql), ("2024/2_b.sql", sql)],
                "'2024/2_b.sql' is in a directory of its own",
            ),
            (
                &[("1_a.sql", sql), ("more/V2__b.up.sql", sql)],
                "'more/V2__b.up.sql' is in a directory",
            ),
        ] {
            let said = refused(files);
            assert!(said.starts_with(expected), "{said}");
        }
        assert_eq!(
            versions(&[
                ("1_a.sql", sql),
                ("down/1_a.sql", sql),
                ("meta/1_snapshot.json", "{}"),
                ("seeds/users.sql", sql)
            ]),
            ["1 a"]
        );
    }

    #[test]
    fn what_blocks_or_has_no_end_is_no_migration() {
        let folder = folder(&[("1_a.sql", "SELECT 1;")]);
        let fifo = folder.path().join("2_b.sql");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, mode).unwrap();
        assert!(matches!(
            read_folder(folder.path()),
            Err(MigrationError::Path(_))
        ));
        std::fs::remove_file(&fifo).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &fifo).unwrap();
        assert!(matches!(
            read_folder(folder.path()),
            Err(MigrationError::Path(_))
        ));
    }

    #[test]
    fn warnings_have_the_files_line() {
        let folder = folder(&[(
            "1_a.sql",
            "-- migrate:up\nALTER TABLE app.users ADD x int;\n-- migrate:down\nDROP TABLE app.t;\n",
        )]);
        let migrations = read_folder(folder.path()).unwrap();
        let [fixed] = &migrations.as_slice()[0].fixed_schemas[..] else {
            panic!("{migrations:?}")
        };
        assert_eq!(
            fixed.to_string(),
            "line 2: 'app.users' would be changed again for each tenant; write #{prefix}.users"
        );
    }
}
