use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use crate::config::{Connection, Host};
use crate::path::write_atomic;
use crate::pg::Program;
use crate::process::{EnvValue, Invocation, RunDir, RunError, Shutdown, Stdout, run};
use crate::tls::{SYSTEM, SslMode};

/// The oldest libpq whose version does not matter for the settings.
const OLDEST: u32 = 13;

/// The service that only libpq 15 and later finds: before, `$HOME` was not read.
const SERVICE: &str = "schemastamp";

/// The libpq that a client program loads. It may be older or newer than the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Library {
    /// The major version. 18 stands for later ones too, which cannot be distinguished.
    pub major: u32,
    /// TLS is compiled in.
    pub tls: bool,
}

/// The major versions that libpq's behaviour leaves possible, and whether it has TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryTraits {
    majors: RangeInclusive<u32>,
    tls: bool,
}

impl LibraryTraits {
    /// The library, given the version of the program: it decides within what behaviour leaves open.
    pub fn library(&self, program_major: u32) -> Library {
        Library {
            major: program_major.clamp(*self.majors.start(), *self.majors.end()),
            tls: self.tls,
        }
    }
}

/// Returns `true` if the behaviour of a connection depends on the version of libpq. Otherwise the
/// version is not needed.
///
/// libpq ignores a variable that it does not know, without a word: a password meant for SCRAM only would cross the wire in clear.
pub fn depends_on_library(connection: &Connection) -> bool {
    let system_roots = connection.value("sslrootcert") == Some(SYSTEM);
    // Which file is the default root certificate depends on HOME, which libpq reads from 15 on.
    let default_root = connection.get("sslrootcert").is_none()
        && connection
            .value("sslmode")
            .and_then(|mode| mode.parse::<SslMode>().ok())
            .is_some_and(SslMode::needs_root_cert)
        && !connection.hosts().iter().all(Host::is_socket);
    system_roots || default_root || connection.unknown_to(OLDEST).next().is_some()
}

/// Finds out what libpq a client program loads, by its behaviour: each version refuses nonsense in the variables that it knows.
///
/// Two runs against a socket that does not exist, some 10 ms each, side by side; a third for a libpq without TLS. No network is
/// touched.
///
/// # Errors
/// The program cannot be run.
pub async fn examine(
    program: &Program,
    inherited: &BTreeMap<String, EnvValue>,
    temporary: &Path,
    timeout: Duration,
    shutdown: &Shutdown,
) -> Result<LibraryTraits, RunError> {
    let ask = |bait| refusal(program, bait, inherited, temporary, timeout, shutdown);
    let (tls, wire) = tokio::join!(ask(Bait::Tls("require")), ask(Bait::Wire));
    let mut tls_words = tls?;
    let wire_words = wire?;
    let has_tls = !tls_words.contains("SSL support is not compiled in");
    if !has_tls {
        // It stopped at sslmode. With another one it reads the settings behind it.
        tls_words = ask(Bait::Tls("disable")).await?;
    }
    Ok(judge(has_tls, &tls_words, &wire_words))
}

/// Variables whose values only some versions of libpq refuse.
#[derive(Clone, Copy, Debug)]
enum Bait {
    /// `PGSSLCERTMODE` is read from 16 on, `PGSSLNEGOTIATION` from 17 on; libpq 13 does not know `primary`. With this sslmode.
    Tls(&'static str),
    /// `PGMINPROTOCOLVERSION` is read from 18 on; a service file in `$HOME` from 15 on.
    Wire,
}

async fn refusal(
    program: &Program,
    bait: Bait,
    inherited: &BTreeMap<String, EnvValue>,
    temporary: &Path,
    timeout: Duration,
    shutdown: &Shutdown,
) -> Result<String, RunError> {
    let io = |source| RunError::Io {
        program: program.path().to_owned(),
        stream: "a private directory",
        source,
    };
    let run_dir = RunDir::new(temporary).map_err(|error| io(error.source))?;
    let plain = |value: &str| EnvValue::Plain(value.into());
    // Both programs connect before they do anything else.
    let arguments: &[&str] = match program.name() {
        "pg_dump" => &["-w", "-s"],
        _ => &["-X", "-w", "-c", "SELECT 1"],
    };
    let mut invocation = Invocation::new(program.path()).args(arguments.iter().copied());
    invocation.env = inherited.clone();
    let mut set = |name: &str, value| invocation.env.insert(name.to_owned(), value);
    set("LC_ALL", plain("C"));
    set("PGUSER", plain("nobody"));
    set("PGDATABASE", plain("nothing"));
    // A directory for sockets that does not exist.
    set("PGHOST", EnvValue::Absent);
    set("PGPASSFILE", EnvValue::Absent);
    match bait {
        Bait::Tls(mode) => {
            set("PGSERVICEFILE", EnvValue::Absent);
            set("PGSSLMODE", plain(mode));
            set("PGSSLCERTMODE", plain("schemastamp"));
            set("PGSSLNEGOTIATION", plain("schemastamp"));
            set("PGTARGETSESSIONATTRS", plain("primary"));
        }
        Bait::Wire => {
            let file = run_dir.path().join(".pg_service.conf");
            write_atomic(&file, format!("[{SERVICE}]\n").as_bytes())
                .map_err(|error| io(error.source))?;
            // HOME is the run's own directory.
            set("PGSERVICE", plain(SERVICE));
            set("PGMINPROTOCOLVERSION", plain("schemastamp"));
        }
    }
    invocation.timeout = Some(timeout);
    invocation.grace = Duration::from_millis(200);
    let finished = run(&invocation, &run_dir, shutdown, Stdout::Collect(64 << 10)).await?;
    Ok(finished.stderr.text())
}

fn judge(tls: bool, tls_words: &str, wire_words: &str) -> LibraryTraits {
    let majors = if wire_words.contains("invalid min_protocol_version") {
        18..=u32::MAX
    } else if tls_words.contains("invalid sslnegotiation") {
        17..=17
    } else if tls_words.contains("invalid sslcertmode") {
        16..=16
    } else if tls_words.contains("invalid target_session_attrs") {
        0..=13
    } else if wire_words.contains("definition of service") {
        14..=14
    } else {
        15..=15
    };
    LibraryTraits { majors, tls }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConnectionFlags, Environment};

    const SOCKET: &str =
        "connection to server on socket \"/x/.s.PGSQL.5432\" failed: No such file or directory";

    #[test]
    fn libpq_is_known_by_what_it_refuses() {
        let certmode = "invalid sslcertmode value: \"schemastamp\"";
        let negotiation = "invalid sslnegotiation value: \"schemastamp\"";
        let attributes = "invalid target_session_attrs value: \"primary\"";
        let wire = "invalid min_protocol_version value: \"schemastamp\"";
        let service = "definition of service \"schemastamp\" not found";
        // The program's version, the words, and libpq's version.
        for (program, tls_words, wire_words, major) in [
            (15, SOCKET, SOCKET, 15),
            (14, SOCKET, service, 14),
            (17, SOCKET, service, 14),
            (17, SOCKET, SOCKET, 15),
            (13, SOCKET, SOCKET, 15),
            (16, attributes, service, 13),
            (13, attributes, service, 13),
            (15, certmode, SOCKET, 16),
            (15, negotiation, SOCKET, 17),
            (15, negotiation, wire, 18),
            (19, negotiation, wire, 19),
        ] {
            for tls in [true, false] {
                let library = judge(tls, tls_words, wire_words).library(program);
                assert_eq!(library, Library { major, tls }, "{program} {tls_words}");
            }
        }
    }

    #[test]
    fn the_version_is_looked_for_where_a_setting_depends_on_it() {
        let depends = |variables: &[(&str, &str)]| {
            let all = [("PGUSER", "u"), ("PGHOST", "h")].iter().chain(variables);
            let environment: Environment = all.copied().collect();
            let environment = environment.in_directory("/w");
            let connection = Connection::resolve(&ConnectionFlags::default(), &environment);
            depends_on_library(&connection.unwrap())
        };
        for variables in [
            &[("PGREQUIREAUTH", "scram-sha-256")] as &[_],
            &[("PGSSLCERTMODE", "require")],
            &[("PGSSLROOTCERT", "system")],
            &[("PGSSLNEGOTIATION", "direct")],
            &[("PGSSLCRLDIR", "/crl")],
            &[("PGSSLMODE", "verify-full")],
        ] {
            assert!(depends(variables), "{variables:?}");
        }
        assert!(!depends(&[]));
        assert!(!depends(&[
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/r")
        ]));
    }
}
