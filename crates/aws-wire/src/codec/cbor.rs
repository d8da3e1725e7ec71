//! Smithy RPC v2 CBOR: <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>.
//!
//! Bodies become the same JSON tree as those of the other protocols: binary data as base64,
//! moments as seconds since 1970. The shapes say what to make of it on the way back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use minicbor::data::{IanaTag, Tag, Type};
use minicbor::encode::Error as EncodeError;
use minicbor::{Decoder, Encoder};
use serde_json::{Map, Number, Value};
use thiserror::Error;

use crate::error::{WireError, common};
use crate::operation::Operation;
use crate::schema::{Kind, Shape};
use crate::service::Service;

pub(super) const CONTENT_TYPE: &str = "application/cbor";
/// Header that names the protocol, in requests and in responses.
pub(super) const PROTOCOL: &str = "smithy-protocol";
pub(super) const PROTOCOL_NAME: &str = "rpc-v2-cbor";
/// How deep a body may be nested; no model comes near.
const MAX_DEPTH: usize = 32;

type Written = Result<(), EncodeError<std::convert::Infallible>>;

/// Why a body cannot be read. The texts quote nothing of it.
#[derive(Debug, Error)]
enum Unreadable {
    #[error("the body is not CBOR: {0}")]
    Syntax(#[from] minicbor::decode::Error),
    #[error("the body is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    #[error("the body goes on after its end")]
    Trailing,
    #[error("the body has a value that no model has: {0}")]
    Foreign(Type),
    #[error("the body has a number that is none, or is out of range")]
    Number,
}

/// Whether a request speaks this protocol.
pub(super) fn is_spoken(parts: &Parts) -> bool {
    parts
        .headers
        .get(PROTOCOL)
        .is_some_and(|value| value.as_bytes() == PROTOCOL_NAME.as_bytes())
}

/// Service and operation in a path that ends with `service/{name}/operation/{name}`.
pub(super) fn target(parts: &Parts) -> Option<(&str, &str)> {
    let mut segments = parts.uri.path().rsplit('/');
    let operation = segments.next()?;
    segments.next().filter(|it| *it == "operation")?;
    let service = segments.next()?;
    segments.next().filter(|it| *it == "service")?;
    Some((service, operation))
}

pub(super) fn decode(parts: &Parts, body: &[u8]) -> Result<(Operation, Value), WireError> {
    let operation = target(parts)
        .and_then(|(service, name)| Operation::from_name(Service::from_path_name(service)?, name))
        .ok_or_else(|| {
            let text = format!("Unknown operation: {}", parts.uri.path());
            WireError::new(&common::UNKNOWN_OPERATION_EXCEPTION, text)
        })?;
    if body.is_empty() {
        return Ok((operation, Value::Object(Map::new())));
    }
    let value = read(body)
        .map_err(|error| WireError::new(&common::SERIALIZATION_EXCEPTION, error.to_string()))?;
    Ok((operation, value))
}

/// Writes a response.
pub(super) fn response(shape: &Shape, value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    // Writing to memory does not fail.
    let _: Written = write(&mut encoder, shape, value);
    encoder.into_writer()
}

pub(super) fn error(error: &WireError) -> Vec<u8> {
    let mut fields = Map::new();
    fields.insert("__type".to_owned(), error.shape().name.into());
    fields.insert(
        error.shape().message_member.to_owned(),
        error.message().into(),
    );
    for (name, value) in error.members() {
        fields.insert((*name).to_owned(), value.clone());
    }
    response(&DOCUMENT, &Value::Object(fields))
}

static DOCUMENT: Shape = Shape::document();

fn read(body: &[u8]) -> Result<Value, Unreadable> {
    let mut decoder = Decoder::new(body);
    let value = item(&mut decoder, 0)?;
    if decoder.position() == body.len() {
        Ok(value)
    } else {
        Err(Unreadable::Trailing)
    }
}

fn item(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, Unreadable> {
    if depth > MAX_DEPTH {
        return Err(Unreadable::TooDeep);
    }
    Ok(match decoder.datatype()? {
        Type::Null | Type::Undefined => {
            decoder.skip()?;
            Value::Null
        }
        Type::Bool => decoder.bool()?.into(),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => decoder.u64()?.into(),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => decoder.i64()?.into(),
        Type::F16 => number(half(decoder)?)?,
        Type::F32 | Type::F64 => number(decoder.f64()?)?,
        Type::String | Type::StringIndef => text(decoder)?.into(),
        Type::Bytes | Type::BytesIndef => {
            let chunks: Result<Vec<&[u8]>, _> = decoder.bytes_iter()?.collect();
            STANDARD.encode(chunks?.concat()).into()
        }
        Type::Array | Type::ArrayIndef => {
            let mut items = Vec::new();
            let mut left = decoder.array()?;
            while another(decoder, &mut left)? {
                items.push(item(decoder, depth + 1)?);
            }
            items.into()
        }
        Type::Map | Type::MapIndef => {
            let mut fields = Map::new();
            let mut left = decoder.map()?;
            while another(decoder, &mut left)? {
                let key = text(decoder)?;
                fields.insert(key, item(decoder, depth + 1)?);
            }
            fields.into()
        }
        // Moments are the only tagged values of the models; their seconds follow.
        Type::Tag => {
            decoder.tag()?;
            item(decoder, depth + 1)?
        }
        other => return Err(Unreadable::Foreign(other)),
    })
}

/// Whether an array or a map goes on; takes the end mark of one without a length.
fn another(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, Unreadable> {
    match left {
        Some(0) => Ok(false),
        Some(count) => {
            *count -= 1;
            Ok(true)
        }
        None if decoder.datatype()? == Type::Break => {
            decoder.skip()?;
            Ok(false)
        }
        None => Ok(true),
    }
}

fn text(decoder: &mut Decoder<'_>) -> Result<String, Unreadable> {
    let chunks: Result<Vec<&str>, _> = decoder.str_iter()?.collect();
    Ok(chunks?.concat())
}

/// A number of 16 bits (IEEE 754), which minicbor reads only with another crate's help.
fn half(decoder: &mut Decoder<'_>) -> Result<f64, Unreadable> {
    let at = decoder.position();
    let Some(&[_, high, low]) = decoder.input().get(at..at + 3) else {
        return Err(minicbor::decode::Error::end_of_input().into());
    };
    decoder.set_position(at + 3);
    let bits = u16::from_be_bytes([high, low]);
    let fraction = f64::from(bits & 0x3ff) / 1024.0;
    let size = match (bits >> 10) & 0x1f {
        0 => fraction * 2f64.powi(-14),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        exponent => (1.0 + fraction) * 2f64.powi(i32::from(exponent) - 15),
    };
    Ok(if bits >> 15 == 0 { size } else { -size })
}

/// Clients may write whole numbers as floating point, and moments mostly are.
fn number(value: f64) -> Result<Value, Unreadable> {
    Number::from_f64(value)
        .map(Value::Number)
        .ok_or(Unreadable::Number)
}

fn write(encoder: &mut Encoder<Vec<u8>>, shape: &Shape, value: &Value) -> Written {
    match (&shape.kind, value) {
        (Kind::Structure(members), Value::Object(fields)) => {
            let present = |name| fields.get(name).filter(|value| !value.is_null());
            let members = members.iter();
            let members: Vec<_> = members
                .filter_map(|member| Some((member, present(member.name)?)))
                .collect();
            encoder.map(length(members.len()))?;
            for (member, value) in members {
                encoder.str(member.name)?;
                write(encoder, member.shape, value)?;
            }
        }
        (Kind::List(shape), Value::Array(items)) => {
            encoder.array(length(items.len()))?;
            for item in items {
                write(encoder, shape, item)?;
            }
        }
        (Kind::Map(_, shape), Value::Object(entries)) => {
            encoder.map(length(entries.len()))?;
            for (key, value) in entries {
                encoder.str(key)?;
                write(encoder, shape, value)?;
            }
        }
        (Kind::Blob, Value::String(text)) => {
            encoder.bytes(&STANDARD.decode(text).unwrap_or_default())?;
        }
        (Kind::Timestamp, value) => {
            encoder.tag(Tag::from(IanaTag::Timestamp))?;
            encoder.f64(value.as_f64().unwrap_or_default())?;
        }
        (Kind::Double, Value::Number(number)) => {
            encoder.f64(number.as_f64().unwrap_or_default())?;
        }
        (_, value) => write_plain(encoder, value)?,
    }
    Ok(())
}

/// Writes what explains itself.
fn write_plain(encoder: &mut Encoder<Vec<u8>>, value: &Value) -> Written {
    match value {
        Value::Null => encoder.null()?,
        Value::Bool(value) => encoder.bool(*value)?,
        Value::String(text) => encoder.str(text)?,
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => encoder.u64(number)?,
            (None, Some(number)) => encoder.i64(number)?,
            (None, None) => encoder.f64(number.as_f64().unwrap_or_default())?,
        },
        Value::Array(items) => {
            encoder.array(length(items.len()))?;
            for item in items {
                write_plain(encoder, item)?;
            }
            encoder
        }
        Value::Object(fields) => {
            encoder.map(length(fields.len()))?;
            for (name, value) in fields {
                encoder.str(name)?;
                write_plain(encoder, value)?;
            }
            encoder
        }
    };
    Ok(())
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &[u8]) -> String {
        read(body).unwrap_err().to_string()
    }

    #[test]
    fn lengths_may_be_left_out() {
        // {_ "a": [_ 1, -2, 1.5], "b": (_ "x", "y"), "c": h'00ff', "d": 1(0)}
        let body = hex::decode("bf61619f0121f93e00ff61627f61786179ff61634200ff6164c100ff");
        let value = read(&body.unwrap()).unwrap();
        let expected = serde_json::json!({ "a": [1, -2, 1.5], "b": "xy", "c": "AP8=", "d": 0 });
        assert_eq!(value, expected);
    }

    #[test]
    fn numbers_of_16_bits_are_exact() {
        for (bits, value) in [
            ([0x3c, 0x00], 1.0),
            ([0xc0, 0x00], -2.0),
            ([0x7b, 0xff], 65504.0),
            ([0x00, 0x01], 5.960_464_477_539_063e-8),
            ([0x35, 0x55], 0.333_251_953_125),
        ] {
            let body = [0xf9, bits[0], bits[1]];
            assert_eq!(read(&body).unwrap().as_f64(), Some(value));
        }
        assert!(refused(&[0xf9, 0x3c]).starts_with("the body is not CBOR: "));
    }

    #[test]
    fn what_is_no_body_is_refused() {
        assert_eq!(refused(&[0xa0, 0x00]), "the body goes on after its end");
        assert_eq!(
            refused(&[0x81; 100]),
            "the body is nested more than 32 levels deep"
        );
        assert_eq!(
            refused(&[0xc1; 100]),
            "the body is nested more than 32 levels deep"
        );
        assert_eq!(
            refused(&[0xf9, 0x7e, 0x00]),
            "the body has a number that is none, or is out of range"
        );
        assert!(refused(&[0xbb; 9]).starts_with("the body is not CBOR: "));
        assert!(refused(&[0x9f]).starts_with("the body is not CBOR: "));
    }
}
