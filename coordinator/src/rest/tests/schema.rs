//! Whether a value is what a schema of the document says: as much of JSON Schema as the document uses.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Keywords that say nothing of a value here. `format` is looked at for times alone.
const SAYS_NOTHING: [&str; 7] =
    ["title", "description", "default", "examples", "format", "maxLength", "pattern"];

/// Everything in which `value` is not as `schema` says, each with its place.
pub(super) fn mistakes(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(document, schema, value, "$", &BTreeSet::new(), &mut found);
    found
}

/// `elsewhere` are the fields that the schemas know which this one is put together with.
fn check(
    document: &Value,
    schema: &Value,
    value: &Value,
    at: &str,
    elsewhere: &BTreeSet<String>,
    found: &mut Vec<String>,
) {
    let rules = match schema {
        Value::Bool(true) => return,
        Value::Object(rules) => rules,
        _ => return found.push(format!("{at}: no value is allowed here")),
    };
    let inside = |schema: &Value, value: &Value, at: &str| {
        let mut found = Vec::new();
        check(document, schema, value, at, &BTreeSet::new(), &mut found);
        found
    };
    let mut known = elsewhere.clone();
    known.extend(
        rules
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|p| p.0.clone()),
    );
    let own = |schema: &Value, value: &Value, at: &str| {
        let mut found = Vec::new();
        check(document, schema, value, at, &known, &mut found);
        found
    };
    for (keyword, rule) in rules {
        match keyword.as_str() {
            "$ref" => {
                let pointer = rule.as_str().unwrap().trim_start_matches('#');
                let target = document.pointer(pointer).expect("every reference leads somewhere");
                found.extend(own(target, value, at));
            }
            "type" if !is_of(rule, value) => found.push(format!("{at}: {value} is no {rule}")),
            "const" if rule != value => found.push(format!("{at}: {value} is not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => {
                found.push(format!("{at}: {value} is none of {rule}"));
            }
            "minimum" if value.as_f64().is_some_and(|value| value < rule.as_f64().unwrap()) => {
                found.push(format!("{at}: {value} is below {rule}"));
            }
            "allOf" => {
                found.extend(rule.as_array().unwrap().iter().flat_map(|s| own(s, value, at)));
            }
            "anyOf" | "oneOf" => {
                let options = rule.as_array().unwrap().iter().map(|s| own(s, value, at));
                let fewest = options.min_by_key(Vec::len).unwrap_or_default();
                found.extend(fewest);
            }
            "properties" | "required" | "additionalProperties" => {}
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(inside(rule, item, &format!("{at}[{index}]")));
                }
            }
            "type" | "const" | "enum" | "minimum" => {}
            "minItems" | "maxItems" | "prefixItems" | "maximum" | "writeOnly" | "readOnly" => {}
            other => assert!(SAYS_NOTHING.contains(&other), "{at}: what is `{other}`?"),
        }
    }
    if rules.get("format").is_some_and(|format| format == "date-time") && !is_time(value) {
        found.push(format!("{at}: {value} is no time"));
    }
    if let Value::Object(fields) = value {
        fields_of(rules, fields, at, elsewhere, found, &inside);
    }
}

fn fields_of(
    rules: &Map<String, Value>,
    fields: &Map<String, Value>,
    at: &str,
    elsewhere: &BTreeSet<String>,
    found: &mut Vec<String>,
    inside: &dyn Fn(&Value, &Value, &str) -> Vec<String>,
) {
    for name in rules.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !fields.contains_key(name.as_str().unwrap()) {
            found.push(format!("{at}: {name} is missing"));
        }
    }
    let known = rules.get("properties").and_then(Value::as_object);
    for (name, value) in fields {
        let at = format!("{at}.{name}");
        if elsewhere.contains(name) {
            continue;
        }
        match (known.and_then(|known| known.get(name)), rules.get("additionalProperties")) {
            (Some(rule), _) | (None, Some(rule)) => found.extend(inside(rule, value, &at)),
            // What the document does not tell of, nobody can rely on. Parts that are put together
            // each know some of the fields.
            (None, None) if known.is_some() && !rules.contains_key("oneOf") => {
                found.push(format!("{at}: the document does not know it"));
            }
            (None, None) => {}
        }
    }
}

fn is_of(rule: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("what is a `{other}`?"),
    };
    match rule {
        Value::Array(names) => names.iter().any(|name| is(name.as_str().unwrap())),
        name => is(name.as_str().unwrap()),
    }
}

fn is_time(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    text.len() == "2026-12-01T12:30:05.123Z".len() && text.ends_with('Z') && &text[10..11] == "T"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::mistakes;

    #[test]
    fn what_a_schema_does_not_say_is_found() {
        let document = json!({ "components": { "schemas": { "A": {
            "type": "object", "required": ["a"],
            "properties": { "a": { "type": ["integer", "null"] }, "b": { "enum": ["x"] } },
        } } } });
        let schema = json!({ "$ref": "#/components/schemas/A" });
        for (value, wrong) in [
            (json!({ "a": 1 }), 0),
            (json!({ "a": null, "b": "x" }), 0),
            (json!({ "b": "y" }), 2),
            (json!({ "a": 1.5, "c": 1 }), 2),
            (json!([]), 1),
        ] {
            assert_eq!(mistakes(&document, &schema, &value).len(), wrong, "{value}");
        }
    }
}
