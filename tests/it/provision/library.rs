//! The library, as a service uses it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use schemastamp::config::{ConnectionFlags, Environment, Settings, ToolFlags};
use schemastamp::connect;
use schemastamp::process::{Shutdown, Signal};
use schemastamp::snapshot::Snapshot;
use schemastamp::sql::TenantName;
use schemastamp::tenant::{
    IfExists, ProvisionError, ProvisionOptions, ProvisionOutcome, Provisioner, TenantOrigin,
};

use super::world::{Held, SMALL, schemas, snapshot, waiting};
use crate::support::{Client, Cluster, Database};

/// Returns the environment that leads to a database.
pub(super) fn environment(database: &Database<'_>) -> Environment {
    let path = (
        "PATH".to_owned(),
        Client::installed().bin.display().to_string(),
    );
    database.environment().into_iter().chain([path]).collect()
}

async fn provisioner(
    database: &Database<'_>,
    body: &str,
    options: ProvisionOptions,
) -> Provisioner {
    let environment = environment(database);
    let settings = Settings::resolve(
        &ConnectionFlags::default(),
        &ToolFlags::default(),
        &environment,
    )
    .unwrap();
    let mut server = connect::server(&settings, &environment, &Shutdown::new())
        .await
        .unwrap()
        .server;
    server.timeout = Some(Duration::from_secs(30));
    Provisioner::new(
        server,
        Arc::new(Snapshot::parse(&snapshot(body)).unwrap()),
        options,
    )
}

fn name(text: &str) -> TenantName {
    TenantName::new(text).unwrap()
}

#[tokio::test]
async fn outcomes_and_errors_can_be_matched() {
    let database = Cluster::shared().database();
    let shutdown = Shutdown::new();
    let fails = provisioner(&database, SMALL, ProvisionOptions::default()).await;
    let outcome = fails.provision(&name("acme"), &shutdown).await.unwrap();
    assert!(
        matches!(outcome, ProvisionOutcome::Created { elapsed, .. } if elapsed > Duration::ZERO)
    );
    let error = fails.provision(&name("acme"), &shutdown).await.unwrap_err();
    assert!(
        matches!(&error, ProvisionError::Exists { tenant, .. } if tenant == "acme"),
        "{error:?}"
    );
    let mut skip = ProvisionOptions::default();
    skip.if_exists = IfExists::Skip;
    let skips = provisioner(&database, SMALL, skip).await;
    let outcome = skips.provision(&name("acme"), &shutdown).await.unwrap();
    assert!(matches!(
        outcome,
        ProvisionOutcome::Skipped {
            made_of: TenantOrigin::ThisSnapshot,
            ..
        }
    ));
    let broken = provisioner(
        &database,
        "SELECT 1;\n\nSELECT nothing.here();\n",
        ProvisionOptions::default(),
    )
    .await;
    match broken.provision(&name("b"), &shutdown).await.unwrap_err() {
        ProvisionError::Sql {
            message,
            statement: Some(statement),
            hint: Some(_),
        } => {
            assert_eq!(message.sqlstate.unwrap().as_str(), "3F000");
            assert_eq!(
                (statement.sql.as_str(), statement.line),
                ("SELECT nothing.here()", Some(10))
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(schemas(&database), "acme");
}

#[tokio::test]
async fn caller_can_stop_a_run() {
    let database = Cluster::shared().database();
    let provisioner = provisioner(&database, SMALL, ProvisionOptions::default()).await;
    let held = Held::tenant(&database, "acme");
    let shutdown = Shutdown::new();
    let task = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { provisioner.provision(&name("acme"), &shutdown).await }
    });
    // The run needs this thread while it is waited for.
    let deadline = Instant::now() + Duration::from_secs(20);
    while waiting(&database) == 0 {
        assert!(
            Instant::now() < deadline && !task.is_finished(),
            "the run does not wait"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    shutdown.request(Signal::TERMINATE);
    let error = task.await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            ProvisionError::Interrupted {
                signal: Signal::TERMINATE
            }
        ),
        "{error:?}"
    );
    held.release(&database);
    assert_eq!(schemas(&database), "");
}
