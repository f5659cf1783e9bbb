//! The bar on the terminal, and printing around it.

use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;

/// The bar that is on the terminal now: whoever prints has to take it away for as long as that takes.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Makes this the bar that is on the terminal, or none.
pub(super) fn show(bar: Option<&ProgressBar>) {
    *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = bar.cloned();
}

/// Prints something beside the bar, if there is one. `print` must not come here again.
pub(super) fn beside_bar<T>(print: impl FnOnce() -> T) -> T {
    match &*SHOWN.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}
