use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use schemastamp::pg::{NamedProgram, Program, ProgramError, Version};
use schemastamp::process::Shutdown;

use super::fake::{self, Fake};
use crate::support::Client;

fn explicit(path: impl Into<PathBuf>) -> NamedProgram {
    NamedProgram {
        path: path.into(),
        origin: "--psql".to_owned(),
    }
}

async fn version(fake: &Fake) -> Result<Version, ProgramError> {
    fake.psql()
        .version(&fake.temporary(), &Shutdown::new())
        .await
}

#[test]
fn the_first_in_path_is_taken() {
    let (one, two) = (Fake::new(""), Fake::new(""));
    let path = format!(
        "/no/such:{}:{}",
        one.path("").display(),
        two.path("").display()
    );
    let program = Program::find_psql(None, path.as_ref()).unwrap();
    assert_eq!(
        (program.found(), program.path()),
        (&*one.path("psql"), &*one.path("psql"))
    );
    assert!(!program.bypasses_wrapper());
    let program = Program::find_pg_dump(None, path.as_ref()).unwrap();
    assert_eq!(
        (program.name(), program.path()),
        ("pg_dump", &*one.path("pg_dump"))
    );
}

#[test]
fn none_in_path_says_where_it_looked_and_what_to_install() {
    let error = Program::find_psql(None, "/no/such:/nor/this".as_ref()).unwrap_err();
    assert!(matches!(error, ProgramError::NotFound { name: "psql", .. }));
    let text = error.to_string();
    assert!(
        text.starts_with("no psql in PATH (searched '/no/such:/nor/this'); install "),
        "{text}"
    );
    assert!(text.contains("postgresql-client"), "{text}");
    assert!(
        Program::find_psql(None, "".as_ref())
            .unwrap_err()
            .to_string()
            .contains("which is empty")
    );
}

#[test]
fn a_given_path_that_cannot_be_run_is_named_with_its_origin() {
    let fake = Fake::new("");
    for path in [
        fake.path("nosuch"),
        fake.path("version"),
        fake.path("tmp"),
        fake.path("version/x"),
    ] {
        let error = Program::find_psql(Some(&explicit(&path)), "/usr/bin".as_ref()).unwrap_err();
        assert!(matches!(error, ProgramError::Unusable { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            format!("cannot run '{}' (--psql) as psql", path.display())
        );
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[test]
fn a_relative_path_becomes_absolute() {
    // Tests run in the package's folder.
    let program =
        Program::find_psql(Some(&explicit("testdata/fake-bin/psql")), "".as_ref()).unwrap();
    assert_eq!(program.path(), fake::program());
}

#[tokio::test]
async fn old_and_unreadable_versions_are_refused() {
    let old = Fake::new("").with_version("psql (PostgreSQL) 12.22");
    let error = version(&old).await.unwrap_err();
    let ProgramError::TooOld { version: found, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*found, Version::new(12, 22));
    assert!(
        error
            .to_string()
            .contains("psql 13 or newer is needed: install "),
        "{error}"
    );

    let garbage = Fake::new("").with_version("busybox \u{7}");
    let error = version(&garbage).await.unwrap_err();
    assert!(matches!(error, ProgramError::NoVersion { .. }), "{error}");

    let fine = Fake::new("").with_version("psql (PostgreSQL) 18.0");
    assert_eq!(version(&fine).await.unwrap(), Version::new(18, 0));
    fine.assert_nothing_left();
}

#[tokio::test]
async fn the_version_is_asked_for_once() {
    let fake = Fake::new("");
    let psql = fake.psql();
    assert_eq!(
        psql.version(&fake.temporary(), &Shutdown::new())
            .await
            .unwrap(),
        Version::new(15, 18)
    );
    let fake = fake.with_version("psql (PostgreSQL) 17.0");
    assert_eq!(
        psql.clone()
            .version(&fake.temporary(), &Shutdown::new())
            .await
            .unwrap(),
        Version::new(15, 18)
    );
}

/// Debian's layout beneath a folder: `bin/psql` a link to the wrapper, and these versions installed.
fn debian(prefix: &Path, versions: &[&str]) {
    let wrapper = prefix.join("share/postgresql-common/pg_wrapper");
    for folder in ["bin", "share/postgresql-common", "lib/postgresql"] {
        fs::create_dir_all(prefix.join(folder)).unwrap();
    }
    symlink(fake::program(), prefix.join("lib/postgresql/not-a-version")).unwrap();
    fs::copy(fake::program(), &wrapper).unwrap();
    symlink(
        "../share/postgresql-common/pg_wrapper",
        prefix.join("bin/psql"),
    )
    .unwrap();
    for version in versions {
        let bin = prefix.join("lib/postgresql").join(version).join("bin");
        fs::create_dir_all(&bin).unwrap();
        symlink(fake::program(), bin.join("psql")).unwrap();
    }
}

#[test]
fn behind_debians_wrapper_is_the_newest_version() {
    let folder = tempfile::tempdir().unwrap();
    // Canonical, as the wrapper is found through its links.
    let prefix = folder.path().canonicalize().unwrap();
    debian(&prefix, &["9", "15", "16"]);
    fs::create_dir_all(prefix.join("lib/postgresql/17/bin")).unwrap(); // a server without client programs
    let program = Program::find_psql(None, prefix.join("bin").as_os_str()).unwrap();
    assert!(program.bypasses_wrapper());
    assert_eq!(program.found(), prefix.join("bin/psql"));
    assert_eq!(program.path(), prefix.join("lib/postgresql/16/bin/psql"));
}

#[test]
fn a_copied_wrapper_is_known_by_what_it_uses() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().canonicalize().unwrap();
    debian(&prefix, &["15"]);
    let copy = prefix.join("bin/psql");
    fs::remove_file(&copy).unwrap();
    fs::copy(fake::program(), &copy).unwrap();
    let find = || Program::find_psql(None, prefix.join("bin").as_os_str()).unwrap();
    assert_eq!(find().path(), copy, "an ordinary script is run as it is");
    fs::remove_file(&copy).unwrap();
    fs::copy(fake::program(), &copy).unwrap();
    let script = format!(
        "#!/usr/bin/perl\n{}\nuse PgCommon;\n",
        "# comment\n".repeat(300)
    );
    std::io::Write::write_all(
        &mut fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(&copy)
            .unwrap(),
        script.as_bytes(),
    )
    .unwrap();
    assert_eq!(find().path(), prefix.join("lib/postgresql/15/bin/psql"));
}

#[tokio::test]
async fn the_version_in_the_file_is_what_the_program_says() {
    for client in [
        Client::installed(),
        Client::of_major(16),
        Client::of_major(18),
    ] {
        let said = std::process::Command::new(client.psql())
            .arg("--version")
            .output()
            .unwrap();
        let said = Version::from_program_output(&String::from_utf8_lossy(&said.stdout)).unwrap();
        let psql = NamedProgram {
            path: client.psql(),
            origin: "a test".to_owned(),
        };
        let program = Program::find_psql(Some(&psql), std::ffi::OsStr::new("/usr/bin")).unwrap();
        assert_eq!(
            program
                .version(&std::env::temp_dir(), &Shutdown::new())
                .await
                .unwrap(),
            said
        );
    }
}
