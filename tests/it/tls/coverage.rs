//! Every finding has a scene: one of a table, a test of its own, or a reason why there is none.

use std::collections::BTreeSet;
use std::path::Path;

use schemastamp::diagnose::catalogue::ENTRIES;

use super::all_scenes;

/// Findings whose scene is a test of its own: the finding, the file in this directory and the test.
const TESTS: &[(&str, &str, &str)] = &[
    ("program.psql_missing", "clients", "no_psql"),
    ("program.failed", "network", "a_psql_that_hangs"),
    ("program.pg_dump_missing", "clients", "no_psql"),
    ("program.no_tls", "clients", "a_psql_without_tls"),
    (
        "config.targets",
        "watch",
        "a_targets_file_that_cannot_be_read_is_the_cause",
    ),
    (
        "config.exposed",
        "seldom",
        "a_targets_file_with_a_password_that_others_may_read",
    ),
    ("config.no_user", "seldom", "a_user_id_without_an_account"),
    (
        "config.password_command",
        "tokens",
        "a_command_that_fails_is_named_and_its_output_is_not_shown",
    ),
    (
        "tls.root_cert.expires_soon",
        "watch",
        "what_ends_within_the_span_is_warned_of",
    ),
    (
        "tls.root_cert.no_system_roots",
        "field",
        "the_systems_roots_are_looked_for_where_there_are_none",
    ),
    (
        "tls.root_cert.not_an_authority",
        "seldom",
        "a_root_that_may_not_sign_certificates",
    ),
    (
        "tls.crl.expires_soon",
        "watch",
        "client_certificates_and_revocation_lists_have_an_end_too",
    ),
    (
        "tls.client_cert.weak_key",
        "field",
        "client_certificates_that_openssl_refuses",
    ),
    (
        "tls.client_cert.weak_digest",
        "field",
        "client_certificates_that_openssl_refuses",
    ),
    (
        "tls.client_cert.expires_soon",
        "watch",
        "client_certificates_and_revocation_lists_have_an_end_too",
    ),
    (
        "tls.client_cert.revoked",
        "others",
        "a_client_certificate_that_the_server_has_revoked",
    ),
    (
        "tls.client_cert.refused",
        "seldom",
        "a_revocation_list_of_the_server_that_is_out_of_date",
    ),
    (
        "tls.direct_required",
        "proxies",
        "a_load_balancer_that_speaks_tls_at_once",
    ),
    (
        "tls.alpn",
        "proxies",
        "a_tls_proxy_that_does_not_know_the_protocol",
    ),
    ("tls.no_shared_cipher", "field", "no_cipher_in_common"),
    (
        "tls.legacy_renegotiation",
        "seldom",
        "a_server_that_does_not_know_secure_renegotiation",
    ),
    (
        "tls.weak_dh",
        "seldom",
        "diffie_hellman_parameters_that_openssl_refuses",
    ),
    (
        "tls.large_hello",
        "proxies",
        "a_large_first_message_that_gets_lost",
    ),
    (
        "tls.direct_refused",
        "clients",
        "tls_without_a_request_for_it_to_an_older_server",
    ),
    (
        "tls.server_cert.wrong_purpose",
        "others",
        "a_server_whose_certificate_is_for_clients",
    ),
    (
        "tls.server_cert.weak_key",
        "field",
        "keys_and_digests_that_openssl_refuses",
    ),
    (
        "tls.server_cert.weak_digest",
        "field",
        "keys_and_digests_that_openssl_refuses",
    ),
    (
        "tls.server_cert.expires_soon",
        "watch",
        "what_ends_within_the_span_is_warned_of",
    ),
    (
        "tls.server_cert.chain_expires_soon",
        "watch",
        "what_ends_within_the_span_is_warned_of",
    ),
    (
        "net.timeout",
        "network",
        "a_report_is_never_later_than_the_timeout",
    ),
    (
        "net.forbidden",
        "field",
        "the_machine_forbids_the_connection",
    ),
    (
        "net.ipv6_only",
        "field",
        "a_name_with_addresses_of_ipv6_only",
    ),
    ("net.local_limit", "seldom", "a_process_without_files_left"),
    (
        "net.silent",
        "network",
        "a_report_is_never_later_than_the_timeout",
    ),
    (
        "login.token_expired",
        "services",
        "an_expired_token_is_named_with_its_date",
    ),
    (
        "login.not_routed",
        "services",
        "services_that_route_by_name",
    ),
    (
        "login.address_refused",
        "services",
        "services_that_route_by_name",
    ),
    (
        "login.method_not_supported",
        "others",
        "a_libpq_without_gssapi_says_so",
    ),
    (
        "login.auth_method",
        "libraries",
        "a_libpq_that_knows_require_auth_withholds_the_password",
    ),
    ("server.too_many_clients", "login", "a_full_server"),
    ("server.starting_up", "login", "a_server_that_starts_up"),
    (
        "server.shutting_down",
        "services",
        "poolers_and_their_limits",
    ),
    (
        "server.recovering",
        "seldom",
        "a_standby_that_takes_no_queries",
    ),
    (
        "server.no_client_ca",
        "seldom",
        "a_server_that_has_no_authority_for_clients",
    ),
    (
        "server.pooler_backend",
        "login",
        "a_pooler_whose_server_side_is_broken",
    ),
    (
        "server.protocol_version",
        "field",
        "a_version_of_the_protocol_that_the_server_does_not_know",
    ),
    (
        "server.process_limit",
        "services",
        "a_server_that_cannot_start_a_process",
    ),
    (
        "server.small_lock_budget",
        "others",
        "a_server_with_few_locks",
    ),
    (
        "timeout",
        "seldom",
        "a_server_that_says_no_more_after_the_login",
    ),
    (
        "connection.failed",
        "services",
        "what_is_not_about_encryption_is_not_taken_for_it",
    ),
];

/// Findings without a scene, and why no connection of a test can fail so.
const WITHOUT: &[(&str, &str)] = &[
    (
        "config.sslmode",
        "settings with such a value are refused as config.invalid before psql runs; libpq's own words for it are in the table of words",
    ),
    (
        "tls.server_cert.unverified",
        "libpq's sentence for every reason not to trust a server; the probe finds the reason, and a command without a probe names this one, \
         which scene::is_the_same_cause accepts",
    ),
    (
        "connection.lost",
        "a connection that ends while it is in use, which the tests of provision, bulk and fleet bring about",
    ),
];

/// The text of a test from its name to the next item.
fn text_of<'a>(source: &'a str, test: &str) -> Option<&'a str> {
    let (_, behind) = source.split_once(&format!("fn {test}("))?;
    Some(behind.split("\n}\n").next().unwrap_or(behind))
}

#[test]
fn every_finding_has_a_scene_or_a_reason() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls");
    let mut places: Vec<&str> = all_scenes()
        .iter()
        .map(|scene| scene.finding)
        .filter(|finding| !finding.is_empty())
        .collect();
    places.sort_unstable();
    places.dedup();
    for (finding, file, test) in TESTS {
        let path = directory.join(format!("{file}.rs"));
        let source = std::fs::read_to_string(&path).unwrap();
        let text = text_of(&source, test);
        let names = text.is_some_and(|text| text.contains(finding));
        assert!(names, "{file}::{test} does not name {finding}");
        assert!(
            !places.contains(finding),
            "{finding} has a scene in a table"
        );
        places.push(finding);
    }
    places.extend(WITHOUT.iter().map(|(finding, _)| *finding));
    let known: BTreeSet<&str> = ENTRIES.iter().map(|entry| entry.id).collect();
    let covered: BTreeSet<&str> = places.iter().copied().collect();
    assert_eq!(covered.len(), places.len(), "a finding is there twice");
    let missing: Vec<_> = known.difference(&covered).collect();
    let unknown: Vec<_> = covered.difference(&known).collect();
    assert!(missing.is_empty(), "no scene: {missing:?}");
    assert!(unknown.is_empty(), "in no catalogue: {unknown:?}");
}
