//! Tells schemas apart: tenants, spares of a pool, and scratch schemas.

pub use crate::snapshot::SPARE;
pub use crate::sql::{POOL, RUNS, SCRATCH, SPARE_NAME};

use crate::snapshot::MARK;

/// The marker in a schema's comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A tenant that was created from a snapshot.
    Tenant {
        /// The snapshot's fingerprint.
        snapshot: String,
        /// The run that created it, or `None` if the marker does not name it.
        run: Option<String>,
    },
    /// A ready-made blank tenant that was not claimed.
    Spare,
}

impl Mark {
    /// Reads a schema's comment.
    pub fn read(comment: &str) -> Option<Self> {
        let last = comment.rsplit('\n').next().unwrap_or_default();
        if last.starts_with(SPARE) {
            return Some(Self::Spare);
        }
        let mark = last.strip_prefix(MARK)?;
        let (snapshot, run) = mark
            .split_once('/')
            .map_or((mark, None), |(snapshot, run)| (snapshot, Some(run)));
        let is_hexadecimal =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let whole =
            snapshot.len() == 64 && is_hexadecimal(snapshot) && run.is_none_or(is_hexadecimal);
        whole.then(|| Self::Tenant {
            snapshot: snapshot.to_owned(),
            run: run.map(str::to_owned),
        })
    }
}

/// Returns `true` for the name of a scratch schema. Nobody else uses such a name.
pub fn is_scratch(name: &str) -> bool {
    is_made(name, SCRATCH)
}

/// Returns `true` for the name of a spare. Nobody else uses such a name.
pub fn is_spare(name: &str) -> bool {
    is_made(name, SPARE_NAME)
}

fn is_made(name: &str, begins: &str) -> bool {
    name.strip_prefix(begins)
        .is_some_and(|rest| rest.len() == 24 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_on_the_last_line() {
        let hex = "0f".repeat(32);
        let tenant = Some(Mark::Tenant {
            snapshot: hex.clone(),
            run: None,
        });
        let of_a_run = Some(Mark::Tenant {
            snapshot: hex.clone(),
            run: Some("0123456789ab".to_owned()),
        });
        assert_eq!(
            Mark::read(&format!("schemastamp: {hex}/0123456789ab")),
            of_a_run
        );
        assert_eq!(Mark::read(&format!("schemastamp: {hex}/")), None);
        assert_eq!(Mark::read(&format!("schemastamp: {hex}")), tenant);
        assert_eq!(
            Mark::read(&format!("Acme Inc.\n\nschemastamp: {hex}")),
            tenant
        );
        assert_eq!(Mark::read("schemastamp: soon"), None);
        assert_eq!(Mark::read("schemastamp spare: 1"), Some(Mark::Spare));
        assert_eq!(Mark::read(""), None);
    }

    #[test]
    fn scratch_schemas_are_known_by_their_name() {
        assert!(is_scratch("schemastamp_scratch_0123456789abcdef01234567"));
        assert!(!is_scratch("schemastamp_scratch_mine"));
        assert!(
            is_spare("schemastamp_spare_0123456789abcdef01234567")
                && !is_spare("schemastamp_spare_x")
        );
    }
}
