//! Checks psql, `pg_dump` and their libpq.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Environment, Setting, ToolSettings};
use crate::diagnose::Context;
use crate::diagnose::finding::{Finding, Severity, Speaker};
use crate::diagnose::libpq::{Library, examine};
use crate::diagnose::prepare::{has_guarded, refuse_ignored};
use crate::pg::{NamedProgram, Program, ProgramError, Version};
use crate::process::{EnvValue, Shutdown};
use crate::text;

/// The facts about the programs that later steps need.
#[derive(Debug, Default)]
pub(in crate::diagnose) struct Programs {
    pub(in crate::diagnose) psql: Option<Program>,
    pub(in crate::diagnose) pg_dump: Option<(Program, Version)>,
    pub(in crate::diagnose) library: Option<Library>,
}

/// Returns the program that a setting names, for [`Program`] to find.
pub(crate) fn named_program(setting: &Setting<PathBuf>) -> NamedProgram {
    NamedProgram {
        path: setting.value.clone(),
        origin: setting.origin.to_string(),
    }
}

/// Finds the programs and asks them for their versions, side by side.
pub(in crate::diagnose) async fn look(
    tool: &ToolSettings,
    environment: &Environment,
    temporary: &Path,
    timeout: Duration,
    shutdown: &Shutdown,
) -> (Programs, Vec<Finding>) {
    let path = environment
        .get("PATH")
        .unwrap_or(OsStr::new("/usr/local/bin:/usr/bin:/bin"));
    let dump = Program::find_pg_dump(tool.pg_dump.as_ref().map(named_program).as_ref(), path);
    let psql = match Program::find_psql(tool.psql.as_ref().map(named_program).as_ref(), path) {
        Ok(psql) => psql,
        Err(error) => {
            return (
                Programs::default(),
                vec![missing("program.psql_missing", &error)],
            );
        }
    };
    let inherited = environment.inherited();
    let (psql_version, dump_version, library) = tokio::join!(
        psql.version(temporary, shutdown),
        async {
            match &dump {
                Ok(dump) => Some(dump.version(temporary, shutdown).await),
                Err(_) => None,
            }
        },
        examine(&psql, &inherited, temporary, timeout, shutdown),
    );
    let mut findings = Vec::new();
    let psql_version = match psql_version {
        Ok(version) => version,
        Err(error) => {
            findings.push(missing("program.failed", &error));
            return (Programs::default(), findings);
        }
    };
    let library = match library {
        Ok(traits) => traits.library(u32::from(psql_version.major)),
        Err(error) => {
            let finding = Finding::from_catalogue("program.failed", &Context::default())
                .with("message", error.to_string());
            findings.push(finding);
            return (Programs::default(), findings);
        }
    };
    findings.push(summary(
        &psql,
        psql_version,
        library,
        dump_version
            .as_ref()
            .and_then(|version| version.as_ref().ok()),
    ));
    if !library.tls {
        let finding = Finding::from_catalogue("program.no_tls", &Context::default());
        findings.push(
            finding
                .with("program", shown(psql.path()))
                .said_by(Speaker::Libpq)
                .at(Severity::Warning),
        );
    }
    match (&dump, &dump_version) {
        (Err(error), _) | (_, Some(Err(error))) => {
            findings.push(missing("program.pg_dump_missing", error).at(Severity::Warning));
        }
        _ => {}
    }
    (
        Programs {
            psql: Some(psql),
            pg_dump: dump.ok().zip(dump_version.and_then(Result::ok)),
            library: Some(library),
        },
        findings,
    )
}

/// Warns of settings that the libpq of `pg_dump` would ignore: commands that run it refuse to.
pub(in crate::diagnose) async fn pg_dump_refusal(
    pg_dump: &(Program, Version),
    child: &BTreeMap<String, EnvValue>,
    environment: &Environment,
    temporary: &Path,
    timeout: Duration,
    shutdown: &Shutdown,
) -> Option<Finding> {
    if !has_guarded(child) {
        return None;
    }
    let (program, version) = pg_dump;
    let inherited = environment.inherited();
    let traits = examine(program, &inherited, temporary, timeout, shutdown).await;
    let library = traits.ok()?.library(u32::from(version.major));
    let refused = refuse_ignored(child, "pg_dump", library.major).err()?;
    Some(Finding::from(&refused).at(Severity::Warning))
}

/// Reports on a psql or `pg_dump` that does not report its version.
pub(in crate::diagnose) fn hung() -> (Programs, Vec<Finding>) {
    let finding = Finding::from_catalogue("program.failed", &Context::default())
        .because("it does not answer --version in time");
    (Programs::default(), vec![finding])
}

fn summary(psql: &Program, version: Version, library: Library, dump: Option<&Version>) -> Finding {
    let wrapper = if psql.bypasses_wrapper() {
        format!(", behind the wrapper '{}'", shown(psql.found()))
    } else {
        String::new()
    };
    let tls = if library.tls {
        "with TLS"
    } else {
        "without TLS"
    };
    let dump = dump.map_or_else(
        || "no pg_dump".to_owned(),
        |version| format!("pg_dump {version}"),
    );
    let what = format!(
        "psql {version} ('{}'{wrapper}), libpq {} {tls}, {dump}",
        shown(psql.path()),
        library.major
    );
    Finding::ok("programs", what)
        .with("psql", version.to_string())
        .with("path", shown(psql.path()))
        .with("wrapper", psql.bypasses_wrapper())
        .with("libpq", library.major)
        .with("tls", library.tls)
}

fn missing(id: &str, error: &ProgramError) -> Finding {
    let mut finding =
        Finding::from_catalogue(id, &Context::default()).said_by(Speaker::Schemastamp);
    finding.what = text::bounded(&error.to_string(), 500);
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        finding.what = format!("{}: {}", finding.what, text::safe(&cause.to_string()));
        source = cause.source();
    }
    finding
}

fn shown(path: &Path) -> String {
    text::safe(&path.to_string_lossy())
}
