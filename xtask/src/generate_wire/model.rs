//! The parts of a botocore `service-2.json` that the generator reads.
//!
//! Maps are ordered, so that the output is the same whatever features `serde_json` was built with.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct ServiceModel {
    pub(crate) metadata: Metadata,
    pub(crate) operations: BTreeMap<String, Operation>,
    pub(crate) shapes: BTreeMap<String, Shape>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) api_version: String,
    /// How the service can be spoken to, the preferred way first.
    pub(crate) protocols: Vec<Protocol>,
    /// Version of the JSON protocol.
    pub(crate) json_version: Option<String>,
    /// What precedes the operation's name in `X-Amz-Target` (JSON protocol), and the service's
    /// name in the path (CBOR protocol).
    pub(crate) target_prefix: Option<String>,
    /// Namespace of response documents (query protocol).
    pub(crate) xml_namespace: Option<String>,
    /// Name of the service in a signature, when it differs from `endpoint_prefix`.
    pub(crate) signing_name: Option<String>,
    pub(crate) endpoint_prefix: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    #[serde(rename = "smithy-rpc-v2-cbor")]
    Cbor,
    Json,
    Query,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operation {
    pub(crate) input: Option<Reference>,
    pub(crate) output: Option<Reference>,
    #[serde(default)]
    pub(crate) errors: Vec<Reference>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reference {
    pub(crate) shape: String,
    /// A different name on the wire; no model in use has one, and none is supported.
    pub(crate) location_name: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Type {
    Blob,
    Boolean,
    Double,
    Float,
    Integer,
    List,
    Long,
    Map,
    String,
    Structure,
    Timestamp,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shape {
    #[serde(rename = "type")]
    pub(crate) kind: Type,
    #[serde(default)]
    pub(crate) members: BTreeMap<String, Reference>,
    #[serde(default)]
    pub(crate) required: Vec<String>,
    pub(crate) member: Option<Reference>,
    pub(crate) key: Option<Reference>,
    pub(crate) value: Option<Reference>,
    #[serde(default, rename = "enum")]
    pub(crate) values: Vec<String>,
    /// Limits of a length or a value; those of doubles are written with a fraction.
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) pattern: Option<String>,
    #[serde(default)]
    pub(crate) sensitive: bool,
    #[serde(default)]
    pub(crate) document: bool,
    #[serde(default)]
    pub(crate) flattened: bool,
    #[serde(default)]
    pub(crate) fault: bool,
    pub(crate) error: Option<ErrorTrait>,
}

impl Shape {
    /// Whether the shape becomes a Rust enumeration.
    pub(crate) fn is_enumeration(&self) -> bool {
        self.kind == Type::String && !self.values.is_empty()
    }

    /// Whether the shape becomes a Rust structure.
    pub(crate) fn is_structure(&self) -> bool {
        self.kind == Type::Structure && !self.document
    }

    /// Whether the shape becomes a named Rust type.
    pub(crate) fn is_type(&self) -> bool {
        self.is_enumeration() || self.is_structure()
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorTrait {
    /// What query services call the error, when that is not its name.
    pub(crate) code: Option<String>,
    pub(crate) http_status_code: u16,
    #[serde(default)]
    pub(crate) sender_fault: bool,
}
