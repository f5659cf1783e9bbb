use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::pg::Program;
use crate::process::{EnvValue, Invocation, RunDir, RunError, Shutdown, Stdout, run};

/// The libpq behind a psql. The two may be of different versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Library {
    /// Major version; 18 stands for every later one that cannot be told apart.
    pub major: u32,
    /// TLS is compiled in.
    pub tls: bool,
}

/// What each run gives libpq that only a certain version takes offence at.
const BAIT: [&[&str]; 2] = [
    &["PGSSLCERTMODE", "PGSSLNEGOTIATION"],
    &["PGMINPROTOCOLVERSION"],
];

/// Finds out what libpq can, by its behaviour: each version refuses nonsense in the variables that it knows.
///
/// Two runs of psql against a socket that does not exist, some 10 ms each, side by side. No network is touched.
///
/// # Errors
/// psql cannot be run.
pub async fn examine(
    psql: &Program,
    psql_major: u32,
    inherited: &BTreeMap<String, EnvValue>,
    temporary: &Path,
    timeout: Duration,
    shutdown: &Shutdown,
) -> Result<Library, RunError> {
    let [first, second] = BAIT;
    let (first, second) = tokio::join!(
        refusal(psql, first, inherited, temporary, timeout, shutdown),
        refusal(psql, second, inherited, temporary, timeout, shutdown),
    );
    Ok(judge(psql_major, &first?, &second?))
}

async fn refusal(
    psql: &Program,
    bait: &[&str],
    inherited: &BTreeMap<String, EnvValue>,
    temporary: &Path,
    timeout: Duration,
    shutdown: &Shutdown,
) -> Result<String, RunError> {
    let io = |source| RunError::Io {
        program: psql.path().to_owned(),
        stream: "a private folder",
        source,
    };
    let run_dir = RunDir::new(temporary).map_err(|error| io(error.source))?;
    let plain = |value: &str| EnvValue::Plain(value.into());
    let mut invocation = Invocation::new(psql.path()).args(["-X", "-w", "-c", "SELECT 1"]);
    invocation.env = inherited.clone();
    for (name, value) in [
        ("LC_ALL", plain("C")),
        ("PGUSER", plain("nobody")),
        // A folder for sockets that does not exist.
        ("PGHOST", EnvValue::Absent),
        ("PGSSLMODE", plain("require")),
        ("PGPASSFILE", EnvValue::Absent),
        ("PGSERVICEFILE", EnvValue::Absent),
    ] {
        invocation.env.insert(name.to_owned(), value);
    }
    for name in bait {
        invocation
            .env
            .insert((*name).to_owned(), plain("schemastamp"));
    }
    invocation.timeout = Some(timeout);
    invocation.grace = Duration::from_millis(200);
    let finished = run(&invocation, &run_dir, shutdown, Stdout::Collect(64 << 10)).await?;
    Ok(finished.stderr.text())
}

fn judge(psql_major: u32, tls_bait: &str, wire_bait: &str) -> Library {
    let tls = !tls_bait.contains("SSL support is not compiled in");
    let least = if wire_bait.contains("invalid min_protocol_version") {
        18
    } else if tls_bait.contains("invalid sslnegotiation") {
        17
    } else if tls_bait.contains("invalid sslcertmode") {
        16
    } else {
        13
    };
    // Without TLS libpq stops at the first setting, and psql's own version is all there is to go by.
    let major = match (tls, least) {
        (false, _) => psql_major,
        (true, 18) => psql_major.max(18),
        (true, 13) => psql_major.min(15),
        (true, exactly) => exactly,
    };
    Library { major, tls }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libpq_is_known_by_what_it_refuses() {
        let socket =
            "connection to server on socket \"/x/.s.PGSQL.5432\" failed: No such file or directory";
        let table = [
            (
                15,
                socket,
                socket,
                Library {
                    major: 15,
                    tls: true,
                },
            ),
            (
                14,
                socket,
                socket,
                Library {
                    major: 14,
                    tls: true,
                },
            ),
            (
                17,
                socket,
                socket,
                Library {
                    major: 15,
                    tls: true,
                },
            ),
            (
                15,
                "invalid sslcertmode value: \"schemastamp\"",
                socket,
                Library {
                    major: 16,
                    tls: true,
                },
            ),
            (
                15,
                "invalid sslnegotiation value: \"schemastamp\"",
                socket,
                Library {
                    major: 17,
                    tls: true,
                },
            ),
            (
                15,
                "invalid sslnegotiation value: \"schemastamp\"",
                "invalid min_protocol_version value: \"schemastamp\"",
                Library {
                    major: 18,
                    tls: true,
                },
            ),
            (
                18,
                "sslmode value \"require\" invalid when SSL support is not compiled in",
                "sslmode value \"require\" invalid when SSL support is not compiled in",
                Library {
                    major: 18,
                    tls: false,
                },
            ),
        ];
        for (psql, first, second, expected) in table {
            assert_eq!(judge(psql, first, second), expected, "{psql} {first}");
        }
    }
}
