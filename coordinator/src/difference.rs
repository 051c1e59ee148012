//! What differs between two budget.yaml files, field by field.

use serde_json::Value;
use sweep_core::spec::SweepSpec;

/// The differing fields in one sentence: `budget: 20 min -> 30 min`. Empty for equal specs.
pub(crate) fn describe(submitted: &SweepSpec, asked: &SweepSpec) -> String {
    let value = |spec: &SweepSpec| serde_json::to_value(spec).unwrap_or(Value::Null);
    let mut found = Vec::new();
    compare("", &value(submitted), &value(asked), &mut found);
    found.join("; ")
}

fn compare(path: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let dot = if path.is_empty() { "" } else { "." };
                let null = &Value::Null;
                let (old, new) = (a.get(key).unwrap_or(null), b.get(key).unwrap_or(null));
                compare(&format!("{path}{dot}{key}"), old, new, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (old, new)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{index}]"), old, new, found);
            }
        }
        _ if old == new => {}
        _ => found.push(format!("{path}: {} -> {}", shown(old), shown(new))),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_each_field_with_both_values() {
        let yaml = "apiVersion: sweepctl/v1\nname: a\nbudget: 20 min\nclasses: [5s]\narms:\n  - name: \
                    gpt\n    family: gpt\n    sizes: [mini]\n";
        let submitted = sweep_core::spec::parse(yaml).unwrap();
        let asked = yaml.replace("20 min", "30 min").replace("[5s]", "[5s, 6s]");
        let asked = sweep_core::spec::parse(&asked).unwrap();
        assert_eq!(
            describe(&submitted, &asked),
            "budget: 1200000ms -> 1800000ms; classes: [\"5000ms\"] -> [\"5000ms\",\"6000ms\"]"
        );
        assert_eq!(describe(&submitted, &submitted), "");
    }
}
