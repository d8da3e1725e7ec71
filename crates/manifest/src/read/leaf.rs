//! Numbers, durations, booleans and free text. Bounds are part of the type, so that the reader and
//! the JSON Schema cannot disagree about them.

use schemars::{Schema, SchemaGenerator, json_schema};
use seaway_core::time::Seconds;
use toml::de::DeValue;

use crate::read::node::{Node, Read, Sink};

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number<const MIN: u32, const MAX: u32>(pub(crate) u32);

impl<const MIN: u32, const MAX: u32> Read for Number<MIN, MAX> {
    fn expected() -> String {
        format!("a whole number from {MIN} to {MAX}")
    }

    fn read(node: &Node<'_>, sink: &mut Sink) -> Option<Self> {
        let DeValue::Integer(written) = node.value else {
            let complaint = node.wrong_type(&Self::expected());
            sink.push(match node.value {
                DeValue::String(text) if text.parse::<u32>().is_ok() => {
                    complaint.help("write the number without quotes")
                }
                _ => complaint,
            });
            return None;
        };
        let number = i64::from_str_radix(written.as_str(), written.radix())
            .ok()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (MIN..=MAX).contains(number));
        if number.is_none() {
            sink.push(node.unfit(&Self::expected(), "out of range"));
        }
        number.map(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// A duration from `MIN` to `MAX` seconds, written as "10s", "15m" or "2h".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span<const MIN: u32, const MAX: u32>(pub(crate) Seconds);

impl<const MIN: u32, const MAX: u32> Read for Span<MIN, MAX> {
    fn expected() -> String {
        match MAX {
            u32::MAX => format!("a duration of at least {}", Seconds(MIN)),
            _ => format!("a duration from {} to {}", Seconds(MIN), Seconds(MAX)),
        }
    }

    fn read(node: &Node<'_>, sink: &mut Sink) -> Option<Self> {
        let DeValue::String(text) = node.value else {
            let complaint = node.wrong_type(&Self::expected());
            sink.push(match node.value {
                DeValue::Integer(number) => {
                    complaint.help(format!("write it with a unit: \"{number}s\""))
                }
                _ => complaint.help("for example \"10s\", \"15m\" or \"2h\""),
            });
            return None;
        };
        match text.parse::<Seconds>() {
            Ok(span) if (MIN..=MAX).contains(&span.0) => Some(Self(span)),
            Ok(_) => {
                sink.push(node.unfit(&Self::expected(), "out of range"));
                None
            }
            Err(reason) => {
                sink.push(
                    node.unfit(&Self::expected(), "no duration")
                        .note(reason.to_string()),
                );
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+[smh]$" })
    }
}

/// `true` or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

impl Read for Flag {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn read(node: &Node<'_>, sink: &mut Sink) -> Option<Self> {
        match node.value {
            DeValue::Boolean(flag) => Some(Self(*flag)),
            _ => {
                sink.push(node.wrong_type(&Self::expected()));
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "boolean" })
    }
}

/// Text that only its reader understands: a command's word, a variable's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

impl Read for Text {
    fn expected() -> String {
        "a string".to_owned()
    }

    fn read(node: &Node<'_>, sink: &mut Sink) -> Option<Self> {
        match node.value {
            // No process can be given it: arguments and variables end at a NUL.
            DeValue::String(text) if text.contains('\0') => {
                sink.push(node.unfit("a string without NUL characters", "holds a NUL"));
                None
            }
            DeValue::String(text) => Some(Self(text.clone().into_owned())),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => {
                sink.push(node.wrong_type(&Self::expected()).help("put it in quotes"));
                None
            }
            _ => {
                sink.push(node.wrong_type(&Self::expected()));
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}
