use std::path::Path;
use std::process::Command;
use std::{fs, io};

use schemastamp::config::Environment;
use schemastamp::pg::{PsqlError, ScriptOptions};
use schemastamp::process::{RunDir, Shutdown};

use super::fake::Fake;

const SMALL_DISK: &str = "SCHEMASTAMP_TEST_SMALL_DISK";

#[tokio::test]
async fn a_temporary_folder_that_is_none_is_named() {
    let fake = Fake::new("");
    for unusable in [
        fake.path("orders"),
        fake.path("nosuch"),
        fake.path("orders/below"),
    ] {
        let mut server = fake.server();
        server.temporary = unusable.clone();
        let options = ScriptOptions {
            restrict: false,
            ..ScriptOptions::default()
        };
        let error = server
            .run_script("SELECT 1", &options, &Shutdown::new())
            .await
            .unwrap_err();
        let PsqlError::Folder(cause) = &error else {
            panic!("{error}")
        };
        assert_eq!(
            cause.to_string(),
            format!(
                "cannot create a private directory in '{}'",
                unusable.display()
            )
        );
    }
    assert!(!fake.started());
}

/// Runs itself again where a file system of 64 KiB can be mounted without rights: in name spaces of its own.
#[test]
fn a_full_disk_is_told_and_nothing_is_left() {
    if let Some(disk) = Environment::from_process().get(SMALL_DISK) {
        return on_a_full_disk(Path::new(disk));
    }
    let folder = tempfile::tempdir().unwrap();
    let mounted = "mount -t tmpfs -o size=64k none \"$1\" && exec \"$0\" --exact \"$2\"";
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", mounted])
        .arg(std::env::current_exe().unwrap())
        .args([
            folder.path().as_os_str(),
            "process::folder::a_full_disk_is_told_and_nothing_is_left".as_ref(),
        ])
        .env(SMALL_DISK, folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn on_a_full_disk(disk: &Path) {
    let run_dir = RunDir::new(disk).unwrap();
    let error = run_dir
        .write("script.sql", &vec![b'x'; 1024 * 1024])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot write '{}'",
            run_dir.path().join("script.sql").display()
        )
    );
    assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
    run_dir.close().unwrap();
    assert_eq!(fs::read_dir(disk).unwrap().count(), 0);
}
