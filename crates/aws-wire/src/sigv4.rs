//! Verification of AWS Signature Version 4 in the `Authorization` header:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.
//!
//! Presigned URLs and SigV4a are not supported. Nothing here reads a clock: the caller says what
//! time it is.

mod authorization;
mod canonical;
mod error;
mod key;

use std::time::Duration;

use http::HeaderMap;
use http::request::Parts;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::types::Timestamp;
use authorization::{Authorization, Scope};

pub use error::SignatureError;
pub use key::{SecretKey, SecretKeys};

/// How far a signature's time may be from the server's, in both directions, as AWS documents it.
pub const CLOCK_SKEW: Duration = Duration::from_secs(15 * 60);

/// Header with the time of the signature.
const AMZ_DATE: &str = "x-amz-date";
/// Header with the hash of the body.
const CONTENT_SHA256: &str = "x-amz-content-sha256";
/// What the header says when the body is not part of the signature.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// Header with the token of temporary credentials.
const SECURITY_TOKEN: &str = "x-amz-security-token";
/// Headers that must be signed wherever they are present: they decide what a request does.
const MUST_BE_SIGNED: [&str; 4] = ["host", AMZ_DATE, "x-amz-target", SECURITY_TOKEN];

/// What the caller expects of a signature.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The region in the credential scope; none accepts any.
    pub region: Option<&'a str>,
    /// The signing name of the service in the credential scope; none accepts any.
    pub service: Option<&'a str>,
    /// The server's time.
    pub now: Timestamp,
    /// How far the signature's time may be from `now`; usually [`CLOCK_SKEW`].
    pub skew: Duration,
}

/// The body of a request, and whether the signature must cover it.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// The signature must cover the body.
    Signed(&'a [u8]),
    /// The client may say `UNSIGNED-PAYLOAD`, as for uploads; if it doesn't, the body is checked.
    MaybeUnsigned(&'a [u8]),
}

/// Who signed a request, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The access key id.
    pub access_key_id: String,
    /// The region that the client named.
    pub region: String,
    /// The signing name of the service that the client named.
    pub service: String,
    /// When the client signed, in its own time.
    pub signed_at: Timestamp,
}

/// Verifies the signature of a request.
///
/// Temporary credentials are refused: no keys are issued with a session token, so a token means
/// that the client took its credentials from somewhere else.
///
/// # Errors
/// The first reason not to trust the request; see [`SignatureError::to_wire_error`].
pub fn verify(
    parts: &Parts,
    payload: Payload<'_>,
    keys: &impl SecretKeys,
    expected: &Expected<'_>,
) -> Result<Identity, SignatureError> {
    let authorization = Authorization::read(&parts.headers)?;
    check_signed_headers(&parts.headers, &authorization)?;
    let signed_at = signing_time(&parts.headers, &authorization.scope, expected)?;
    check_scope(&authorization.scope, expected)?;
    if parts.headers.contains_key(SECURITY_TOKEN) {
        return Err(SignatureError::SessionToken);
    }
    let payload_hash = payload_hash(&parts.headers, payload)?;
    let secret = keys
        .secret_key(&authorization.access_key_id)
        .ok_or(SignatureError::UnknownAccessKey)?;

    let request = canonical::request(parts, &authorization.signed_headers, &payload_hash);
    let to_sign = canonical::string_to_sign(&signed_at.header, &authorization.scope, &request);
    let signature = secret.sign(&authorization.scope, to_sign.as_bytes());
    if !bool::from(signature.as_slice().ct_eq(&authorization.signature)) {
        return Err(SignatureError::Mismatch);
    }
    Ok(Identity {
        access_key_id: authorization.access_key_id,
        region: authorization.scope.region,
        service: authorization.scope.service,
        signed_at: signed_at.moment,
    })
}

/// The time of a signature, as sent and as read.
struct SigningTime {
    header: String,
    moment: Timestamp,
}

fn check_signed_headers(
    headers: &HeaderMap,
    authorization: &Authorization,
) -> Result<(), SignatureError> {
    for name in ["host", AMZ_DATE] {
        if !headers.contains_key(name) {
            return Err(SignatureError::HeaderMissing(name.to_owned()));
        }
    }
    for name in MUST_BE_SIGNED {
        if headers.contains_key(name) && !authorization.signs(name) {
            return Err(SignatureError::HeaderNotSigned(name));
        }
    }
    match authorization
        .signed_headers
        .iter()
        .find(|name| !headers.contains_key(name.as_str()))
    {
        Some(name) => Err(SignatureError::HeaderMissing(name.clone())),
        None => Ok(()),
    }
}

fn signing_time(
    headers: &HeaderMap,
    scope: &Scope,
    expected: &Expected<'_>,
) -> Result<SigningTime, SignatureError> {
    let header = headers
        .get(AMZ_DATE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let moment = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", header)
        .ok()
        .and_then(|civil| civil.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .map(|zoned| Timestamp::from(zoned.timestamp()))
        .ok_or(SignatureError::UnreadableDate)?;
    if header.get(..8) != Some(scope.date.as_str()) {
        return Err(SignatureError::DateOutsideScope);
    }
    let skew = i64::try_from(expected.skew.as_millis()).unwrap_or(i64::MAX);
    let late_by = expected.now.as_millis().saturating_sub(moment.as_millis());
    if late_by > skew {
        return Err(SignatureError::Expired {
            signed_at: moment,
            now: expected.now,
        });
    }
    if late_by < -skew {
        return Err(SignatureError::NotYetCurrent {
            signed_at: moment,
            now: expected.now,
        });
    }
    Ok(SigningTime {
        header: header.to_owned(),
        moment,
    })
}

fn check_scope(scope: &Scope, expected: &Expected<'_>) -> Result<(), SignatureError> {
    match (expected.region, expected.service) {
        (Some(region), _) if region != scope.region => {
            let (found, expected) = (scope.region.clone(), region.to_owned());
            Err(SignatureError::WrongRegion { found, expected })
        }
        (_, Some(service)) if service != scope.service => Err(SignatureError::WrongService {
            expected: service.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The hash of the body as the canonical request has it, checked against the body.
fn payload_hash(headers: &HeaderMap, payload: Payload<'_>) -> Result<String, SignatureError> {
    let claimed = headers.get(CONTENT_SHA256).map(|value| value.as_bytes());
    let body = match payload {
        Payload::MaybeUnsigned(_) if claimed == Some(UNSIGNED_PAYLOAD.as_bytes()) => {
            return Ok(UNSIGNED_PAYLOAD.to_owned());
        }
        Payload::MaybeUnsigned(body) | Payload::Signed(body) => body,
    };
    let hash = hex::encode(Sha256::digest(body));
    match claimed {
        Some(claimed) if claimed != hash.as_bytes() => Err(SignatureError::PayloadMismatch),
        _ => Ok(hash),
    }
}
