//! Transactions and savepoints of a dump: what is rolled back was never made.

use crate::snapshot::object::identifier_value;
use crate::sql::{Statement, Token};

/// The effect of the end of a transaction, or of a part of it, on the statements before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// They stay.
    Kept,
    /// They are taken back.
    TakenBack,
}

/// The transaction that a dump is in.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    began: Option<TransactionMark>,
    savepoints: Vec<(String, TransactionMark)>,
}

/// A place in the dump: how much the schema had there.
#[derive(Clone, Copy, Debug)]
struct TransactionMark {
    made: usize,
    line: usize,
}

impl Transactions {
    /// Follows a statement such as `BEGIN` or `ROLLBACK`; `made` counts what the dump has made of the schema so far.
    pub(super) fn follow(
        &mut self,
        statement: &Statement,
        source: &str,
        made: usize,
        line: usize,
    ) -> Ending {
        let tokens: Vec<Token> = statement.significant().collect();
        let is = |at: usize, words: &[&str]| {
            tokens
                .get(at)
                .is_some_and(|token| words.iter().any(|word| token.is_word(source, word)))
        };
        let name = tokens
            .last()
            .and_then(|token| identifier_value(*token, source))
            .unwrap_or_default();
        let chained = tokens.windows(2).any(|pair| {
            matches!(pair, [and, chain] if and.is_word(source, "and") && chain.is_word(source, "chain"))
        });
        let next = chained.then_some(TransactionMark { made, line });
        if is(0, &["begin", "start"]) {
            // A second BEGIN within a transaction begins nothing.
            self.began.get_or_insert(TransactionMark { made, line });
        } else if is(0, &["savepoint"]) {
            self.savepoints.push((name, TransactionMark { made, line }));
        } else if is(0, &["rollback"]) && tokens.iter().any(|token| token.is_word(source, "to")) {
            let mark = self
                .savepoints
                .iter()
                .rev()
                .find(|(known, _)| *known == name);
            let mark = mark.map(|(_, mark)| *mark).or(self.began);
            return Self::ending(mark, made);
        } else if is(1, &["prepared"]) || (is(0, &["prepare"]) && is(1, &["transaction"])) {
            // What becomes of a prepared transaction may be decided in another session.
            let mark = self.end(None);
            return Self::ending(mark, made);
        } else if is(0, &["commit", "end"]) {
            self.end(next);
        } else if is(0, &["rollback", "abort"]) {
            let mark = self.end(next);
            return Self::ending(mark, made);
        }
        Ending::Kept
    }

    fn end(&mut self, next: Option<TransactionMark>) -> Option<TransactionMark> {
        self.savepoints.clear();
        std::mem::replace(&mut self.began, next)
    }

    fn ending(mark: Option<TransactionMark>, made: usize) -> Ending {
        if mark.is_some_and(|mark| mark.made != made) {
            Ending::TakenBack
        } else {
            Ending::Kept
        }
    }

    /// Returns the line of a `BEGIN` whose transaction never ends, so that the server rolls back what was made in it.
    pub(super) fn unfinished(&self, made: usize) -> Option<usize> {
        self.began
            .filter(|began| began.made != made)
            .map(|began| began.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Script;

    /// Follows a file in which `TABLE` makes something; the ends of it that take something back, by number of the statement.
    fn taken_back(sql: &str) -> (Vec<usize>, Option<usize>) {
        let script = Script::parse(sql).unwrap();
        let (mut transactions, mut made, mut endings) = (Transactions::default(), 0, Vec::new());
        for (number, statement) in script.statements().enumerate() {
            let tokens: Vec<Token> = statement.significant().collect();
            if tokens[0].is_word(sql, "table") {
                made += 1;
            } else if transactions.follow(statement, sql, made, number) == Ending::TakenBack {
                endings.push(number);
            }
        }
        (endings, transactions.unfinished(made))
    }

    #[test]
    fn what_is_rolled_back_is_noticed() {
        for (sql, endings, unfinished) in [
            ("BEGIN; TABLE t; COMMIT; ROLLBACK", &[][..], None),
            ("BEGIN; TABLE t; ROLLBACK", &[2], None),
            ("START TRANSACTION; TABLE t; ABORT WORK", &[2], None),
            ("BEGIN; TABLE t", &[], Some(0)),
            ("TABLE t; BEGIN", &[], None),
            (
                "BEGIN; SAVEPOINT a; ROLLBACK TO a; TABLE t; ROLLBACK",
                &[4],
                None,
            ),
            (
                "BEGIN; TABLE t; SAVEPOINT a; ROLLBACK TO SAVEPOINT a; COMMIT",
                &[],
                None,
            ),
            (
                "BEGIN; SAVEPOINT a; TABLE t; ROLLBACK TO a; COMMIT",
                &[3],
                None,
            ),
            ("BEGIN; TABLE t; BEGIN; ROLLBACK", &[3], None),
            ("BEGIN; COMMIT AND CHAIN; TABLE t; ROLLBACK", &[3], None),
            ("BEGIN; ROLLBACK AND CHAIN; TABLE t", &[], Some(1)),
            (
                "BEGIN; TABLE t; COMMIT AND NO CHAIN; TABLE u; ROLLBACK",
                &[],
                None,
            ),
            ("BEGIN; TABLE t; PREPARE TRANSACTION 'x'", &[2], None),
            ("BEGIN; TABLE t; PREPARE p AS SELECT 1; END", &[], None),
            ("BEGIN; TABLE t; COMMIT TRANSACTION; ROLLBACK", &[], None),
            ("BEGIN; TABLE t; ROLLBACK TRANSACTION", &[2], None),
            (
                "BEGIN; SAVEPOINT a; TABLE t; RELEASE a; END; TABLE t",
                &[],
                None,
            ),
        ] {
            assert_eq!(taken_back(sql), (endings.to_vec(), unfinished), "{sql}");
        }
    }
}
