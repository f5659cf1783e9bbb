//! Probes a server without libpq. Every step has a deadline.

mod deadline;
mod facts;
mod handshake;
mod network;
mod request;
mod startup;

pub use deadline::{Deadline, DeadlineExceeded};
pub use facts::{ServerProbe, TlsObstacle};
pub use handshake::{Broken, Offer, Seen, shake_hands};
pub use network::{Reached, Unreachable, addresses, connect, reach};
pub use request::{TlsAnswer, request_tls};
pub use startup::{Refusal, StartupReply, begin_login};
