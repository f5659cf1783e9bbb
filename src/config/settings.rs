use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::shown;
use super::variables::ToolVariables;
use super::{
    ConfigError, Connection, ConnectionFlags, Environment, Origin, Project, Setting, ToolFlags,
};

/// All settings of a command that needs a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The connection.
    pub connection: Connection,
    /// The settings of the tool itself.
    pub tool: ToolSettings,
}

/// The settings that concern the tool itself; a command that needs no server has only these.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ToolSettings {
    /// The snapshot file; `None` for the only file in `snapshots/`.
    pub snapshot: Option<Setting<PathBuf>>,
    /// The directory of migrations that `SCHEMASTAMP_MIGRATIONS` or a project names.
    pub migrations: Option<Setting<PathBuf>>,
    /// The name or path of psql; `None` for `psql` in `PATH`.
    pub psql: Option<Setting<PathBuf>>,
    /// The name or path of `pg_dump`; `None` for `pg_dump` in `PATH`.
    pub pg_dump: Option<Setting<PathBuf>>,
    /// Time limit for each tenant. Zero, the default, is no limit.
    pub timeout: Setting<Duration>,
    /// Number of workers of a bulk run, or `None` for a number that fits the machine and the
    /// server.
    pub jobs: Option<Setting<NonZeroUsize>>,
}

impl Settings {
    /// Resolves all settings.
    ///
    /// # Errors
    /// An empty or malformed value, named with its source.
    pub fn resolve(
        connection: &ConnectionFlags,
        tool: &ToolFlags,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let tool = ToolSettings::resolve(tool, environment)?;
        Ok(Self {
            connection: Connection::resolve(connection, environment)?,
            tool,
        })
    }
}

impl ToolSettings {
    /// Resolves the settings that need no server.
    ///
    /// # Errors
    /// An empty or malformed value, named with its source.
    pub fn resolve(flags: &ToolFlags, environment: &Environment) -> Result<Self, ConfigError> {
        let variables = ToolVariables::read(environment)?;
        let timeout = text(
            flags.timeout.as_deref(),
            "--timeout",
            variables.timeout,
            "SCHEMASTAMP_TIMEOUT",
        );
        let jobs = text(
            flags.jobs.as_deref(),
            "--jobs",
            variables.jobs,
            "SCHEMASTAMP_JOBS",
        );
        let none = Setting::new(Duration::ZERO, Origin::Default("no limit"));
        Ok(Self {
            snapshot: path(
                flags.snapshot.as_deref(),
                "--snapshot",
                variables.snapshot,
                "SCHEMASTAMP_SNAPSHOT",
            )?,
            migrations: path(
                None,
                "--migrations",
                variables.migrations,
                "SCHEMASTAMP_MIGRATIONS",
            )?,
            psql: path(
                flags.psql.as_deref(),
                "--psql",
                variables.psql,
                "SCHEMASTAMP_PSQL",
            )?,
            pg_dump: path(
                flags.pg_dump.as_deref(),
                "--pg-dump",
                variables.pg_dump,
                "SCHEMASTAMP_PG_DUMP",
            )?,
            timeout: timeout.map(seconds).transpose()?.unwrap_or(none),
            jobs: jobs.map(count).transpose()?,
        })
    }

    /// The same settings, with those of a project where neither a flag nor a variable says otherwise.
    #[must_use]
    pub fn with_project(mut self, project: &Project) -> Self {
        self.snapshot = self.snapshot.or_else(|| project.snapshot.clone());
        self.migrations = self.migrations.or_else(|| project.migrations.clone());
        self
    }

    /// The timeout; `None` for no limit. `unset` is what counts when nothing sets it.
    pub fn timeout_or(&self, unset: Duration) -> Option<Duration> {
        let timeout = if matches!(self.timeout.origin, Origin::Default(_)) {
            unset
        } else {
            self.timeout.value
        };
        Some(timeout).filter(|timeout| !timeout.is_zero())
    }
}

/// The flag's text, else the variable's.
fn text(
    flag: Option<&str>,
    flag_name: &'static str,
    variable: Option<String>,
    variable_name: &str,
) -> Option<Setting<String>> {
    match flag {
        Some(text) => Some(Setting::new(text.to_owned(), Origin::Flag(flag_name))),
        None => variable.map(|text| Setting::new(text, Origin::Variable(variable_name.to_owned()))),
    }
}

fn path(
    flag: Option<&Path>,
    flag_name: &'static str,
    variable: Option<String>,
    variable_name: &str,
) -> Result<Option<Setting<PathBuf>>, ConfigError> {
    let setting = match flag {
        Some(path) => Some(Setting::new(path.to_owned(), Origin::Flag(flag_name))),
        None => text(None, flag_name, variable, variable_name).map(|text| text.map(PathBuf::from)),
    };
    match setting {
        Some(setting) if setting.value.as_os_str().is_empty() => Err(ConfigError::Empty {
            origin: setting.origin,
        }),
        setting => Ok(setting),
    }
}

/// The longest `statement_timeout` that the server takes: 2^31 - 1 milliseconds.
const MOST_SECONDS: f64 = 2_147_483.0;

fn seconds(text: Setting<String>) -> Result<Setting<Duration>, ConfigError> {
    let decimal = text.value.chars().all(|c| c.is_ascii_digit() || c == '.');
    let seconds = text.value.parse::<f64>().ok().filter(|_| decimal);
    if seconds.is_some_and(|seconds| seconds > MOST_SECONDS) {
        return Err(refuse(text, "at most 2147483 seconds"));
    }
    match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(duration) => Ok(Setting::new(duration, text.origin)),
        None => Err(refuse(
            text,
            "seconds, such as 30 or 2.5, or 0 for no limit",
        )),
    }
}

fn count(text: Setting<String>) -> Result<Setting<NonZeroUsize>, ConfigError> {
    match text.value.parse::<NonZeroUsize>() {
        Ok(count) => Ok(Setting::new(count, text.origin)),
        Err(_) => Err(refuse(text, "a whole number from 1")),
    }
}

fn refuse(text: Setting<String>, expected: &str) -> ConfigError {
    if text.value.is_empty() {
        return ConfigError::Empty {
            origin: text.origin,
        };
    }
    ConfigError::Value {
        origin: text.origin,
        value: Some(shown(&text.value)),
        expected: expected.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(flags: &ToolFlags, variables: &[(&str, &str)]) -> Result<ToolSettings, String> {
        ToolSettings::resolve(flags, &variables.iter().copied().collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_flag_wins_over_the_variable() {
        let flags = ToolFlags {
            snapshot: Some("flag.sql".into()),
            jobs: Some("3".into()),
            ..ToolFlags::default()
        };
        let tool = resolve(
            &flags,
            &[
                ("SCHEMASTAMP_SNAPSHOT", "variable.sql"),
                ("SCHEMASTAMP_PSQL", "/opt/psql"),
            ],
        )
        .unwrap();
        assert_eq!(
            tool.snapshot,
            Some(Setting::new("flag.sql".into(), Origin::Flag("--snapshot")))
        );
        assert_eq!(
            tool.psql,
            Some(Setting::new(
                "/opt/psql".into(),
                Origin::Variable("SCHEMASTAMP_PSQL".into())
            ))
        );
        assert_eq!(tool.jobs.map(|jobs| jobs.value.get()), Some(3));
    }

    #[test]
    fn the_timeout_is_in_seconds_and_zero_is_no_limit() {
        let timeout = |text: &str| resolve(&ToolFlags::default(), &[("SCHEMASTAMP_TIMEOUT", text)]);
        assert_eq!(
            timeout("2.5").unwrap().timeout.value,
            Duration::from_millis(2500)
        );
        assert_eq!(
            timeout("0").unwrap().timeout_or(Duration::from_secs(10)),
            None
        );
        let unset = resolve(&ToolFlags::default(), &[]).unwrap();
        assert_eq!(
            unset.timeout_or(Duration::from_secs(10)),
            Some(Duration::from_secs(10))
        );
        assert_eq!(unset.timeout_or(Duration::ZERO), None);
        for wrong in [
            "",
            "-1",
            "1e3",
            "inf",
            "NaN",
            "5s",
            ".",
            "99999999999999999999999",
            "3000000",
            "2147484",
        ] {
            let error = timeout(wrong).unwrap_err();
            assert!(error.starts_with("SCHEMASTAMP_TIMEOUT "), "{error}");
        }
    }

    #[test]
    fn nothing_is_no_number_of_jobs() {
        for wrong in ["0", "-1", "two"] {
            let flags = ToolFlags {
                jobs: Some(wrong.into()),
                ..ToolFlags::default()
            };
            let error = resolve(&flags, &[]).unwrap_err();
            assert_eq!(
                error,
                format!("--jobs must be a whole number from 1, and is '{wrong}'")
            );
        }
    }
}
