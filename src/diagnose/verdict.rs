use super::finding::{Finding, Severity};

/// The result of the login with the real psql.
#[derive(Debug)]
pub(super) enum Login {
    /// It was not tried; the text says why.
    NotTried(String),
    /// psql got in.
    In,
    /// psql did not get in; the root cause first.
    Out(Vec<Finding>),
}

/// Makes one report of what was seen step by step and of psql's verdict: one root cause, reported where it lies.
///
/// `seen` holds the findings of the steps before the login. An error among them is a suspicion: it stands when psql failed
/// for a reason that it explains, and is lowered to a warning when psql failed for another, or got in. A `refused` error
/// stands in any case: no command would let psql try.
pub(super) fn settle(mut seen: Vec<Finding>, login: Login, refused: Option<&str>) -> Vec<Finding> {
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    match login {
        Login::NotTried(why) => {
            let root = seen.iter().position(is_error);
            lower_all_but(&mut seen, root, "another error lies before it");
            seen.push(Finding::skipped("login", why));
        }
        Login::In => {
            let root = refused.and_then(|id| {
                seen.iter()
                    .position(|finding| finding.id == id && is_error(finding))
            });
            lower_all_but(
                &mut seen,
                root,
                "psql got in all the same, and its verdict counts",
            );
            if let Some(root) = root.and_then(|root| seen.get(root)) {
                let why = format!(
                    "psql would get in, but every command refuses to try because of {}",
                    root.id
                );
                let skipped = Finding::skipped("login", why);
                seen.push(skipped);
            }
        }
        Login::Out(messages) => fail(&mut seen, messages, refused),
    }
    merge_repeated(&mut seen);
    seen
}

fn fail(seen: &mut Vec<Finding>, messages: Vec<Finding>, refused: Option<&str>) {
    let mut messages = messages.into_iter();
    let Some(said) = messages.next() else { return };
    let at = |severity: Severity, seen: &[Finding]| {
        seen.iter()
            .position(|finding| finding.severity == severity && explains(&finding.id, &said.id))
    };
    let by_refusal = refused.and_then(|id| seen.iter().position(|finding| finding.id == id));
    let root = by_refusal
        .or_else(|| at(Severity::Error, seen))
        .or_else(|| at(Severity::Warning, seen));
    lower_all_but(
        seen,
        root,
        "psql failed for another reason, and its verdict counts",
    );
    match root.and_then(|root| seen.get_mut(root)) {
        Some(root) => {
            root.severity = Severity::Error;
            // A probe over TLS hears other words about a login than psql does in plaintext.
            if root.id == said.id && root.id.starts_with("login.") {
                root.why.clone_from(&said.why);
                root.fix.clone_from(&said.fix);
            }
            for name in ["message", "said_by"] {
                if let Some(value) = said.evidence.get(name) {
                    root.evidence.insert(name.to_owned(), value.clone());
                }
            }
            let skipped = Finding::skipped("login", format!("psql fails because of {}", root.id));
            seen.push(skipped);
        }
        None => {
            seen.push(said);
        }
    }
    // Other messages of psql: the failure of another address, or of plaintext after TLS.
    let reported: Vec<String> = seen.iter().map(|finding| finding.id.clone()).collect();
    let besides = messages.filter(|message| !reported.contains(&message.id));
    let words: Vec<String> = besides
        .filter_map(|message| {
            message
                .evidence
                .get("message")
                .and_then(|words| words.as_str())
                .map(str::to_owned)
        })
        .collect();
    if let Some(error) = seen
        .iter_mut()
        .find(|finding| finding.severity == Severity::Error)
        .filter(|_| !words.is_empty())
    {
        error.evidence.insert("besides".to_owned(), words.into());
    }
}

/// Leaves out a warning that the error repeats, and gives the error its evidence.
fn merge_repeated(findings: &mut Vec<Finding>) {
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    let error = findings.iter().find(|finding| is_error(finding));
    let Some(id) = error.map(|error| error.id.clone()) else {
        return;
    };
    let repeats = |finding: &Finding| finding.id == id && finding.severity == Severity::Warning;
    let evidence: Vec<_> = findings
        .iter()
        .filter(|finding| repeats(finding))
        .flat_map(|finding| finding.evidence.clone())
        .filter(|(name, _)| name != "lowered")
        .collect();
    findings.retain(|finding| !repeats(finding));
    if let Some(error) = findings.iter_mut().find(|finding| is_error(finding)) {
        for (name, value) in evidence {
            error.evidence.entry(name).or_insert(value);
        }
    }
}

fn lower_all_but(seen: &mut [Finding], root: Option<usize>, why: &str) {
    for (index, finding) in seen.iter_mut().enumerate() {
        if finding.severity == Severity::Error && Some(index) != root {
            finding.severity = Severity::Warning;
            finding.evidence.insert("lowered".to_owned(), why.into());
        }
    }
}

/// Returns `true` if a cause that a probe found explains psql's message.
///
/// psql's words are coarser: one sentence for every reason not to trust a server, none at all for a client certificate
/// that is not there.
pub(super) fn explains(found: &str, said: &str) -> bool {
    if found == said {
        return true;
    }
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| found.starts_with(prefix));
    match said {
        "tls.server_cert.unverified" => {
            starts(&["tls.server_cert.", "tls.root_cert.", "tls.crl."])
                && !matches!(
                    found,
                    "tls.server_cert.name"
                        | "tls.server_cert.expires_soon"
                        | "tls.root_cert.missing"
                )
                && !matches!(
                    found,
                    "tls.crl.missing"
                        | "tls.crl.unreadable"
                        | "tls.crl.invalid"
                        | "tls.crl.not_a_file"
                )
        }
        "tls.client_cert.required" => starts(&["tls.client_cert.", "tls.client_key."]),
        "tls.client_cert.unknown_ca" => {
            matches!(
                found,
                "tls.client_cert.is_ca"
                    | "tls.client_cert.expired"
                    | "tls.client_cert.not_yet_valid"
            )
        }
        "tls.client_cert.wrong_purpose" => found == "tls.client_cert.is_ca",
        said if said.starts_with("tls.client_cert.") => {
            matches!(
                found,
                "tls.client_cert.expired"
                    | "tls.client_cert.not_yet_valid"
                    | "tls.client_cert.wrong_purpose"
            ) || (matches!(
                said,
                "tls.client_cert.unreadable" | "tls.client_cert.invalid"
            ) && matches!(
                found,
                "tls.client_cert.invalid"
                    | "tls.client_cert.not_a_file"
                    | "tls.client_cert.unreadable"
            ))
        }
        said if said.starts_with("tls.root_cert.") => {
            starts(&["tls.root_cert."]) && !found.ends_with("expired")
        }
        said if said.starts_with("tls.client_key.") => starts(&["tls.client_key."]),
        // prefer: TLS failed in silence, then plaintext was refused.
        "tls.server_requires_tls" => {
            matches!(
                found,
                "login.no_hba_entry"
                    | "login.hba_reject"
                    | "tls.protocol_version"
                    | "tls.handshake"
                    | "tls.alpn"
                    | "tls.no_shared_cipher"
                    | "tls.direct_required"
            ) || starts(&[
                "tls.server_cert.",
                "tls.root_cert.",
                "tls.client_cert.",
                "tls.client_key.",
            ])
        }
        "tls.protocol_version" => found == "tls.handshake",
        "tls.handshake" => starts(&[
            "net.",
            "tls.protocol_version",
            "tls.client_cert.",
            "tls.handshake",
            "tls.alpn",
            "tls.no_shared_cipher",
        ]),
        "tls.direct_refused" => starts(&["net."]),
        // libpq hides the words of an error in place of an answer.
        "server.process_limit" => starts(&["server."]),
        "timeout" => starts(&["net.", "tls.handshake", "server.pooler_backend"]),
        // A server that speaks is no matter of the network.
        "connection.failed" => starts(&["tls.handshake", "server.pooler_backend"]),
        said if said.starts_with("net.") => starts(&[
            "net.",
            "tls.direct_re",
            "tls.handshake",
            "tls.protocol_version",
            "tls.alpn",
        ]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Combines the observations, the login, the refusals and the errors.
    type Case = (
        Vec<(&'static str, Severity)>,
        Login,
        Option<&'static str>,
        Vec<&'static str>,
    );

    fn error(id: &str) -> Finding {
        Finding::from_catalogue(id, &crate::diagnose::Context::default())
    }

    fn report(
        seen: &[(&str, Severity)],
        login: Login,
        refused: Option<&str>,
    ) -> Vec<(String, Severity)> {
        let seen = seen
            .iter()
            .map(|(id, severity)| error(id).at(*severity))
            .collect();
        settle(seen, login, refused)
            .into_iter()
            .map(|finding| (finding.id, finding.severity))
            .collect()
    }

    fn errors(report: &[(String, Severity)]) -> Vec<&str> {
        report
            .iter()
            .filter(|(_, severity)| *severity == Severity::Error)
            .map(|(id, _)| id.as_str())
            .collect()
    }

    #[test]
    fn one_root_cause_where_it_lies() {
        use Severity::{Error, Warning};
        let out = |id: &str| Login::Out(vec![error(id)]);
        let cases: Vec<Case> = vec![
            (
                vec![("tls.server_cert.expired", Error)],
                out("tls.server_cert.unverified"),
                None,
                vec!["tls.server_cert.expired"],
            ),
            (
                vec![("tls.server_cert.name", Error)],
                out("login.wrong_password"),
                None,
                vec!["login.wrong_password"],
            ),
            (
                vec![("tls.client_cert.missing", Warning)],
                out("tls.client_cert.required"),
                None,
                vec!["tls.client_cert.missing"],
            ),
            (
                vec![("tls.client_cert.missing", Warning)],
                out("login.no_password"),
                None,
                vec!["login.no_password"],
            ),
            (
                vec![("tls.server_cert.unknown_issuer", Error)],
                out("tls.server_requires_tls"),
                None,
                vec!["tls.server_cert.unknown_issuer"],
            ),
            (
                vec![("tls.server_cert.unknown_issuer", Error)],
                Login::In,
                None,
                vec![],
            ),
            (
                vec![("tls.client_key.mismatch", Error)],
                Login::In,
                Some("tls.client_key.mismatch"),
                vec!["tls.client_key.mismatch"],
            ),
            (
                vec![("net.timeout", Error)],
                Login::NotTried("x".to_owned()),
                None,
                vec!["net.timeout"],
            ),
            (
                vec![("net.not_postgresql", Error)],
                out("net.closed"),
                None,
                vec!["net.not_postgresql"],
            ),
            (
                vec![("net.dns", Error), ("tls.handshake", Error)],
                Login::NotTried("x".to_owned()),
                None,
                vec!["net.dns"],
            ),
        ];
        for (seen, login, refused, expected) in cases {
            let text = format!("{seen:?} {login:?}");
            assert_eq!(errors(&report(&seen, login, refused)), expected, "{text}");
        }
    }

    #[test]
    fn the_login_is_not_reported_a_second_time() {
        let seen = [("tls.server_cert.expired", Severity::Error)];
        let report = report(
            &seen,
            Login::Out(vec![error("tls.server_cert.unverified")]),
            None,
        );
        assert_eq!(
            report.last().unwrap(),
            &("login".to_owned(), Severity::Skipped)
        );
    }
}
