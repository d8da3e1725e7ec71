//! Signatures of requests, checked against the platform's access keys.

use http::header::AUTHORIZATION;
use http::request::Parts;
use seaway_aws_wire::Timestamp;
use seaway_aws_wire::sigv4::{self, Expected, Identity, Payload, SecretKey, SignatureError};

use super::guard::AccessKeys;
use crate::clock::EpochMillis;

/// Whether a request claims to be signed; others are not even read.
pub(super) fn is_signed(request: &Parts) -> bool {
    request.headers.contains_key(AUTHORIZATION)
}

/// Who signed the request, for which service, when not longer than 15 minutes ago.
/// Any region is accepted: a client's configured region says nothing about this platform.
pub(super) fn verify(
    request: &Parts,
    body: &[u8],
    keys: &AccessKeys,
    now: EpochMillis,
) -> Result<Identity, SignatureError> {
    let now = Timestamp::from_millis(now.0).map_err(|_| SignatureError::UnreadableDate)?;
    let expected = Expected {
        region: None,
        service: None,
        now,
        skew: sigv4::CLOCK_SKEW,
    };
    let secret = |access_key_id: &str| {
        let secret = keys.secret_of(access_key_id)?;
        Some(SecretKey::new(secret.expose()))
    };
    sigv4::verify(request, Payload::Signed(body), &secret, &expected)
}
