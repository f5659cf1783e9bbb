use super::Release;

/// The PEM texts that a server with TLS is started with.
#[derive(Debug, Clone)]
pub(crate) struct ServerTls {
    /// The server's certificate, followed by its intermediates.
    pub(crate) certificate: String,
    pub(crate) key: String,
    /// Makes the server ask clients for a certificate of these authorities.
    pub(crate) client_ca: Option<String>,
    pub(crate) crl: Option<String>,
}

/// How a [`super::Cluster`] is made. Without any it is the installed version, on a Unix socket and 127.0.0.1, trusting
/// everybody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) release: Release,
    pub(crate) listen: Option<String>,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) hba: Option<Vec<String>>,
    pub(crate) socket_rules: Vec<String>,
    pub(crate) tls: Option<ServerTls>,
    pub(crate) fsync: bool,
}

impl Options {
    /// A server of this release instead of the installed one.
    pub(crate) fn release(mut self, release: Release) -> Self {
        self.release = release;
        self
    }

    /// `listen_addresses`, instead of 127.0.0.1.
    pub(crate) fn listen(mut self, addresses: &str) -> Self {
        self.listen = Some(addresses.to_owned());
        self
    }

    /// A line of `postgresql.conf`; the value is quoted here. A later one wins.
    pub(crate) fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A line of `pg_hba.conf` for the Unix socket, which otherwise trusts.
    pub(crate) fn socket_rule(mut self, line: &str) -> Self {
        self.socket_rules.push(format!("{line}\n"));
        self
    }

    /// Lines of `pg_hba.conf` for TCP, instead of trusting everybody. The Unix socket always trusts.
    pub(crate) fn hba(mut self, lines: &[&str]) -> Self {
        self.hba = Some(lines.iter().map(|&line| line.to_owned()).collect());
        self
    }

    pub(crate) fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// What a server needs for a standby that streams from it.
    pub(crate) fn with_standby(self) -> Self {
        self.setting("wal_level", "replica")
            .setting("max_wal_senders", "4")
            .socket_rule("local replication all trust")
    }

    /// Keeps fsync on: for measuring, and for killing servers.
    pub(crate) fn fsync(mut self) -> Self {
        self.fsync = true;
        self
    }

    /// The text of `postgresql.conf`.
    pub(crate) fn postgresql_conf(&self, port: u16, socket_folder: &str) -> String {
        let on = |flag| if flag { "on" } else { "off" };
        let port = port.to_string();
        let mut settings = vec![
            (
                "listen_addresses",
                self.listen.as_deref().unwrap_or("127.0.0.1"),
            ),
            ("port", &port),
            ("unix_socket_directories", socket_folder),
            ("max_connections", "100"),
            ("shared_buffers", "32MB"),
            ("max_wal_senders", "0"),
            ("wal_level", "minimal"),
            ("fsync", on(self.fsync)),
            ("synchronous_commit", on(self.fsync)),
            ("full_page_writes", on(self.fsync)),
            ("autovacuum", "off"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            ("lc_messages", "C"),
        ];
        if let Some(tls) = &self.tls {
            settings.extend([
                ("ssl", "on"),
                ("ssl_cert_file", "server.crt"),
                ("ssl_key_file", "server.key"),
            ]);
            settings.extend(
                tls.client_ca
                    .as_ref()
                    .map(|_| ("ssl_ca_file", "client_ca.crt")),
            );
            settings.extend(tls.crl.as_ref().map(|_| ("ssl_crl_file", "client.crl")));
        }
        settings.extend(
            self.settings
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        let quoted = |value: &str| value.replace('\'', "''");
        settings
            .iter()
            .map(|(name, value)| format!("{name} = '{}'", quoted(value)))
            .collect::<Vec<_>>()
            .join("\n")
            + "\n"
    }

    /// The text of `pg_hba.conf`.
    pub(crate) fn pg_hba_conf(&self) -> String {
        let everybody = [
            "host all all 127.0.0.1/32 trust".to_owned(),
            "host all all ::1/128 trust".to_owned(),
        ];
        let lines = self.hba.as_deref().unwrap_or(&everybody);
        let socket = self.socket_rules.concat();
        format!("{socket}local all all trust\n{}\n", lines.join("\n"))
    }
}
