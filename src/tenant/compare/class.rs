//! The classes of differences.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::pg::catalog::{Aspects, ObjectId};
use crate::snapshot::callee;
use crate::snapshot::capture::Difference;
use crate::snapshot::object::identifier_value;
use crate::sql::literal::content;
use crate::sql::{TokenKind, tokens};
use crate::text::{bounded, clip_to_difference, safe};

/// Number of characters of a definition that a message shows.
const LENGTH: usize = 120;

/// The classes of differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Only names of indexes and constraints, or the order of columns, differ. Nothing works
    /// differently.
    Cosmetic,
    /// The tenant has a real difference.
    Real,
    /// It refers to another tenant's schema.
    ForeignTenant,
}

/// A difference of a tenant, with its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriftFinding {
    /// The class of the difference.
    pub class: Class,
    /// The kind of object.
    pub kind: String,
    /// The object, without its schema.
    pub object: String,
    /// The aspect of the object.
    pub aspect: String,
    /// The value in the reference, or `None` if it has no such object.
    pub expected: Option<String>,
    /// The value in the tenant, or `None` if it has no such object.
    pub found: Option<String>,
}

/// A part of an object that differs between a tenant and its reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferingPart {
    /// The name of the part; empty for the whole object.
    pub name: String,
    /// The text in the reference, or `None` if it has no such object.
    pub expected: Option<String>,
    /// The text in the tenant, or `None` if it has no such object.
    pub found: Option<String>,
}

impl DifferingPart {
    /// Cuts texts of more than `limit` characters to where they differ.
    #[must_use]
    pub fn clipped(mut self, limit: usize) -> Self {
        if let (Some(expected), Some(found)) = (&mut self.expected, &mut self.found) {
            (*expected, *found) = clip_to_difference(expected, found, limit);
        }
        self
    }
}

impl DriftFinding {
    /// Returns the parts that differ, or the whole object if one side lacks it.
    pub fn differing_parts(&self) -> Vec<DifferingPart> {
        if let (Some(expected), Some(found)) = (&self.expected, &self.found) {
            let differing = parts(expected, found).into_iter();
            return differing
                .map(|(name, expected, found)| DifferingPart {
                    name,
                    expected: Some(expected),
                    found: Some(found),
                })
                .collect();
        }
        vec![DifferingPart {
            name: String::new(),
            expected: self.expected.as_deref().map(whole_text),
            found: self.found.as_deref().map(whole_text),
        }]
    }
}

/// Returns a definition as text: its SQL if it has some, or else a line for each field.
fn whole_text(definition: &str) -> String {
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(definition) else {
        return definition.to_owned();
    };
    if let Some(sql) = fields.get("sql").and_then(serde_json::Value::as_str) {
        return sql.to_owned();
    }
    let line = |(name, value): (&String, &serde_json::Value)| match value.as_str() {
        Some(text) => format!("{name}: {text}"),
        None => format!("{name}: {value}"),
    };
    let fields = fields.iter().filter(|(_, value)| !value.is_null());
    fields.map(line).collect::<Vec<_>>().join("\n")
}

impl fmt::Display for DriftFinding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            object,
            aspect,
            ..
        } = self;
        let object = object.escape_debug();
        match (&self.expected, &self.found) {
            _ if self.class == Class::ForeignTenant => {
                write!(
                    formatter,
                    "{kind} {object} refers to another tenant: '{}'",
                    bounded(self.found.as_deref().unwrap_or_default(), LENGTH)
                )
            }
            (Some(expected), Some(found)) if self.class == Class::Cosmetic && aspect == "name" => {
                write!(
                    formatter,
                    "{kind} {} has the name {}",
                    expected.escape_debug(),
                    found.escape_debug()
                )
            }
            (Some(expected), Some(found)) => {
                write!(formatter, "{kind} {object}")?;
                if aspect != "definition" {
                    write!(formatter, ", {aspect}")?;
                }
                for (name, expected, found) in parts(expected, found) {
                    if name == "not null" {
                        let word = |value: &str| match value {
                            "true" => "NOT NULL",
                            _ => "nullable",
                        };
                        write!(
                            formatter,
                            ": {}, should be {}",
                            word(&found),
                            word(&expected)
                        )?;
                        continue;
                    }
                    let (found, expected) = clip_to_difference(&found, &expected, LENGTH);
                    write!(
                        formatter,
                        "{}{name}: has '{}', should have '{}'",
                        if name.is_empty() { "" } else { ", " },
                        safe(&found),
                        safe(&expected)
                    )?;
                }
                Ok(())
            }
            (Some(_), None) => write!(formatter, "{kind} {object} is missing{}", aspect_of(aspect)),
            (None, Some(found)) if kind == "index" && is_invalid(found) => {
                write!(formatter, "unexpected {kind} {object}, which is invalid")
            }
            (None, _) => write!(formatter, "unexpected {kind} {object}{}", aspect_of(aspect)),
        }
    }
}

/// Returns whether the definition of an index says that it is invalid.
fn is_invalid(definition: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(definition)
        .is_ok_and(|definition| definition.get("invalid") == Some(&true.into()))
}

fn aspect_of(aspect: &str) -> String {
    if aspect == "definition" {
        String::new()
    } else {
        format!(" ({aspect})")
    }
}

/// Returns the fields that differ between two definitions, or the whole texts if they have no
/// fields.
fn parts(expected: &str, found: &str) -> Vec<(String, String, String)> {
    let object = |text: &str| match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(fields)) => Some(fields),
        _ => None,
    };
    let (Some(expected_fields), Some(found_fields)) = (object(expected), object(found)) else {
        return vec![(String::new(), expected.to_owned(), found.to_owned())];
    };
    let names: BTreeSet<&String> = expected_fields.keys().chain(found_fields.keys()).collect();
    let text = |value: Option<&serde_json::Value>| match value {
        None => "nothing".to_owned(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    names
        .into_iter()
        .filter(|name| expected_fields.get(*name) != found_fields.get(*name))
        .map(|name| {
            (
                name.clone(),
                text(expected_fields.get(name)),
                text(found_fields.get(name)),
            )
        })
        .collect()
}

/// Kinds of objects that have columns.
const RELATIONS: [&str; 5] = [
    "table",
    "view",
    "materialized view",
    "foreign table",
    "type",
];

/// Classifies the differences of one tenant. Indexes and constraints that differ only by name are
/// combined.
pub(crate) fn classify(differences: Vec<Difference>) -> Vec<DriftFinding> {
    let mut findings = Vec::new();
    let mut missing = Vec::new();
    let mut extra = Vec::new();
    // If one side lacks an object, its other aspects and its columns add nothing.
    let whole: BTreeSet<ObjectId> = differences
        .iter()
        .filter(|difference| {
            difference.aspect == "definition"
                && difference.source.is_some() != difference.copy.is_some()
        })
        .map(|difference| difference.object.clone())
        .collect();
    let is_reported = |object: &ObjectId, aspect: &str| {
        let of_table = |table: &String| {
            RELATIONS.iter().any(|kind| {
                whole.contains(&ObjectId {
                    kind: (*kind).to_owned(),
                    parts: vec![table.clone()],
                })
            })
        };
        (aspect != "definition" && whole.contains(object))
            || (object.kind == "column" && object.parts.first().is_some_and(of_table))
    };
    for Difference {
        object,
        aspect,
        source,
        copy,
    } in differences
    {
        if is_reported(&object, &aspect) {
            continue;
        }
        // Treat the tenant as the source, and the reference as its copy.
        let finding = DriftFinding {
            class: Class::Real,
            kind: object.kind.clone(),
            object: object.name(),
            aspect,
            expected: copy,
            found: source,
        };
        let may_be_renamed = matches!(finding.kind.as_str(), "index" | "constraint")
            && finding.aspect == "definition";
        match (&finding.expected, &finding.found) {
            (Some(_), Some(_)) if finding.aspect == "column order" => {
                findings.push(DriftFinding {
                    class: Class::Cosmetic,
                    ..finding
                });
            }
            (Some(_), None) if may_be_renamed => missing.push((object, finding)),
            (None, Some(_)) if may_be_renamed => extra.push((object, finding)),
            _ => findings.push(finding),
        }
    }
    for (object, lost) in missing {
        let without_name = nameless(&object, lost.expected.as_deref());
        let same = |(object, other): &(ObjectId, DriftFinding)| {
            other.kind == lost.kind && nameless(object, other.found.as_deref()) == without_name
        };
        match extra.iter().position(same) {
            Some(at) => {
                let (_, other) = extra.swap_remove(at);
                findings.push(DriftFinding {
                    class: Class::Cosmetic,
                    kind: lost.kind,
                    object: other.object.clone(),
                    aspect: "name".to_owned(),
                    expected: Some(lost.object),
                    found: Some(other.object),
                });
            }
            None => findings.push(lost),
        }
    }
    findings.extend(extra.into_iter().map(|(_, finding)| finding));
    findings.sort_by(|one, two| {
        (std::cmp::Reverse(one.class), &one.kind, &one.object).cmp(&(
            std::cmp::Reverse(two.class),
            &two.kind,
            &two.object,
        ))
    });
    findings
}

/// Returns the definition of an index or constraint with its table, but without its own name and
/// without schemas.
fn nameless(object: &ObjectId, definition: Option<&str>) -> Option<String> {
    let definition = definition?;
    if object.kind == "constraint" {
        let table = object.parts.last().map_or("", String::as_str);
        return Some(format!("{table} {definition}"));
    }
    let mut value: serde_json::Value = serde_json::from_str(definition).ok()?;
    let sql = value.get("sql")?.as_str()?.to_owned();
    let on = tokens(&sql)
        .into_iter()
        .find(|token| token.is_word(&sql, "on"))?;
    let using = tokens(&sql)
        .into_iter()
        .find(|token| token.is_word(&sql, "using"))?;
    let unique = sql.starts_with("CREATE UNIQUE");
    let behind = sql.get(using.start.max(on.start)..)?;
    let table = unqualified(
        value
            .get("table")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default(),
    )
    .to_owned();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("sql");
        fields.remove("table");
    }
    Some(format!("{unique} {table} {behind} {value}"))
}

fn unqualified(name: &str) -> &str {
    let dot = tokens(name).into_iter().find(|token| token.is(name, "."));
    dot.and_then(|dot| name.get(dot.end..)).unwrap_or(name)
}

/// The tenants whose names a definition of another tenant must not have.
#[derive(Debug)]
pub(crate) enum TenantNames<'a> {
    /// All of them.
    Known(BTreeSet<&'a str>),
    /// None are known. The words that would be looked for are collected: a few of them are sooner queried than all names.
    Collected(Mutex<BTreeSet<String>>),
}

impl TenantNames<'_> {
    /// Returns `true` if a schema is one of them.
    fn contains(&self, schema: &str) -> bool {
        match self {
            Self::Known(names) => names.contains(schema),
            Self::Collected(words) => {
                let words = &mut *words.lock().unwrap_or_else(PoisonError::into_inner);
                if !words.contains(schema) {
                    words.insert(schema.to_owned());
                }
                false
            }
        }
    }
}

/// Finds aspects of a tenant that name another tenant's schema, in code and in text.
pub(crate) fn foreign(aspects: &Aspects, own: &str, names: &TenantNames<'_>) -> Vec<DriftFinding> {
    let mut findings = Vec::new();
    // A name that the tenant's own relations have is most likely a relation: `users.id`, if a
    // tenant is called `users`.
    let relations: BTreeSet<&str> = aspects
        .iter()
        .filter_map(|(object, _, _)| match object.parts.as_slice() {
            [name] => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let is_tenant = |schema: &str| !relations.contains(schema) && names.contains(schema);
    for (object, aspect, value) in aspects.iter() {
        let Some(value) = value else { continue };
        if matches!(aspect, "owner" | "privileges" | "comment") {
            continue;
        }
        let texts = match serde_json::from_str::<serde_json::Value>(value) {
            Ok(json @ serde_json::Value::Object(_)) => strings(&json),
            _ => vec![value.to_owned()],
        };
        if let Some(text) = texts
            .iter()
            .find_map(|text| qualifier(text, own, &is_tenant))
        {
            findings.push(DriftFinding {
                class: Class::ForeignTenant,
                kind: object.kind.clone(),
                object: object.name(),
                aspect: aspect.to_owned(),
                expected: None,
                found: Some(text),
            });
        }
    }
    findings
}

fn strings(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::String(text) => vec![text.clone()],
        serde_json::Value::Array(items) => items.iter().flat_map(strings).collect(),
        serde_json::Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// Returns a qualified name in the text whose schema is another tenant.
fn qualifier(text: &str, own: &str, is_tenant: &dyn Fn(&str) -> bool) -> Option<String> {
    let tokens: Vec<_> = tokens(text)
        .into_iter()
        .filter(|token| !token.is_trivia())
        .collect();
    for (index, token) in tokens.iter().enumerate() {
        if matches!(token.kind, TokenKind::String(..) | TokenKind::Dollar(..)) {
            // The name of a configuration parameter: current_setting('app.tenant').
            let called = callee(&tokens, index, text);
            if called.is_some_and(|(name, before)| {
                matches!(name.as_str(), "current_setting" | "set_config")
                    && before.trim().is_empty()
            }) {
                continue;
            }
            let inner = content(*token, text);
            if let Some(found) = inner.and_then(|inner| qualifier(&inner.text, own, is_tenant)) {
                return Some(found);
            }
            continue;
        }
        let Some(schema) = identifier_value(*token, text) else {
            continue;
        };
        let (Some(dot), Some(name)) = (tokens.get(index + 1), tokens.get(index + 2)) else {
            continue;
        };
        // A host or a path: https://acme.com/x, support@acme.com.
        let touches = token
            .start
            .checked_sub(1)
            .and_then(|before| text.as_bytes().get(before));
        let parameter = index > 0
            && ["set", "local", "session", "reset", "show"]
                .iter()
                .any(|word| {
                    tokens
                        .get(index - 1)
                        .is_some_and(|before| before.is_word(text, word))
                });
        if parameter {
            continue;
        }
        if touches.is_some_and(|byte| matches!(byte, b'@' | b'/' | b'-' | b'#'))
            && !tokens.get(index + 3).is_some_and(|next| next.is(text, "("))
        {
            continue;
        }
        if !dot.is(text, ".")
            || schema == own
            || !is_tenant(&schema)
            || is_alias(&tokens, index, text, &schema)
        {
            continue;
        }
        let Some(name) = identifier_value(*name, text) else {
            continue;
        };
        return Some(format!("{schema}.{name}"));
    }
    None
}

/// Returns `true` if the text also has the word without a dot after it, as an alias would be.
fn is_alias(all: &[crate::sql::Token], index: usize, text: &str, word: &str) -> bool {
    all.iter().enumerate().any(|(at, token)| {
        at != index
            && identifier_value(*token, text).as_deref() == Some(word)
            && !all.get(at + 1).is_some_and(|next| next.is(text, "."))
    })
}
