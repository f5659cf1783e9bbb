//! The order of the sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::child::KERBEROS;
use super::conninfo;
use super::flags::given_from_string;
use super::host::DEFAULT_PORT;
use super::keyword::{Handling, KEYWORDS, PASSWORD_COMMAND, TLS_VERSIONS};
use super::value::Given;
use super::{
    CommandLine, ConfigError, ConfigWarning, Connection, ConnectionFlags, Environment,
    Interference, Keyword, Origin, Setting, passfile, service, variables,
};

/// The sources found so far, the strongest first; within one, the last value of a keyword counts.
struct Sources<'a> {
    environment: &'a Environment,
    layers: Vec<Vec<Given>>,
    service: Option<Setting<String>>,
    warnings: Vec<ConfigWarning>,
}

impl Connection {
    /// Resolves a connection from all sources.
    ///
    /// # Errors
    /// An empty or malformed value in a source that counts, named with that source.
    pub fn resolve(
        flags: &ConnectionFlags,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let mut sources = Sources::new(environment, Vec::new());
        let (given, string_in_flag) = flags.given(&mut sources.warnings)?;
        sources.add(given)?;
        sources.add(variables::connection(environment)?)?;
        // Only the connection string with the highest precedence counts: the password of one is not
        // for the host of another.
        if !string_in_flag && let Some(given) = database_url(environment, &mut sources.warnings)? {
            sources.add(given)?;
        }
        sources.add_libpq_variables()?;
        sources.into_connection()
    }

    /// Resolves a connection string of the calling program, without looking at any variable that names a connection.
    ///
    /// # Errors
    /// An empty or malformed value, named with its keyword.
    pub fn parse(text: &str, environment: &Environment) -> Result<Self, ConfigError> {
        let mut warnings = Vec::new();
        let Some(parts) = conninfo::parse(text, &Origin::Code, &mut warnings)? else {
            return Err(ConfigError::NotConnectionString {
                origin: Origin::Code,
                scheme: None,
            });
        };
        Self::from_given(
            given_from_string(parts, &Origin::Code),
            warnings,
            environment,
        )
    }

    /// A connection of these values alone, without looking at any variable that names a connection.
    pub(super) fn from_given(
        given: Vec<Given>,
        warnings: Vec<ConfigWarning>,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let mut sources = Sources::new(environment, warnings);
        sources.add(given)?;
        sources.into_connection()
    }
}

/// The parts of `SCHEMASTAMP_DATABASE_URL`, else of `DATABASE_URL`.
fn database_url(
    environment: &Environment,
    warnings: &mut Vec<ConfigWarning>,
) -> Result<Option<Vec<Given>>, ConfigError> {
    for variable in [variables::DATABASE_URL, "DATABASE_URL"] {
        let Some(text) = environment.text(variable)? else {
            continue;
        };
        let origin = Origin::Variable(variable.to_owned());
        return match conninfo::parse(text, &origin, warnings)? {
            Some(parts) => Ok(Some(given_from_string(parts, &origin))),
            None => Err(ConfigError::NotConnectionString {
                origin,
                scheme: None,
            }),
        };
    }
    Ok(None)
}

impl<'a> Sources<'a> {
    fn new(environment: &'a Environment, warnings: Vec<ConfigWarning>) -> Self {
        Self {
            environment,
            layers: Vec::new(),
            service: None,
            warnings,
        }
    }

    /// Adds a source, and right after it the service that it names, if it is the first to name one.
    fn add(&mut self, given: Vec<Given>) -> Result<(), ConfigError> {
        for given in &given {
            if let Handling::Refused(reason) = given.keyword.handling {
                return Err(ConfigError::Refused {
                    keyword: given.keyword.name,
                    origin: given.origin.clone(),
                    reason,
                });
            }
        }
        self.layers.push(given);
        self.load_service()
    }

    fn load_service(&mut self) -> Result<(), ConfigError> {
        if self.service.is_some() {
            return Ok(());
        }
        let Some(service) = self.checked("service")? else {
            return Ok(());
        };
        let file = match self.checked("servicefile")? {
            Some(file) => Some(file),
            None => self
                .variable("servicefile")?
                .map(|given| self.check(&given))
                .transpose()?,
        };
        let file = file.map(|file| file.map(PathBuf::from));
        let entries = service::load(&service, file, self.environment)?;
        self.service = Some(service);
        self.add(entries)
    }

    /// Adds libpq's variables for the keywords that no stronger source has.
    fn add_libpq_variables(&mut self) -> Result<(), ConfigError> {
        let mut given = Vec::new();
        for keyword in KEYWORDS
            .iter()
            .filter(|keyword| matches!(keyword.handling, Handling::Adopt | Handling::Consumed))
        {
            if self.find(keyword.name).is_none() {
                given.extend(self.variable(keyword.name)?);
            }
        }
        let variables = self.layers.len();
        self.add(given)?;
        if let (Some(variables), Some(service)) =
            (self.layers.get(variables), self.layers.get(variables + 1))
        {
            let losing = service.iter().filter_map(|entry| {
                let winner = variables
                    .iter()
                    .find(|given| given.keyword == entry.keyword && given.value != entry.value)?;
                Some(ConfigWarning::VariableOverService {
                    keyword: entry.keyword.name,
                    variable: winner.origin.clone(),
                    service: entry.origin.clone(),
                })
            });
            self.warnings.extend(losing);
        }
        self.require_ssl()
    }

    /// `PGREQUIRESSL`, which libpq still reads where nothing sets sslmode.
    fn require_ssl(&mut self) -> Result<(), ConfigError> {
        const VARIABLE: &str = "PGREQUIRESSL";
        if self.find("sslmode").is_some() {
            return Ok(());
        }
        let origin = Origin::Variable(VARIABLE.to_owned());
        let mode = match self.environment.text(VARIABLE)? {
            Some("1") => "require",
            Some("0") | None => return Ok(()),
            Some(value) => {
                let value = Some(super::error::shown(value));
                return Err(ConfigError::Value {
                    origin,
                    value,
                    expected: "0 or 1".to_owned(),
                });
            }
        };
        self.layers.push(
            Keyword::named("sslmode")
                .map(|keyword| Given::new(keyword, mode, origin))
                .into_iter()
                .collect(),
        );
        Ok(())
    }

    /// The value of libpq's variable for a keyword.
    fn variable(&self, keyword: &str) -> Result<Option<Given>, ConfigError> {
        let Some(keyword) = Keyword::named(keyword) else {
            return Ok(None);
        };
        let Some(variable) = keyword.variable else {
            return Ok(None);
        };
        let text = self.environment.text(variable)?;
        Ok(text.map(|text| Given::new(keyword, text, Origin::Variable(variable.to_owned()))))
    }

    fn find(&self, keyword: &str) -> Option<&Given> {
        self.layers.iter().find_map(|layer| {
            layer
                .iter()
                .rev()
                .find(|given| given.keyword.name == keyword)
        })
    }

    fn checked(&self, keyword: &str) -> Result<Option<Setting<String>>, ConfigError> {
        self.find(keyword)
            .map(|given| self.check(given))
            .transpose()
    }

    fn check(&self, given: &Given) -> Result<Setting<String>, ConfigError> {
        Ok(Setting::new(
            given.checked(self.environment)?,
            given.origin.clone(),
        ))
    }

    /// The command that prints the password, unless a stronger source has the password itself.
    fn password_command(&self) -> Result<Option<CommandChoice>, ConfigError> {
        let last = |layer: &'_ [Given], name: &str| {
            let found = layer.iter().rev().find(|given| given.keyword.name == name);
            found.cloned()
        };
        let mut password: Option<Given> = None;
        for layer in &self.layers {
            let own = last(layer, "password");
            if let Some(command) = last(layer, PASSWORD_COMMAND) {
                return match (password, own) {
                    (Some(password), _) => Ok(Some(CommandChoice {
                        setting: None,
                        overridden: Some(ConfigWarning::Overridden {
                            loser: command.origin,
                            winner: password.origin,
                        }),
                    })),
                    (None, Some(password)) => Err(ConfigError::TwoPasswords {
                        password: Box::new(password.origin),
                        command: Box::new(command.origin),
                    }),
                    (None, None) => {
                        let line = command.checked(self.environment)?;
                        let line = CommandLine::parse(&line, &command.origin, self.environment)?;
                        Ok(Some(CommandChoice {
                            setting: Some(Setting::new(line, command.origin)),
                            overridden: None,
                        }))
                    }
                };
            }
            password = password.or(own);
        }
        Ok(None)
    }

    fn into_connection(self) -> Result<Connection, ConfigError> {
        let mut connection = Connection {
            settings: BTreeMap::new(),
            password: None,
            password_command: None,
            hands_over_passfile: false,
            password_file_miss: None,
            kerberos: self.environment.pick(KERBEROS),
            warnings: Vec::new(),
            interfering: Vec::new(),
        };
        for given in KEYWORDS
            .iter()
            .filter_map(|keyword| self.find(keyword.name))
        {
            connection.put(given, self.environment)?;
        }
        let command = self.password_command()?;
        let mut warnings = self.warnings;
        if let Some(command) = command {
            warnings.extend(command.overridden);
            if command.setting.is_some() {
                connection.password = None;
                connection.password_command = command.setting;
            }
        }
        warnings.extend(odd_values(&connection, self.environment));
        defaults(&mut connection, self.environment)?;
        connection.check_hosts()?;
        check_protocol_range(&connection)?;
        look_up_password(&mut connection, self.environment, &mut warnings)?;
        connection.warnings = warnings;
        connection.interfering = Interference::find(&connection, self.environment);
        Ok(connection)
    }
}

/// The command that was found, or the warning that a password wins over it.
struct CommandChoice {
    setting: Option<Setting<CommandLine>>,
    overridden: Option<ConfigWarning>,
}

fn odd_values(connection: &Connection, environment: &Environment) -> Vec<ConfigWarning> {
    let mut warnings = Vec::new();
    if let (Some(host), Some(address)) = (connection.get("host"), connection.get("hostaddr")) {
        let whole = |origin: &Origin| match origin {
            Origin::Part { whole, .. } => whole.as_ref().clone(),
            Origin::Variable(name) if name.starts_with("PG") => Origin::Variable("PG".to_owned()),
            other => other.clone(),
        };
        let together = matches!(
            (&host.origin, &address.origin),
            (Origin::Service { .. }, Origin::Service { .. })
        );
        if !together && whole(&host.origin) != whole(&address.origin) {
            let address = address.origin.clone();
            let host = host.origin.clone();
            warnings.push(ConfigWarning::AddressOverHost { address, host });
        }
    }
    if let Some(encoding) = connection.get("client_encoding")
        && !["UTF8", "UTF-8", "UNICODE"]
            .iter()
            .any(|utf8| utf8.eq_ignore_ascii_case(&encoding.value))
    {
        warnings.push(ConfigWarning::Encoding {
            origin: encoding.origin.clone(),
        });
    }
    if connection.get("options").is_none() && environment.get("PGOPTIONS").is_some() {
        warnings.push(ConfigWarning::NotAdopted {
            variable: "PGOPTIONS",
            instead: "SCHEMASTAMP_OPTIONS",
        });
    }
    for keyword in [
        "sslrootcert",
        "sslcert",
        "sslkey",
        "sslcrl",
        "sslcrldir",
        "passfile",
    ] {
        // The path is absolute by now, and can only mean a directory with this name in the current
        // directory.
        let tilde = environment.absolute(Path::new("~"));
        if let (Some(setting), Some(tilde)) = (connection.get(keyword), tilde)
            && Path::new(&setting.value).starts_with(tilde)
        {
            warnings.push(ConfigWarning::Tilde {
                origin: setting.origin.clone(),
            });
        }
    }
    warnings
}

fn defaults(connection: &mut Connection, environment: &Environment) -> Result<(), ConfigError> {
    let settings = &mut connection.settings;
    let mut default = |keyword: &'static str, value: &str, whose: &'static str| {
        settings
            .entry(keyword)
            .or_insert_with(|| Setting::new(value.to_owned(), Origin::Default(whose)))
            .value
            .clone()
    };
    let account = environment.account().map(|account| account.name.as_str());
    let user = default(
        "user",
        account.unwrap_or_default(),
        "the account of this process",
    );
    default("dbname", &user, "the user name");
    default("port", &DEFAULT_PORT.to_string(), "libpq");
    default("gssencmode", "disable", "schemastamp");
    default("application_name", "schemastamp", "schemastamp");
    // As libpq 16 and later: `sslrootcert=system` makes verify-full the default.
    let system = connection.value("sslrootcert") == Some("system");
    let sslmode = Setting::new(
        if system { "verify-full" } else { "prefer" }.to_owned(),
        Origin::Default("libpq"),
    );
    connection.settings.entry("sslmode").or_insert(sslmode);
    // The tool writes and reads UTF-8, whatever else was asked for.
    connection.settings.insert(
        "client_encoding",
        Setting::new("UTF8".to_owned(), Origin::Default("schemastamp")),
    );
    if user.is_empty() {
        Err(ConfigError::NoUser)
    } else {
        Ok(())
    }
}

fn check_protocol_range(connection: &Connection) -> Result<(), ConfigError> {
    let get = |keyword| connection.get(keyword);
    let (Some(min), Some(max)) = (
        get("ssl_min_protocol_version"),
        get("ssl_max_protocol_version"),
    ) else {
        return Ok(());
    };
    let rank = |setting: &Setting<String>| {
        TLS_VERSIONS
            .iter()
            .position(|version| *version == setting.value)
    };
    if rank(min) <= rank(max) {
        return Ok(());
    }
    Err(ConfigError::ProtocolRange {
        min: min.value.clone(),
        min_origin: Box::new(min.origin.clone()),
        max: max.value.clone(),
        max_origin: Box::new(max.origin.clone()),
    })
}

/// Fills in the password from the password file, where no stronger source has one.
fn look_up_password(
    connection: &mut Connection,
    environment: &Environment,
    warnings: &mut Vec<ConfigWarning>,
) -> Result<(), ConfigError> {
    if connection.password.is_some() || connection.password_command.is_some() {
        return Ok(());
    }
    let named = connection.get("passfile").cloned();
    let explicit = named.is_some();
    let default = || {
        // The tool reads the file itself, by the rule of libpq 15 and later for the home directory.
        let path = environment
            .home(15)?
            .join(".pgpass")
            .into_os_string()
            .into_string()
            .ok()?;
        Some(Setting::new(path, Origin::Default("libpq")))
    };
    let Some(file) = named.or_else(default) else {
        return Ok(());
    };
    let hosts = connection.hosts();
    let account = (hosts.as_slice(), connection.database(), connection.user());
    let found = passfile::look_up(Path::new(&file.value), explicit, account, warnings)?;
    connection.password_file_miss = found.miss;
    let text = |password: &Option<Setting<secrecy::SecretString>>| {
        password
            .as_ref()
            .map(|password| secrecy::ExposeSecret::expose_secret(&password.value).to_owned())
    };
    let mut found = found.passwords.into_iter();
    let Some(first) = found.next() else {
        return Ok(());
    };
    let rest: Vec<_> = found.collect();
    if rest.iter().all(|other| text(other) == text(&first)) {
        connection.password = first;
    } else {
        // There is a password for each host: libpq reads them itself, from this file.
        connection.hands_over_passfile = true;
        connection.settings.insert("passfile", file);
    }
    Ok(())
}
