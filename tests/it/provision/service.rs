//! The façade for services.

use schemastamp::config::{ConnectionFlags, Settings, ToolFlags};
use schemastamp::fleet::TenantSelection;
use schemastamp::service::{ServiceError, Tenants};
use schemastamp::tenant::ProvisionOutcome;

use super::library::environment;
use super::world::{SMALL, snapshot};
use crate::support::{Cluster, Database};

async fn tenants(database: &Database<'_>, flags: &ConnectionFlags) -> Tenants {
    let environment = environment(database);
    let settings = Settings::resolve(flags, &ToolFlags::default(), &environment).unwrap();
    Tenants::from_settings(&settings, &environment, &snapshot(SMALL))
        .await
        .unwrap()
}

#[tokio::test]
async fn service_provisions_and_verifies_and_errors_have_ids() {
    let database = Cluster::shared().database();
    let tenants = tenants(&database, &ConnectionFlags::default()).await;
    tenants.check().await.unwrap();
    let made = tenants.provision("acme").await.unwrap();
    assert!(matches!(made, ProvisionOutcome::Created { .. }), "{made:?}");
    let error = tenants.provision("acme").await.unwrap_err();
    assert_eq!(
        (error.id().as_str(), error.is_transient()),
        ("tenant.exists", false)
    );
    assert!(tenants.explain(&error).is_none());
    let error = tenants.provision("pg_x").await.unwrap_err();
    assert_eq!(error.id(), "tenant.name");
    // Without a pool the tenant is created.
    tenants.claim("globex").await.unwrap();
    let all = TenantSelection::All { pattern: None };
    let verification = tenants.verify(all).await.unwrap();
    assert_eq!(verification.equal.len(), 2, "{verification:?}");
}

#[tokio::test]
async fn start_up_check_finds_a_server_that_does_not_listen() {
    let database = Cluster::shared().database();
    let flags = ConnectionFlags {
        host: Some("127.0.0.1".to_owned()),
        port: Some("1".to_owned()),
        ..ConnectionFlags::default()
    };
    let tenants = tenants(&database, &flags).await;
    let error = tenants.check().await.unwrap_err();
    assert_eq!(error.id(), "connection.failed");
    assert!(error.to_string().contains("Connection refused"), "{error}");
    assert_eq!(tenants.explain(&error).unwrap().id, "net.refused");
    let error = tenants.provision("acme").await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(tenants.explain(&error).unwrap().id, "net.refused");
}

#[tokio::test]
async fn invalid_snapshot_has_its_id() {
    let database = Cluster::shared().database();
    let environment = environment(&database);
    let flags = (ConnectionFlags::default(), ToolFlags::default());
    let settings = Settings::resolve(&flags.0, &flags.1, &environment).unwrap();
    let error = Tenants::from_settings(&settings, &environment, "no snapshot")
        .await
        .unwrap_err();
    assert!(matches!(error, ServiceError::Snapshot(_)), "{error:?}");
    assert_eq!(error.id(), "snapshot.not_a_snapshot");
}
