//! A file of servers (TOML), for fleets on several of them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use toml::Value;

use super::error::nearest;
use super::flags::given_from_string;
use super::keyword::{KEYWORDS, PASSWORD_COMMAND};
use super::value::Given;
use super::{
    ConfigError, ConfigWarning, Connection, Environment, FileChoice, Keyword, Origin, conninfo,
};
use crate::path;
use crate::path::{GROUP_AND_OTHERS, PERMISSIONS};

/// The keys of a target that are not libpq's.
const OWN: [&str; 8] = [
    "name",
    "url",
    "password_variable",
    PASSWORD_COMMAND,
    "citus",
    "registry",
    "weight",
    "tenants",
];
/// Servers, and the rule that sends tenants to them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Targets {
    /// The rule for a tenant that no target lists.
    pub rule: Rule,
    /// At least one, in the file's order.
    pub targets: Vec<TargetSettings>,
}

/// The rule for a tenant that no target lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// To one of all, by a hash of its name.
    #[default]
    Hash,
    /// Nowhere: that is an error.
    Explicit,
}

/// A server of the file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TargetSettings {
    /// Its name, unique in the file.
    pub name: String,
    /// The connection.
    pub connection: Connection,
    /// `true` if tenants become distributed schemas of Citus.
    pub citus: bool,
    /// `true` if it has the app's table of tenants.
    pub registry: bool,
    /// Its share of the tenants that are sent by hash; 0 for none.
    pub weight: u32,
    /// Names of tenants, or patterns with `*` and `?`, that belong here.
    pub tenants: Vec<String>,
}

impl Targets {
    /// Reads a file of targets.
    ///
    /// A connection is made of what the file says, the passwords of password files, and defaults; variables of the
    /// environment do not count, as they would count for all servers alike.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or names something that does not exist; a file with a password that others
    /// may read; a file that was not named, and that another user may write.
    pub fn read(
        path: &Path,
        choice: FileChoice,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let file = path::read_text_file(path).map_err(|source| ConfigError::File {
            origin: Origin::Flag("--targets"),
            source,
        })?;
        let problem = |line: Option<usize>, problem: String| ConfigError::Targets {
            path: path.to_owned(),
            line,
            problem,
        };
        let named = format!("--targets '{}'", path.display());
        if let Some(fault) = choice.fault(path, &file, &named) {
            return Err(problem(None, fault));
        }
        let mode = file.metadata.permissions().mode();
        let text = file.text;
        // serde's message about an invalid value shows the value, which may be a URL with a
        // password.
        let mut file: toml::Table = toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            problem(
                before.map(|before| before.matches('\n').count() + 1),
                error.message().to_owned(),
            )
        })?;
        let rule = match file.remove("rule") {
            None => Rule::default(),
            Some(Value::String(rule)) if rule == "hash" => Rule::Hash,
            Some(Value::String(rule)) if rule == "explicit" => Rule::Explicit,
            Some(_) => {
                return Err(problem(
                    None,
                    "rule must be \"hash\" or \"explicit\"".to_owned(),
                ));
            }
        };
        let tables = match file.remove("target") {
            None => Some(Vec::new()),
            Some(Value::Array(tables)) => tables.into_iter().map(table_of).collect(),
            Some(_) => None,
        };
        let tables =
            tables.ok_or_else(|| problem(None, "target must be a table: [[target]]".to_owned()))?;
        if let Some(key) = file.keys().next() {
            return Err(problem(
                None,
                format!("'{key}' is not a key of the file: there are rule and [[target]]"),
            ));
        }
        if tables.is_empty() {
            return Err(problem(None, "there is no [[target]]".to_owned()));
        }
        let mut targets: Vec<TargetSettings> = Vec::with_capacity(tables.len());
        let mut has_password = false;
        for (index, table) in tables.into_iter().enumerate() {
            let (target, secret) = read_target(path, index + 1, table, environment)?;
            has_password |= secret;
            if targets.iter().any(|other| other.name == target.name) {
                return Err(problem(
                    None,
                    format!("there are two targets called '{}'", target.name),
                ));
            }
            if target.registry && targets.iter().any(|other| other.registry) {
                return Err(problem(
                    None,
                    "there are two targets with registry = true".to_owned(),
                ));
            }
            targets.push(target);
        }
        if has_password && mode & GROUP_AND_OTHERS != 0 {
            let path = path.to_owned();
            return Err(ConfigError::Exposed {
                path,
                mode: mode & PERMISSIONS,
            });
        }
        if rule == Rule::Hash && targets.iter().all(|target| target.weight == 0) {
            return Err(problem(
                None,
                "every target has weight 0: nothing can be sent by hash".to_owned(),
            ));
        }
        Ok(Self { rule, targets })
    }
}

fn table_of(value: Value) -> Option<toml::Table> {
    match value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

/// Reads one target; also whether the file holds its password.
fn read_target(
    path: &Path,
    number: usize,
    mut table: toml::Table,
    environment: &Environment,
) -> Result<(TargetSettings, bool), ConfigError> {
    let name = match table.remove("name") {
        Some(Value::String(name)) if !name.is_empty() && !name.chars().any(char::is_control) => {
            name
        }
        _ => {
            return Err(ConfigError::Targets {
                path: path.to_owned(),
                line: None,
                problem: format!("target {number}: it needs a name, as text"),
            });
        }
    };
    let origin = Origin::Target {
        path: path.to_owned(),
        target: name.clone(),
    };
    let mut table = TargetTable {
        path,
        name,
        origin,
        table,
    };
    let mut warnings = Vec::new();
    let mut given = table.take_url(&mut warnings)?;
    let citus = table.take_flag("citus")?;
    let registry = table.take_flag("registry")?;
    let weight = table.take_weight()?;
    let tenants = table.take_tenants()?;
    let variable = table.take_text("password_variable", "must be the name of a variable")?;
    let command = table.take_text(
        PASSWORD_COMMAND,
        "must be text: a program with its arguments",
    )?;
    given.extend(command.map(|line| Given::command(line, table.part(PASSWORD_COMMAND))));
    given.extend(table.take_keywords()?);
    // The variable's password is not in the file, so that others may read the file.
    let has_password = given.iter().any(|given| given.keyword.is_secret());
    if let (Some(variable), Some(keyword)) = (variable, Keyword::named("password")) {
        let Some(password) = environment.text(&variable)? else {
            return Err(table.problem(&format!(
                "the variable {variable}, which password_variable names, is not set"
            )));
        };
        given.push(Given::new(keyword, password, Origin::Variable(variable)));
    }
    let connection = Connection::from_given(given, warnings, environment)?;
    let target = TargetSettings {
        name: table.name,
        connection,
        citus,
        registry,
        weight,
        tenants,
    };
    Ok((target, has_password))
}

/// The keys of one `[[target]]` that are still to be read.
struct TargetTable<'a> {
    path: &'a Path,
    name: String,
    origin: Origin,
    table: toml::Table,
}

impl TargetTable<'_> {
    fn problem(&self, problem: &str) -> ConfigError {
        ConfigError::Targets {
            path: self.path.to_owned(),
            line: None,
            problem: format!("target '{}': {problem}", self.name),
        }
    }

    /// Returns the origin of the value of one key.
    fn part(&self, keyword: &str) -> Origin {
        Origin::Part {
            keyword: keyword.to_owned(),
            whole: Box::new(self.origin.clone()),
        }
    }

    fn take_url(&mut self, warnings: &mut Vec<ConfigWarning>) -> Result<Vec<Given>, ConfigError> {
        let Some(url) = self.take_text("url", "must be text")? else {
            return Ok(Vec::new());
        };
        match conninfo::parse(&url, &self.origin, warnings)? {
            Some(parts) => Ok(given_from_string(parts, &self.origin)),
            None => Err(ConfigError::NotConnectionString {
                origin: self.origin.clone(),
                scheme: None,
            }),
        }
    }

    fn take_text(&mut self, key: &str, requirement: &str) -> Result<Option<String>, ConfigError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.problem(&format!("{key} {requirement}"))),
        }
    }

    fn take_flag(&mut self, key: &str) -> Result<bool, ConfigError> {
        match self.table.remove(key) {
            None => Ok(false),
            Some(Value::Boolean(value)) => Ok(value),
            Some(_) => Err(self.problem(&format!("{key} must be true or false"))),
        }
    }

    fn take_weight(&mut self) -> Result<u32, ConfigError> {
        let weight = match self.table.remove("weight") {
            None => return Ok(1),
            Some(Value::Integer(weight)) => u32::try_from(weight).ok(),
            Some(_) => None,
        };
        weight
            .filter(|weight| *weight <= 1000)
            .ok_or_else(|| self.problem("weight must be a whole number from 0 to 1000"))
    }

    fn take_tenants(&mut self) -> Result<Vec<String>, ConfigError> {
        let tenants = match self.table.remove("tenants") {
            None => return Ok(Vec::new()),
            Some(Value::Array(tenants)) => tenants
                .into_iter()
                .map(|tenant| tenant.as_str().map(str::to_owned))
                .collect(),
            Some(_) => None,
        };
        tenants.ok_or_else(|| self.problem("tenants must be a list of names or patterns, as text"))
    }

    /// Takes what is left: the keywords of libpq.
    fn take_keywords(&mut self) -> Result<Vec<Given>, ConfigError> {
        let mut found = Vec::new();
        for (key, value) in std::mem::take(&mut self.table) {
            let Some(keyword) = Keyword::named(&key) else {
                let names = KEYWORDS.iter().map(|keyword| keyword.name).chain(OWN);
                let suggestion = nearest(&key, names)
                    .map(|name| format!("; did you mean {name}?"))
                    .unwrap_or_default();
                return Err(self.problem(&format!("'{key}' is not a key of a target{suggestion}")));
            };
            let value = match value {
                Value::String(text) => text,
                Value::Integer(number) => number.to_string(),
                _ => return Err(self.problem(&format!("{key} must be text or a number"))),
            };
            found.push(Given::new(keyword, value, self.part(keyword.name)));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        path::write_atomic(file.path(), text.as_bytes()).unwrap();
        file
    }

    fn read(text: &str) -> Result<Targets, String> {
        let file = written(text);
        let environment = Environment::from_iter([
            ("EU", "hunter2"),
            ("PGHOST", "elsewhere"),
            ("HOME", "/nonexistent"),
        ]);
        Targets::read(file.path(), FileChoice::Named, &environment).map_err(|error| {
            error
                .to_string()
                .replace(&file.path().display().to_string(), "t.toml")
        })
    }

    #[test]
    fn a_target_is_what_the_file_says_and_nothing_of_the_environment() {
        let targets = read(
            "[[target]]\nname = 'eu'\nurl = 'postgres://app@db.eu/app?sslmode=require'\nsslmode = 'verify-full'\n\
             password_variable = 'EU'\ntenants = ['acme', 'eu_*']\n\
             [[target]]\nname = 'us'\nuser = 'app'\nhost = 'db.us'\nport = 6432\nciTus = true\n",
        );
        assert_eq!(
            targets.unwrap_err(),
            "'t.toml': target 'us': 'ciTus' is not a key of a target; did you mean citus?"
        );
        let targets = read(
            "rule = 'explicit'\n[[target]]\nname = 'eu'\nurl = 'postgres://app@db.eu/app?sslmode=require'\n\
             sslmode = 'verify-full'\npassword_variable = 'EU'\n\
             [[target]]\nname = 'us'\nuser = 'app'\nport = 6432\ncitus = true\nweight = 0\n",
        )
        .unwrap();
        assert_eq!(targets.rule, Rule::Explicit);
        let [eu, us] = targets.targets.as_slice() else {
            panic!("two")
        };
        assert_eq!(
            (eu.connection.value("sslmode"), eu.connection.value("host")),
            (Some("verify-full"), Some("db.eu"))
        );
        assert_eq!(
            eu.connection.password().unwrap().origin,
            Origin::Variable("EU".to_owned())
        );
        assert!(
            eu.connection
                .get("sslmode")
                .unwrap()
                .origin
                .to_string()
                .starts_with("sslmode in target 'eu' of '")
        );
        assert_eq!(
            (us.connection.value("host"), us.connection.value("port")),
            (None, Some("6432")),
            "not PGHOST"
        );
        assert!(us.citus && us.weight == 0 && !eu.citus && eu.weight == 1);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, expected) in [
            ("", "'t.toml': there is no [[target]]"),
            ("[[target]]\nname = \n", "'t.toml', line 2: "),
            (
                "rule = 'random'\n",
                "'t.toml': rule must be \"hash\" or \"explicit\"",
            ),
            (
                "target = ['postgres://u:hunter2@h/d']\n",
                "'t.toml': target must be a table: [[target]]",
            ),
            (
                "targets = 1\n",
                "'t.toml': 'targets' is not a key of the file: there are rule and [[target]]",
            ),
            (
                "[[target]]\nhost = 'a'\n",
                "'t.toml': target 1: it needs a name, as text",
            ),
            (
                "[[target]]\nname = 'a'\nuser = 'u'\n[[target]]\nname = 'a'\nuser = 'u'\n",
                "'t.toml': there are two targets called 'a'",
            ),
            (
                "[[target]]\nname = 'a'\nuser = 'u'\nweight = -1\n",
                "'t.toml': target 'a': weight must be",
            ),
            (
                "[[target]]\nname = 'a'\nuser = 'u'\nweight = 0\n",
                "'t.toml': every target has weight 0",
            ),
            (
                "[[target]]\nname = 'a'\nuser = 'u'\nregistry = true\n[[target]]\nname = 'b'\nuser = 'u'\nregistry = true\n",
                "'t.toml': there are two targets with registry = true",
            ),
            (
                "[[target]]\nname = 'a'\nurl = 'mysql://x'\n",
                "target 'a' of 't.toml' must be a postgres:// URI",
            ),
            (
                "[[target]]\nname = 'a'\nuser = 'u'\npassword_variable = 'NO'\n",
                "'t.toml': target 'a': the variable NO",
            ),
            (
                "[[target]]\nname = 'a'\nuser = 'u'\nsslmode = 'Require'\n",
                "sslmode in target 'a' of 't.toml' must be",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(
                error.starts_with(expected) && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_password_that_others_may_read_is_refused() {
        let text = "[[target]]\nname = 'a'\nurl = 'postgres://u:hunter2@h/d'\n";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.toml");
        path::write_atomic(&file, text.as_bytes()).unwrap();
        let set =
            |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        set(0o640);
        let error = Targets::read(&file, FileChoice::Named, &Environment::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("others may read it (mode 0640)") && !error.contains("hunter2"),
            "{error}"
        );
        set(0o600);
        assert!(Targets::read(&file, FileChoice::Named, &Environment::default()).is_ok());
    }
}
