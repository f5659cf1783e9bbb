use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use secrecy::SecretString;

use super::error::nearest;
use super::keyword::{Handling, KEYWORDS, Keyword, PASSWORD_COMMAND};
use super::passfile_miss::PasswordFileMiss;
use super::value::Given;
use super::{CommandLine, ConfigError, ConfigWarning, Environment, Origin, Setting};
use crate::process::EnvValue;

/// A resolved connection: libpq's keywords, each with its origin, and the password.
///
/// `Debug` shows no password.
#[derive(Clone)]
pub struct Connection {
    pub(super) settings: BTreeMap<&'static str, Setting<String>>,
    pub(super) password: Option<Setting<SecretString>>,
    pub(super) password_command: Option<Setting<CommandLine>>,
    /// `true` if the child reads the password file itself, because several hosts have different
    /// passwords.
    pub(super) hands_over_passfile: bool,
    pub(super) password_file_miss: Option<PasswordFileMiss>,
    pub(super) kerberos: BTreeMap<String, EnvValue>,
    pub(super) warnings: Vec<ConfigWarning>,
    pub(super) interfering: Vec<Interference>,
}

/// A variable of the parent that would have steered psql, and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interference {
    /// The variable.
    pub variable: &'static str,
    /// The effect that it would have had on a psql that inherits it.
    pub effect: &'static str,
    /// The setting that counts instead, or `None` if the variable is only not passed on.
    pub instead: Option<Origin>,
}

/// A line of [`Connection::describe`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described<'a> {
    /// The keyword of libpq.
    pub keyword: &'static str,
    /// The value, `[redacted]` for a password.
    pub value: &'a str,
    /// The origin of the value.
    pub origin: &'a Origin,
}

impl Connection {
    /// The setting of a keyword; `None` when nothing and no default set it. Never the password.
    pub fn get(&self, keyword: &str) -> Option<&Setting<String>> {
        self.settings.get(keyword)
    }

    /// The value of a keyword; `None` when nothing and no default set it. Never the password.
    pub fn value(&self, keyword: &str) -> Option<&str> {
        self.get(keyword).map(|setting| setting.value.as_str())
    }

    /// The password. `None` if there is none, or if the child reads several from the password file.
    pub fn password(&self) -> Option<&Setting<SecretString>> {
        self.password.as_ref()
    }

    /// The password file that was read and has no line for this connection.
    pub fn password_file_miss(&self) -> Option<&PasswordFileMiss> {
        self.password_file_miss.as_ref()
    }

    /// Returns `true` if no source has a password for any host.
    pub fn has_no_password(&self) -> bool {
        self.password.is_none() && self.password_command.is_none() && !self.hands_over_passfile
    }

    /// The command that prints the password of each new connection.
    pub fn password_command(&self) -> Option<&Setting<CommandLine>> {
        self.password_command.as_ref()
    }

    /// Replaces the password by a command that prints it: a program and its arguments.
    ///
    /// # Errors
    /// There is no such program in `PATH`.
    pub fn set_password_command(
        &mut self,
        words: Vec<String>,
        origin: Origin,
        environment: &Environment,
    ) -> Result<(), ConfigError> {
        let command = CommandLine::new(words, &origin, environment)?;
        self.password = None;
        self.password_command = Some(Setting::new(command, origin));
        self.hands_over_passfile = false;
        Ok(())
    }

    /// The role to log in as.
    pub fn user(&self) -> &str {
        self.value("user").unwrap_or_default()
    }

    /// The database to connect to.
    pub fn database(&self) -> &str {
        self.value("dbname").unwrap_or_default()
    }

    /// Replaces a setting. Paths must be absolute.
    ///
    /// # Errors
    /// An unknown or refused keyword, or a value that it cannot have.
    pub fn set(&mut self, keyword: &str, setting: Setting<String>) -> Result<(), ConfigError> {
        let Some(keyword) = Keyword::named(keyword) else {
            let suggestion =
                nearest(keyword, KEYWORDS.iter().map(|keyword| keyword.name)).map(str::to_owned);
            return Err(ConfigError::UnknownKeyword {
                keyword: keyword.to_owned(),
                suggestion,
            });
        };
        let given = Given::new(keyword, setting.value, setting.origin);
        let mut changed = self.clone();
        changed.put(&given, &Environment::default())?;
        changed.check_hosts()?;
        *self = changed;
        Ok(())
    }

    /// Removes a setting; libpq's own default applies then, never a file in a home directory.
    pub fn unset(&mut self, keyword: &str) {
        self.settings.remove(keyword);
        if keyword == "password" {
            self.password = None;
        }
    }

    /// Replaces the password.
    pub fn set_password(&mut self, password: SecretString, origin: Origin) {
        self.password = Some(Setting::new(password, origin));
        self.password_command = None;
        self.hands_over_passfile = false;
    }

    pub(super) fn put(
        &mut self,
        given: &Given,
        environment: &Environment,
    ) -> Result<(), ConfigError> {
        let Given {
            keyword, origin, ..
        } = given;
        if let Handling::Refused(reason) = keyword.handling {
            return Err(ConfigError::Refused {
                keyword: keyword.name,
                origin: origin.clone(),
                reason,
            });
        }
        let value = given.checked(environment)?;
        if keyword.is_secret() {
            self.set_password(SecretString::from(value), origin.clone());
        } else {
            self.settings
                .insert(keyword.name, Setting::new(value, origin.clone()));
        }
        Ok(())
    }

    /// Settings that work, but probably not as intended.
    pub fn warnings(&self) -> &[ConfigWarning] {
        &self.warnings
    }

    /// The parent's variables that would have steered psql, and do not.
    pub fn interfering(&self) -> &[Interference] {
        &self.interfering
    }

    /// Every setting with a value fit for the eye and its origin, the more important ones first.
    pub fn describe(&self) -> impl Iterator<Item = Described<'_>> {
        let command = self.password_command.iter().map(|command| Described {
            keyword: PASSWORD_COMMAND,
            value: command.value.shown(),
            origin: &command.origin,
        });
        let settings = KEYWORDS.iter().filter_map(|keyword| {
            let (value, origin) = match (&self.password, self.get(keyword.name)) {
                (Some(password), _) if keyword.name == "password" => {
                    ("[redacted]", &password.origin)
                }
                (_, Some(setting)) => (setting.value.as_str(), &setting.origin),
                _ => return None,
            };
            Some(Described {
                keyword: keyword.name,
                value,
                origin,
            })
        });
        settings.chain(command)
    }

    /// The settings that a libpq of this major version does not know, and would ignore or refuse.
    pub fn unknown_to(
        &self,
        libpq_major: u32,
    ) -> impl Iterator<Item = (&'static Keyword, &Setting<String>)> {
        KEYWORDS
            .iter()
            .filter(move |keyword| {
                keyword.since > libpq_major && keyword.handling != Handling::Consumed
            })
            .filter_map(|keyword| Some((keyword, self.get(keyword.name)?)))
    }

    /// The path a keyword names; `None` when it is not set, and for `sslrootcert=system`.
    pub fn path(&self, keyword: &str) -> Option<Setting<&Path>> {
        let setting = self
            .get(keyword)
            .filter(|setting| setting.value != "system")?;
        Some(Setting::new(
            Path::new(&setting.value),
            setting.origin.clone(),
        ))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self
            .describe()
            .map(|line| (line.keyword, format!("{} ({})", line.value, line.origin)));
        formatter.debug_map().entries(lines).finish()
    }
}
