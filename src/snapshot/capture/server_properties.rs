//! Distinguishes properties that a server sets by itself from those that DDL sets: they differ
//! between two copies of the same script.
//!
//! Catalogs gain private fields even in minor releases; 15.20 gave every column a `pg_attver` of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use super::difference::{Difference, canonical_field, is_same, unescaped};
use crate::pg::catalog::{Aspects, ObjectId};
use crate::snapshot::template::PLACEHOLDER;

/// A property that the server sets by itself, and that no comparison counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerProperty {
    /// The property: `options: pg_attver`.
    pub property: String,
    /// The objects that have it.
    pub objects: Vec<ObjectId>,
}

impl fmt::Display for ServerProperty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.property)?;
        if let Some(first) = self.objects.first() {
            write!(formatter, " of {first}")?;
        }
        match self.objects.len() {
            0 | 1 => Ok(()),
            2 => formatter.write_str(" and 1 other object"),
            more => write!(formatter, " and {} other objects", more - 1),
        }
    }
}

/// A copy of a schema, as its catalogs have it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadedCopy<'a> {
    /// The name of its schema.
    pub(crate) name: &'a str,
    /// The value.
    pub(crate) aspects: &'a Aspects,
}

/// Removes from the differences between a schema and the first copy what differs between the copies, too.
///
/// All copies were made by the same script, so that DDL has given them the same; the properties that were removed are
/// returned along with the differences that are left.
pub(crate) fn without_server_properties(
    differences: Vec<Difference>,
    copies: &[LoadedCopy<'_>],
    schema: &str,
) -> (Vec<Difference>, Vec<ServerProperty>) {
    let mut left = Vec::new();
    let mut found: BTreeMap<String, Vec<ObjectId>> = BTreeMap::new();
    for difference in differences {
        let Some(masked) = Masked::new(&difference, copies) else {
            left.push(difference);
            continue;
        };
        for property in &masked.properties {
            found
                .entry(property.clone())
                .or_default()
                .push(difference.object.clone());
        }
        let copy = copies.first().map_or("", |copy| copy.name);
        if !is_same(
            &difference.aspect,
            &masked.source,
            &masked.copy,
            copy,
            schema,
        ) {
            left.push(Difference {
                source: Some(masked.source),
                copy: Some(masked.copy),
                ..difference
            });
        }
    }
    let properties = found
        .into_iter()
        .map(|(property, objects)| ServerProperty { property, objects })
        .collect();
    (left, properties)
}

/// The two sides of a difference without what the server sets by itself.
struct Masked {
    source: String,
    copy: String,
    properties: BTreeSet<String>,
}

impl Masked {
    /// `None` where the copies do not differ, or where one side has no such aspect at all.
    fn new(difference: &Difference, copies: &[LoadedCopy<'_>]) -> Option<Self> {
        let source = difference.source.as_deref()?;
        let values: Vec<(&str, &str)> = copies
            .iter()
            .map(|copy| {
                let value = copy.aspects.get(&difference.object, &difference.aspect)?;
                Some((copy.name, value.as_deref()?))
            })
            .collect::<Option<_>>()?;
        let (_, copy) = *values.first()?;
        let fields: Option<Vec<_>> = values
            .iter()
            .map(|(name, value)| Some((*name, fields_of(value)?)))
            .collect();
        let (Some(mut source), Some(fields)) = (fields_of(source), fields) else {
            let texts: BTreeSet<String> = values
                .iter()
                .map(|(name, value)| unescaped(value, name, PLACEHOLDER))
                .collect();
            return (texts.len() > 1).then(|| Self {
                source: String::new(),
                copy: String::new(),
                properties: BTreeSet::from([difference.aspect.clone()]),
            });
        };
        let mut copy = fields_of(copy)?;
        let names: BTreeSet<String> = fields
            .iter()
            .flat_map(|(_, fields)| fields.keys().cloned())
            .collect();
        let mut properties = BTreeSet::new();
        for name in names {
            let texts: BTreeSet<String> = fields
                .iter()
                .map(|(schema, fields)| canonical_field(fields.get(&name), schema, PLACEHOLDER))
                .collect();
            if texts.len() < 2 {
                continue;
            }
            let lists: Option<Vec<BTreeMap<&str, &str>>> = fields
                .iter()
                .map(|(_, fields)| options_of(fields.get(&name)))
                .collect();
            if let Some(private) = lists.map(|lists| differing_options(&lists)) {
                for option in private {
                    remove_option(&mut source, &name, &option);
                    remove_option(&mut copy, &name, &option);
                    properties.insert(format!("{name}: {option}"));
                }
            } else {
                source.remove(&name);
                copy.remove(&name);
                properties.insert(name);
            }
        }
        (!properties.is_empty()).then(|| Self {
            source: Value::Object(source).to_string(),
            copy: Value::Object(copy).to_string(),
            properties,
        })
    }
}

fn fields_of(value: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(value) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    }
}

/// The options of a list such as `["fillfactor=70"]`; a list that is not there has none.
fn options_of(value: Option<&Value>) -> Option<BTreeMap<&str, &str>> {
    let Some(value) = value else {
        return Some(BTreeMap::new());
    };
    value
        .as_array()?
        .iter()
        .map(|option| option.as_str()?.split_once('='))
        .collect()
}

/// The names of the options that do not have one value in all lists.
fn differing_options(lists: &[BTreeMap<&str, &str>]) -> BTreeSet<String> {
    let names: BTreeSet<&str> = lists.iter().flat_map(|list| list.keys().copied()).collect();
    names
        .into_iter()
        .filter(|name| {
            let values: BTreeSet<Option<&&str>> = lists.iter().map(|list| list.get(name)).collect();
            values.len() > 1
        })
        .map(str::to_owned)
        .collect()
}

/// Removes an option from a list, and an empty list too.
fn remove_option(fields: &mut Map<String, Value>, list: &str, option: &str) {
    let Some(Value::Array(options)) = fields.get_mut(list) else {
        return;
    };
    options.retain(|entry| {
        let name = entry.as_str().and_then(|entry| entry.split_once('='));
        name.is_none_or(|(name, _)| name != option)
    });
    if options.is_empty() {
        fields.remove(list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::catalog::ObjectAspect;

    fn aspects(schema: &str, objects: &[(&str, &str)]) -> Aspects {
        let mut all = Aspects::default();
        for (name, value) in objects {
            all.insert(ObjectAspect {
                schema: schema.to_owned(),
                object: ObjectId {
                    kind: "column".to_owned(),
                    parts: vec!["t".to_owned(), (*name).to_owned()],
                },
                aspect: "definition".to_owned(),
                value: Some((*value).to_owned()),
            })
            .unwrap();
        }
        all
    }

    fn settled(source: &str, copies: [&str; 3]) -> (usize, Vec<String>) {
        let source = aspects("app", &[("a", source)]);
        let copies: Vec<(String, Aspects)> = copies
            .iter()
            .enumerate()
            .map(|(index, value)| {
                let name = format!("stamp_{index}");
                (name.clone(), aspects(&name, &[("a", value)]))
            })
            .collect();
        let loaded: Vec<LoadedCopy<'_>> = copies
            .iter()
            .map(|(name, aspects)| LoadedCopy { name, aspects })
            .collect();
        let different =
            super::super::differences(&source, loaded[0].aspects, loaded[0].name, "app");
        let (left, properties) = without_server_properties(different, &loaded, "app");
        (
            left.len(),
            properties.iter().map(ToString::to_string).collect(),
        )
    }

    #[test]
    fn options_that_differ_between_copies_are_the_servers_own() {
        let list = |options: &str| format!("{{\"options\": [{options}], \"type\": \"integer\"}}");
        assert_eq!(
            settled(
                &list("\"n_distinct=5\", \"private=1\""),
                [
                    &list("\"n_distinct=5\", \"private=2\""),
                    &list("\"private=3\", \"n_distinct=5\""),
                    &list("\"n_distinct=5\"")
                ]
            ),
            (0, vec!["options: private of column t.a".to_owned()])
        );
        // A user's setting still counts.
        assert_eq!(
            settled(
                &list("\"n_distinct=5\", \"private=1\""),
                [
                    &list("\"private=2\""),
                    &list("\"private=3\""),
                    &list("\"private=4\"")
                ]
            )
            .0,
            1
        );
    }

    #[test]
    fn fields_and_texts_that_differ_between_copies_are_the_servers_own() {
        assert_eq!(
            settled(
                "{\"type\": \"integer\", \"stamp\": 1}",
                [
                    "{\"type\": \"integer\", \"stamp\": 2}",
                    "{\"type\": \"integer\", \"stamp\": 2}",
                    "{\"type\": \"integer\", \"stamp\": 3}"
                ]
            ),
            (0, vec!["stamp of column t.a".to_owned()])
        );
        assert_eq!(settled("1", ["2", "3", "2"]).0, 0);
    }

    #[test]
    fn what_is_the_same_in_all_copies_stays_a_difference() {
        assert_eq!(settled("select 1", ["select 2"; 3]), (1, Vec::new()));
        assert_eq!(
            settled(
                "{\"default\": \"app.f()\"}",
                [
                    "{\"default\": \"stamp_0.g()\"}",
                    "{\"default\": \"stamp_1.g()\"}",
                    "{\"default\": \"stamp_2.g()\"}"
                ]
            ),
            (1, Vec::new())
        );
    }
}
