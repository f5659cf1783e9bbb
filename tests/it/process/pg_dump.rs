use schemastamp::pg::{DumpOptions, PgDumpError, ProgramError};
use schemastamp::process::Shutdown;

use super::fake::Fake;

async fn dump(fake: &Fake) -> Result<String, PgDumpError> {
    let fake_dump = fake.pg_dump();
    fake_dump
        .dump_schema("My \"app\"", &DumpOptions::default(), &Shutdown::new())
        .await
}

#[tokio::test]
async fn the_dump_comes_from_a_private_file() {
    let fake = Fake::new(
        "stat -c %a \"$file\" > \"$here/modes\"; printf 'CREATE SCHEMA é;\\n' > \"$file\"",
    );
    assert_eq!(dump(&fake).await.unwrap(), "CREATE SCHEMA é;\n");
    assert_eq!(fake.record("modes"), "600\n");
    let args = fake.record("args");
    assert!(
        args.contains("--schema=\"My \"\"app\"\"\"\n") && args.contains("--no-password\n"),
        "{args}"
    );
    assert!(args.contains("--restrict-key="), "{args}");
    fake.assert_nothing_left();

    let options = DumpOptions {
        owners: false,
        privileges: false,
        comments: false,
        lock_wait: Some(std::time::Duration::from_secs(2)),
        arguments: vec!["--no-tablespaces".into()],
    };
    let fake = fake.with_version("pg_dump (PostgreSQL) 14.18");
    fake.pg_dump()
        .dump_schema("x", &options, &Shutdown::new())
        .await
        .unwrap();
    let args = fake.record("args").replace('\n', " ");
    assert!(
        args.contains(
            "--no-owner --no-privileges --no-comments --lock-wait-timeout=2000ms --no-tablespaces"
        ),
        "{args}"
    );
    assert!(!args.contains("--restrict-key"), "{args}");
}

#[tokio::test]
async fn text_in_another_encoding_is_refused_with_its_line() {
    let fake = Fake::new("printf 'one\\ntwo \\377\\n' > \"$file\"");
    let error = dump(&fake).await.unwrap_err();
    assert!(
        matches!(error, PgDumpError::Encoding { line: 2, .. }),
        "{error}"
    );
    fake.assert_nothing_left();
}

#[tokio::test]
async fn failures_are_told_apart() {
    let fails = |stderr: &str| Fake::new(&format!("cat >&2 <<'END'\n{stderr}\nEND\nexit 1"));

    let error = dump(&fails("pg_dump: error: no matching schemas were found"))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the database has no schema \"My \"app\"\""
    );

    let newer = "pg_dump: error: aborting because of server version mismatch\n\
                 pg_dump: detail: server version: 18.6 (Debian 18.6-1); pg_dump version: 15.18 (Debian 15.18-0)";
    let error = dump(&fails(newer)).await.unwrap_err();
    assert!(
        matches!(
            error,
            PgDumpError::Program(ProgramError::OlderThanServer { .. })
        ),
        "{error}"
    );
    let text = error.to_string();
    assert!(
        text.ends_with("cannot dump a server of version 18.6; install postgresql-client-18"),
        "{text}"
    );

    let denied = "pg_dump: error: query failed: ERROR:  permission denied for table T\n\
                  pg_dump: detail: Query was: LOCK TABLE app.\"T\" IN ACCESS SHARE MODE";
    let error = dump(&fails(denied)).await.unwrap_err();
    assert!(
        matches!(&error, PgDumpError::Denied { object, .. } if object == "table T"),
        "{error}"
    );

    let refused =
        "pg_dump: error: connection to server at \"h\" (::1), port 1 failed: Connection refused";
    let error = dump(&fails(refused)).await.unwrap_err();
    assert!(matches!(error, PgDumpError::Connect { .. }), "{error}");

    let error = dump(&fails(
        "pg_dump: error: query failed: ERROR:  out of shared memory",
    ))
    .await
    .unwrap_err();
    assert!(
        matches!(error, PgDumpError::Failed { code: 1, .. }),
        "{error}"
    );
}
