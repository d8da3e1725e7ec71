//! Responses of the AWS query protocol, in the order of the model's members.

use quick_xml::escape::escape;
use serde_json::Value;

use super::request_id::RequestId;
use crate::error::{Fault, WireError};
use crate::operation::Operation;
use crate::schema::{Kind, Shape};
use crate::service::Service;
use crate::types::Timestamp;

pub(super) const CONTENT_TYPE: &str = "text/xml";
/// Namespace of errors that come before any service is known.
const FAULT_NAMESPACE: &str = "http://webservices.amazon.com/AWSFault/2005-15-09";

/// `<XResponse><XResult>..</XResult><ResponseMetadata>..</ResponseMetadata></XResponse>`.
pub(super) fn response(operation: Operation, value: &Value, id: &RequestId) -> String {
    let name = operation.name();
    let namespace = escape(operation.service().xml_namespace());
    let mut xml = format!("<{name}Response xmlns=\"{namespace}\">\n");
    if let Some(shape) = operation.output() {
        element(&mut xml, &format!("{name}Result"), shape, value);
        xml.push('\n');
    }
    xml.push_str(&format!(
        "<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\n</{name}Response>\n"
    ));
    xml
}

pub(super) fn error(service: Option<Service>, error: &WireError, id: &RequestId) -> String {
    let namespace = escape(service.map_or(FAULT_NAMESPACE, Service::xml_namespace));
    let fault = match error.shape().fault {
        Fault::Sender => "Sender",
        Fault::Receiver => "Receiver",
    };
    let code = escape(error.code());
    let message = text(error.message());
    format!(
        "<ErrorResponse xmlns=\"{namespace}\">\n\
         <Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error>\n\
         <RequestId>{id}</RequestId>\n</ErrorResponse>\n"
    )
}

/// Element names come from the model and need no escaping.
fn element(xml: &mut String, name: &str, shape: &Shape, value: &Value) {
    xml.push_str(&format!("<{name}>"));
    content(xml, shape, value);
    xml.push_str(&format!("</{name}>"));
}

fn content(xml: &mut String, shape: &Shape, value: &Value) {
    match (&shape.kind, value) {
        (Kind::Structure(members), Value::Object(fields)) => {
            for member in *members {
                match fields.get(member.name) {
                    None | Some(Value::Null) => {}
                    Some(value) => element(xml, member.name, member.shape, value),
                }
            }
        }
        (Kind::List(item), Value::Array(items)) => {
            for value in items {
                element(xml, "member", item, value);
            }
        }
        (Kind::Map(key_shape, value_shape), Value::Object(entries)) => {
            for (key, value) in entries {
                xml.push_str("<entry>");
                element(xml, "key", key_shape, &Value::from(key.as_str()));
                element(xml, "value", value_shape, value);
                xml.push_str("</entry>");
            }
        }
        (Kind::Timestamp, value) => {
            let moment = value
                .as_f64()
                .and_then(|it| Timestamp::from_seconds(it).ok());
            xml.push_str(&moment.map(Timestamp::to_iso8601).unwrap_or_default());
        }
        (_, Value::String(value)) => xml.push_str(&text(value)),
        (_, Value::Null) => {}
        (_, value) => xml.push_str(&text(&value.to_string())),
    }
}

/// Escapes text; characters that XML 1.0 cannot carry at all become U+FFFD.
fn text(value: &str) -> String {
    let allowed = |c: char| {
        matches!(c, '\t' | '\n' | '\r') || c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    let clean: String = value
        .chars()
        .map(|c| if allowed(c) { c } else { '\u{fffd}' })
        .collect();
    escape(clean).replace('\r', "&#13;")
}
