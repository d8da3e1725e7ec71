//! The wire of AWS: generated types of operations, their codecs, and signature verification.
//!
//! A server reads a request with [`sigv4::verify`] and [`codec::decode`], turns the body into the
//! operation's request type, and answers with [`codec::encode`] or [`codec::encode_error`].
//! Everything is synchronous, works on whole bodies and knows no clock.
//!
//! What is below [`ecs`], [`elbv2`], [`logs`], [`secretsmanager`] and [`sts`] is generated from
//! public service models by `cargo xtask generate wire`; everything else is written by hand.

pub mod codec;
pub mod error;
mod generated;
pub mod operation;
pub mod schema;
pub mod service;
pub mod sigv4;
mod string_enum;
pub mod types;
pub mod validation;

pub use error::{ErrorShape, Fault, WireError};
pub use generated::{ecs, elbv2, logs, secretsmanager, sts};
pub use operation::{AwsOperation, Operation};
pub use service::{Protocol, Service};
pub use types::{Blob, Sensitive, Timestamp};
