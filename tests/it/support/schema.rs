//! Holds JSON against the published schema, which has few keywords; one that it does not know is a failure.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::{Map, Value};

/// Panics unless each line is as docs/json-schema.json says, without a field that it does not name.
#[track_caller]
pub(super) fn assert_documented(lines: &[Value]) {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    let schema = SCHEMA.get_or_init(|| {
        let text = include_str!("../../../docs/json-schema.json");
        serde_json::from_str(text).expect("docs/json-schema.json is JSON")
    });
    for line in lines {
        if let Err(fault) = (Schema { root: schema }).check(schema, line, "line") {
            panic!("{fault}\n{line}");
        }
    }
}

struct Schema<'a> {
    root: &'a Value,
}

impl Schema<'_> {
    /// Checks a value, and that every field of it is named by the schema.
    fn check(&self, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        let named = self.named(schema, value, place)?;
        if let (Value::Object(fields), Some(named)) = (value, named)
            && let Some(unknown) = fields.keys().find(|field| !named.contains(*field))
        {
            return Err(format!(
                "{place} has '{unknown}', which the schema does not name"
            ));
        }
        Ok(())
    }

    /// Checks a value; returns the fields that the schema names, `None` where it allows any.
    fn named(
        &self,
        schema: &Value,
        value: &Value,
        place: &str,
    ) -> Result<Option<BTreeSet<String>>, String> {
        // `true` allows anything.
        let Some(keywords) = schema.as_object() else {
            assert_eq!(schema, &Value::Bool(true), "{place}");
            return Ok(None);
        };
        let constrains = |keyword: &str| !matches!(keyword, "description" | "title" | "default");
        if !keywords.keys().any(|keyword| constrains(keyword)) {
            return Ok(None);
        }
        let mut named = BTreeSet::new();
        let mut any = false;
        for (keyword, argument) in keywords {
            match keyword.as_str() {
                "$schema" | "$defs" | "title" | "description" | "default" | "format"
                | "deprecated" | "required" | "properties" => {}
                "type" => Self::is_of_type(argument, value, place)?,
                "const" if argument == value => {}
                "enum" if argument.as_array().is_some_and(|all| all.contains(value)) => {}
                "const" | "enum" => return Err(format!("{place} is {value}, not {argument}")),
                "minimum" | "maximum" => {
                    let bounds = (value.as_f64(), argument.as_f64());
                    let (Some(number), Some(bound)) = bounds else {
                        continue;
                    };
                    let within = if keyword == "minimum" {
                        number >= bound
                    } else {
                        number <= bound
                    };
                    if !within {
                        return Err(format!("{place} is {number}, {keyword} {bound}"));
                    }
                }
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(argument, item, &format!("{place}[{index}]"))?;
                    }
                }
                "additionalProperties" => {
                    any = true;
                    for (field, item) in value.as_object().into_iter().flatten() {
                        self.check(argument, item, &format!("{place}.{field}"))?;
                    }
                }
                "$ref" => match self.named(self.definition(argument), value, place)? {
                    Some(more) => named.extend(more),
                    None => any = true,
                },
                "oneOf" | "anyOf" => {
                    let all = argument.as_array().expect("a list of schemas");
                    let found: Vec<_> = all
                        .iter()
                        .map(|schema| self.named(schema, value, place))
                        .collect();
                    let fitting = found.iter().filter(|found| found.is_ok()).count();
                    if fitting == 0 || (keyword == "oneOf" && fitting > 1) {
                        let faults = found.iter().filter_map(|found| found.as_ref().err());
                        let faults: Vec<&str> = faults.map(String::as_str).collect();
                        return Err(format!("{place} fits {fitting} of {keyword}: {faults:?}"));
                    }
                    for more in found.into_iter().flatten() {
                        match more {
                            Some(more) => named.extend(more),
                            None => any = true,
                        }
                    }
                }
                "minItems" | "maxItems" => {
                    let count = value.as_array().map_or(0, Vec::len) as u64;
                    let bound = argument.as_u64().expect("a number of items");
                    if (keyword == "minItems" && count < bound)
                        || (keyword == "maxItems" && count > bound)
                    {
                        return Err(format!("{place} has {count} items, not {keyword} {bound}"));
                    }
                }
                unknown => panic!("{place}: the keyword '{unknown}' is not known here"),
            }
        }
        if let Value::Object(fields) = value {
            let properties = keywords.get("properties").and_then(Value::as_object);
            self.check_fields(keywords, properties, fields, place)?;
            named.extend(properties.into_iter().flat_map(Map::keys).cloned());
        }
        Ok((!any).then_some(named))
    }

    fn check_fields(
        &self,
        keywords: &Map<String, Value>,
        properties: Option<&Map<String, Value>>,
        fields: &Map<String, Value>,
        place: &str,
    ) -> Result<(), String> {
        let required = keywords.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                return Err(format!("{place} lacks '{name}'"));
            }
        }
        for (name, schema) in properties.into_iter().flatten() {
            if let Some(field) = fields.get(name) {
                self.check(schema, field, &format!("{place}.{name}"))?;
            }
        }
        Ok(())
    }

    fn is_of_type(types: &Value, value: &Value, place: &str) -> Result<(), String> {
        let fits = |name: &str| match name {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_u64() || value.is_i64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            unknown => panic!("{place}: the type '{unknown}' is not known here"),
        };
        let fits = match types {
            Value::Array(all) => all.iter().filter_map(Value::as_str).any(fits),
            one => one.as_str().is_some_and(fits),
        };
        if fits {
            Ok(())
        } else {
            Err(format!("{place} is {value}, not of type {types}"))
        }
    }

    fn definition(&self, reference: &Value) -> &Value {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
        let found = pointer.and_then(|pointer| self.root.pointer(pointer));
        found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }
}

#[test]
fn what_the_schema_does_not_say_is_found() {
    let root = serde_json::json!({
        "oneOf": [
            { "type": "object", "properties": { "type": { "const": "a" } }, "$ref": "#/$defs/A", "required": ["type"] },
            { "type": "object", "properties": { "type": { "const": "b" } }, "required": ["type"] },
        ],
        "$defs": {
            "A": {
                "type": "object", "required": ["n"],
                "properties": { "n": { "type": ["integer", "null"], "minimum": 0 }, "any": true },
                "anyOf": [{ "properties": { "x": { "type": "string" } } }, { "type": "object" }],
            },
        },
    });
    let check = |line: Value| (Schema { root: &root }).check(&root, &line, "line");
    for good in [
        serde_json::json!({ "type": "a", "n": 1 }),
        serde_json::json!({ "type": "a", "n": null, "x": "y", "any": { "thing": [1] } }),
        serde_json::json!({ "type": "b" }),
    ] {
        assert_eq!(check(good), Ok(()));
    }
    for (bad, word) in [
        (serde_json::json!({ "type": "a" }), "lacks 'n'"),
        (serde_json::json!({ "type": "a", "n": -1 }), "minimum"),
        (serde_json::json!({ "type": "a", "n": "1" }), "not of type"),
        (
            serde_json::json!({ "type": "a", "n": 1, "z": 1 }),
            "does not name",
        ),
        (serde_json::json!({ "type": "b", "n": 1 }), "does not name"),
        (serde_json::json!({ "type": "c" }), "fits 0"),
    ] {
        let fault = check(bad.clone()).expect_err(&bad.to_string());
        assert!(fault.contains(word), "{bad}: {fault}");
    }
}
