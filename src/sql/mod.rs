//! SQL as text: tokens, literals, identifiers and the statements of a script. Pure: no I/O.
//!
//! The rules are those of `PostgreSQL`'s `scan.l` and psql's `psqlscan.l`; each item names the rule it follows.
//!
//! Part of the inside: it may change in any release. [`service`](crate::service) is what stays.

pub mod identifier;
mod lexer;
pub mod literal;
mod local;
mod reloaded;
pub mod script;
mod session;
pub mod token;

pub use identifier::{
    NameError, POOL, RUNS, SCRATCH, SPARE_NAME, TenantName, fold, quote, quote_literal,
};
pub use lexer::{tokens, tokens_of_template};
pub use local::local;
pub use reloaded::as_reloaded;
pub use script::{Script, ScriptError, Segment, Segments, Statement, refuse_nul};
pub use session::{SettingScope, may_change_session, session_cleanup, session_remembered};
pub use token::{Token, TokenKind};
