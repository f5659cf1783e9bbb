//! `schemastamp.toml`: the settings of a project, for those who give neither flags nor variables.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::{ConfigError, Environment, FileChoice, Origin, Setting};
use crate::path;

/// The file in the working directory.
const FILE: &str = "schemastamp.toml";
/// The variable that names another file.
const VARIABLE: &str = "SCHEMASTAMP_CONFIG";

/// The settings of a project. Paths are relative to the directory of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    /// The schema to capture.
    pub schema: Option<Setting<String>>,
    /// The tables whose rows are carried.
    pub seeds: Option<Setting<Vec<String>>>,
    /// The directory of migrations.
    pub migrations: Option<Setting<PathBuf>>,
    /// The snapshot file.
    pub snapshot: Option<Setting<PathBuf>>,
    /// The file of targets.
    pub targets: Option<Setting<PathBuf>>,
    /// The version table.
    pub versions_table: Option<Setting<String>>,
    /// The way in which its file came to be used.
    pub choice: FileChoice,
}

/// The file as TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectFile {
    schema: Option<Spanned<String>>,
    seeds: Option<Spanned<Vec<String>>>,
    migrations: Option<Spanned<String>>,
    snapshot: Option<Spanned<String>>,
    targets: Option<Spanned<String>>,
    versions_table: Option<Spanned<String>>,
}

impl Project {
    /// Reads the file that `SCHEMASTAMP_CONFIG` names, or else `schemastamp.toml` in the working directory, if there is one.
    ///
    /// # Errors
    /// The named file is missing, or a file cannot be read; the file in the working directory may be written by another
    /// user; an unknown key, a value of another type, or an empty one, with file and line.
    pub fn find(environment: &Environment) -> Result<Self, ConfigError> {
        if let Some(named) = environment.text(VARIABLE)? {
            let origin = Origin::Variable(VARIABLE.to_owned());
            return Self::read(Path::new(named), origin, FileChoice::Named);
        }
        let is_there = environment
            .absolute(Path::new(FILE))
            .is_some_and(|path| path.exists());
        if is_there {
            Self::read(Path::new(FILE), Origin::Default(FILE), FileChoice::Found)
        } else {
            Ok(Self::default())
        }
    }

    fn read(path: &Path, origin: Origin, choice: FileChoice) -> Result<Self, ConfigError> {
        let file =
            path::read_text_file(path).map_err(|source| ConfigError::File { origin, source })?;
        let named = format!("{VARIABLE}={FILE}");
        if let Some(problem) = choice.fault(path, &file, &named) {
            return Err(ConfigError::Project {
                path: path.to_owned(),
                line: None,
                problem,
            });
        }
        let project = Self::parse(path, &file.text)?;
        Ok(Self { choice, ..project })
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let line = |offset: usize| {
            let before = text.get(..offset).unwrap_or(text);
            before.matches('\n').count() + 1
        };
        let file: ProjectFile = toml::from_str(text).map_err(|error| ConfigError::Project {
            path: path.to_owned(),
            line: error.span().map(|span| line(span.start)),
            problem: error.message().trim().replace('\n', " "),
        })?;
        let reader = ProjectReader { path, line: &line };
        Ok(Self {
            schema: reader.text("schema", file.schema)?,
            seeds: reader.list("seeds", file.seeds)?,
            migrations: reader.path("migrations", file.migrations)?,
            snapshot: reader.path("snapshot", file.snapshot)?,
            targets: reader.path("targets", file.targets)?,
            versions_table: reader.text("versions_table", file.versions_table)?,
            choice: FileChoice::default(),
        })
    }

    /// The settings that the file has, as people read them: `schema 'app' (schemastamp.toml, line 1)`.
    pub fn describe(&self) -> Vec<(String, &Origin)> {
        let text = |name: &str, setting: Option<&Setting<String>>| {
            setting.map(|setting| format!("{name} '{}'", setting.value))
        };
        let path = |name: &str, setting: Option<&Setting<PathBuf>>| {
            setting.map(|setting| format!("{name} '{}'", setting.value.display()))
        };
        let seeds = self
            .seeds
            .as_ref()
            .map(|setting| format!("seeds {}", setting.value.join(", ")));
        let all = [
            (
                text("schema", self.schema.as_ref()),
                origin(self.schema.as_ref()),
            ),
            (seeds, origin(self.seeds.as_ref())),
            (
                path("migrations", self.migrations.as_ref()),
                origin(self.migrations.as_ref()),
            ),
            (
                path("snapshot", self.snapshot.as_ref()),
                origin(self.snapshot.as_ref()),
            ),
            (
                path("targets", self.targets.as_ref()),
                origin(self.targets.as_ref()),
            ),
            (
                text("versions_table", self.versions_table.as_ref()),
                origin(self.versions_table.as_ref()),
            ),
        ];
        all.into_iter()
            .filter_map(|(text, origin)| Some((text?, origin?)))
            .collect()
    }
}

fn origin<T>(setting: Option<&Setting<T>>) -> Option<&Origin> {
    setting.map(|setting| &setting.origin)
}

/// Checks values, and keeps where each stands.
struct ProjectReader<'a> {
    path: &'a Path,
    line: &'a dyn Fn(usize) -> usize,
}

impl ProjectReader<'_> {
    fn origin<T>(&self, key: &'static str, value: &Spanned<T>) -> Origin {
        Origin::Project {
            key,
            path: self.path.to_owned(),
            line: (self.line)(value.span().start),
        }
    }

    fn text(
        &self,
        key: &'static str,
        value: Option<Spanned<String>>,
    ) -> Result<Option<Setting<String>>, ConfigError> {
        let Some(value) = value else { return Ok(None) };
        let origin = self.origin(key, &value);
        let text = value.into_inner();
        if text.is_empty() {
            return Err(ConfigError::Empty { origin });
        }
        Ok(Some(Setting::new(text, origin)))
    }

    fn list(
        &self,
        key: &'static str,
        value: Option<Spanned<Vec<String>>>,
    ) -> Result<Option<Setting<Vec<String>>>, ConfigError> {
        let Some(value) = value else { return Ok(None) };
        let origin = self.origin(key, &value);
        let list = value.into_inner();
        if list.iter().any(String::is_empty) {
            return Err(ConfigError::Empty { origin });
        }
        Ok(Some(Setting::new(list, origin)))
    }

    fn path(
        &self,
        key: &'static str,
        value: Option<Spanned<String>>,
    ) -> Result<Option<Setting<PathBuf>>, ConfigError> {
        let directory = self.path.parent().unwrap_or(Path::new(""));
        let text = self.text(key, value)?;
        Ok(text.map(|text| text.map(|text| directory.join(text))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Project, String> {
        Project::parse(Path::new("conf/schemastamp.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn each_setting_knows_its_line_and_paths_begin_at_the_file() {
        let project = parse(
            "# the shop\nschema = \"tenant_demo\"\nseeds = [\n  \"plans\",\n  \"roles\"\n]\n\
             migrations = \"db/migrations\"\nsnapshot = \"/srv/shop.sql\"\nversions_table = \"v\"\n",
        )
        .unwrap();
        let described: Vec<String> = project
            .describe()
            .into_iter()
            .map(|(text, origin)| format!("{text}: {origin}"))
            .collect();
        assert_eq!(
            described,
            [
                "schema 'tenant_demo': schema in conf/schemastamp.toml, line 2",
                "seeds plans, roles: seeds in conf/schemastamp.toml, line 3",
                "migrations 'conf/db/migrations': migrations in conf/schemastamp.toml, line 7",
                "snapshot '/srv/shop.sql': snapshot in conf/schemastamp.toml, line 8",
                "versions_table 'v': versions_table in conf/schemastamp.toml, line 9",
            ]
        );
        assert_eq!(parse("").unwrap(), Project::default());
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_line() {
        for (text, expected) in [
            (
                "schema = \"a\"\nshema = \"b\"\n",
                "'conf/schemastamp.toml', line 2: unknown field `shema`",
            ),
            (
                "\nseeds = \"plans\"\n",
                "'conf/schemastamp.toml', line 2: invalid type: string",
            ),
            (
                "schema = 1\n",
                "'conf/schemastamp.toml', line 1: invalid type: integer",
            ),
            (
                "schema = \"a\"\nschema = \"b\"\n",
                "'conf/schemastamp.toml', line 2: duplicate key",
            ),
            ("a b\n", "'conf/schemastamp.toml', line 1: "),
            (
                "\n\nschema = \"\"\n",
                "schema in conf/schemastamp.toml, line 3 is empty",
            ),
            (
                "seeds = [\"a\", \"\"]\n",
                "seeds in conf/schemastamp.toml, line 1 is empty",
            ),
            (
                "[target]\nname = \"x\"\n",
                "'conf/schemastamp.toml', line 1: unknown field `target`",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
