use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::{Account, ConfigError, Origin};
use crate::process::EnvValue;

/// The variables that a child process keeps of the parent's environment. `OPENSSL_CONF` and
/// `OPENSSL_MODULES` carry a system's TLS policy (FIPS), which must not be loosened. A psql outside
/// of the system's directories needs `LD_LIBRARY_PATH` to start.
const INHERITED: &[&str] = &[
    "PATH",
    "TMPDIR",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
];

/// The process environment as it was at start: the only reader of `std::env`.
///
/// Holds secrets (`PGPASSWORD`, `DATABASE_URL`), so `Debug` prints names only.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    account: Option<Account>,
    directory: Option<PathBuf>,
}

impl Environment {
    /// Reads the environment, the account and the current directory of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn from_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            account: Account::from_process(),
            directory: std::env::current_dir().ok(),
        }
    }

    /// The same environment for another account; `None` stands for a user id without an entry.
    #[must_use]
    pub fn with_account(self, account: Option<Account>) -> Self {
        Self { account, ..self }
    }

    /// The same environment in another current directory.
    #[must_use]
    pub fn in_directory(self, directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: Some(directory.into()),
            ..self
        }
    }

    /// The value of a variable; `None` when it is not set.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
    }

    /// The value of a variable as text; `None` when it is not set.
    ///
    /// # Errors
    /// A value that is not UTF-8, or is empty, is an error that names the variable.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ConfigError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let origin = || Origin::Variable(name.to_owned());
        match value.to_str() {
            None => Err(ConfigError::NotUtf8 { origin: origin() }),
            Some("") => Err(ConfigError::Empty { origin: origin() }),
            Some(text) => Ok(Some(text)),
        }
    }

    /// All variables, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// The account of the effective user; `None` when the user id has no entry.
    pub fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// The home directory as libpq of this major version sees it; `None` when it sees none.
    ///
    /// From 15 on it is `$HOME` if that is set and not empty, else the account's entry; before, the entry alone.
    pub fn home(&self, libpq_major: u32) -> Option<PathBuf> {
        let variable = self
            .get("HOME")
            .filter(|home| libpq_major >= 15 && !home.is_empty());
        match variable {
            Some(home) => Some(PathBuf::from(home)),
            None => self.account.as_ref().map(|account| account.home.clone()),
        }
    }

    /// Makes a path absolute against the current directory, without looking at the file system; `None` when the path is
    /// relative and the current directory is not known.
    pub fn absolute(&self, path: &Path) -> Option<PathBuf> {
        if path.is_absolute() {
            return Some(path.to_owned());
        }
        self.directory
            .as_ref()
            .map(|directory| directory.join(path))
    }

    /// The variables that a child process inherits; none of them chooses a server, a file of libpq or a language.
    pub fn inherited(&self) -> BTreeMap<String, EnvValue> {
        self.pick(INHERITED)
    }

    /// The named variables as far as they are set.
    pub(super) fn pick(&self, names: &[&str]) -> BTreeMap<String, EnvValue> {
        let set = names
            .iter()
            .filter_map(|name| Some((*name, self.get(name)?)));
        set.map(|(name, value)| (name.to_owned(), EnvValue::Plain(value.to_owned())))
            .collect()
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    /// An environment of these variables, without an account and a current directory.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            variables,
            ..Self::default()
        }
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("account", &self.account)
            .field("directory", &self.directory)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody() -> Account {
        Account {
            name: "nobody".to_owned(),
            home: PathBuf::from("/nonexistent"),
        }
    }

    #[test]
    fn home_follows_the_rule_of_the_libpq_version() {
        let environment =
            Environment::from_iter([("HOME", "/home/other")]).with_account(Some(nobody()));
        assert_eq!(environment.home(15), Some(PathBuf::from("/home/other")));
        assert_eq!(environment.home(14), Some(PathBuf::from("/nonexistent")));
        let empty = Environment::from_iter([("HOME", "")]).with_account(Some(nobody()));
        assert_eq!(empty.home(18), Some(PathBuf::from("/nonexistent")));
        assert_eq!(Environment::default().home(18), None);
    }

    #[test]
    fn a_child_inherits_nothing_that_steers_libpq() {
        let environment = Environment::from_iter([
            ("PATH", "/bin"),
            ("PGHOST", "x"),
            ("HOME", "/h"),
            ("LANG", "de"),
        ]);
        assert_eq!(
            environment.inherited().into_keys().collect::<Vec<_>>(),
            ["PATH"]
        );
    }

    #[test]
    fn debug_shows_names_only() {
        let environment = Environment::from_iter([("PGPASSWORD", "hunter2")]);
        let shown = format!("{environment:?}");
        assert!(
            shown.contains("PGPASSWORD") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn text_that_is_not_utf8_or_empty_is_an_error_that_names_the_variable() {
        use std::os::unix::ffi::OsStringExt;
        let environment = Environment::from_iter([
            ("PGHOST", OsString::from_vec(vec![0xff])),
            ("PGPORT", OsString::new()),
        ]);
        assert_eq!(
            environment.text("PGHOST").unwrap_err().to_string(),
            "PGHOST is not valid UTF-8"
        );
        assert!(
            environment
                .text("PGPORT")
                .unwrap_err()
                .to_string()
                .starts_with("PGPORT is empty")
        );
        assert_eq!(environment.text("PGUSER").unwrap(), None);
    }
}
