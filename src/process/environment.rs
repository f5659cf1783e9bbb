use std::ffi::OsString;

use secrecy::SecretString;

/// A value for a variable of a child's environment.
#[derive(Clone, Debug)]
pub enum EnvValue {
    /// Shown in logs and dry runs.
    Plain(OsString),
    /// Given to the child only; shown as `[redacted]`.
    Secret(SecretString),
    /// A path that cannot exist, inside the run's own private directory: libpq then uses no such file.
    Absent,
}
