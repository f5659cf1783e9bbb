//! psql and `pg_dump`: finding them, running them once, and understanding what they say.
//!
//! Part of the inside: it may change in any release. [`service`](crate::service) is what stays.

pub mod catalog;
mod error;
mod event_trigger;
mod json;
mod message;
mod message_parser;
mod password;
mod pg_dump;
mod pooling;
mod program;
mod script;
mod server;
mod session;
mod sqlstate;
mod sqlstate_table;
mod token;
mod version;
mod wrapper;

pub use error::PsqlError;
pub use event_trigger::{EVENT_TRIGGERS, EventTrigger, event_triggers};
pub(crate) use json::{parse_json, read_json};
pub use message::{MessageSeverity, MessageSource, Position, ScriptPlace, ServerMessage};
pub use password::{PasswordCommand, PasswordError};
pub use pg_dump::{DumpOptions, PgDump, PgDumpError};
pub use pooling::Pooling;
pub use program::{NamedProgram, Program, ProgramError};
pub use script::{restrict_key, wrap_restricted};
pub(crate) use server::{EXACT_SETTINGS, UNHURRIED};
pub use server::{ScriptOptions, ScriptOutput, Server};
pub use session::PsqlSession;
pub use sqlstate::{SqlState, condition_name};
pub use token::PasswordToken;
pub use version::{Version, keyword_since};
