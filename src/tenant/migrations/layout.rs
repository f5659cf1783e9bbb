//! The tool whose layout a directory of migrations has.

use super::section::{SectionStyle, section_style};
use super::{Migration, Migrations};

/// The layout of a directory of migrations, by which its tool is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MigrationLayout {
    /// `VERSION_name/up.sql`: diesel.
    Diesel,
    /// Sections `-- +goose Up`: goose.
    Goose,
    /// Sections `-- migrate:up`: dbmate.
    Dbmate,
    /// `V1__name.sql`: Flyway, refinery.
    Flyway,
    /// `VERSION_name.up.sql`: golang-migrate, and sqlx for migrations with a way down.
    UpAndDown,
    /// `VERSION_name.sql` in which `#{prefix}` stands, which no other tool can run.
    Placeholders,
    /// `VERSION_name.sql`: sqlx.
    Plain,
}

impl Migrations {
    /// Recognises the layout by what one of the files has; a directory that mixes layouts has the first of
    /// [`MigrationLayout`].
    pub fn layout(&self) -> MigrationLayout {
        let all = [
            MigrationLayout::Diesel,
            MigrationLayout::Goose,
            MigrationLayout::Dbmate,
            MigrationLayout::Flyway,
            MigrationLayout::UpAndDown,
            MigrationLayout::Placeholders,
        ];
        all.into_iter()
            .find(|layout| {
                self.as_slice()
                    .iter()
                    .any(|migration| layout.is_that_of(migration))
            })
            .unwrap_or(MigrationLayout::Plain)
    }
}

impl MigrationLayout {
    fn is_that_of(self, migration: &Migration) -> bool {
        let name = migration
            .path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        match self {
            Self::Diesel => name == "up.sql",
            Self::Goose => section_style(&migration.text) == Some(SectionStyle::Goose),
            Self::Dbmate => section_style(&migration.text) == Some(SectionStyle::Dbmate),
            Self::Flyway => name.starts_with(['V', 'v']) && name.contains("__"),
            Self::UpAndDown => name.ends_with(".up.sql"),
            Self::Placeholders => migration.text.contains("#{prefix}"),
            Self::Plain => true,
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests stage their own files")]
mod tests {
    use super::super::read_folder;
    use super::*;

    #[test]
    fn layouts_are_recognised() {
        for (file, text, layout) in [
            (
                "2024-01-31-000000_a/up.sql",
                "SELECT 1;",
                MigrationLayout::Diesel,
            ),
            ("1_a.sql", "-- +goose Up\nSELECT 1;", MigrationLayout::Goose),
            (
                "1_a.sql",
                "-- migrate:up\nSELECT 1;",
                MigrationLayout::Dbmate,
            ),
            ("V1__a.sql", "SELECT 1;", MigrationLayout::Flyway),
            ("000001_a.up.sql", "SELECT 1;", MigrationLayout::UpAndDown),
            (
                "1_a.sql",
                "CREATE TABLE #{prefix}.t ();",
                MigrationLayout::Placeholders,
            ),
            ("1_a.sql", "CREATE TABLE t ();", MigrationLayout::Plain),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
            let found = read_folder(folder.path()).unwrap().layout();
            assert_eq!(found, layout, "{file} {text}");
        }
    }
}
