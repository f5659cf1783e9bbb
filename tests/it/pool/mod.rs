//! Ready-made tenants.
