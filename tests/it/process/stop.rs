use std::time::{Duration, Instant};

use schemastamp::process::{ExitStatus, Invocation, RunError, Shutdown, Signal, Stdout, run};

use super::fake::Fake;

const HANG: &str = "sleep 60";
const STUBBORN: &str = "trap '' INT TERM\nwhile :; do sleep 0.1; done";

fn invocation(fake: &Fake, timeout: Option<u64>, grace: u64) -> Invocation {
    let mut invocation = fake.invocation();
    invocation.timeout = timeout.map(Duration::from_millis);
    invocation.grace = Duration::from_millis(grace);
    invocation
}

async fn run_error(fake: &Fake, invocation: &Invocation, shutdown: &Shutdown) -> RunError {
    run(invocation, &fake.run_dir(), shutdown, Stdout::Collect(1024))
        .await
        .unwrap_err()
}

/// Waits until the program has been started and had time to set its traps.
async fn ready(fake: &Fake) {
    while !fake.path("ready").exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_interrupted_when_its_time_is_up() {
    let fake = Fake::new(&format!("echo waiting >&2; {HANG}"));
    let start = Instant::now();
    let error = run_error(
        &fake,
        &invocation(&fake, Some(500), 30_000),
        &Shutdown::new(),
    )
    .await;
    let RunError::TimedOut {
        after,
        ended,
        stderr,
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(
        (after, ended),
        (
            Duration::from_millis(500),
            ExitStatus::Signal(Signal::INTERRUPT)
        )
    );
    assert_eq!(stderr.text(), "waiting\n");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(!fake.is_alive());
    fake.assert_nothing_left();
}

#[tokio::test]
async fn one_that_ignores_the_interrupt_is_terminated() {
    let fake = Fake::new("trap '' INT\nwhile :; do sleep 0.1; done");
    let error = run_error(&fake, &invocation(&fake, Some(500), 200), &Shutdown::new()).await;
    let RunError::TimedOut { ended, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(ended, ExitStatus::Signal(Signal::TERMINATE));
    assert!(!fake.is_alive());
}

#[tokio::test]
async fn one_that_was_stopped_obeys() {
    let fake = Fake::new("kill -STOP $$");
    let error = run_error(
        &fake,
        &invocation(&fake, Some(500), 30_000),
        &Shutdown::new(),
    )
    .await;
    let RunError::TimedOut { ended, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(ended, ExitStatus::Signal(Signal::INTERRUPT));
    assert!(!fake.is_alive());
}

#[tokio::test]
async fn one_that_ignores_all_is_killed() {
    let fake = Fake::new(STUBBORN);
    let error = run_error(&fake, &invocation(&fake, Some(500), 200), &Shutdown::new()).await;
    let RunError::TimedOut { ended, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(ended, ExitStatus::Signal(Signal::KILL));
    assert!(!fake.is_alive());
    fake.assert_nothing_left();
}

#[tokio::test]
async fn time_runs_out_even_while_output_floods() {
    let fake = Fake::new("yes error >&2 & yes");
    let mut take = |_: &[u8]| std::ops::ControlFlow::Continue(());
    let stdout = Stdout::Lines {
        limit: 1024,
        take: &mut take,
    };
    let invocation = invocation(&fake, Some(500), 5_000);
    let error = run(&invocation, &fake.run_dir(), &Shutdown::new(), stdout)
        .await
        .unwrap_err();
    assert!(matches!(error, RunError::TimedOut { .. }), "{error}");
    assert!(!fake.is_alive());
}

#[tokio::test]
async fn a_request_interrupts_and_further_ones_do_not_wait_for_the_grace() {
    let fake = Fake::new(&format!(
        "trap '' INT TERM; touch \"$here/ready\"\n{STUBBORN}"
    ));
    let shutdown = Shutdown::new();
    let start = Instant::now();
    let invocation = invocation(&fake, None, 60_000);
    let (error, ()) = tokio::join!(run_error(&fake, &invocation, &shutdown), async {
        ready(&fake).await;
        for signal in [Signal::TERMINATE, Signal::INTERRUPT, Signal::INTERRUPT] {
            shutdown.request(signal);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let RunError::Interrupted { signal, ended, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(
        (signal, ended),
        (Signal::TERMINATE, Some(ExitStatus::Signal(Signal::KILL)))
    );
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(!fake.is_alive());
}

#[tokio::test]
async fn work_that_is_done_all_the_same_counts() {
    let fake = Fake::new(
        "trap 'echo done; exit 0' INT; touch \"$here/ready\"\nwhile :; do sleep 0.1; done",
    );
    let shutdown = Shutdown::new();
    let (run_dir, invocation) = (fake.run_dir(), invocation(&fake, None, 60_000));
    let (finished, ()) = tokio::join!(
        run(&invocation, &run_dir, &shutdown, Stdout::Collect(1024)),
        async {
            ready(&fake).await;
            shutdown.request(Signal::INTERRUPT);
        }
    );
    assert_eq!(finished.unwrap().stdout, b"done\n");
}

#[tokio::test]
async fn nothing_is_started_after_a_request() {
    let fake = Fake::new("");
    let shutdown = Shutdown::new();
    shutdown.request(Signal::HANGUP);
    let error = run_error(&fake, &fake.invocation(), &shutdown).await;
    assert!(
        matches!(
            error,
            RunError::Interrupted {
                signal: Signal::HANGUP,
                ended: None,
                ..
            }
        ),
        "{error}"
    );
    assert!(!fake.started());
}

#[tokio::test]
async fn a_run_that_is_dropped_leaves_neither_process_nor_file() {
    let fake = Fake::new(&format!("touch \"$here/ready\"; {STUBBORN}"));
    let server = fake.server();
    let shutdown = Shutdown::new();
    tokio::select! {
        _ = server.query_json("SELECT 1", &shutdown) => panic!("it hangs"),
        () = ready(&fake) => {}
    }
    assert!(!fake.is_alive());
    fake.assert_nothing_left();
}

#[tokio::test]
async fn real_signals_are_requests() {
    let shutdown = Shutdown::on_signals().unwrap();
    let fake = Fake::new(&format!("touch \"$here/ready\"; {HANG}"));
    let invocation = invocation(&fake, None, 60_000);
    let (error, ()) = tokio::join!(run_error(&fake, &invocation, &shutdown), async {
        ready(&fake).await;
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP)
            .unwrap();
    });
    assert!(
        matches!(
            error,
            RunError::Interrupted {
                signal: Signal::HANGUP,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(shutdown.signal(), Some(Signal::HANGUP));
    assert!(!fake.is_alive());
}
