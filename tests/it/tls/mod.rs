//! TLS and `diagnose` on real servers: a table of scenes, each with its root cause, its exit code and its cure.
//!
//! - [`world`]: the servers, poolers and certificates of all scenes.
//! - [`scene`]: what a scene is, and how one is run: alone, with a stray `~/.postgresql`, and with the cure.
//! - [`fake`]: servers that are none.

mod client_certificates;
mod clients;
mod commands;
mod comparison;
mod coverage;
mod docs;
mod fake;
mod field;
mod libraries;
mod limits;
mod login;
mod network;
mod others;
mod plaintext;
mod poolers;
mod proxies;
mod scene;
mod seldom;
mod server_certificates;
mod services;
mod tokens;
mod unlisted;
mod watch;
mod world;

use self::scene::Scene;

/// Every scene that is in a table.
fn all_scenes() -> Vec<Scene> {
    let all = [
        plaintext::plaintext_and_tls_scenes(),
        server_certificates::the_servers_certificate_scenes(),
        server_certificates::the_root_certificate_file_scenes(),
        client_certificates::the_three_failures_and_the_accidental_cure_scenes(),
        client_certificates::certificates_that_the_server_refuses_scenes(),
        client_certificates::certificate_files_scenes(),
        client_certificates::key_files_scenes(),
        login::roles_databases_and_rules_scenes(),
        network::nobody_listens_scenes(),
        network::something_else_listens_scenes(),
        poolers::pooler_scenes(),
        field::settings_scenes(),
        others::other_scenes(),
        seldom::seldom_scenes(),
        unlisted::names_and_passwords_scenes(),
        unlisted::addresses_scenes(),
        unlisted::values_scenes(),
        unlisted::forms_of_files_scenes(),
    ];
    all.into_iter().flatten().collect()
}
