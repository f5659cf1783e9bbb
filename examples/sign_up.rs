//! The sign-up handler of a web service. It creates a schema for the new customer from the
//! snapshot that the program was built with.
//!
//! ```sh
//! DATABASE_URL=postgres://app@db/app cargo run --example sign_up -- "O'Neil & Sons"
//! ```

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use schemastamp::config::{ConnectionFlags, Environment, Settings, ToolFlags};
use schemastamp::connect;
use schemastamp::process::Shutdown;
use schemastamp::snapshot::Snapshot;
use schemastamp::sql::TenantName;
use schemastamp::tenant::{ProvisionError, ProvisionOptions, ProvisionOutcome, Provisioner};

/// The snapshot, made by `schemastamp capture` and committed to the repository of the service.
const SNAPSHOT: &str = include_str!("../testdata/notebook.sql");

/// Time limit of a sign-up: the customer waits in front of a browser.
const PATIENCE: Duration = Duration::from_secs(10);

/// The handler's answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// 201: the schema exists.
    Welcome {
        /// The schema's name, to be stored with the customer.
        schema: String,
    },
    /// 422: no letter or digit in the company's name.
    BadName,
    /// 409: the name is taken.
    Taken,
    /// 503: nothing was created, and the customer can try again.
    TryAgain,
    /// 500: an operator must act on the message.
    Broken(String),
}

/// The part of the service's state that signs customers up. Create it once; it is cheap to clone.
#[derive(Clone, Debug)]
pub struct SignUp {
    provisioner: Provisioner,
    shutdown: Shutdown,
}

impl SignUp {
    /// Finds psql and the connection in the environment, as the command does, without connecting.
    ///
    /// # Errors
    /// Fails if a setting is malformed, psql is missing, or psql could not use the certificate files.
    pub async fn new(
        environment: &Environment,
        shutdown: Shutdown,
    ) -> Result<Self, Box<dyn Error>> {
        let settings = Settings::resolve(
            &ConnectionFlags::default(),
            &ToolFlags::default(),
            environment,
        )?;
        let mut server = connect::server(&settings, environment, &shutdown)
            .await?
            .server;
        server.timeout = Some(PATIENCE);
        let snapshot = Arc::new(Snapshot::parse(SNAPSHOT)?);
        Ok(Self {
            provisioner: Provisioner::new(server, snapshot, ProvisionOptions::default()),
            shutdown,
        })
    }

    /// Handles one request.
    pub async fn sign_up(&self, company: &str) -> Answer {
        let Ok(tenant) = TenantName::new(schema_of(company)) else {
            return Answer::BadName;
        };
        match self.provisioner.provision(&tenant, &self.shutdown).await {
            Ok(ProvisionOutcome::Created { .. } | ProvisionOutcome::Skipped { .. }) => {
                Answer::Welcome {
                    schema: tenant.to_string(),
                }
            }
            Err(ProvisionError::Exists { .. } | ProvisionError::ExistsInPart { .. }) => {
                Answer::Taken
            }
            // Nothing was left behind, so the same request can be repeated.
            Err(
                ProvisionError::Connect(_)
                | ProvisionError::Lost(_)
                | ProvisionError::TimedOut { .. }
                | ProvisionError::Interrupted { .. },
            ) => Answer::TryAgain,
            Err(ProvisionError::Sql { message, .. })
                if message
                    .sqlstate
                    .is_some_and(|sqlstate| sqlstate.is_retryable()) =>
            {
                Answer::TryAgain
            }
            Err(error) => Answer::Broken(error.to_string()),
        }
    }
}

/// Turns `O'Neil & Sons` into `c_o_neil_sons`. The result is empty if the name has no letter or digit.
fn schema_of(company: &str) -> String {
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() {
            character.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    let plain: String = company.chars().map(plain).collect();
    let words: Vec<&str> = plain.split('_').filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        String::new()
    } else {
        format!("c_{}", words.join("_")).chars().take(63).collect()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let company = std::env::args()
        .nth(1)
        .ok_or("the company's name is missing")?;
    let sign_up = SignUp::new(&Environment::from_process(), Shutdown::on_signals()?).await?;
    writeln!(std::io::stdout(), "{:?}", sign_up.sign_up(&company).await)?;
    Ok(())
}
