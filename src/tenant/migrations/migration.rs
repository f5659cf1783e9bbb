use std::path::{Path, PathBuf};

use super::section::{Direction, parse_way};
use super::{FixedSchema, MigrationError, MigrationVersion};
use crate::snapshot::{
    CompiledStatement, OutsideStatement, Reach, Template, changes_session, sha256,
};
use crate::sql::refuse_nul;

/// One migration's way up or down, ready to be run for any tenant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Migration {
    /// Its version.
    pub version: MigrationVersion,
    /// The rest of the file's name. It may be empty.
    pub name: String,
    /// The file with the way.
    pub path: PathBuf,
    /// `true` if it runs in one transaction with its version.
    pub transaction: bool,
    /// The text of the whole file, for the checksums that tools keep.
    pub text: String,
    /// Names in a fixed schema where `#{prefix}` should be used. They cause warnings.
    pub fixed_schemas: Vec<FixedSchema>,
    digest: String,
    template: Template,
    changes_session: bool,
}

impl Migration {
    /// Compiles one way of a file.
    ///
    /// # Errors
    /// [`MigrationError`] with file and line.
    pub(super) fn compile(
        path: &Path,
        way: Direction,
        version: MigrationVersion,
        name: &str,
        text: String,
        transaction: bool,
    ) -> Result<Self, MigrationError> {
        let path = path.to_owned();
        let unix = text.replace("\r\n", "\n");
        let source = unix.strip_prefix('\u{feff}').unwrap_or(&unix);
        // Of the whole file: how it is cut into sections must not depend on who reads its lines.
        refuse_nul(source).map_err(|error| MigrationError::template(path.clone(), error.into()))?;
        let way_text =
            parse_way(source, way).ok_or_else(|| MigrationError::NoUp { path: path.clone() })?;
        if let Some(line) = way_text.variables {
            return Err(MigrationError::Variables { path, line });
        }
        let template = Template::compile(&way_text.sql)
            .map_err(|error| MigrationError::template(path.clone(), error))?;
        let fixed_schemas = super::fixed::fixed_schemas(&way_text.sql);
        let transaction = transaction && way_text.transaction;
        Ok(Self {
            version,
            name: name.to_owned(),
            path,
            transaction,
            text,
            fixed_schemas,
            // The other way of the same file leaves blank lines around this one.
            digest: sha256(way_text.sql.trim()),
            changes_session: template.statements.iter().any(changes_session),
            template,
        })
    }

    /// Returns whether its statements may leave something behind in their session.
    pub(crate) fn changes_session(&self) -> bool {
        self.changes_session
    }

    /// Returns the statements, in order, with the lines of the file.
    pub fn statements(&self) -> &[CompiledStatement] {
        &self.template.statements
    }

    /// Returns the statements that are not confined to the tenant's schema.
    pub fn outside(&self) -> impl Iterator<Item = &OutsideStatement> {
        self.statements()
            .iter()
            .filter_map(CompiledStatement::outside)
    }

    /// Returns the name in a fixed schema that a statement changes, which is why it works outside of the tenant's schema.
    pub fn fixed_name_in(&self, statement: &OutsideStatement) -> Option<&FixedSchema> {
        let lines = statement.line..=statement.last_line;
        self.fixed_schemas
            .iter()
            .filter(|_| statement.reach == Reach::Database)
            .find(|fixed| fixed.changed && lines.contains(&fixed.line))
    }

    /// Returns the statements that reach beyond the database.
    pub(crate) fn beyond_the_database(&self) -> Vec<OutsideStatement> {
        self.outside()
            .filter(|statement| statement.reach == Reach::Server)
            .cloned()
            .collect()
    }

    /// Returns the SHA-256 of the whole file in hexadecimal.
    pub fn checksum(&self) -> String {
        sha256(&self.text)
    }

    /// Returns the SHA-256 of this way alone in hexadecimal: a change of the other way in the same file keeps it.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Returns the file's name for messages: `20240131_add_users.sql`, or diesel's
    /// `VERSION_name/up.sql`.
    pub fn file_name(&self) -> String {
        let name = |path: &Path| {
            path.file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default()
        };
        let own = name(&self.path);
        if own == "up.sql" || own == "down.sql" {
            format!("{}/{own}", self.path.parent().map(name).unwrap_or_default())
        } else {
            own
        }
    }
}

/// The migrations of a directory, in the order of their versions.
#[derive(Clone, Debug, Default)]
pub struct Migrations {
    /// The directory that they were read from.
    pub folder: PathBuf,
    migrations: Vec<Migration>,
}

impl Migrations {
    /// Sorts migrations by version.
    ///
    /// # Errors
    /// [`MigrationError::Duplicate`].
    pub(super) fn new(
        folder: &Path,
        mut migrations: Vec<Migration>,
    ) -> Result<Self, MigrationError> {
        migrations.sort_by(|one, two| {
            one.version
                .cmp(&two.version)
                .then_with(|| one.path.cmp(&two.path))
        });
        if let Some([first, second]) = migrations
            .array_windows::<2>()
            .find(|[one, two]| one.version == two.version)
        {
            let version = first.version.clone();
            return Err(MigrationError::Duplicate {
                version,
                first: first.path.clone(),
                second: second.path.clone(),
            });
        }
        Ok(Self {
            folder: folder.to_owned(),
            migrations,
        })
    }

    /// Returns the migrations, oldest first.
    pub fn as_slice(&self) -> &[Migration] {
        &self.migrations
    }

    /// Returns the migration with a version.
    pub fn find(&self, version: &MigrationVersion) -> Option<&Migration> {
        let index = self
            .migrations
            .binary_search_by(|migration| migration.version.cmp(version))
            .ok()?;
        self.migrations.get(index)
    }
}
