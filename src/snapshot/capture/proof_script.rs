//! The script of a proof, and which statement an error of it belongs to.

use super::dump::Dump;
use super::error::ProofError;
use super::public::{PublicState, is_on_schema};
use super::shared::PUBLIC;
use crate::pg::PsqlError;
use crate::snapshot::object::{Action, Object, ObjectKind, ObjectScope};
use crate::snapshot::rendered::Rendered;
use crate::snapshot::template::escape_placeholders;
use crate::snapshot::{Template, TemplateError};
use crate::sql::{TenantName, quote, quote_literal};

/// A script and where its statements come from.
#[derive(Default)]
pub(super) struct ProofScript {
    text: String,
    lines: usize,
    /// First line of each statement in the script, with what it is about.
    statements: Vec<(usize, StatementOrigin)>,
}

#[derive(Clone)]
enum StatementOrigin {
    Ours,
    Extension(String),
    Dump(String, usize),
    Snapshot(String, usize),
}

impl ProofScript {
    pub(super) fn ours(&mut self, sql: &str) {
        self.push(sql, StatementOrigin::Ours);
    }

    fn push(&mut self, sql: &str, origin: StatementOrigin) {
        self.statements.push((self.lines + 1, origin));
        self.lines += sql.matches('\n').count() + 1;
        self.text.push_str(sql);
        self.text.push_str(";\n");
    }

    pub(super) fn snapshot(&mut self, rendered: &Rendered) {
        let object = rendered
            .object
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        self.push(
            &rendered.sql,
            StatementOrigin::Snapshot(object, rendered.line.unwrap_or_default()),
        );
    }

    /// Makes room for a dump of the schema `public`: an empty schema with the extensions that the dump expects there. A live
    /// schema that is not empty is called `aside` meanwhile.
    pub(super) fn empty_public(&mut self, state: &PublicState, dump: &Dump, aside: &str) {
        let has_to_go = state.exists && !state.is_empty;
        if has_to_go {
            self.ours(&format!("ALTER SCHEMA {PUBLIC} RENAME TO {aside}"));
        }
        if has_to_go || !state.exists {
            self.ours(&format!("CREATE SCHEMA {PUBLIC}"));
        }
        if has_to_go {
            for extension in &state.extensions {
                let sql = format!("ALTER EXTENSION {} SET SCHEMA {PUBLIC}", quote(extension));
                self.push(&sql, StatementOrigin::Extension(extension.clone()));
            }
        }
        for extension in &dump.extensions {
            let sql = format!(
                "CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA {PUBLIC}",
                quote(extension)
            );
            self.push(&sql, StatementOrigin::Extension(extension.clone()));
        }
    }

    /// Creates the schema of a dump that does not create it.
    pub(super) fn schema_of(&mut self, dump: &Dump, schema: &str) {
        if !dump
            .statements
            .iter()
            .any(|statement| is_on_schema(statement, Action::Create))
        {
            self.ours(&format!("CREATE SCHEMA {}", quote(schema)));
        }
    }

    /// The dump's statements as they are, but for what psql would take for its own.
    pub(super) fn dump(&mut self, dump: &Dump, schema: &str) -> Result<(), TemplateError> {
        let nobody = TenantName::new("nobody").map_err(|_| TemplateError::Glued { line: 0 })?;
        for statement in &dump.statements {
            if schema == PUBLIC && is_on_schema(statement, Action::Create) {
                continue;
            }
            let template = Template::compile(&escape_placeholders(&statement.text))?;
            for compiled in &template.statements {
                let mut sql = String::new();
                compiled.render(&nobody, &mut sql)?;
                self.push(
                    &sql,
                    StatementOrigin::Dump(statement.object.to_string(), statement.line),
                );
            }
        }
        Ok(())
    }

    /// Fills a materialized view of a dump that was loaded.
    pub(super) fn refresh_of_dump(&mut self, schema: &str, view: &str) {
        let sql = format!(
            "REFRESH MATERIALIZED VIEW {}.{}",
            quote(schema),
            quote(view)
        );
        let object = Object {
            action: Action::Refresh,
            kind: ObjectKind::MaterializedView,
            scope: ObjectScope::None,
            name: view.to_owned(),
            table: None,
        };
        self.push(&sql, StatementOrigin::Dump(object.to_string(), 0));
    }

    /// Has the bodies of a dump's routines compiled, which nothing did while it was loaded: an error in one of them would
    /// otherwise show only when it is called. The objects that they name may be elsewhere, so only their syntax is checked.
    pub(super) fn compile_bodies(&mut self, dump: &Dump) -> Result<(), TemplateError> {
        let nobody = TenantName::new("nobody").map_err(|_| TemplateError::Glued { line: 0 })?;
        for statement in dump.statements.iter().filter(|statement| {
            matches!(
                statement.object.kind,
                ObjectKind::Function | ObjectKind::Procedure
            ) && statement.object.action == Action::Create
        }) {
            let template = Template::compile(&escape_placeholders(&statement.text))?;
            for compiled in &template.statements {
                let mut sql = String::new();
                compiled.render_plain(&nobody, &mut sql)?;
                let again = match sql.strip_prefix("CREATE ") {
                    Some(rest) if !rest.starts_with("OR REPLACE") => {
                        format!("CREATE OR REPLACE {rest}")
                    }
                    _ => sql,
                };
                let body = format!(
                    "BEGIN SET LOCAL check_function_bodies = on; EXECUTE {}; SET LOCAL check_function_bodies = off; \
                     EXCEPTION WHEN syntax_error THEN RAISE; WHEN OTHERS THEN NULL; END",
                    quote_literal(&again)
                );
                self.push(
                    &format!("DO {}", quote_literal(&body)),
                    StatementOrigin::Dump(statement.object.to_string(), statement.line),
                );
            }
        }
        Ok(())
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Names the statement that an error of psql belongs to.
    pub(super) fn explain(&self, error: PsqlError) -> ProofError {
        let PsqlError::Script { message, .. } = &error else {
            return ProofError::Psql(error);
        };
        let line = message.script.as_ref().map_or(0, |place| place.line) as usize;
        let statement = self
            .statements
            .iter()
            .rev()
            .find(|(first, _)| *first <= line);
        match statement.map(|(_, origin)| origin.clone()) {
            Some(StatementOrigin::Dump(object, line)) => ProofError::Dump {
                object,
                line,
                source: error,
            },
            Some(StatementOrigin::Extension(extension)) => ProofError::Extension {
                extension,
                source: error,
            },
            Some(StatementOrigin::Snapshot(object, line)) => ProofError::Load {
                object,
                line,
                source: error,
            },
            _ => ProofError::Psql(error),
        }
    }
}
