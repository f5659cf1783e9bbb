//! A query in one tenant: the statements that it may have, its script, and its results.

mod outcome;
mod results;
mod script;
mod statements;

pub use outcome::{QueryFailure, QueryOutcome, StatementResult};
pub(crate) use results::ResultReader;
pub use results::{ResultColumn, ResultTable};
pub(crate) use script::{GONE, QueryContext, QueryLine, QueryPlace, QueryScript};
pub use statements::{Query, QueryAccess, QueryRefusal, QueryRefusalReason};
