//! The example `sign_up`, as it is, against a real server.

#[path = "../../../examples/sign_up.rs"]
#[expect(dead_code, reason = "its main runs the same as a program")]
#[expect(unreachable_pub, reason = "a program of its own")]
mod sign_up;

use schemastamp::config::Environment;
use schemastamp::process::Shutdown;

use self::sign_up::{Answer, SignUp};
use super::library::environment;
use crate::support::Cluster;

#[tokio::test]
async fn customers_sign_up() {
    let database = Cluster::shared().database();
    let handler = SignUp::new(&environment(&database), Shutdown::new())
        .await
        .unwrap();
    let welcome = |schema: &str| Answer::Welcome {
        schema: schema.to_owned(),
    };
    assert_eq!(
        handler.sign_up("O'Neil & Sons").await,
        welcome("c_o_neil_sons")
    );
    assert_eq!(handler.sign_up("o neil sons").await, Answer::Taken);
    assert_eq!(handler.sign_up("…").await, Answer::BadName);
    assert_eq!(
        database.query("SELECT count(*) FROM c_o_neil_sons.notes"),
        "0"
    );
    let nowhere: Environment = [
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", "1"),
        ("PGUSER", "app"),
        ("PATH", "/usr/bin"),
    ]
    .into_iter()
    .collect();
    let handler = SignUp::new(&nowhere, Shutdown::new()).await.unwrap();
    assert_eq!(handler.sign_up("Acme").await, Answer::TryAgain);
}
