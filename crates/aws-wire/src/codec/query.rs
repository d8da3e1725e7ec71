//! Requests of the AWS query protocol:
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>.
//!
//! A form spells a tree out in its keys (`Tags.member.1.Key`). The shape of the request tells
//! which keys to look for, so that a key which is not in the model costs nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use http::request::Parts;
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use crate::error::{WireError, common};
use crate::operation::Operation;
use crate::schema::{Kind, Shape};
use crate::service::Service;

pub(super) fn decode(parts: &Parts, body: &[u8]) -> Result<(Operation, Value), WireError> {
    let form = Form::read(parts, body)?;
    let Some(action) = form.get("Action") else {
        let text = "The request must contain the parameter Action.";
        return Err(WireError::new(&common::MISSING_ACTION, text));
    };
    let version = form.get("Version").unwrap_or_default();
    let operation = Service::from_query_version(version)
        .and_then(|service| Operation::from_name(service, action))
        .ok_or_else(|| {
            let text = format!(
                "The action {action} is not valid for this web service in version {version:?}."
            );
            WireError::new(&common::INVALID_ACTION, text)
        })?;
    let body = form
        .value(operation.input(), "")
        .unwrap_or_else(|| Value::Object(Map::new()));
    Ok((operation, body))
}

/// A decoded form. The first of several equal keys counts.
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// The form in the body, or in the query string of a GET request.
    pub(super) fn read(parts: &Parts, body: &[u8]) -> Result<Self, WireError> {
        let bytes = match parts.method {
            Method::GET => parts.uri.query().unwrap_or_default().as_bytes(),
            _ => body,
        };
        let mut fields = BTreeMap::new();
        for pair in bytes
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
        {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let key = text(halves.next().unwrap_or_default())?;
            let value = text(halves.next().unwrap_or_default())?;
            fields.entry(key).or_insert(value);
        }
        Ok(Self(fields))
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The value at a prefix, if any key belongs to it.
    ///
    /// What does not parse stays text, which validation then refuses with its path.
    fn value(&self, shape: &Shape, prefix: &str) -> Option<Value> {
        match &shape.kind {
            Kind::Structure(members) => {
                let fields: Map<String, Value> = members
                    .iter()
                    .filter_map(|member| {
                        let value = self.value(member.shape, &join(prefix, member.name))?;
                        Some((member.name.to_owned(), value))
                    })
                    .collect();
                (!fields.is_empty() || self.has(prefix)).then_some(Value::Object(fields))
            }
            Kind::List(item) => {
                let prefix_of_items = join(prefix, "member");
                let items: Vec<Value> = self
                    .indices(&prefix_of_items)
                    .into_iter()
                    .filter_map(|at| self.value(item, &join(&prefix_of_items, at)))
                    .collect();
                // Clients write an empty list as `Name=`.
                (!items.is_empty() || self.has(prefix)).then_some(Value::Array(items))
            }
            Kind::Map(_, value_shape) => {
                let prefix_of_entries = join(prefix, "entry");
                let entries: Map<String, Value> = self
                    .indices(&prefix_of_entries)
                    .into_iter()
                    .filter_map(|at| {
                        let entry = join(&prefix_of_entries, at);
                        let key = self.get(&join(&entry, "key"))?;
                        Some((
                            key.to_owned(),
                            self.value(value_shape, &join(&entry, "value"))?,
                        ))
                    })
                    .collect();
                (!entries.is_empty() || self.has(prefix)).then_some(Value::Object(entries))
            }
            kind => self.get(prefix).map(|text| scalar(kind, text)),
        }
    }

    fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// What follows the prefix and a dot, up to the next dot, in numeric order.
    fn indices(&self, prefix: &str) -> Vec<&str> {
        let start = format!("{prefix}.");
        let found: BTreeSet<(u32, &str)> = self
            .0
            .range(start.clone()..)
            .map_while(|(key, _)| key.strip_prefix(start.as_str()))
            .filter_map(|rest| {
                let index = rest.split('.').next()?;
                Some((index.parse().ok()?, index))
            })
            .collect();
        found.into_iter().map(|(_, index)| index).collect()
    }
}

fn scalar(kind: &Kind, text: &str) -> Value {
    let parsed = match kind {
        Kind::Boolean => text.parse::<bool>().ok().map(Value::from),
        Kind::Integer | Kind::Long => text.parse::<i64>().ok().map(Value::from),
        Kind::Double => text.parse::<f64>().ok().map(Value::from),
        _ => None,
    };
    parsed.unwrap_or_else(|| Value::from(text))
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}.{name}")
    }
}

fn text(encoded: &[u8]) -> Result<String, WireError> {
    let spaced: Vec<u8> = encoded
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    percent_decode(&spaced)
        .decode_utf8()
        .map(Cow::into_owned)
        .map_err(|_| {
            WireError::new(
                &common::MALFORMED_INPUT,
                "The request contains text that is not UTF-8.",
            )
        })
}
