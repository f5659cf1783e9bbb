//! What libpq will do about TLS: modes, certificate files and their permissions, certificates, host names.
//!
//! Everything here is pure but [`observe`](observe()), which looks at a file, and what it saw is data to be judged.

mod certificate;
mod feature;
mod key;
mod mode;
/// Host names against certificates, as libpq compares them.
pub mod name;
/// Foreign text, made safe to print.
pub mod text;

pub use certificate::{Certificate, Content, NotACertificate, Nothing, Standing, Usage, Validity, content, moment};
pub use feature::{Feature, RangeError, TlsRange, TlsVersion};
pub use key::{KeyContent, NoKey, content as key_content};
pub use mode::{Encryption, Protection, SslMode, Terms, UnknownSslMode};
