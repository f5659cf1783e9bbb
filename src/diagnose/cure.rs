//! Cures in the form in which the connection was configured: a flag, a variable, a connection
//! string, a service or a target.
//!
//! The standing words name a setting in brackets, such as `[set sslmode=require]`,
//! `[leave sslcert out]` or `[sslkey]`. Here the brackets become what can be pasted.

use std::collections::BTreeMap;

use crate::config::{Connection, Environment, KEYWORDS, Keyword, Origin};
use crate::text::{self, swrite};

/// Keywords that have a flag of this program.
const FLAGS: [(&str, &str); 9] = [
    ("host", "--host"),
    ("port", "--port"),
    ("user", "--username"),
    ("dbname", "--dbname"),
    ("sslmode", "--sslmode"),
    ("sslrootcert", "--sslrootcert"),
    ("sslcert", "--sslcert"),
    ("sslkey", "--sslkey"),
    ("sslcrl", "--sslcrl"),
];

/// Settings that show how a connection is configured, the most telling one first.
const TELLING: [&str; 6] = ["host", "hostaddr", "dbname", "user", "port", "sslmode"];

/// The origins of a connection's settings.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    settings: BTreeMap<&'static str, Origin>,
    password: Option<Origin>,
    /// The sign behind which a connection string takes a further parameter, by its variable.
    separators: BTreeMap<String, char>,
}

/// The place where a setting is or belongs.
enum SettingPlace {
    Flag(&'static str),
    Variable(String),
    /// A connection string: its name, and the sign before a further parameter.
    String(String, Option<char>),
    Service(String),
    Target(String),
    Unknown,
}

impl Origins {
    /// The origins of a connection's deliberate settings.
    pub fn new(connection: &Connection, environment: &Environment) -> Self {
        let mut settings = BTreeMap::new();
        for keyword in KEYWORDS {
            if let Some(setting) = connection.get(keyword.name)
                && !matches!(setting.origin, Origin::Default(_))
            {
                settings.insert(keyword.name, setting.origin.clone());
            }
        }
        let password = connection.password();
        let command = connection.password_command();
        let separators = ["SCHEMASTAMP_DATABASE_URL", "DATABASE_URL"]
            .into_iter()
            .filter_map(|variable| {
                let text = environment.get(variable)?.to_str()?;
                Some((variable.to_owned(), separator(text)))
            });
        Self {
            settings,
            password: password
                .map(|password| password.origin.clone())
                .or_else(|| command.map(|command| command.origin.clone())),
            separators: separators.collect(),
        }
    }

    /// Returns `true` if a setting is made deliberately.
    pub fn has(&self, keyword: &str) -> bool {
        self.settings.contains_key(keyword)
    }

    /// Returns a cure with its settings in the form of this connection.
    pub fn expand(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('[') {
            out.push_str(before);
            let setting = behind
                .split_once(']')
                .and_then(|(inside, after)| Some((self.setting(inside)?, after)));
            if let Some((words, after)) = setting {
                out.push_str(&words);
                rest = after;
            } else {
                out.push('[');
                rest = behind;
            }
        }
        out.push_str(rest);
        out
    }

    fn setting(&self, inside: &str) -> Option<String> {
        match inside {
            "password_command" => return Some(self.named_password_command()),
            "password" => return Some(self.named_password()),
            "give password" => return Some(self.give_password("the password")),
            _ => {}
        }
        if let Some(keyword) = Keyword::named(inside) {
            return Some(self.named(keyword));
        }
        if let Some(keyword) = inside
            .strip_prefix("leave ")
            .and_then(|rest| Keyword::named(rest.strip_suffix(" out")?))
        {
            return Some(self.left_out(keyword));
        }
        let (name, value) = inside.strip_prefix("set ")?.split_once('=')?;
        Some(self.set(Keyword::named(name)?, value))
    }

    /// The place of a keyword's setting: where it stands, or else where the rest of the connection does.
    fn place(&self, keyword: &Keyword) -> SettingPlace {
        if let Some(origin) = self.settings.get(keyword.name) {
            return place_of(origin, &self.separators);
        }
        let telling = TELLING.iter().find_map(|name| self.settings.get(name));
        match telling {
            Some(Origin::Flag(_)) => match flag(keyword) {
                Some(flag) => SettingPlace::Flag(flag),
                None => SettingPlace::Variable(variable(keyword, "PG")),
            },
            Some(Origin::Variable(name)) => SettingPlace::Variable(variable(keyword, name)),
            Some(origin) => place_of(origin, &self.separators),
            None => SettingPlace::Unknown,
        }
    }

    fn set(&self, keyword: &Keyword, value: &str) -> String {
        let name = keyword.name;
        let stands = self.settings.contains_key(name);
        match self.place(keyword) {
            SettingPlace::Flag(flag) => format!("pass {flag} {}", shell(value)),
            SettingPlace::Variable(variable) => format!("set {variable}={}", shell(value)),
            SettingPlace::String(string, Some(sign @ ('?' | '&'))) if !stands => {
                format!("append '{sign}{name}={}' to {string}", percent(value))
            }
            SettingPlace::String(string, Some(' ')) if !stands => {
                format!("append ' {name}={}' to {string}", pair(value))
            }
            SettingPlace::String(string, _) => format!("set {name}={value} in {string}"),
            SettingPlace::Service(service) => format!("set {name}={value} in {service}"),
            SettingPlace::Target(target) => format!("set {name} = \"{value}\" in {target}"),
            SettingPlace::Unknown => format!("set {name}={value}"),
        }
    }

    fn left_out(&self, keyword: &Keyword) -> String {
        let name = keyword.name;
        if !self.settings.contains_key(name) {
            return format!("leave {name} out");
        }
        match self.place(keyword) {
            SettingPlace::Flag(flag) => format!("leave {flag} out"),
            SettingPlace::Variable(variable) => format!("unset {variable}"),
            SettingPlace::String(place, _)
            | SettingPlace::Service(place)
            | SettingPlace::Target(place) => {
                format!("remove {name} from {place}")
            }
            SettingPlace::Unknown => format!("leave {name} out"),
        }
    }

    fn named(&self, keyword: &Keyword) -> String {
        let name = keyword.name;
        match self.place(keyword) {
            SettingPlace::Flag(flag) => flag.to_owned(),
            SettingPlace::Variable(variable) => variable,
            SettingPlace::String(place, _)
            | SettingPlace::Service(place)
            | SettingPlace::Target(place) => {
                format!("{name} of {place}")
            }
            SettingPlace::Unknown => name.to_owned(),
        }
    }

    /// The instruction to configure a password where none is yet; `whose` describes it.
    pub(super) fn give_password(&self, whose: &str) -> String {
        let place =
            Keyword::named("password").map_or(SettingPlace::Unknown, |keyword| self.place(keyword));
        match place {
            SettingPlace::Flag(_) | SettingPlace::Unknown => format!("set PGPASSWORD to {whose}"),
            SettingPlace::Variable(variable) => format!("set {variable} to {whose}"),
            SettingPlace::String(place, _) => format!("write {whose} into {place}"),
            SettingPlace::Service(place) => format!("set password to {whose} in {place}"),
            SettingPlace::Target(place) => {
                format!("set password_variable to the variable with {whose} in {place}")
            }
        }
    }

    /// The setting by which a program prints the password, where this connection would have it.
    fn named_password_command(&self) -> String {
        let telling = TELLING.iter().find_map(|name| self.settings.get(name));
        match telling {
            Some(Origin::Variable(_)) => "SCHEMASTAMP_PASSWORD_COMMAND".to_owned(),
            Some(origin @ Origin::Target { .. }) => {
                format!("password_command in {}", text::safe(&origin.to_string()))
            }
            _ => "--password-command".to_owned(),
        }
    }

    /// The password by its origin, or else by where one belongs.
    fn named_password(&self) -> String {
        if let Some(origin) = &self.password {
            return match origin {
                Origin::Code => "the password".to_owned(),
                Origin::Part { whole, .. } => {
                    format!("the password in {}", text::safe(&whole.to_string()))
                }
                origin => format!("the password in {}", text::safe(&origin.to_string())),
            };
        }
        let Some(keyword) = Keyword::named("password") else {
            return "the password".to_owned();
        };
        match self.place(keyword) {
            SettingPlace::Flag(_) | SettingPlace::Unknown => {
                "the password in PGPASSWORD".to_owned()
            }
            SettingPlace::Variable(variable) => format!("the password in {variable}"),
            SettingPlace::String(place, _) | SettingPlace::Service(place) => {
                format!("the password in {place}")
            }
            SettingPlace::Target(place) => {
                format!("password_variable or password_command in {place}")
            }
        }
    }
}

/// The place that an origin is.
fn place_of(origin: &Origin, separators: &BTreeMap<String, char>) -> SettingPlace {
    match origin {
        Origin::Flag(flag) => SettingPlace::Flag(flag),
        Origin::Variable(name) => SettingPlace::Variable(name.clone()),
        Origin::Part { whole, .. } => match &**whole {
            Origin::Variable(name) => {
                SettingPlace::String(name.clone(), separators.get(name).copied())
            }
            Origin::Flag(flag) => SettingPlace::String((*flag).to_owned(), None),
            other => place_of(other, separators),
        },
        Origin::Service { .. } => SettingPlace::Service(text::safe(&origin.to_string())),
        Origin::Target { .. } => SettingPlace::Target(text::safe(&origin.to_string())),
        Origin::PasswordFile { .. }
        | Origin::Project { .. }
        | Origin::Code
        | Origin::Default(_) => SettingPlace::Unknown,
    }
}

/// The sign before a further parameter of a connection string: of a URI, or of `key=value` pairs.
fn separator(text: &str) -> char {
    match (text.contains("://"), text.contains('?')) {
        (true, true) => '&',
        (true, false) => '?',
        (false, _) => ' ',
    }
}

fn flag(keyword: &Keyword) -> Option<&'static str> {
    let found = FLAGS.iter().find(|(name, _)| *name == keyword.name);
    found.map(|(_, flag)| *flag)
}

/// The variable of a keyword in the family of another one. Some of libpq's do not count here.
fn variable(keyword: &Keyword, family: &str) -> String {
    match keyword.variable {
        Some(variable) if family.starts_with("PG") && keyword.is_adopted() => variable.to_owned(),
        _ => format!("SCHEMASTAMP_{}", keyword.name.to_ascii_uppercase()),
    }
}

fn shell(value: &str) -> String {
    shell_words::quote(value).into_owned()
}

/// A value in `key=value` pairs.
fn pair(value: &str) -> String {
    if value.contains([' ', '\'', '\\']) {
        format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
    } else {
        value.to_owned()
    }
}

/// A value in the parameters of a URI.
fn percent(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            swrite!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConnectionFlags, FileChoice, Targets};

    const CURE: &str = "[set sslmode=require], [leave sslcert out], name it in [sslrootcert], [set hostaddr=::1], \
                        correct [password] (PgBouncer: [databases])";

    fn of(flags: &ConnectionFlags, variables: &[(&str, &str)]) -> String {
        let fixed = [("PGUSER", "u")];
        let environment: Environment = fixed.iter().chain(variables).copied().collect();
        let environment = environment.in_directory("/w");
        let connection = Connection::resolve(flags, &environment).unwrap();
        Origins::new(&connection, &environment).expand(CURE)
    }

    #[test]
    fn a_cure_speaks_in_the_form_of_the_connection() {
        let none = ConnectionFlags::default();
        let flags = ConnectionFlags {
            host: Some("db".to_owned()),
            sslcert: Some("/c".to_owned()),
            ..ConnectionFlags::default()
        };
        let string = ConnectionFlags {
            dbname: Some("host=db sslcert=/c".to_owned()),
            ..ConnectionFlags::default()
        };
        assert_eq!(
            of(&flags, &[]),
            "pass --sslmode require, leave --sslcert out, name it in --sslrootcert, set PGHOSTADDR=::1, \
             correct the password in PGPASSWORD (PgBouncer: [databases])"
        );
        assert_eq!(
            of(
                &none,
                &[("PGHOST", "db"), ("PGSSLCERT", "/c"), ("PGPASSWORD", "x")]
            ),
            "set PGSSLMODE=require, unset PGSSLCERT, name it in PGSSLROOTCERT, set PGHOSTADDR=::1, \
             correct the password in PGPASSWORD (PgBouncer: [databases])"
        );
        assert_eq!(
            of(&none, &[("SCHEMASTAMP_HOST", "db")]),
            "set SCHEMASTAMP_SSLMODE=require, leave sslcert out, name it in SCHEMASTAMP_SSLROOTCERT, \
             set SCHEMASTAMP_HOSTADDR=::1, correct the password in SCHEMASTAMP_PASSWORD (PgBouncer: [databases])"
        );
        assert_eq!(
            of(&none, &[("DATABASE_URL", "postgres://u:p@db/d")]),
            "append '?sslmode=require' to DATABASE_URL, leave sslcert out, name it in sslrootcert of DATABASE_URL, \
             append '?hostaddr=::1' to DATABASE_URL, correct the password in DATABASE_URL (PgBouncer: [databases])"
        );
        assert_eq!(
            of(
                &none,
                &[("DATABASE_URL", "postgres://db/d?sslmode=prefer&sslcert=/c")]
            ),
            "set sslmode=require in DATABASE_URL, remove sslcert from DATABASE_URL, name it in sslrootcert of \
             DATABASE_URL, append '&hostaddr=::1' to DATABASE_URL, correct the password in DATABASE_URL \
             (PgBouncer: [databases])"
        );
        assert_eq!(
            of(&string, &[]),
            "set sslmode=require in --dbname, remove sslcert from --dbname, name it in sslrootcert of --dbname, \
             set hostaddr=::1 in --dbname, correct the password in --dbname (PgBouncer: [databases])"
        );
    }

    #[test]
    fn a_missing_password_is_given_in_the_form_of_the_connection() {
        let cure = |flags: &ConnectionFlags, variables: &[(&str, &str)]| {
            let fixed = [("PGUSER", "u")];
            let environment: Environment = fixed.iter().chain(variables).copied().collect();
            let connection = Connection::resolve(flags, &environment).unwrap();
            Origins::new(&connection, &environment).expand("[give password] or [password_command]")
        };
        let none = ConnectionFlags::default();
        let flags = ConnectionFlags {
            host: Some("db".to_owned()),
            ..ConnectionFlags::default()
        };
        for (flags, variables, expected) in [
            (
                &flags,
                &[] as &[(&str, &str)],
                "set PGPASSWORD to the password or --password-command",
            ),
            (
                &none,
                &[("PGHOST", "db")],
                "set PGPASSWORD to the password or SCHEMASTAMP_PASSWORD_COMMAND",
            ),
            (
                &none,
                &[("SCHEMASTAMP_HOST", "db")],
                "set SCHEMASTAMP_PASSWORD to the password or SCHEMASTAMP_PASSWORD_COMMAND",
            ),
            (
                &none,
                &[("DATABASE_URL", "postgres://u@db/d")],
                "write the password into DATABASE_URL or --password-command",
            ),
        ] {
            assert_eq!(cure(flags, variables), expected);
        }
    }

    #[test]
    fn a_setting_is_changed_where_it_stands() {
        let none = ConnectionFlags::default();
        let variables = [
            ("DATABASE_URL", "postgres://db/d"),
            ("PGSSLCERT", "/c"),
            ("SCHEMASTAMP_SSLMODE", "disable"),
        ];
        let cure = of(&none, &variables);
        assert!(
            cure.starts_with("set SCHEMASTAMP_SSLMODE=require, unset PGSSLCERT, "),
            "{cure}"
        );
    }

    #[test]
    fn services_and_targets_are_named_with_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            crate::path::write_atomic(&path, text.as_bytes()).unwrap();
            path
        };
        let service = file("services", "[prod]\nhost=db\nsslmode=prefer\n");
        let path = service.to_str().unwrap();
        let cure = of(
            &ConnectionFlags::default(),
            &[("PGSERVICE", "prod"), ("PGSERVICEFILE", path)],
        );
        let expected =
            format!("set sslmode=require in service 'prod' in '{path}', line 3, leave sslcert out");
        assert!(cure.starts_with(&expected), "{cure}");
        let targets = file(
            "t.toml",
            "[[target]]\nname = 'eu'\nhost = 'db'\nuser = 'u'\nsslcert = '/c'\n",
        );
        let environment = Environment::default();
        let read = Targets::read(&targets, FileChoice::Named, &environment).unwrap();
        let cure = Origins::new(&read.targets[0].connection, &environment).expand(CURE);
        let place = format!("target 'eu' of '{}'", targets.display());
        let expected = format!(
            "set sslmode = \"require\" in {place}, remove sslcert from {place}, name it in sslrootcert of {place}"
        );
        assert!(cure.starts_with(&expected), "{cure}");
        assert!(
            cure.contains("correct password_variable or password_command in"),
            "{cure}"
        );
    }

    #[test]
    fn without_a_connection_the_words_stand_for_themselves() {
        let plain = Origins::default();
        assert_eq!(
            plain.expand("[set sslmode=require] or [sslkey] [x"),
            "set sslmode=require or sslkey [x"
        );
    }
}
