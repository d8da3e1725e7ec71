//! Who the embedded platform claims to be: one fixed account in one region.

/// The account of every embedded platform; no AWS account can have it.
pub const ACCOUNT: &str = "000000000000";

/// The region of every embedded platform.
pub const REGION: &str = "us-east-1";

/// The version of this build, compared when a command meets a running platform.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version of the private interface between commands and platform
/// (`/_seaway/v1/`, files in the state directory).
pub const PROTOCOL: u32 = 1;

/// The ARN of `resource` (for example `cluster/shop`) of an AWS service.
#[must_use]
pub fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}
