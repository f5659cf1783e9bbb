//! Finds the way down of a migration, in every tool's layout.

use std::path::{Path, PathBuf};

use super::directory::{entries, flyway, parse_file_name, read_text, wants_transaction};
use super::section::{Direction, has_sections, parse_way};
use super::{Migration, MigrationError, MigrationVersion};

impl Migration {
    /// Reads the migration's way down. Returns `None` if it has none, or one without a statement.
    ///
    /// # Errors
    /// [`MigrationError`] with file and line.
    pub fn read_down(&self) -> Result<Option<Self>, MigrationError> {
        let unix = self.text.replace("\r\n", "\n");
        let (path, text) = if has_sections(&unix) {
            if parse_way(&unix, Direction::Down).is_none() {
                return Ok(None);
            }
            (self.path.clone(), self.text.clone())
        } else {
            let Some(path) = self.down_path()? else {
                return Ok(None);
            };
            let text = read_text(&path)?;
            (path, text)
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        let transaction = !path.ends_with("down.sql") || wants_transaction(folder)?;
        let version = self.version.clone();
        let name = &self.name;
        let down = Self::compile(&path, Direction::Down, version, name, text, transaction)?;
        Ok(Some(down).filter(|down| !down.statements().is_empty()))
    }

    /// Returns the file with the way down.
    fn down_path(&self) -> Result<Option<PathBuf>, MigrationError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if self.path.ends_with("up.sql") {
            return Ok(Some(folder.join("down.sql")).filter(|path| path.is_file()));
        }
        let is_up_folder = folder.file_name().is_some_and(|name| name == "up");
        let other = folder.with_file_name("down");
        let (files, whole) = if is_up_folder && other.is_dir() {
            (entries(&other)?, true)
        } else {
            (entries(folder)?, false)
        };
        let mut found = files
            .into_iter()
            .filter(|path| down_version(path, whole).as_ref() == Some(&self.version));
        match (found.next(), found.next()) {
            (Some(first), Some(second)) => Err(MigrationError::Duplicate {
                version: self.version.clone(),
                first,
                second,
            }),
            (first, _) => Ok(first),
        }
    }
}

/// Returns the version of a file that is a way down: `1_a.down.sql`, `U1__a.sql`, and in a directory of ways down each
/// SQL file.
fn down_version(path: &Path, whole: bool) -> Option<MigrationVersion> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".sql")?;
    if let Some(stem) = stem.strip_suffix(".down") {
        return parse_file_name(stem).map(|(version, _)| version);
    }
    let undo = stem
        .strip_prefix('U')
        .and_then(|rest| rest.split_once("__"));
    if let Some(version) = undo.and_then(|(version, _)| flyway(version)) {
        return Some(version);
    }
    let name = parse_file_name(stem).filter(|_| whole);
    name.map(|(version, _)| version)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests stage their own files")]
mod tests {
    use super::super::read_folder;
    use super::*;

    /// Returns the first migration of a directory, which must outlive it.
    fn staged(files: &[(&str, &str)]) -> (tempfile::TempDir, Migration) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let migrations = read_folder(folder.path()).unwrap();
        (folder, migrations.as_slice()[0].clone())
    }

    fn read(files: &[(&str, &str)]) -> Result<Option<Migration>, MigrationError> {
        let (_folder, migration) = staged(files);
        migration.read_down()
    }

    /// Returns the file and the number of statements of the way down.
    fn down(files: &[(&str, &str)]) -> Option<(String, usize)> {
        let found = read(files).unwrap();
        found.map(|down| (down.file_name(), down.statements().len()))
    }

    #[test]
    fn ways_down_are_found_in_every_layout() {
        let up = "CREATE TABLE t ();";
        let drop = "DROP TABLE t; DROP TABLE s;";
        for (files, expected) in [
            (
                &[("1_a.up.sql", up), ("1_a.down.sql", drop)][..],
                "1_a.down.sql",
            ),
            (
                &[
                    ("001_a.up.sql", up),
                    ("1_b.down.sql", drop),
                    ("2_c.down.sql", up),
                ],
                "1_b.down.sql",
            ),
            (&[("1_a.sql", up), ("1_a.down.sql", drop)], "1_a.down.sql"),
            (&[("up/1_a.sql", up), ("down/1_a.sql", drop)], "1_a.sql"),
            (
                &[("1_a/up.sql", up), ("1_a/down.sql", drop)],
                "1_a/down.sql",
            ),
            (&[("V1_2__a.sql", up), ("U1_2__a.sql", drop)], "U1_2__a.sql"),
            (
                &[(
                    "1_a.sql",
                    "-- migrate:up\nCREATE TABLE t ();\n-- migrate:down\nDROP TABLE t; DROP TABLE s;\n",
                )],
                "1_a.sql",
            ),
            (
                &[(
                    "1_a.sql",
                    "-- +goose Up\nCREATE TABLE t ();\n-- +goose Down\nDROP TABLE t;\nDROP TABLE s;\n",
                )],
                "1_a.sql",
            ),
        ] {
            assert_eq!(down(files), Some((expected.to_owned(), 2)), "{files:?}");
        }
    }

    #[test]
    fn a_way_down_without_a_statement_is_none() {
        let up = "CREATE TABLE t ();";
        for files in [
            &[("1_a.sql", up)][..],
            &[("1_a.up.sql", up), ("2_b.down.sql", up)],
            &[("1_a.up.sql", up), ("1_a.down.sql", "-- nothing to do\n")],
            &[(
                "1_a.sql",
                "-- migrate:up\nCREATE TABLE t ();\n-- migrate:down\n\n",
            )],
            &[("1_a.sql", "-- migrate:up\nCREATE TABLE t ();\n")],
            &[("1_a/up.sql", up)],
        ] {
            assert_eq!(down(files), None, "{files:?}");
        }
    }

    #[test]
    fn a_broken_or_ambiguous_way_down_is_an_error() {
        let up = ("1_a.up.sql", "CREATE TABLE t ();");
        let broken = read(&[up, ("1_a.down.sql", "DROP TABLE t;\nCOMMIT;")]).unwrap_err();
        assert!(broken.to_string().contains("line 2: 'COMMIT'"), "{broken}");
        let two = read(&[
            up,
            ("1_a.down.sql", "DROP TABLE t;"),
            ("01_b.down.sql", "DROP TABLE t;"),
        ]);
        assert!(
            matches!(two, Err(MigrationError::Duplicate { .. })),
            "{two:?}"
        );
    }
}
