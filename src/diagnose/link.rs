use std::time::Duration;

use super::Context;
use super::finding::{Finding, Severity, Speaker};
use crate::config::Host;
use crate::pg::{ScriptOptions, Server};
use crate::process::Shutdown;
use crate::text;
use crate::tls::SslMode;

/// Time limit of the check. The command has to make its own connection afterwards.
const LIMIT: Duration = Duration::from_secs(3);

/// The connection as the client's own libpq sees it. A pooler's link to the server is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// It is encrypted.
    pub encrypted: bool,
    /// Protocol and cipher, or `plaintext`; safe to print.
    pub words: String,
}

impl Link {
    /// Reads what psql prints for `\conninfo`: a sentence up to version 17, a table from 18 on.
    pub fn from_output(lines: &[String]) -> Self {
        let sentence = lines
            .iter()
            .find(|line| line.starts_with("SSL connection ("));
        let row = |name: &str| {
            lines
                .iter()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('|'))
        };
        match (sentence, row("SSL Connection")) {
            (Some(sentence), _) => Self {
                encrypted: true,
                words: text::safe(sentence),
            },
            (None, Some("true")) => {
                let protocol = row("SSL Protocol").unwrap_or("TLS");
                let words = format!("{protocol}, {}", row("SSL Cipher").unwrap_or_default());
                Self {
                    encrypted: true,
                    words: text::safe(&words),
                }
            }
            _ => Self {
                encrypted: false,
                words: "plaintext".to_owned(),
            },
        }
    }
}

/// Connects once, and returns a finding if the connection is in plaintext although the mode allows
/// TLS: libpq does not report this for `prefer` and `allow`. In the other modes there is no doubt,
/// and nothing is asked.
///
/// Also returns `None` if there was no connection, because the command itself will report the
/// reason.
pub async fn silent_plaintext(
    server: &Server,
    mode: SslMode,
    context: &Context,
    shutdown: &Shutdown,
) -> Option<Finding> {
    if !matches!(mode, SslMode::Allow | SslMode::Prefer) {
        return None;
    }
    let mut server = server.clone();
    server.timeout = Some(server.timeout.map_or(LIMIT, |timeout| timeout.min(LIMIT)));
    let options = ScriptOptions {
        restrict: false,
        ..ScriptOptions::default()
    };
    let output = server
        .run_script("\\conninfo\n", &options, shutdown)
        .await
        .ok()?;
    (!Link::from_output(&output.lines).encrypted).then(|| plaintext(mode, context))
}

/// Returns `true` if all names and addresses of a connection are this machine's own, also by its file of hosts.
pub async fn stays_on_this_machine(hosts: &[Host]) -> bool {
    for host in hosts.iter().filter(|host| !host.is_loopback()) {
        let Some(name) = host.address.as_deref().or(host.name.as_deref()) else {
            continue;
        };
        let found = tokio::time::timeout(LIMIT, tokio::net::lookup_host((name, host.port))).await;
        let Ok(Ok(addresses)) = found else {
            return false;
        };
        let mut addresses = addresses.peekable();
        if addresses.peek().is_none()
            || !addresses.all(|address| address.ip().to_canonical().is_loopback())
        {
            return false;
        }
    }
    true
}

/// The warning that a connection is in plaintext.
pub(super) fn plaintext(mode: SslMode, context: &Context) -> Finding {
    let finding = Finding::from_catalogue("tls.plaintext", context)
        .at(Severity::Warning)
        .said_by(Speaker::Libpq);
    finding.because(match mode {
        SslMode::Allow => "sslmode=allow tries plaintext first, and the server takes it",
        _ => "sslmode=prefer goes on in plaintext when TLS cannot be had, without a word",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_is_read_in_both_forms() {
        let lines = |text: &str| text.split('\n').map(str::to_owned).collect::<Vec<_>>();
        let old = "You are connected to database \"d\" as user \"u\".\nSSL connection (protocol: TLSv1.3, cipher: X, compression: off)\n{}";
        assert!(Link::from_output(&lines(old)).encrypted);
        let new = "Database|d\nSSL Connection|true\nSSL Protocol|TLSv1.3\nSSL Cipher|X\n";
        assert_eq!(
            Link::from_output(&lines(new)),
            Link {
                encrypted: true,
                words: "TLSv1.3, X".to_owned()
            }
        );
        assert!(!Link::from_output(&lines("You are connected\n{}")).encrypted);
        assert!(!Link::from_output(&lines("SSL Connection|false")).encrypted);
    }
}
