use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::cluster::{free_port, write_private};
use super::{Identity, Supervisor};

/// A program that ends or begins TLS in front of a port of 127.0.0.1, stopped and removed on drop.
#[derive(Debug)]
pub(crate) struct TlsProxy {
    _supervisor: Supervisor,
    port: u16,
}

impl TlsProxy {
    /// `HAProxy` with TLS at once, as a load balancer has it, which takes the protocols of `alpn`.
    pub(crate) fn haproxy(server: u16, identity: &Identity, alpn: &str) -> Self {
        let (folder, port) = (Supervisor::make_folder(), free_port());
        let pem = folder.join("both.pem");
        write_private(&pem, &format!("{}{}", identity.chain, identity.key));
        let configuration = folder.join("haproxy.cfg");
        write_private(
            &configuration,
            &format!(
                "global\n  maxconn 100\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n\
                 frontend tls\n  bind 127.0.0.1:{port} ssl crt {} alpn {alpn}\n  default_backend plain\n\
                 backend plain\n  server one 127.0.0.1:{server}\n",
                pem.display()
            ),
        );
        let program = present("/usr/sbin/haproxy");
        Self::start(
            &folder,
            port,
            &[&program, "-db", "-f", configuration.to_str().unwrap()],
        )
    }

    /// stunnel that takes plaintext and speaks TLS to the server.
    pub(crate) fn stunnel_client(server: u16) -> Self {
        Self::stunnel(server, None, "")
    }

    /// stunnel that asks for TLS itself, with a certificate of its own, and speaks plaintext to `server`.
    pub(crate) fn stunnel_server(server: u16, identity: &Identity) -> Self {
        Self::stunnel_with(server, &identity.chain, &identity.key)
    }

    /// The same with a certificate in PEM that may be weak.
    pub(crate) fn stunnel_with(server: u16, chain: &str, key: &str) -> Self {
        Self::stunnel_configured(server, &format!("{chain}{key}"), "")
    }

    /// The same with Diffie-Hellman parameters in the PEM text, and lines of stunnel's configuration.
    pub(crate) fn stunnel_configured(server: u16, pem: &str, lines: &str) -> Self {
        Self::stunnel(server, Some(pem), lines)
    }

    fn stunnel(server: u16, both: Option<&str>, lines: &str) -> Self {
        let (folder, port) = (Supervisor::make_folder(), free_port());
        let configuration = folder.join("stunnel.conf");
        let pem = folder.join("both.pem");
        let side = match both {
            None => "client = yes".to_owned(),
            Some(both) => {
                write_private(&pem, both);
                // Weak keys and digests are a scene of their own.
                format!("client = no\nsecurityLevel = 0\ncert = {}", pem.display())
            }
        };
        write_private(
            &configuration,
            &format!(
                "foreground = yes\npid =\n[postgresql]\n{side}\n{lines}\nprotocol = pgsql\naccept = 127.0.0.1:{port}\n\
                 connect = 127.0.0.1:{server}\n"
            ),
        );
        let program = present("/usr/bin/stunnel4");
        Self::start(&folder, port, &[&program, configuration.to_str().unwrap()])
    }

    /// `openssl s_server`, which takes only the protocol of `alpn` and has nothing behind it.
    pub(crate) fn openssl(identity: &Identity, alpn: &str) -> Self {
        let (folder, port) = (Supervisor::make_folder(), free_port());
        let pem = folder.join("both.pem");
        write_private(&pem, &format!("{}{}", identity.chain, identity.key));
        let (place, pem) = (format!("127.0.0.1:{port}"), pem.display().to_string());
        let program = present("/usr/bin/openssl");
        let arguments = [
            "s_server", "-quiet", "-accept", &place, "-cert", &pem, "-key", &pem, "-alpn", alpn,
        ];
        let command: Vec<&str> = [program.as_str()].into_iter().chain(arguments).collect();
        Self::start(&folder, port, &command)
    }

    fn start(folder: &Path, port: u16, program: &[&str]) -> Self {
        let supervisor = Supervisor::start(folder, program);
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = supervisor.log();
            assert!(
                Instant::now() < deadline,
                "{program:?} does not start:\n{log}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            _supervisor: supervisor,
            port,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

fn present(program: &str) -> String {
    assert!(
        Path::new(program).exists(),
        "'{program}' is missing: run scripts/test, which installs what the tests need"
    );
    program.to_owned()
}
