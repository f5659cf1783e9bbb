use std::path::PathBuf;

use super::Origin;

/// psql has no command that prints the password.
fn as_in_psql(loser: &Origin) -> &'static str {
    if loser.to_string().to_ascii_lowercase().contains("password") {
        ""
    } else {
        ", as in psql"
    }
}

/// Something in the configuration that works, and probably not as meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigWarning {
    /// Parameters of a URI that libpq does not know, as frameworks add them.
    #[error(
        "{origin}: {} not known to libpq and ignored",
        match names.as_slice() {
            [name] => format!("the parameter '{name}' is"),
            names => format!("the parameters '{}' are", names.join("', '")),
        }
    )]
    UnknownParameters {
        /// The origin of the URI.
        origin: Origin,
        /// The names, in their order.
        names: Vec<String>,
    },
    /// A flag that a connection string overrides.
    #[error("{loser} is not used: {winner} wins{}", as_in_psql(loser))]
    Overridden {
        /// The setting that is not used.
        loser: Origin,
        /// The setting that is used.
        winner: Origin,
    },
    /// A password file that libpq ignores.
    #[error("password file '{}' is not used: {problem}", path.display())]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// The reason, and what to do.
        problem: String,
    },
    /// A service whose entry loses to an environment variable; psql would do the opposite.
    #[error(
        "{variable} wins over the service's {keyword} ({service}); psql itself would use the service's"
    )]
    VariableOverService {
        /// The keyword.
        keyword: &'static str,
        /// The environment variable that is used.
        variable: Origin,
        /// The entry that is not used.
        service: Origin,
    },
    /// An address from another source than the host's name.
    #[error(
        "the connection goes to the address from {address}; {host} is not resolved; unset the one that is not meant"
    )]
    AddressOverHost {
        /// The origin of the address.
        address: Origin,
        /// The origin of the host.
        host: Origin,
    },
    /// A variable that is set, and that could change the meaning of the SQL.
    #[error("{variable} is not passed on to psql; set {instead} if it is meant")]
    NotAdopted {
        /// The variable.
        variable: &'static str,
        /// The variable that is passed on.
        instead: &'static str,
    },
    /// A client encoding other than UTF-8.
    #[error("{origin} is not used: schemastamp speaks UTF8 with the server")]
    Encoding {
        /// The place where it was set.
        origin: Origin,
    },
    /// A path begins with `~`, which is not expanded.
    #[error(
        "{origin} begins with '~', which is read as a directory of that name; write the home directory in full"
    )]
    Tilde {
        /// The origin of the path.
        origin: Origin,
    },
}
