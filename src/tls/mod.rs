//! Predicts libpq's TLS behaviour: modes, certificate files and their permissions, certificates,
//! host names.
//!
//! Everything here is pure except [`observe`](observe()), which reads a file. Its observations are
//! judged as data.
//!
//! Part of the inside: it may change in any release. [`service`](crate::service) is what stays.

mod certificate;
mod error;
mod feature;
mod files;
pub mod judge;
mod key;
mod mode;
/// Host names against certificates, as libpq compares them.
pub mod name;
mod observe;
mod problem;
mod revocation;
mod verify;

pub use certificate::{
    Certificate, Content, NotACertificate, Nothing, Usage, Validity, ValidityStatus, content,
    moment,
};
pub use error::TlsError;
pub use feature::{Feature, RangeError, TlsRange, TlsVersion};
pub use files::{
    Files, Named, Roots, SYSTEM, SYSTEM_BUNDLES, Used, default_path, effective_mode, resolve,
};
pub use key::{KeyContent, NoKey, content as key_content};
pub use mode::{Encryption, Protection, SslMode, Terms, UnknownSslMode};
pub use observe::{Bytes, FileType, Observed, Obstacle, READ_LIMIT, Stat, observe};
pub use problem::{Fault, FileKind, Problem};
pub use revocation::{RevocationList, is_hashed_list};
pub use verify::{ChainFault, Trust, Verdict, provider, verify};
