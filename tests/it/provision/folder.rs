use super::world::{SMALL, schemas, world};
use crate::support::Cluster;

#[test]
fn unusable_tmpdir_is_an_error() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let file = world.write("file", "");
    // No user can create a directory in these.
    for folder in [world.path("missing"), file, "/proc".into()] {
        let output = world
            .command(&["provision", "acme", "--format", "json"])
            .env("TMPDIR", &folder)
            .output()
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(12), "{stderr}");
        assert!(stdout.contains(r#""id":"file.private_folder""#), "{stdout}");
        assert!(
            stderr.contains(&format!("'{}'", folder.display()))
                && stderr.contains("hint: set TMPDIR"),
            "{stderr}"
        );
    }
    assert_eq!(schemas(&database), "");
}
