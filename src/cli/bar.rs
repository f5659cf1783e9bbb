//! The bar on the terminal, and printing around it.

use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;

/// The bar on the terminal. It must be hidden while something else is printed.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Makes this the bar that is on the terminal, or none.
pub(super) fn show(bar: Option<&ProgressBar>) {
    *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = bar.cloned();
}

/// Hides the bar, if there is one, while `print` runs. `print` must not call this function.
pub(super) fn beside_bar<T>(print: impl FnOnce() -> T) -> T {
    match &*SHOWN.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}
