use std::ops::ControlFlow;

use schemastamp::process::{EnvValue, Finished, RunError, Shutdown, Signal, Stdout, run};

use super::fake::Fake;

const LIMIT: usize = 1024 * 1024;

async fn run_fake(fake: &Fake) -> Result<Finished, RunError> {
    run(
        &fake.invocation(),
        &fake.run_dir(),
        &Shutdown::new(),
        Stdout::Collect(LIMIT),
    )
    .await
}

#[tokio::test]
async fn exit_codes_and_both_outputs_come_back() {
    for code in [0, 1, 2, 3, 255] {
        let fake = Fake::new(&format!("echo out; echo err >&2; exit {code}"));
        let finished = run_fake(&fake).await.unwrap();
        assert_eq!(finished.code, code);
        assert_eq!(
            (&*finished.stdout, &*finished.stderr.text()),
            (&b"out\n"[..], "err\n")
        );
        fake.assert_nothing_left();
    }
}

#[tokio::test]
async fn death_by_a_signal_is_told() {
    let fake = Fake::new("echo so far >&2; kill -SEGV $$");
    let Err(RunError::Signaled { signal, stderr, .. }) = run_fake(&fake).await else {
        panic!()
    };
    assert_eq!(
        (signal, signal.to_string(), &*stderr.text()),
        (Signal::from_number(11), "SIGSEGV".into(), "so far\n")
    );
}

#[tokio::test]
async fn a_missing_program_and_one_that_cannot_start_are_told_apart() {
    let fake = Fake::new("");
    let mut invocation = fake.invocation();
    invocation.program = fake.path("nosuch");
    let error = run(
        &invocation,
        &fake.run_dir(),
        &Shutdown::new(),
        Stdout::Collect(LIMIT),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, RunError::NotFound { .. }), "{error}");
    invocation.program = fake.path("version");
    let error = run(
        &invocation,
        &fake.run_dir(),
        &Shutdown::new(),
        Stdout::Collect(LIMIT),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, RunError::Spawn { .. }), "{error}");
}

#[tokio::test]
async fn the_environment_is_exactly_what_was_given() {
    let fake = Fake::new("");
    let run_dir = fake.run_dir();
    let invocation = fake
        .invocation()
        .args(["-f", "x y"])
        .env("PGHOST", EnvValue::Plain("db".into()))
        .env("PGPASSWORD", EnvValue::Secret("hunter2".into()))
        .env("PGSSLCERT", EnvValue::Absent);
    run(
        &invocation,
        &run_dir,
        &Shutdown::new(),
        Stdout::Collect(LIMIT),
    )
    .await
    .unwrap();
    // The test's own environment has at least these, and none of them may arrive.
    let own = schemastamp::config::Environment::from_process();
    assert!(own.get("PATH").is_some() && own.get("CARGO_MANIFEST_DIR").is_some());
    let home = run_dir.path().display();
    let mut environ = fake.record_of_parts("environ");
    environ.sort();
    let absent = run_dir.absent();
    let expected = [
        format!("HOME={home}"),
        "PGHOST=db".into(),
        "PGPASSWORD=hunter2".into(),
        format!("PGSSLCERT={}", absent.display()),
    ];
    assert_eq!(environ, expected);
    assert!(!absent.exists());
    assert_eq!(fake.record("cwd").trim(), home.to_string());
    assert!(!fake.record("cmdline").contains("hunter2"));
    assert!(!format!("{invocation:?} {invocation}").contains("hunter2"));
}

#[tokio::test]
async fn stdin_is_empty() {
    let fake = Fake::new("cat; echo end");
    assert_eq!(run_fake(&fake).await.unwrap().stdout, b"end\n");
}

#[tokio::test]
async fn floods_of_both_outputs_neither_block_nor_fill_the_memory() {
    let fake = Fake::new(
        "(head -c 100000000 /dev/zero | tr '\\0' x; echo the end) >&2 &\n\
         yes 0123456789 | head -n 5000000\n\
         wait",
    );
    let (mut lines, mut bytes) = (0, 0);
    let mut take = |line: &[u8]| {
        lines += 1;
        bytes += line.len();
        ControlFlow::Continue(())
    };
    let stdout = Stdout::Lines {
        limit: LIMIT,
        take: &mut take,
    };
    let finished = run(
        &fake.invocation(),
        &fake.run_dir(),
        &Shutdown::new(),
        stdout,
    )
    .await
    .unwrap();
    assert_eq!((lines, bytes), (5_000_000, 50_000_000));
    assert_eq!(finished.stderr.total(), 100_000_008);
    let text = finished.stderr.text();
    assert!(text.len() < 100_000 && text.starts_with("xxx") && text.ends_with("xthe end\n"));
}

#[tokio::test]
async fn a_line_without_end_is_an_error_and_ends_the_program() {
    let fake = Fake::new("cat /dev/zero");
    let mut take = |_: &[u8]| ControlFlow::Continue(());
    let stdout = Stdout::Lines {
        limit: LIMIT,
        take: &mut take,
    };
    let error = run(
        &fake.invocation(),
        &fake.run_dir(),
        &Shutdown::new(),
        stdout,
    )
    .await
    .unwrap_err();
    assert!(
        matches!(error, RunError::TooLong { limit: LIMIT, .. }),
        "{error}"
    );
    assert!(!fake.is_alive());
    let error = run_fake(&fake).await.unwrap_err();
    assert!(matches!(error, RunError::TooLong { .. }), "{error}");
}

#[tokio::test]
async fn a_reader_that_refuses_ends_the_program() {
    let fake = Fake::new("yes");
    let mut seen = 0;
    let mut take = |_: &[u8]| {
        seen += 1;
        if seen == 10 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let stdout = Stdout::Lines {
        limit: LIMIT,
        take: &mut take,
    };
    let error = run(
        &fake.invocation(),
        &fake.run_dir(),
        &Shutdown::new(),
        stdout,
    )
    .await
    .unwrap_err();
    assert!(matches!(error, RunError::Refused { .. }), "{error}");
    assert_eq!(seen, 10);
    assert!(!fake.is_alive());
}

#[tokio::test]
async fn a_grandchild_that_keeps_the_pipe_is_not_waited_for() {
    let fake = Fake::new("echo done; sleep 60 & exit 0");
    let finished = run_fake(&fake).await.unwrap();
    assert_eq!((finished.code, &*finished.stdout), (0, &b"done\n"[..]));
    assert!(finished.elapsed.as_secs() < 10);
    assert!(!fake.is_alive());
}
