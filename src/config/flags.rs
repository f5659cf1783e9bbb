use std::fmt;
use std::path::PathBuf;

use super::conninfo;
use super::part::StringPart;
use super::value::Given;
use super::{ConfigError, ConfigWarning, Keyword, Origin};

/// The connection flags, as typed.
///
/// `Debug` does not show `dbname`, which may be a URI with a password.
#[derive(Clone, Default)]
pub struct ConnectionFlags {
    /// `--host`.
    pub host: Option<String>,
    /// `--port`.
    pub port: Option<String>,
    /// `--username`.
    pub username: Option<String>,
    /// `--dbname`: a name, a `key=value` string or a URI.
    pub dbname: Option<String>,
    /// `--sslmode`.
    pub sslmode: Option<String>,
    /// `--sslrootcert`.
    pub sslrootcert: Option<String>,
    /// `--sslcert`.
    pub sslcert: Option<String>,
    /// `--sslkey`.
    pub sslkey: Option<String>,
    /// `--sslcrl`.
    pub sslcrl: Option<String>,
    /// `--password-command`: a program with its arguments.
    pub password_command: Option<String>,
}

/// The flags of the tool itself, as typed.
#[derive(Clone, Debug, Default)]
pub struct ToolFlags {
    /// `--snapshot`.
    pub snapshot: Option<PathBuf>,
    /// `--psql`: a program's name or path.
    pub psql: Option<PathBuf>,
    /// `--pg-dump`: a program's name or path.
    pub pg_dump: Option<PathBuf>,
    /// `--timeout`, in seconds.
    pub timeout: Option<String>,
    /// `--jobs`.
    pub jobs: Option<String>,
}

const DBNAME: Origin = Origin::Flag("--dbname");

impl ConnectionFlags {
    /// Returns `true` if any flag is set.
    pub fn is_given(&self) -> bool {
        let Self {
            host,
            port,
            username,
            dbname,
            sslmode,
            sslrootcert,
            sslcert,
            sslkey,
            sslcrl,
            password_command,
        } = self;
        [
            host,
            port,
            username,
            dbname,
            sslmode,
            sslrootcert,
            sslcert,
            sslkey,
            sslcrl,
            password_command,
        ]
        .iter()
        .any(|flag| flag.is_some())
    }

    /// The values of the flags, the stronger ones last, and whether `--dbname` is a connection string.
    ///
    /// A connection string overrides `--host`, `--port` and `--username`, as in psql. The TLS
    /// flags, which psql does not have, override the connection string.
    pub(super) fn given(
        &self,
        warnings: &mut Vec<ConfigWarning>,
    ) -> Result<(Vec<Given>, bool), ConfigError> {
        let place = [
            ("host", "--host", &self.host),
            ("port", "--port", &self.port),
            ("user", "--username", &self.username),
        ];
        let tls = [
            ("sslmode", "--sslmode", &self.sslmode),
            ("sslrootcert", "--sslrootcert", &self.sslrootcert),
            ("sslcert", "--sslcert", &self.sslcert),
            ("sslkey", "--sslkey", &self.sslkey),
            ("sslcrl", "--sslcrl", &self.sslcrl),
        ];
        let mut given: Vec<Given> = place.iter().filter_map(flag).collect();
        let string = match &self.dbname {
            Some(text) => conninfo::parse(text, &DBNAME, warnings)?,
            None => None,
        };
        let is_string = string.is_some();
        match (string, &self.dbname) {
            (Some(parts), _) => {
                let parts = given_from_string(parts, &DBNAME);
                warnings.extend(parts.iter().filter_map(|part| {
                    let flag = given.iter().find(|flag| flag.keyword == part.keyword)?;
                    Some(ConfigWarning::Overridden {
                        loser: flag.origin.clone(),
                        winner: part.origin.clone(),
                    })
                }));
                given.extend(parts);
            }
            (None, Some(name)) => {
                given.extend(
                    Keyword::named("dbname").map(|keyword| Given::new(keyword, name, DBNAME)),
                );
            }
            (None, None) => {}
        }
        given.extend(tls.iter().filter_map(flag));
        let command = self.password_command.as_ref();
        given.extend(command.map(|line| Given::command(line, Origin::Flag("--password-command"))));
        Ok((given, is_string))
    }
}

fn flag((keyword, flag, value): &(&str, &'static str, &Option<String>)) -> Option<Given> {
    Some(Given::new(
        Keyword::named(keyword)?,
        value.as_deref()?,
        Origin::Flag(flag),
    ))
}

/// The parts of a connection string with their origin.
pub(super) fn given_from_string(parts: Vec<StringPart>, whole: &Origin) -> Vec<Given> {
    parts
        .into_iter()
        .map(|part| Given {
            keyword: part.keyword,
            value: part.value,
            showable: part.showable,
            origin: Origin::Part {
                keyword: part.keyword.name.to_owned(),
                whole: Box::new(whole.clone()),
            },
        })
        .collect()
}

impl fmt::Debug for ConnectionFlags {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConnectionFlags")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("username", &self.username)
            .field("dbname", &self.dbname.as_ref().map(|_| "[redacted]"))
            .field("sslmode", &self.sslmode)
            .field("sslrootcert", &self.sslrootcert)
            .field("sslcert", &self.sslcert)
            .field("sslkey", &self.sslkey)
            .field("sslcrl", &self.sslcrl)
            .field(
                "password_command",
                &self.password_command.as_ref().map(|_| "[redacted]"),
            )
            .finish()
    }
}
