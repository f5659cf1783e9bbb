//! The command `targets`: a targets file as the configuration of a pooler.

use std::collections::BTreeMap;

use super::arguments::{TargetsCommand, TargetsExportArguments};
use super::common::Format;
use super::failure::CommandError;
use super::lines::{Counts, ExportLine, Line, NoDetails, TargetsExportCounts, TenantDetails};
use super::output::Output;
use super::servers::Servers;
use super::session::Session;
use crate::config::{TargetSettings, Targets};
use crate::exit;
use crate::fleet::inventory::read_fleet;
use crate::fleet::{Selection, TenantSelection};
use crate::sql::TenantName;
use crate::text::{safe, swrite, swriteln};

/// The default port of `PostgreSQL`.
const PORT: &str = "5432";

pub(super) async fn run(session: &Session, command: TargetsCommand) -> Result<u8, CommandError> {
    let TargetsCommand::Export(arguments) = command;
    let Some(path) = &arguments.targets.targets else {
        return Err(CommandError::Usage("pass --targets FILE".to_owned()));
    };
    let chosen = &arguments.targets.target;
    let file = Targets::read(path, arguments.targets.choice, &session.environment)?;
    let mut targets = file.targets;
    targets.retain(|target| chosen.is_empty() || chosen.contains(&target.name));
    let exports: Vec<Export> = targets
        .iter()
        .map(Export::new)
        .collect::<Result<_, CommandError>>()?;
    match session.common.format {
        Format::Text | Format::Csv | Format::Nagios => Err(CommandError::Usage(
            "pass --format pgdog, --format pgbouncer or --format json".to_owned(),
        )),
        Format::Pgbouncer => {
            Output::raw(&pgbouncer(&exports))?;
            Ok(exit::DONE)
        }
        Format::Pgdog => match read(session, &arguments).await? {
            Ok(tenants) => {
                Output::raw(&pgdog(&exports, &tenants, arguments.name.as_deref())?)?;
                Ok(exit::DONE)
            }
            Err(code) => Ok(code),
        },
        Format::Json => match read(session, &arguments).await? {
            Ok(tenants) => json(session, exports, &tenants),
            Err(code) => Ok(code),
        },
    }
}

/// A target as a pooler reaches it.
struct Export<'a> {
    name: &'a str,
    host: String,
    port: String,
    dbname: String,
    user: Option<&'a str>,
    sslmode: Option<&'a str>,
}

impl<'a> Export<'a> {
    fn new(target: &'a TargetSettings) -> Result<Self, CommandError> {
        let value = |keyword: &str| target.connection.value(keyword);
        let wrong = |why: &str| {
            CommandError::Usage(format!(
                "target '{}' cannot be exported: {why}",
                safe(&target.name)
            ))
        };
        let user = value("user");
        let dbname = value("dbname").or(user).unwrap_or_default();
        let host = value("hostaddr")
            .or_else(|| value("host"))
            .unwrap_or_default();
        let port = value("port").unwrap_or(PORT);
        for text in [host, port, dbname, user.unwrap_or_default()] {
            if text.chars().any(char::is_control) {
                return Err(wrong("a value has a control character"));
            }
        }
        if host.is_empty() || host.contains(',') || port.contains(',') {
            return Err(wrong("it must name one host"));
        }
        Ok(Self {
            name: &target.name,
            host: host.to_owned(),
            port: port.to_owned(),
            dbname: dbname.to_owned(),
            user,
            sslmode: value("sslmode"),
        })
    }
}

/// Reads the tenants of each target, in the order of the targets. A routing table without those of
/// a target would send its tenants to others: the result is the exit code then.
async fn read(
    session: &Session,
    arguments: &TargetsExportArguments,
) -> Result<Result<Vec<Vec<TenantName>>, u8>, CommandError> {
    let servers = Servers::find(session, &arguments.targets, &session.tool()?, false).await?;
    let read = async |index: usize, scope: TenantSelection| {
        let entry = servers.entries().get(index).ok_or(CommandError::NoTarget)?;
        let server = &entry.target.server;
        let fleet = read_fleet(server, &scope, None, &session.shutdown).await?;
        Ok(fleet
            .tenants
            .into_iter()
            .map(|tenant| tenant.name)
            .collect::<Vec<_>>())
    };
    let outcome = servers.run_single(session, &Selection::all(), read).await?;
    let failures = servers
        .tell_failures(session, &outcome, &|| {
            TenantDetails::None(NoDetails::default())
        })
        .await?;
    if let Some(code) = failures.exit_code(servers.entries().len() - 1) {
        return Ok(Err(code));
    }
    let results = outcome.targets.into_iter().map(|target| target.result);
    let tenants: Vec<Vec<TenantName>> = results.flatten().flatten().collect();
    let mut places: BTreeMap<&TenantName, Vec<String>> = BTreeMap::new();
    for (index, names) in tenants.iter().enumerate() {
        for name in names {
            let target = servers.name(index).unwrap_or_default().to_owned();
            places.entry(name).or_default().push(target);
        }
    }
    if let Some((tenant, targets)) = places.into_iter().find(|(_, targets)| targets.len() > 1) {
        return Err(CommandError::TwoPlaces {
            tenant: tenant.clone(),
            targets,
        });
    }
    Ok(Ok(tenants))
}

/// The section `[databases]` of pgbouncer.ini: each target as a database with its name.
fn pgbouncer(targets: &[Export<'_>]) -> String {
    let mut text = "[databases]\n".to_owned();
    for target in targets {
        swrite!(
            text,
            "{} = host={} port={} dbname={}",
            pgbouncer_name(target.name),
            pgbouncer_value(&target.host),
            pgbouncer_value(&target.port),
            pgbouncer_value(&target.dbname)
        );
        if let Some(user) = target.user {
            swrite!(text, " user={}", pgbouncer_value(user));
        }
        text.push('\n');
    }
    // TLS to the servers is a setting of the whole PgBouncer.
    let mut modes: Vec<&str> = targets.iter().filter_map(|target| target.sslmode).collect();
    modes.sort_unstable();
    modes.dedup();
    match modes.as_slice() {
        [] => {}
        [mode] => swriteln!(text, "\n; [pgbouncer]\n; server_tls_sslmode = {mode}"),
        modes => swriteln!(
            text,
            "\n; the targets have different modes of TLS: {}",
            modes.join(", ")
        ),
    }
    text
}

/// A name as a key of pgbouncer.ini: in double quotes unless it is a plain word.
fn pgbouncer_name(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if name.chars().all(is_plain) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A value of a connection string in pgbouncer.ini, in single quotes unless it is a plain word.
fn pgbouncer_value(value: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:".contains(letter);
    if !value.is_empty() && value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "''"))
    }
}

/// The databases of pgdog.toml, each target as a shard, and the shard of each tenant's schema.
fn pgdog(
    targets: &[Export<'_>],
    tenants: &[Vec<TenantName>],
    name: Option<&str>,
) -> Result<String, CommandError> {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let name = name
        .or_else(|| targets.first().map(|target| target.dbname.as_str()))
        .ok_or(CommandError::NoTarget)?;
    let database = quoted(name);
    let mut text = String::new();
    for (shard, target) in targets.iter().enumerate() {
        swriteln!(text, "# target {}", quoted(target.name));
        swriteln!(
            text,
            "[[databases]]\nname = {database}\nhost = {}",
            quoted(&target.host)
        );
        swriteln!(text, "port = {}", target.port);
        swriteln!(
            text,
            "database_name = {}\nshard = {shard}\n",
            quoted(&target.dbname)
        );
    }
    for (shard, names) in tenants.iter().enumerate() {
        for tenant in names {
            let schema = quoted(tenant.as_str());
            swriteln!(
                text,
                "[[sharded_schemas]]\ndatabase = {database}\nname = {schema}\nshard = {shard}\n"
            );
        }
    }
    Ok(text)
}

fn json(
    session: &Session,
    targets: Vec<Export<'_>>,
    tenants: &[Vec<TenantName>],
) -> Result<u8, CommandError> {
    let number = tenants.iter().map(Vec::len).sum();
    let count = targets.len();
    for (target, tenants) in targets.into_iter().zip(tenants) {
        Output::json(&Line::Export(ExportLine {
            target: target.name.to_owned(),
            host: target.host,
            port: target.port,
            dbname: target.dbname,
            user: target.user.map(str::to_owned),
            sslmode: target.sslmode.map(str::to_owned),
            tenants: tenants.iter().map(ToString::to_string).collect(),
        }))?;
    }
    session.summary(Counts::TargetsExport(TargetsExportCounts {
        targets: count,
        tenants: number,
    }))?;
    Ok(exit::DONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export<'a>(name: &'a str, host: &str) -> Export<'a> {
        Export {
            name,
            host: host.to_owned(),
            port: "5432".to_owned(),
            dbname: "my app's".to_owned(),
            user: Some("app"),
            sslmode: Some("verify-full"),
        }
    }

    #[test]
    fn names_and_values_are_quoted_for_pgbouncer() {
        let text = pgbouncer(&[export("eu", "/run/pg"), export("the \"us\"", "db.us")]);
        assert_eq!(
            text,
            "[databases]\n\
             eu = host=/run/pg port=5432 dbname='my app''s' user=app\n\
             \"the \"\"us\"\"\" = host=db.us port=5432 dbname='my app''s' user=app\n\n\
             ; [pgbouncer]\n; server_tls_sslmode = verify-full\n"
        );
    }

    #[test]
    fn pgdog_gets_the_shard_of_each_schema() {
        let name = |name: &str| TenantName::new(name).unwrap();
        let targets = [export("eu", "db.eu"), export("us", "db.us")];
        let tenants = [vec![name("a")], vec![name("Odd \"name\"")]];
        let text = pgdog(&targets, &tenants, Some("prod")).unwrap();
        let file: toml::Table = toml::from_str(&text).unwrap();
        let databases = file["databases"].as_array().unwrap();
        assert_eq!(databases[1]["host"].as_str(), Some("db.us"));
        assert_eq!(databases[1]["shard"].as_integer(), Some(1));
        assert_eq!(databases[1]["database_name"].as_str(), Some("my app's"));
        let schemas = file["sharded_schemas"].as_array().unwrap();
        assert_eq!(schemas[1]["name"].as_str(), Some("Odd \"name\""));
        assert_eq!(schemas[1]["shard"].as_integer(), Some(1));
        assert_eq!(schemas[1]["database"].as_str(), Some("prod"));
    }
}
