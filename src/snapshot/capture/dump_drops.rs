//! `DROP` in a dump: what `--clean` writes is passed over, and what takes back a part of the schema is refused.

use super::dump::DumpError;
use super::dump_mentions::{has_words, holds_word};
use super::dump_reader::DumpReader;
use super::dump_words::head;
use crate::snapshot::object::{Action, Object, ObjectKind, identifier_value};
use crate::sql::{Statement, Token};

impl DumpReader<'_> {
    pub(super) fn taken_back(&self, statement: &Statement, line: usize) -> DumpError {
        DumpError::TakenBack {
            line,
            excerpt: head(statement.text(self.source)),
        }
    }

    /// Returns whether a statement is one of those with which `--clean` prepares its drops.
    pub(super) fn is_of_clean(&self, object: &Object, statement: &Statement) -> bool {
        match object.action {
            Action::Create => {
                object.kind == ObjectKind::View
                    && has_words(statement, self.source, &["or", "replace"])
            }
            Action::Alter => {
                has_words(statement, self.source, &["drop"])
                    || has_words(statement, self.source, &["detach"])
            }
            _ => false,
        }
    }

    /// `DROP`: what `--clean` writes in front of everything has nothing to drop; `DROP SCHEMA` begins again; anything else
    /// would take back what was made.
    pub(super) fn dropped(&mut self, statement: &Statement, line: usize) -> Result<(), DumpError> {
        let tokens: Vec<Token> = statement.significant().collect();
        let is = |at: usize, word: &str| {
            tokens
                .get(at)
                .is_some_and(|token| token.is_word(self.source, word))
        };
        let names = |name: &str| {
            tokens.iter().any(|token| {
                identifier_value(*token, self.source).as_deref() == Some(name)
                    || token.is(self.source, name)
            })
        };
        if is(1, "schema") {
            if names(self.schema) {
                self.begin_again();
            }
            return Ok(());
        }
        // `--clean` begins with ALTER TABLE … DROP, CREATE OR REPLACE VIEW, DROP. Nothing else is made there.
        if !self.is_begun {
            self.dump.statements.retain(|made| {
                made.object.action == Action::Create && !names(made.object.bare_name())
            });
            self.made.retain(|(_, name, _)| !names(name));
            return Ok(());
        }
        let is_known = self.dump.statements.iter().any(|made| {
            made.object.action == Action::Create
                && made.object.kind != ObjectKind::Schema
                && names(made.object.bare_name())
        }) || self.renamed.keys().any(|name| names(name));
        // The server has named it.
        let is_unnamed =
            is(1, "index")
                && self.dump.statements.iter().any(|made| {
                    made.object.kind == ObjectKind::Index && made.object.name.is_empty()
                });
        let is_optional = has_words(statement, self.source, &["if", "exists"]);
        let is_here = self.mentions().mentions_schema(statement);
        let may_be_here = is_here || !self.is_qualified(&tokens);
        let is_led_here = is_here || self.settings.leads_to(self.schema);
        let takes_along = has_words(statement, self.source, &["cascade"])
            && self.made_elsewhere.iter().any(|name| {
                names(name)
                    && self
                        .dump
                        .statements
                        .iter()
                        .any(|made| holds_word(&made.text, name))
            });
        if (is_known && may_be_here)
            || ((is_unnamed || !is_optional) && may_be_here && is_led_here)
            || takes_along
            || is(1, "owned")
        {
            return Err(self.taken_back(statement, line));
        }
        Ok(())
    }

    /// Forgets what was made so far, as the schema is dropped.
    pub(super) fn begin_again(&mut self) {
        self.effects += 1;
        self.dump.statements.clear();
        self.dump.rows.clear();
        self.dump.sequence_values.clear();
        self.dump.refreshed.clear();
        self.dump.partitions_of_others.clear();
        self.made.clear();
        self.renamed.clear();
        self.concerns.clear();
        self.unqualified.forget_tables(self.schema);
    }

    pub(super) fn is_qualified(&self, tokens: &[Token]) -> bool {
        tokens.iter().any(|token| token.is(self.source, "."))
    }
}
