//! The wire of AWS: generated types of operations, their codecs, and signature verification.
//!
//! A server reads a request with [`sigv4::verify`] and [`codec::decode`], turns the body into the
//! operation's request type, and answers with [`codec::encode`] or [`codec::encode_error`].
//! Everything is synchronous, works on whole bodies and knows no clock.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use seaway_aws_wire::codec::{self, RequestId};
//! use seaway_aws_wire::{Operation, ecs};
//!
//! let target = "AmazonEC2ContainerServiceV20141113.ListClusters";
//! let request = http::Request::post("/").header("x-amz-target", target).body(())?;
//! let (parts, ()) = request.into_parts();
//! let decoded = codec::decode(&parts, br#"{"maxResults": 10}"#)?;
//! assert_eq!(decoded.operation(), Operation::Ecs(ecs::Operation::ListClusters));
//!
//! let request = decoded.parse::<ecs::ListClusters>()?;
//! assert_eq!(request.max_results, Some(10));
//!
//! let answer = ecs::ListClustersResponse { cluster_arns: Some(vec![]), next_token: None };
//! let dialect = codec::dialect(&parts, b"");
//! let response = codec::encode::<ecs::ListClusters>(dialect, &answer, &RequestId::new(1))?;
//! assert_eq!(response.body(), r#"{"clusterArns":[]}"#);
//! # Ok(())
//! # }
//! ```
//!
//! What is below [`cloudwatch`], [`ecr`], [`ecs`], [`elbv2`], [`logs`], [`secretsmanager`],
//! [`ssm`] and [`sts`] is generated from public service models by `cargo xtask generate wire`;
//! everything else is written by hand.

pub mod codec;
pub mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod generated;
pub mod operation;
pub mod schema;
pub mod service;
pub mod sigv4;
mod string_enum;
pub mod types;
pub mod validation;

pub use error::{ErrorShape, Fault, WireError};
pub use generated::{cloudwatch, ecr, ecs, elbv2, logs, secretsmanager, ssm, sts};
pub use operation::{AwsOperation, Operation};
pub use service::{Protocol, Service};
pub use types::{Blob, Sensitive, Timestamp};
