//! The count of tenants that a long read has behind it.

/// Hears how far the work on tenants has come. Several targets may share one observer.
pub trait WorkObserver: Sync {
    /// Adds tenants that are to be worked on.
    fn planned(&self, tenants: usize);

    /// Adds tenants that are done.
    fn done(&self, tenants: usize);

    /// Takes tenants back: work on them begins again.
    fn withdrawn(&self, planned: usize, done: usize);
}

/// An observer for runs whose progress nobody follows.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl WorkObserver for Unobserved {
    fn planned(&self, _: usize) {}

    fn done(&self, _: usize) {}

    fn withdrawn(&self, _: usize, _: usize) {}
}
