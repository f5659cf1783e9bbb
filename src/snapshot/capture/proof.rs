//! The proof: the snapshot, loaded under a fresh name, has the same objects as its source and needs none of them.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use super::dump::Dump;
use crate::pg::catalog::{Aspect, objects};
use crate::pg::{PsqlError, Server, restrict_key};
use crate::process::Stop;
use crate::snapshot::object::{Action, ObjectKind, identifier_value};
use crate::snapshot::render::{Rendered, settings};
use crate::snapshot::template::{PLACEHOLDER, escape_placeholders};
use crate::snapshot::{RenderOptions, Snapshot, Template, TemplateError};
use crate::sql::literal::content;
use crate::sql::{TenantName, as_reloaded, quote, quote_literal, tokens};

/// What was proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// How many objects of the copy were compared.
    pub objects: usize,
}

/// An aspect in which the copy is not its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The kind of object.
    pub kind: String,
    /// The object.
    pub object: String,
    /// Which aspect.
    pub aspect: String,
    /// What the source has; `None`: it has no such object.
    pub source: Option<String>,
    /// What the copy has; `None`: it has no such object.
    pub copy: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.object)?;
        match (&self.source, &self.copy) {
            (Some(source), Some(copy)) => {
                let (source, copy) = differing(source, copy);
                write!(formatter, ", {}: the source has {source}, the copy {copy}", self.aspect)
            }
            (Some(_), None) => write!(formatter, " is missing in the copy ({})", self.aspect),
            _ => write!(formatter, " is only in the copy ({})", self.aspect),
        }
    }
}

/// The parts of two texts from a little before their first difference on.
fn differing(left: &str, right: &str) -> (String, String) {
    let same = left.chars().zip(right.chars()).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(20);
    let shown = |text: &str| {
        let part: String = text.chars().skip(from).take(100).map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("'{}{part}'", if from > 0 { "…" } else { "" })
    };
    (shown(left), shown(right))
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// psql, the connection or the rights do not allow it.
    #[error("the proof could not be made")]
    Psql(#[source] PsqlError),
    /// The snapshot does not load.
    #[error("the snapshot does not load: {object} (line {line} of the dump's or snapshot's SQL)")]
    Load {
        /// What the failed statement is about.
        object: String,
        /// 1-based line of the statement.
        line: usize,
        /// What the server said.
        #[source]
        source: PsqlError,
    },
    /// The dump itself does not load.
    #[error("the dump itself does not load: {object} (line {line} of the dump)")]
    Dump {
        /// What the failed statement is about.
        object: String,
        /// 1-based line of the statement.
        line: usize,
        /// What the server said.
        #[source]
        source: PsqlError,
    },
    /// The copy is not its source.
    #[error("the copy is not equal to its source: {}", listed(.0))]
    Different(Vec<Difference>),
    /// The copy needs the source.
    #[error("the copy depends on its source: {}", .0.join("; "))]
    Depends(Vec<String>),
    /// The snapshot cannot be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The operating system has no random bytes for a fresh name.
    #[error("cannot make a fresh name")]
    Random(#[source] std::io::Error),
}

fn listed(differences: &[Difference]) -> String {
    let mut text = differences.iter().take(5).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if differences.len() > 5 {
        let _ = write!(text, "; and {} more", differences.len() - 5);
    }
    text
}

/// A name that nothing else has: a plain identifier.
///
/// # Errors
/// The operating system has no random bytes.
pub fn fresh_name(prefix: &str) -> std::io::Result<String> {
    let key = restrict_key()?;
    Ok(format!("{prefix}_{}", key.get(..24).unwrap_or(&key)))
}

/// Where the source is, while the proof is made.
#[derive(Clone, Copy, Debug)]
pub enum SourceOf<'a> {
    /// It is live in the database.
    Live,
    /// It is loaded from this dump, in the same transaction; a live schema of the same name is out of the way meanwhile.
    Dump {
        /// The dump.
        dump: &'a Dump,
        /// Materialized views that are filled.
        refresh: &'a [String],
    },
}

/// A script and where its statements come from.
#[derive(Default)]
pub(super) struct Script {
    text: String,
    lines: usize,
    /// First line of each statement in the script, with what it is about.
    statements: Vec<(usize, Origin)>,
}

#[derive(Clone)]
enum Origin {
    Ours,
    Dump(String, usize),
    Snapshot(String, usize),
}

impl Script {
    pub(super) fn ours(&mut self, sql: &str) {
        self.push(sql, Origin::Ours);
    }

    fn push(&mut self, sql: &str, origin: Origin) {
        self.statements.push((self.lines + 1, origin));
        self.lines += sql.matches('\n').count() + 1;
        self.text.push_str(sql);
        self.text.push_str(";\n");
    }

    fn snapshot(&mut self, rendered: &Rendered) {
        let object = rendered.object.as_ref().map_or_else(String::new, ToString::to_string);
        self.push(&rendered.sql, Origin::Snapshot(object, rendered.line.unwrap_or_default()));
    }

    /// The dump's statements as they are, but for what psql would take for its own.
    pub(super) fn dump(&mut self, dump: &Dump, schema: &str) -> Result<(), TemplateError> {
        let creates = dump
            .statements
            .iter()
            .any(|statement| statement.object.kind == ObjectKind::Schema && statement.object.action == Action::Create);
        if !creates {
            self.ours(&format!("CREATE SCHEMA {}", quote(schema)));
        }
        let nobody = TenantName::new("nobody").map_err(|_| TemplateError::Glued { line: 0 })?;
        for statement in &dump.statements {
            let template = Template::compile(&escape_placeholders(&statement.text))?;
            for compiled in &template.statements {
                let mut sql = String::new();
                compiled.render(&nobody, &mut sql)?;
                self.push(&sql, Origin::Dump(statement.object.to_string(), statement.line));
            }
        }
        Ok(())
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Names the statement that an error of psql belongs to.
    pub(super) fn explain(&self, error: PsqlError) -> ProofError {
        let PsqlError::Script { message, .. } = &error else { return ProofError::Psql(error) };
        let line = message.script.as_ref().map_or(0, |place| place.line) as usize;
        let statement = self.statements.iter().rev().find(|(first, _)| *first <= line);
        match statement.map(|(_, origin)| origin.clone()) {
            Some(Origin::Dump(object, line)) => ProofError::Dump { object, line, source: error },
            Some(Origin::Snapshot(object, line)) => ProofError::Load { object, line, source: error },
            _ => ProofError::Psql(error),
        }
    }
}

/// Loads the snapshot under a fresh name, compares it with its source, and rolls everything back.
///
/// # Errors
/// See [`ProofError`].
pub async fn prove(
    server: &Server,
    snapshot: &Snapshot,
    schema: &str,
    source: SourceOf<'_>,
    major: u32,
    live_exists: bool,
    compare: &RenderOptions,
    stop: &Stop,
) -> Result<Proof, ProofError> {
    let copy = fresh_name("stamp").map_err(ProofError::Random)?;
    let tenant = TenantName::new(copy.clone()).map_err(|_| TemplateError::Glued { line: 0 })?;
    let mut script = Script::default();
    script.ours("BEGIN");
    script.ours(&settings(server.timeout));
    if let SourceOf::Dump { dump, refresh } = source {
        if live_exists {
            let aside = fresh_name("aside").map_err(ProofError::Random)?;
            script.ours(&format!("ALTER SCHEMA {} RENAME TO {aside}", quote(schema)));
        }
        script.dump(dump, schema)?;
        for view in refresh {
            script.ours(&search_path(&[schema, "public"]));
            script.ours(&format!("REFRESH MATERIALIZED VIEW {}.{}", quote(schema), quote(view)));
        }
    }
    script.ours(&search_path(&[schema]));
    script.ours(objects(&[schema], major).trim_end().trim_end_matches(';'));
    script.ours(&settings(server.timeout));
    let options = RenderOptions { mark: false, ..compare.clone() };
    for statement in snapshot.body_for(&tenant, &options)? {
        script.snapshot(&statement);
    }
    script.ours(&search_path(&[&copy]));
    script.ours(objects(&[&copy], major).trim_end().trim_end_matches(';'));
    let depends = include_str!("depends.sql")
        .replace("$schema$", &quote_literal(schema))
        .replace("$copy$", &quote_literal(&copy));
    script.ours(depends.trim_end().trim_end_matches(';'));
    script.ours("ROLLBACK");
    let output = server
        .run_script(script.text(), &crate::pg::ScriptOptions::default(), stop)
        .await
        .map_err(|error| script.explain(error))?;
    let (mut sources, mut copies, mut depends) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for line in &output.lines {
        let Some(aspect) = serde_json::from_str(line).ok().and_then(Aspect::read) else { continue };
        if aspect.aspect == "depends on" {
            depends
                .push(format!("{} on {}", aspect.object, aspect.value.unwrap_or_default()).replace(&copy, PLACEHOLDER));
        } else if is_compared(&aspect, compare) {
            let map = if aspect.schema == copy { &mut copies } else { &mut sources };
            map.insert((aspect.kind, aspect.object, aspect.aspect), aspect.value);
        }
    }
    if !depends.is_empty() {
        return Err(ProofError::Depends(depends));
    }
    let objects =
        copies.keys().map(|(kind, object, _)| (kind, object)).collect::<std::collections::BTreeSet<_>>().len();
    let different = differences(sources, copies, &copy, schema);
    if different.is_empty() { Ok(Proof { objects }) } else { Err(ProofError::Different(different)) }
}

/// The statement that sets the transaction's `search_path`.
pub(crate) fn search_path(schemas: &[&str]) -> String {
    let path: Vec<String> = schemas.iter().map(|schema| quote(schema)).collect();
    format!("SELECT pg_catalog.set_config('search_path', {}, true)", quote_literal(&path.join(", ")))
}

fn is_compared(aspect: &Aspect, compare: &RenderOptions) -> bool {
    match aspect.aspect.as_str() {
        "owner" => compare.owners,
        "privileges" => compare.privileges && compare.owners,
        // The schema's own comment may hold a mark; it is compared by what else it says.
        "comment" => {
            !(aspect.kind == "schema" && aspect.value.as_deref().is_some_and(|text| super::strip_mark(text).is_empty()))
        }
        _ => true,
    }
}

/// Aspects of one schema's objects, by kind, object and aspect.
pub(crate) type Aspects = BTreeMap<(String, String, String), Option<String>>;

/// Compares the aspects of `schema` with those of `copy`.
pub(crate) fn differences(sources: Aspects, mut copies: Aspects, copy: &str, schema: &str) -> Vec<Difference> {
    let mut found = Vec::new();
    for ((kind, object, aspect), source) in sources {
        let counterpart = copies.remove(&(kind.clone(), object.clone(), aspect.clone()));
        let same = match (&source, &counterpart) {
            (Some(source), Some(Some(value))) => {
                let source = if kind == "schema" && aspect == "comment" { super::strip_mark(source) } else { source };
                is_same(source, value, copy, schema)
            }
            (None, Some(None)) => true,
            _ => false,
        };
        if !same {
            let copy = counterpart.map(|value| value.unwrap_or_default());
            found.push(Difference { kind, object, aspect, source: Some(source.unwrap_or_default()), copy });
        }
    }
    found.extend(copies.into_iter().map(|((kind, object, aspect), value)| Difference {
        kind,
        object,
        aspect,
        source: None,
        copy: Some(value.unwrap_or_default()),
    }));
    found
}

/// Whether a text of the copy says the same as the source's, with the source's name for the fresh one.
fn is_same(source: &str, value: &str, copy: &str, schema: &str) -> bool {
    source == value
        || source == value.replace(copy, schema)
        || source == value.replace(copy, &quote(schema))
        || unescaped(source, None) == unescaped(value, Some((copy, schema)))
}

/// The text by its tokens, identifiers by their values: `App.t`, `"app".t` and `app.t` are the same. JSON's own escapes
/// are undone first.
fn unescaped(text: &str, rename: Option<(&str, &str)>) -> String {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) if value.is_object() || value.is_array() => {
            let mut output = String::new();
            walk(&value, rename, &mut output);
            output
        }
        _ => canonical(text, rename),
    }
}

fn walk(value: &serde_json::Value, rename: Option<(&str, &str)>, output: &mut String) {
    match value {
        serde_json::Value::String(text) => output.push_str(&canonical(text, rename)),
        serde_json::Value::Array(items) => items.iter().for_each(|item| walk(item, rename, output)),
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                output.push_str(name);
                walk(field, rename, output);
            }
        }
        other => output.push_str(&other.to_string()),
    }
    output.push('\u{1}');
}

fn canonical(text: &str, rename: Option<(&str, &str)>) -> String {
    let text = as_reloaded(text);
    let text = text.as_str();
    let mut output = String::with_capacity(text.len());
    for token in tokens(text) {
        if let Some(value) = identifier_value(token, text) {
            let value = match rename {
                Some((from, to)) if value == from => to.to_owned(),
                _ => value,
            };
            output.push('"');
            output.push_str(&value);
            output.push('"');
        } else if let Some(inner) = content(token, text) {
            output.push('\'');
            match rename {
                Some((from, to)) if inner.text == from => output.push_str(&canonical(to, None)),
                _ => output.push_str(&canonical(&inner.text, rename)),
            }
            output.push('\'');
        } else {
            output.push_str(token.text(text));
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_but_for_the_name() {
        let same = |source: &str, copy: &str, schema: &str| is_same(source, copy, "stamp_1", schema);
        assert!(same("select app.t", "select stamp_1.t", "app"));
        assert!(same("select APP.t, 'App.s'", "select stamp_1.t, 'stamp_1.s'", "app"));
        assert!(same("nextval('\"My App\".s')", "nextval('stamp_1.s')", "My App"));
        assert!(same("{\"body\": \"select \\\"My App\\\".t\"}", "{\"body\": \"select stamp_1.t\"}", "My App"));
        assert!(same("SET search_path TO 'My App'", "SET search_path TO 'stamp_1'", "My App"));
        assert!(!same("select app.t", "select stamp_1.u", "app"));
        assert!(!same("select app.t", "select other.t", "app"));
        assert!(!same("select 'a'", "select 'A '", "app"));
    }
}
