//! `SCHEMASTAMP_*`: the application's own configuration.

use std::collections::BTreeMap;

use super::error::nearest;
use super::keyword::KEYWORDS;
use super::value::Given;
use super::{ConfigError, Environment, Keyword, Origin};

const PREFIX: &str = "SCHEMASTAMP_";
/// Another spelling of `SCHEMASTAMP_USER`, after the flag's name.
const USERNAME: &str = "SCHEMASTAMP_USERNAME";
/// The command that prints the password.
const COMMAND: &str = "PASSWORD_COMMAND";
/// Stands in for `DATABASE_URL`.
pub(super) const DATABASE_URL: &str = "SCHEMASTAMP_DATABASE_URL";
const TOOL: &[&str] = &[
    "CONFIG",
    "SNAPSHOT",
    "MIGRATIONS",
    "PSQL",
    "PG_DUMP",
    "TIMEOUT",
    "JOBS",
];

/// The keywords that choose a server, a database or a role.
const PLACE: [&str; 6] = ["service", "host", "hostaddr", "port", "user", "dbname"];

impl Environment {
    /// Returns the variable with the highest precedence that chooses a server, a database or a role; `None` if none is set.
    ///
    /// A variable that only says how to connect, such as `PGSSLMODE` or `PGPASSWORD`, does not count.
    pub fn connection_variable(&self) -> Option<String> {
        let keywords = || PLACE.iter().filter_map(|name| Keyword::named(name));
        let own =
            keywords().map(|keyword| format!("{PREFIX}{}", keyword.name.to_ascii_uppercase()));
        let urls = [USERNAME, DATABASE_URL, "DATABASE_URL"].map(str::to_owned);
        let libpq = keywords().filter_map(|keyword| keyword.variable.map(str::to_owned));
        let mut variables = own.chain(urls).chain(libpq);
        variables.find(|variable| self.get(variable).is_some())
    }
}

/// The variables about the tool itself.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct ToolVariables {
    pub(super) snapshot: Option<String>,
    pub(super) migrations: Option<String>,
    pub(super) psql: Option<String>,
    pub(super) pg_dump: Option<String>,
    pub(super) timeout: Option<String>,
    pub(super) jobs: Option<String>,
}

impl ToolVariables {
    /// Reads the variables about the tool; checks the names of all `SCHEMASTAMP_*` variables.
    pub(super) fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let variables = texts(environment, |name| TOOL.contains(&name))?;
        envy::from_iter(variables).map_err(|source| ConfigError::Variables { source })
    }
}

/// The connection's variables, one per keyword of libpq; checks the names of all `SCHEMASTAMP_*` variables.
pub(super) fn connection(environment: &Environment) -> Result<Vec<Given>, ConfigError> {
    // Secrets stay out of the generic reader.
    let plain = |name: &str| keyword(name).is_some_and(|keyword| !keyword.is_secret());
    let variables: BTreeMap<String, String> = envy::from_iter(texts(environment, plain)?)
        .map_err(|source| ConfigError::Variables { source })?;
    let both = ["user", "username"]
        .iter()
        .all(|name| variables.contains_key(*name));
    if both {
        return Err(ConfigError::Value {
            origin: Origin::Variable(USERNAME.to_owned()),
            value: None,
            expected: "left out where SCHEMASTAMP_USER is set, which is the same".to_owned(),
        });
    }
    let mut given: Vec<Given> = variables
        .into_iter()
        .filter_map(|(name, value)| {
            let name = name.to_ascii_uppercase();
            Some(Given::new(
                keyword(&name)?,
                value,
                Origin::Variable(format!("{PREFIX}{name}")),
            ))
        })
        .collect();
    for keyword in KEYWORDS.iter().filter(|keyword| keyword.is_secret()) {
        let variable = format!("{PREFIX}{}", keyword.name.to_ascii_uppercase());
        if let Some(value) = environment.text(&variable)? {
            given.push(Given::new(keyword, value, Origin::Variable(variable)));
        }
    }
    let variable = format!("{PREFIX}{COMMAND}");
    if let Some(line) = environment.text(&variable)? {
        given.push(Given::command(line, Origin::Variable(variable)));
    }
    Ok(given)
}

fn keyword(name: &str) -> Option<&'static Keyword> {
    match name {
        "USERNAME" => Keyword::named("user"),
        _ => KEYWORDS
            .iter()
            .find(|keyword| keyword.name.eq_ignore_ascii_case(name)),
    }
}

/// The wanted variables without their prefix. A name that does not exist is an error, wanted or not.
fn texts(
    environment: &Environment,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<(String, String)>, ConfigError> {
    let mut texts = Vec::new();
    for (variable, _) in environment.iter() {
        let Some(variable) = variable.to_str() else {
            continue;
        };
        let Some(name) = variable.strip_prefix(PREFIX) else {
            continue;
        };
        let upper = !name.contains(|c: char| c.is_ascii_lowercase());
        let known = variable == DATABASE_URL
            || name == COMMAND
            || TOOL.contains(&name)
            || keyword(name).is_some();
        if !(upper && known) {
            let names = KEYWORDS
                .iter()
                .map(|keyword| keyword.name.to_ascii_uppercase());
            let names: Vec<String> = names
                .chain(
                    TOOL.iter()
                        .chain(&["USERNAME", "DATABASE_URL", COMMAND])
                        .map(ToString::to_string),
                )
                .collect();
            let suggestion = nearest(&name.to_ascii_uppercase(), names.iter().map(String::as_str));
            let suggestion = suggestion.map(|name| format!("{PREFIX}{name}"));
            return Err(ConfigError::UnknownVariable {
                variable: variable.to_owned(),
                suggestion,
            });
        }
        if wanted(name)
            && let Some(text) = environment.text(variable)?
        {
            texts.push((name.to_owned(), text.to_owned()));
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let given =
            connection(&variables.iter().copied().collect()).map_err(|error| error.to_string())?;
        Ok(given
            .iter()
            .map(|given| format!("{}={} ({})", given.keyword.name, given.value, given.origin))
            .collect())
    }

    #[test]
    fn every_keyword_has_a_variable() {
        assert_eq!(
            read(&[
                ("SCHEMASTAMP_SSL_MIN_PROTOCOL_VERSION", "TLSv1.3"),
                ("SCHEMASTAMP_USERNAME", "u"),
                ("PGHOST", "x")
            ]),
            Ok(vec![
                "ssl_min_protocol_version=TLSv1.3 (SCHEMASTAMP_SSL_MIN_PROTOCOL_VERSION)"
                    .to_owned(),
                "user=u (SCHEMASTAMP_USERNAME)".to_owned(),
            ])
        );
    }

    #[test]
    fn an_unknown_variable_is_an_error_with_the_nearest_name() {
        assert_eq!(
            read(&[("SCHEMASTAMP_SSLMOD", "x")]),
            Err("SCHEMASTAMP_SSLMOD is not a variable of schemastamp; did you mean SCHEMASTAMP_SSLMODE?".to_owned())
        );
        assert!(
            read(&[("SCHEMASTAMP_host", "x")])
                .unwrap_err()
                .contains("did you mean SCHEMASTAMP_HOST?")
        );
        assert!(
            read(&[("SCHEMASTAMP_HOST", "")])
                .unwrap_err()
                .starts_with("SCHEMASTAMP_HOST is empty")
        );
        assert!(read(&[("SCHEMASTAMP_USER", "a"), ("SCHEMASTAMP_USERNAME", "a")]).is_err());
    }

    #[test]
    fn tool_variables_are_typed() {
        let environment =
            Environment::from_iter([("SCHEMASTAMP_SNAPSHOT", "a.sql"), ("SCHEMASTAMP_HOST", "h")]);
        let tool = ToolVariables::read(&environment).unwrap();
        assert_eq!((tool.snapshot.as_deref(), tool.jobs), (Some("a.sql"), None));
    }
}
