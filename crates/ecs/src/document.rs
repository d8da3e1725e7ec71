//! The finished documents in AWS JSON form, as types: rendered, digested, recorded, applied.
//!
//! Unknown fields are refused when a document is read back: a record written by a newer Seaway is
//! not applied in part.

mod check;
mod infrastructure;
mod service;
mod task_definition;

use serde::Serialize;
use serde::de::DeserializeOwned;

use seaway_core::desired::Document;
use seaway_ports::PortError;

use crate::error::invalid;

pub(crate) use check::Check;
pub(crate) use infrastructure::{
    Infrastructure, LoadBalancer, LogGroup, Rule, Scheme, Specificity, TargetGroup, specificity,
};
pub(crate) use service::{
    Attachment, CircuitBreaker, DeploymentConfiguration, NetworkConfiguration, Settings,
};
pub(crate) use task_definition::{
    Container, LogConfiguration, MountPoint, PortMapping, SecretVariable, TaskDefinition, Variable,
    Volume,
};

/// Wraps a typed document.
pub(crate) fn finished(document: &impl Serialize) -> Result<Document, PortError> {
    let body = serde_json::to_value(document).map_err(|error| invalid("render", error))?;
    Ok(Document::new(body))
}

/// Reads a document that was rendered, now or by an earlier release.
pub(crate) fn read<T: DeserializeOwned>(what: &str, document: &Document) -> Result<T, PortError> {
    T::deserialize(&document.body)
        .map_err(|error| invalid(format!("read the {what} of the plan"), error))
}
