//! What differs between two documents, named without values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Paths of the fields in which two documents differ, values left out: they may be private.
pub(super) fn differing_fields(before: Option<&Value>, after: &Value) -> Vec<String> {
    let mut fields = vec![];
    if let Some(before) = before {
        walk(before, after, &mut String::new(), &mut fields);
    }
    fields.retain(|field| !field.ends_with(".image"));
    fields
}

fn walk(before: &Value, after: &Value, path: &mut String, fields: &mut Vec<String>) {
    if before == after {
        return;
    }
    let length = path.len();
    let mut descend = |key: &str, before: &Value, after: &Value, path: &mut String| {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        walk(before, after, path, fields);
        path.truncate(length);
    };
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let none = Value::Null;
                descend(
                    key,
                    a.get(key).unwrap_or(&none),
                    b.get(key).unwrap_or(&none),
                    path,
                );
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for (key, before, after) in paired(a, b) {
                descend(&key, &before, &after, path);
            }
        }
        _ => fields.push(path.clone()),
    }
}

/// Pairs list items by their `name` where they have one, as ECS documents do, else by position.
fn paired(a: &[Value], b: &[Value]) -> Vec<(String, Value, Value)> {
    let keyed = |items: &[Value]| -> BTreeMap<String, Value> {
        let key = |index: usize, item: &Value| {
            let name = item.get("name").and_then(|name| name.as_str());
            name.map_or_else(|| index.to_string(), str::to_owned)
        };
        items
            .iter()
            .enumerate()
            .map(|(i, item)| (key(i, item), item.clone()))
            .collect()
    };
    let (a, b) = (keyed(a), keyed(b));
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let of =
        |map: &BTreeMap<String, Value>, key: &String| map.get(key).cloned().unwrap_or_default();
    keys.into_iter()
        .map(|key| (key.clone(), of(&a, key), of(&b, key)))
        .collect()
}
