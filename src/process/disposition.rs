//! Signals that this process was started with ignored, as `nohup` and a script's `&` do.

use std::path::Path;
use std::sync::{Once, OnceLock};

use tokio::signal::unix::{SignalKind, signal};

use super::Signal;

/// Returns whether a signal was ignored when this process was started: it is meant to go on then.
///
/// Linux tells; elsewhere no signal counts as ignored.
pub(super) fn is_ignored(signal: Signal) -> bool {
    static IGNORED: OnceLock<u64> = OnceLock::new();
    let ignored = IGNORED.get_or_init(|| {
        let status =
            crate::path::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
        ignored_signals(&status)
    });
    u32::try_from(signal.number() - 1)
        .ok()
        .and_then(|bit| ignored.checked_shr(bit))
        .is_some_and(|bits| bits & 1 == 1)
}

/// The mask of ignored signals in `/proc/PID/status` (`proc(5)`).
fn ignored_signals(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

/// Makes sure that a child can be asked to end.
///
/// A child inherits what is ignored (`execve(2)`), and a shell cannot even set a trap then. A handler, which does nothing
/// here, is not inherited: the child gets the signal's default. Must be called within a runtime.
pub(super) fn make_children_obey() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        for (kind, number) in [
            (SignalKind::interrupt(), Signal::INTERRUPT),
            (SignalKind::terminate(), Signal::TERMINATE),
        ] {
            if is_ignored(number)
                && let Err(error) = signal(kind)
            {
                tracing::debug!(%error, signal = %number, "children ignore it, too");
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        let status = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001003\nSigCgt:\t0\n";
        assert_eq!(ignored_signals(status), 0x1003);
        assert_eq!(ignored_signals("Name:\tx\n"), 0);
        assert_eq!(ignored_signals("SigIgn:\tnone\n"), 0);
    }
}
