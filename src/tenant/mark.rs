//! What the comment of a schema says of its part in our work.

use crate::snapshot::capture::MARK;

/// What the comment of a schema says of its part in schemastamp's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A tenant that was made of a snapshot.
    Tenant {
        /// The snapshot's fingerprint.
        snapshot: String,
    },
    /// A schema that a run works in and drops.
    Scratch,
    /// A ready-made blank tenant that nobody has claimed.
    Spare,
}

/// Begins the comment of a scratch schema.
pub const SCRATCH: &str = "schemastamp scratch: ";
/// Begins the last line of a spare tenant's comment.
pub const SPARE: &str = "schemastamp spare: ";

impl Mark {
    /// Reads a schema's comment.
    pub fn read(comment: &str) -> Option<Self> {
        let last = comment.rsplit('\n').next().unwrap_or_default();
        if last.starts_with(SCRATCH) {
            Some(Self::Scratch)
        } else if last.starts_with(SPARE) {
            Some(Self::Spare)
        } else {
            let snapshot = last.strip_prefix(MARK)?;
            let whole = snapshot.len() == 64 && snapshot.bytes().all(|byte| byte.is_ascii_hexdigit());
            whole.then(|| Self::Tenant { snapshot: snapshot.to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_on_the_last_line() {
        let hex = "0f".repeat(32);
        let tenant = Some(Mark::Tenant { snapshot: hex.clone() });
        assert_eq!(Mark::read(&format!("schemastamp: {hex}")), tenant);
        assert_eq!(Mark::read(&format!("Acme Inc.\n\nschemastamp: {hex}")), tenant);
        assert_eq!(Mark::read("schemastamp: soon"), None);
        assert_eq!(Mark::read("schemastamp scratch: refresh"), Some(Mark::Scratch));
        assert_eq!(Mark::read(""), None);
    }
}
