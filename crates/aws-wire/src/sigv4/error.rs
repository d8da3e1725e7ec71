//! Why a signature is not trusted, and how AWS says so.

use thiserror::Error;

use crate::error::{ErrorShape, WireError, common};
use crate::service::Protocol;
use crate::types::Timestamp;

/// Why a signature is not trusted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignatureError {
    /// There is no `Authorization` header.
    #[error("Request is missing Authentication Token")]
    Missing,
    /// The header does not say `AWS4-HMAC-SHA256`.
    #[error("Unsupported AWS 'algorithm': only AWS4-HMAC-SHA256 is supported")]
    Algorithm,
    /// The header lacks a part, or a part can't be read.
    #[error("The Authorization header is incomplete: {0}")]
    Incomplete(&'static str),
    /// `X-Amz-Date` is not `YYYYMMDD'T'HHMMSS'Z'`.
    #[error("Date must be in ISO-8601 'basic format' in the X-Amz-Date header")]
    UnreadableDate,
    /// A header that is signed, or that must be, is not there.
    #[error("The header '{0}' is required and is not there")]
    HeaderMissing(String),
    /// A header that decides what the request does is not signed.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization")]
    HeaderNotSigned(&'static str),
    /// The scope's date is not that of `X-Amz-Date`.
    #[error(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"
    )]
    DateOutsideScope,
    /// The signature is too old.
    #[error("Signature expired: {signed_at} is too far before {now}, the time of this server")]
    Expired {
        /// The client's time.
        signed_at: Timestamp,
        /// The server's time.
        now: Timestamp,
    },
    /// The signature is from the future.
    #[error(
        "Signature not yet current: {signed_at} is too far after {now}, the time of this server"
    )]
    NotYetCurrent {
        /// The client's time.
        signed_at: Timestamp,
        /// The server's time.
        now: Timestamp,
    },
    /// The scope names another region.
    #[error("Credential should be scoped to a valid region, not '{found}': this is '{expected}'.")]
    WrongRegion {
        /// The client's region.
        found: String,
        /// The server's region.
        expected: String,
    },
    /// The scope names another service.
    #[error("Credential should be scoped to correct service: '{expected}'.")]
    WrongService {
        /// The service that the request is for.
        expected: String,
    },
    /// The credentials are temporary ones, which this server does not issue.
    #[error("The security token included in the request is invalid.")]
    SessionToken,
    /// Nobody has this access key.
    #[error("The security token included in the request is invalid.")]
    UnknownAccessKey,
    /// The body is not the one whose hash was sent.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    PayloadMismatch,
    /// The signature is not the one that the secret key makes of this request.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check \
         your AWS Secret Access Key and signing method. Consult the service documentation for \
         details."
    )]
    Mismatch,
}

impl SignatureError {
    /// The error that AWS services answer in a protocol.
    pub fn to_wire_error(&self, protocol: Protocol) -> WireError {
        WireError::new(self.shape(protocol), self.to_string())
    }

    fn shape(&self, protocol: Protocol) -> &'static ErrorShape {
        let (json, query) = match self {
            Self::Missing => (
                &common::MISSING_AUTHENTICATION_TOKEN_EXCEPTION,
                &common::MISSING_AUTHENTICATION_TOKEN,
            ),
            Self::Algorithm
            | Self::Incomplete(_)
            | Self::UnreadableDate
            | Self::HeaderMissing(_) => (
                &common::INCOMPLETE_SIGNATURE_EXCEPTION,
                &common::INCOMPLETE_SIGNATURE,
            ),
            Self::SessionToken | Self::UnknownAccessKey => (
                &common::UNRECOGNIZED_CLIENT_EXCEPTION,
                &common::INVALID_CLIENT_TOKEN_ID,
            ),
            Self::HeaderNotSigned(_)
            | Self::DateOutsideScope
            | Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::WrongRegion { .. }
            | Self::WrongService { .. }
            | Self::PayloadMismatch
            | Self::Mismatch => (
                &common::INVALID_SIGNATURE_EXCEPTION,
                &common::SIGNATURE_DOES_NOT_MATCH,
            ),
        };
        match protocol {
            Protocol::Cbor | Protocol::Json => json,
            Protocol::Query => query,
        }
    }
}
