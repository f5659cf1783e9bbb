//! Runs a transaction and, when its answer is lost, asks the server what became of it.

use super::provision::ask_until_settled;
use crate::pg::{PsqlError, ScriptOptions, Server, restrict_key};
use crate::process::Shutdown;

/// Reasons why a transaction did not do its work, or may not have done it.
#[derive(Debug)]
pub(super) enum TransactionError {
    /// Nothing of it was committed.
    Failed(PsqlError),
    /// The answer was lost, and the server did not report whether it was committed.
    Unknown(UnknownEnd),
}

/// An end that is ambiguous: the connection or psql went away midway, and the server could not be asked afterwards.
#[derive(Debug, thiserror::Error)]
#[error("it is not known whether it was done")]
pub struct UnknownEnd {
    /// Error that ended the run.
    #[source]
    pub cause: Box<PsqlError>,
    /// Reason why the server could not be asked; `None` when it still works on the transaction.
    pub look: Option<Box<PsqlError>>,
}

/// Runs `body` between `begin` and `COMMIT`.
///
/// The transaction's id comes back before the body is sent. After a lost answer `pg_xact_status` says whether it was
/// committed, which is what the function was made for (`PostgreSQL` 10 release notes, traceable commit). An id rather
/// than a look at the objects: another run may have changed these meanwhile.
pub(super) async fn run_transaction(
    server: &Server,
    begin: &str,
    body: &str,
    shutdown: &Shutdown,
) -> Result<(), TransactionError> {
    // Nobody else can print it.
    let key = match restrict_key() {
        Ok(key) => key,
        Err(error) => return Err(TransactionError::Failed(PsqlError::Random(error))),
    };
    let script = format!(
        "{begin};\nSELECT pg_catalog.concat('{key} ', pg_catalog.pg_current_xact_id()::text);\n{body}COMMIT;\n"
    );
    let mut id = None;
    let ran = server
        .run_script_each(&script, &ScriptOptions::default(), shutdown, |line| {
            id = id.take().or_else(|| read_id(&key, line));
        })
        .await;
    let Err(cause) = ran else {
        return match id {
            Some(_) => Ok(()),
            // Exit code 0 alone is no proof: the server's row is missing.
            None => Err(TransactionError::Failed(PsqlError::Unconfirmed)),
        };
    };
    // Without its id the body was not even sent.
    let Some(id) = id.filter(|_| cause.is_ambiguous()) else {
        return Err(TransactionError::Failed(cause));
    };
    match was_committed(server, id).await {
        Ok(Some(true)) => Ok(()),
        Ok(Some(false)) => Err(TransactionError::Failed(cause)),
        Ok(None) => Err(TransactionError::Unknown(UnknownEnd {
            cause: Box::new(cause),
            look: None,
        })),
        Err(look) => Err(TransactionError::Unknown(UnknownEnd {
            cause: Box::new(cause),
            look: Some(Box::new(look)),
        })),
    }
}

/// The number in the row that names the transaction.
fn read_id(key: &str, line: &[u8]) -> Option<u64> {
    str::from_utf8(line)
        .ok()?
        .strip_prefix(key)?
        .strip_prefix(' ')?
        .parse()
        .ok()
}

/// Asks until the transaction has ended; `None` when it goes on.
pub(crate) async fn was_committed(server: &Server, id: u64) -> Result<Option<bool>, PsqlError> {
    let status = format!("pg_catalog.pg_xact_status('{id}'::pg_catalog.xid8)");
    let sql = format!(
        "SELECT COALESCE(({status} = 'in progress')::int, 0);\n\
         SELECT COALESCE(pg_catalog.to_json({status} = 'committed'), 'null'::json);\n"
    );
    let Some(mut values) = ask_until_settled(server, &sql).await? else {
        return Ok(None);
    };
    let committed = values.next().and_then(|value| value.as_bool());
    // NULL: the server has forgotten the transaction, or is not the one that began it.
    Ok(Some(committed.ok_or(PsqlError::Unconfirmed)?))
}
