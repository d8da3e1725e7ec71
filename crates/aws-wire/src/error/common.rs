//! Errors that any service may answer with and that its model does not list.
//!
//! Source: "Common errors" of the API references, and the Smithy protocol specifications.

use super::{ErrorShape, Fault};

/// A constraint of the model is broken (JSON services of the older kind).
pub static INVALID_PARAMETER_EXCEPTION: ErrorShape = sender("InvalidParameterException", 400);
/// A constraint of the model is broken (JSON services).
pub static VALIDATION_EXCEPTION: ErrorShape = sender("ValidationException", 400);
/// A constraint of the model is broken (query services).
pub static VALIDATION_ERROR: ErrorShape = sender("ValidationError", 400);
/// A constraint of the model is broken (query services that speak JSON, too).
pub static VALIDATION_OF_QUERY: ErrorShape = ErrorShape {
    name: "ValidationException",
    ..sender("ValidationError", 400)
};

/// The request cannot be read (JSON).
pub static SERIALIZATION_EXCEPTION: ErrorShape = sender("SerializationException", 400);
/// The request cannot be read (query).
pub static MALFORMED_INPUT: ErrorShape = sender("MalformedInput", 400);
/// There is no such operation (JSON).
pub static UNKNOWN_OPERATION_EXCEPTION: ErrorShape = sender("UnknownOperationException", 400);
/// There is no such operation (query).
pub static INVALID_ACTION: ErrorShape = sender("InvalidAction", 400);
/// `Action` is absent (query).
pub static MISSING_ACTION: ErrorShape = sender("MissingAction", 400);

/// The service failed.
pub static INTERNAL_FAILURE: ErrorShape = receiver("InternalFailure", 500);
/// The service cannot answer now.
pub static SERVICE_UNAVAILABLE: ErrorShape = receiver("ServiceUnavailable", 503);
/// Too many requests.
pub static THROTTLING_EXCEPTION: ErrorShape = sender("ThrottlingException", 400);
/// Too many requests (query).
pub static THROTTLING: ErrorShape = sender("Throttling", 400);
/// The caller may not do this (JSON).
pub static ACCESS_DENIED_EXCEPTION: ErrorShape = sender("AccessDeniedException", 400);
/// The caller may not do this (query).
pub static ACCESS_DENIED: ErrorShape = sender("AccessDenied", 403);

/// There is no signature (JSON).
pub static MISSING_AUTHENTICATION_TOKEN_EXCEPTION: ErrorShape =
    sender("MissingAuthenticationTokenException", 400);
/// There is no signature (query).
pub static MISSING_AUTHENTICATION_TOKEN: ErrorShape = sender("MissingAuthenticationToken", 403);
/// The signature's parts are incomplete or malformed (JSON).
pub static INCOMPLETE_SIGNATURE_EXCEPTION: ErrorShape = sender("IncompleteSignatureException", 400);
/// The signature's parts are incomplete or malformed (query).
pub static INCOMPLETE_SIGNATURE: ErrorShape = sender("IncompleteSignature", 403);
/// The access key or the session token is unknown (JSON).
pub static UNRECOGNIZED_CLIENT_EXCEPTION: ErrorShape = sender("UnrecognizedClientException", 400);
/// The access key or the session token is unknown (query).
pub static INVALID_CLIENT_TOKEN_ID: ErrorShape = sender("InvalidClientTokenId", 403);
/// The signature is wrong or out of date (JSON).
pub static INVALID_SIGNATURE_EXCEPTION: ErrorShape = sender("InvalidSignatureException", 400);
/// The signature is wrong or out of date (query).
pub static SIGNATURE_DOES_NOT_MATCH: ErrorShape = sender("SignatureDoesNotMatch", 403);

const fn sender(code: &'static str, status: u16) -> ErrorShape {
    ErrorShape {
        name: code,
        code,
        status,
        fault: Fault::Sender,
        message_member: "message",
    }
}

const fn receiver(code: &'static str, status: u16) -> ErrorShape {
    ErrorShape {
        name: code,
        code,
        status,
        fault: Fault::Receiver,
        message_member: "message",
    }
}
