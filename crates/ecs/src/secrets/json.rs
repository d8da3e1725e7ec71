//! One key of a secret that is a JSON object. Errors name no part of the value.

use serde_json::{Map, Value};
use thiserror::Error;

/// A secret into which no key can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("its present value is no JSON object: set the whole secret to replace it")]
pub(super) struct NoObject;

/// The object with `key` set; the other keys stay as they are.
pub(super) fn with_key(before: Option<&str>, key: &str, value: &str) -> Result<String, NoObject> {
    let mut object = match before {
        Some(text) if !text.trim().is_empty() => object(text).ok_or(NoObject)?,
        _ => Map::new(),
    };
    object.insert(key.to_owned(), Value::String(value.to_owned()));
    Ok(Value::Object(object).to_string())
}

/// Whether the text is an object that has the key.
pub(super) fn has_key(text: &str, key: &str) -> bool {
    object(text).is_some_and(|object| object.contains_key(key))
}

fn object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_keys_stay() {
        let object = with_key(Some(r#"{"user":"shop","url":"old"}"#), "url", "new");
        let object: Value = serde_json::from_str(&object.expect("an object")).expect("JSON");
        assert_eq!(object, serde_json::json!({"user": "shop", "url": "new"}));
        assert_eq!(
            with_key(None, "url", "new").as_deref(),
            Ok(r#"{"url":"new"}"#)
        );
    }

    #[test]
    fn a_value_that_is_no_object_is_not_overwritten_nor_shown() {
        let error = with_key(Some("hunter2"), "url", "new").expect_err("no object");
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn a_key_is_found_only_in_an_object() {
        assert!(has_key(r#"{"url":""}"#, "url"));
        assert!(!has_key(r#"{"url":""}"#, "user"));
        assert!(!has_key("url", "url"));
    }
}
