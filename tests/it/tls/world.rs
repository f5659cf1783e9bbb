use std::fmt::Write as _;
use std::sync::OnceLock;

use crate::support::{
    Authority, Bouncer, BouncerOptions, Cluster, Identity, Leaf, Options, ServerTls,
};

/// Every server certificate but the odd ones is for these.
const NAMES: &[&str] = &["localhost", "127.0.0.1"];

/// The servers and certificates of all scenes. Servers start when a scene first needs them.
pub(super) struct World {
    /// The authority of servers and clients.
    pub(super) ca: Authority,
    /// One of another organisation.
    pub(super) other_ca: Authority,
    /// One of the first one's name with another key.
    pub(super) namesake: Authority,
    /// Beneath the first one.
    pub(super) intermediate: Authority,
    server: Identity,
    revoked: Identity,
    main: OnceLock<Cluster>,
    tls12: OnceLock<Cluster>,
    plain: OnceLock<Cluster>,
    odd: [OnceLock<Cluster>; 8],
    pooler: OnceLock<Bouncer>,
    strict_pooler: OnceLock<Bouncer>,
    broken_pooler: OnceLock<Bouncer>,
}

/// Server certificates with something odd.
#[derive(Clone, Copy, Debug)]
pub(super) enum Odd {
    Expired,
    NotYetValid,
    SelfSigned,
    WrongName,
    CommonNameOnly,
    IntermediateMissing,
    WithIntermediate,
    Revoked,
}

impl World {
    pub(super) fn get() -> &'static Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(Self::new)
    }

    fn new() -> Self {
        let ca = Authority::root("Acme Root");
        let intermediate = ca.intermediate("Acme Intermediate");
        Self {
            server: ca.issue(&Leaf::server(NAMES)),
            revoked: ca.issue(&Leaf::server(NAMES)),
            other_ca: Authority::root("Elsewhere Root"),
            namesake: Authority::root("Acme Root"),
            intermediate,
            ca,
            main: OnceLock::new(),
            tls12: OnceLock::new(),
            plain: OnceLock::new(),
            odd: [const { OnceLock::new() }; 8],
            pooler: OnceLock::new(),
            strict_pooler: OnceLock::new(),
            broken_pooler: OnceLock::new(),
        }
    }

    /// TLS with a good certificate, asking for client certificates; one database per rule.
    pub(super) fn main(&self) -> &Cluster {
        self.main.get_or_init(|| {
            let cluster = Cluster::start(&Options::default().tls(self.asking_tls()).hba(&[
                "hostssl tls_only all 127.0.0.1/32 trust",
                "hostssl certs all 127.0.0.1/32 trust clientcert=verify-ca",
                "hostssl certs_full all 127.0.0.1/32 trust clientcert=verify-full",
                "hostssl certs_login all 127.0.0.1/32 cert",
                "host kerberos all 127.0.0.1/32 gss",
                "host directory all 127.0.0.1/32 ldap ldapserver=127.0.0.1 ldapport=1 ldapprefix=\"cn=\" ldapsuffix=\",dc=acme\"",
                "host identified all 127.0.0.1/32 ident",
                "hostssl mapped all 127.0.0.1/32 cert map=nowhere",
                "host cleartext all 127.0.0.1/32 password",
                "host passwords all 127.0.0.1/32 scram-sha-256",
                "hostnossl plain_only all 127.0.0.1/32 trust",
                "host rejected all 127.0.0.1/32 reject",
                "host no_such_database all 127.0.0.1/32 trust",
                "host private all 127.0.0.1/32 trust",
                "host readonly all 127.0.0.1/32 trust",
                "host open all 127.0.0.1/32 trust",
            ]));
            let databases = [
                "tls_only",
                "certs",
                "certs_full",
                "certs_login",
                "kerberos",
                "directory",
                "identified",
                "mapped",
                "readonly",
                "cleartext",
                "passwords",
                "rejected",
                "no_rule",
                "private",
                "plain_only",
                "open",
            ];
            let mut script = "CREATE ROLE app LOGIN PASSWORD 'hunter2';\nCREATE ROLE nologin;\n\
                              CREATE ROLE limited LOGIN CONNECTION LIMIT 0;\n\
                              CREATE ROLE past LOGIN PASSWORD 'hunter2' VALID UNTIL '2020-01-01';\n"
                .to_owned();
            for database in databases {
                writeln!(script, "CREATE DATABASE {database} TEMPLATE template0;").unwrap();
            }
            script += "ALTER DATABASE readonly SET default_transaction_read_only = on;\n";
            script += "REVOKE CONNECT ON DATABASE private FROM public;\n";
            for database in databases
                .into_iter()
                .filter(|database| *database != "private")
            {
                writeln!(script, "GRANT CREATE ON DATABASE {database} TO app;").unwrap();
            }
            cluster.maintenance().sql(&script);
            cluster
        })
    }

    /// TLS 1.2 at most, asking for client certificates; plaintext is taken.
    pub(super) fn tls12(&self) -> &Cluster {
        self.tls12.get_or_init(|| {
            let options = Options::default()
                .tls(self.asking_tls())
                .setting("ssl_max_protocol_version", "TLSv1.2");
            with_app(Cluster::start(&options))
        })
    }

    /// No TLS. An interrupted DROP DATABASE has left the database `invalid`.
    pub(super) fn plain(&self) -> &Cluster {
        self.plain.get_or_init(|| {
            let cluster = with_app(Cluster::start(&Options::default()));
            for sql in [
                "CREATE DATABASE invalid TEMPLATE template0 OWNER app;",
                "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'invalid';",
            ] {
                cluster.maintenance().sql(sql);
            }
            cluster
        })
    }

    /// A server with an odd certificate, taking plaintext too.
    pub(super) fn odd(&self, odd: Odd) -> &Cluster {
        self.odd[odd as usize].get_or_init(|| {
            let good = Leaf::server(NAMES);
            let identity = match odd {
                Odd::Expired => self.ca.issue(&good.expired()),
                Odd::NotYetValid => self.ca.issue(&good.not_yet_valid()),
                Odd::SelfSigned => good.self_signed(),
                Odd::WrongName => self.ca.issue(&Leaf::server(&["db.internal"])),
                Odd::CommonNameOnly => self.ca.issue(&Leaf::server_by_common_name("localhost")),
                Odd::IntermediateMissing | Odd::WithIntermediate => {
                    self.intermediate.issue(&good.organization("Acme"))
                }
                Odd::Revoked => self.revoked.clone(),
            };
            let mut tls = identity.server_tls();
            if matches!(odd, Odd::IntermediateMissing) {
                tls.certificate = identity.certificate;
            }
            with_app(Cluster::start(&Options::default().tls(tls)))
        })
    }

    /// A pooler with `client_tls_sslmode=require` in front of the server without TLS.
    pub(super) fn pooler(&self) -> &Bouncer {
        let options = BouncerOptions::default()
            .user("app", "")
            .client_tls("require", self.asking_tls());
        self.pooler
            .get_or_init(|| Bouncer::start(self.plain(), &options))
    }

    /// A pooler with `client_tls_sslmode=verify-full`.
    pub(super) fn strict_pooler(&self) -> &Bouncer {
        let options = BouncerOptions::default()
            .user("app", "")
            .client_tls("verify-full", self.asking_tls());
        self.strict_pooler
            .get_or_init(|| Bouncer::start(self.plain(), &options))
    }

    /// A pooler that wants TLS from a server that has none.
    pub(super) fn broken_pooler(&self) -> &Bouncer {
        let options = BouncerOptions::default()
            .user("app", "")
            .client_tls("require", self.asking_tls())
            .setting("server_tls_sslmode", "require");
        self.broken_pooler
            .get_or_init(|| Bouncer::start(self.plain(), &options))
    }

    /// A role of the main server that logs in with `hunter2`, and to which the server cannot prove that it knows the password: of its
    /// secret the part that signs the server's answer is another one.
    pub(super) fn role_with_half_a_secret(&self) -> &'static str {
        static MADE: OnceLock<()> = OnceLock::new();
        MADE.get_or_init(|| {
            let main = self.main().maintenance();
            main.sql("CREATE ROLE half LOGIN PASSWORD 'hunter2';");
            let secret = main.query("SELECT rolpassword FROM pg_authid WHERE rolname = 'half'");
            let (client_half, _) = secret.rsplit_once(':').expect("a secret of SCRAM");
            let server_half = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
            main.sql(&format!(
                "ALTER ROLE half PASSWORD '{client_half}:{server_half}';"
            ));
        });
        "half"
    }

    /// A list of the authority on which the odd server's certificate stands.
    pub(super) fn revocation_list(&self) -> String {
        self.ca.revocation_list(&[&self.revoked])
    }

    /// The good server certificate, and the wish for certificates of the same authority.
    pub(super) fn asking_tls(&self) -> ServerTls {
        self.server.server_tls_asking(&self.ca)
    }
}

/// Adds the role and the database that scenes use.
pub(super) fn with_app(cluster: Cluster) -> Cluster {
    cluster
        .maintenance()
        .sql("CREATE ROLE app LOGIN PASSWORD 'hunter2';");
    cluster
        .maintenance()
        .sql("CREATE DATABASE open TEMPLATE template0 OWNER app;");
    cluster
}
