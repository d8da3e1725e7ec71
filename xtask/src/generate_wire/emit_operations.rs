//! Prints `mod.rs` of a service: its description, operations and errors.

use std::fmt::Write;

use super::closure::{ChosenOperation, Closure};
use super::model::{Metadata, Protocol, Shape};
use super::names;
use super::services::Service;

/// Operations and errors, as calls of the macros that `aws-wire` keeps by hand.
pub(crate) fn emit(service: &Service, closure: &Closure) -> String {
    let mut text = format!(
        "//! Operations and errors of API version {}.\n\n\
         mod shapes;\nmod types;\n\npub use types::*;\n\n\
         use crate::operation::{{ServiceInfo, operations}};\n",
        closure.metadata.api_version
    );
    if !closure.errors.is_empty() {
        text.push_str("use crate::error::errors;\n");
    }
    text.push_str("use crate::service::Protocol;\n\n");
    text.push_str(&info(&closure.metadata));
    let _ = writeln!(text, "operations! {{\n    {};\n", service.variant);
    for operation in &closure.operations {
        text.push_str(&entry(service, operation));
    }
    text.push_str("}\n\n");
    if !closure.errors.is_empty() {
        text.push_str("errors! {\n");
        for (name, shape) in &closure.errors {
            text.push_str(&error(name, shape));
        }
        text.push_str("}\n");
    }
    text
}

fn info(metadata: &Metadata) -> String {
    let protocols = metadata.protocols.iter().map(|protocol| match protocol {
        Protocol::Cbor => "Protocol::Cbor",
        Protocol::Json => "Protocol::Json",
        Protocol::Query => "Protocol::Query",
    });
    let protocols: Vec<&str> = protocols.collect();
    format!(
        "pub(crate) static INFO: ServiceInfo = ServiceInfo {{\n\
         protocols: &[{}],\n\
         json_version: {:?},\n\
         api_version: {:?},\n\
         signing_name: {:?},\n\
         target_prefix: {:?},\n\
         xml_namespace: {:?},\n\
         }};\n\n",
        protocols.join(", "),
        metadata.json_version.as_deref().unwrap_or_default(),
        metadata.api_version,
        metadata
            .signing_name
            .as_ref()
            .unwrap_or(&metadata.endpoint_prefix),
        metadata.target_prefix.as_deref().unwrap_or_default(),
        metadata.xml_namespace.as_deref().unwrap_or_default(),
    )
}

fn entry(service: &Service, operation: &ChosenOperation) -> String {
    let ChosenOperation {
        name,
        request,
        response,
        has_output,
    } = operation;
    let input = names::constant(request);
    let output = if *has_output {
        format!("Some(&shapes::{})", names::constant(response))
    } else {
        "None".to_owned()
    };
    format!(
        "    /// <{}{name}.html>\n    \
         {name}({request}, &shapes::{input})\n        -> ({response}, {output});\n",
        service.reference
    )
}

fn error(name: &str, shape: &Shape) -> String {
    let (code, status, sender) = match &shape.error {
        Some(error) => (
            error.code.as_deref().unwrap_or(name),
            error.http_status_code,
            error.sender_fault,
        ),
        None if shape.fault => (name, 500, false),
        None => (name, 400, true),
    };
    let fault = if sender { "Sender" } else { "Receiver" };
    let message = if shape.members.contains_key("Message") {
        "Message"
    } else {
        "message"
    };
    format!("    {name} = {code:?}, {status}, {fault}, {message:?};\n")
}
