use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::cluster::{free_port, write_private};
use super::programs::pgbouncer;
use super::{Cluster, Database, ServerTls, Supervisor};

/// How a [`Bouncer`] is made: in transaction mode, trusting `postgres`, without TLS unless told otherwise.
#[derive(Debug, Clone, Default)]
pub(crate) struct BouncerOptions {
    settings: Vec<(String, String)>,
    users: Vec<(String, String)>,
    client_tls: Option<(String, ServerTls)>,
    server_port: Option<u16>,
    databases: Vec<String>,
}

impl BouncerOptions {
    /// A line of the `[pgbouncer]` section; a later one wins.
    pub(crate) fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A line of `auth_file`, beside `postgres` without a password.
    pub(crate) fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push((name.to_owned(), password.to_owned()));
        self
    }

    /// `client_tls_sslmode` (`require`, `verify-ca`, `verify-full`, …) and the certificates for it.
    pub(crate) fn client_tls(mut self, mode: &str, tls: ServerTls) -> Self {
        self.client_tls = Some((mode.to_owned(), tls));
        self
    }

    /// Sends the connections to this port of 127.0.0.1 instead of the cluster's: a broken server side.
    pub(crate) fn server_port(mut self, port: u16) -> Self {
        self.server_port = Some(port);
        self
    }

    /// A line of the `[databases]` section before the one for all others; `PORT` in it is the server's.
    pub(crate) fn database(mut self, line: &str) -> Self {
        self.databases.push(line.to_owned());
        self
    }

    fn ini(&self, folder: &Path, port: u16, cluster: &Cluster) -> String {
        let folder = folder.to_str().expect("UTF-8");
        let server_port = self.server_port.unwrap_or_else(|| cluster.port());
        let port = port.to_string();
        let file = |name: &str| format!("{folder}/{name}");
        let mut settings: BTreeMap<&str, String> = [
            ("listen_addr", "127.0.0.1"),
            ("listen_port", &port),
            ("unix_socket_dir", ""),
            ("auth_type", "trust"),
            ("pool_mode", "transaction"),
            ("default_pool_size", "5"),
            ("max_client_conn", "200"),
            ("server_tls_sslmode", "disable"),
            ("ignore_startup_parameters", ""),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into();
        settings.insert("auth_file", file("users.txt"));
        if let Some((mode, tls)) = &self.client_tls {
            settings.insert("client_tls_sslmode", mode.clone());
            settings.insert("client_tls_cert_file", file("server.crt"));
            settings.insert("client_tls_key_file", file("server.key"));
            if tls.client_ca.is_some() {
                settings.insert("client_tls_ca_file", file("client_ca.crt"));
            }
        }
        settings.extend(
            self.settings
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone())),
        );
        let lines: Vec<_> = settings
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        format!(
            "[databases]\n{}\n* = host=127.0.0.1 port={server_port}\n[pgbouncer]\n{}\n",
            self.databases
                .join("\n")
                .replace("PORT", &server_port.to_string()),
            lines.join("\n")
        )
    }
}

/// A `PgBouncer` in front of a cluster, stopped and removed on drop.
#[derive(Debug)]
pub(crate) struct Bouncer {
    supervisor: Supervisor,
    port: u16,
}

impl Bouncer {
    /// Starts the installed pgbouncer and waits until it listens.
    pub(crate) fn start(cluster: &Cluster, options: &BouncerOptions) -> Self {
        let program = pgbouncer();
        let folder = Supervisor::make_folder();
        let port = free_port();
        // The superuser, and the owner of databases if that is another one.
        let owners = ["postgres", "plain_owner"].map(|name| (name.to_owned(), String::new()));
        let users = options
            .users
            .iter()
            .chain(&owners)
            .map(|(name, password)| format!("\"{name}\" \"{password}\""));
        let users = users.collect::<Vec<_>>().join("\n");
        write_private(&folder.join("users.txt"), &users);
        if let Some((_, tls)) = &options.client_tls {
            write_private(&folder.join("server.crt"), &tls.certificate);
            write_private(&folder.join("server.key"), &tls.key);
            write_private(
                &folder.join("client_ca.crt"),
                tls.client_ca.as_deref().unwrap_or_default(),
            );
        }
        let ini = folder.join("pgbouncer.ini");
        write_private(&ini, &options.ini(&folder, port, cluster));
        let supervisor = Supervisor::start(
            &folder,
            &[
                program.to_str().expect("UTF-8"),
                ini.to_str().expect("UTF-8"),
            ],
        );
        let bouncer = Self { supervisor, port };
        bouncer.wait_until_it_listens();
        bouncer
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `PG*` variables that lead to a database of the cluster through the pooler.
    pub(crate) fn environment(&self, database: &Database<'_>) -> BTreeMap<String, String> {
        let mut environment = database.tcp_environment();
        environment.insert("PGPORT".to_owned(), self.port.to_string());
        environment
    }

    /// What the pooler has logged so far.
    pub(crate) fn log(&self) -> String {
        self.supervisor.log()
    }

    /// Ends it at once and starts it again: every connection through it is cut.
    pub(crate) fn restart(&self) {
        self.supervisor.order("QUIT TERM");
        self.supervisor.order("start");
        self.wait_until_it_listens();
    }

    fn wait_until_it_listens(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port))).is_err() {
            assert!(
                Instant::now() < deadline,
                "pgbouncer does not start:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
