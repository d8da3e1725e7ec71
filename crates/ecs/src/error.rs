//! What the SDK says, as failures of a port: a kind for decisions and words for people.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use seaway_ports::{PortError, PortErrorKind};

/// Turns the result of an SDK call into a port's.
pub(crate) trait During<T> {
    /// The same result; a failure says what was being done, as a verb phrase.
    fn during(self, what: impl Into<String>) -> Result<T, PortError>;
}

impl<T, E, R> During<T> for Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    fn during(self, what: impl Into<String>) -> Result<T, PortError> {
        self.map_err(|error| port_error(what, &error))
    }
}

/// A member that every real answer has, and this one has not.
pub(crate) fn incomplete(what: impl Into<String>, member: &str) -> PortError {
    PortError::new(
        PortErrorKind::Unavailable,
        what,
        format!("the answer has no {member}"),
    )
}

/// A request that cannot be made from what was handed in.
pub(crate) fn invalid(what: impl Into<String>, message: impl std::fmt::Display) -> PortError {
    PortError::new(PortErrorKind::Invalid, what, message.to_string())
}

fn port_error<E, R>(what: impl Into<String>, error: &SdkError<E, R>) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let what = what.into();
    match error {
        SdkError::ServiceError(context) => {
            let answer = context.err();
            spoken(what, answer.code(), answer.message())
        }
        SdkError::ConstructionFailure(_) => invalid(what, causes(error)),
        _ => PortError::new(PortErrorKind::Unavailable, what, causes(error)),
    }
}

/// An error and what lies under it, for people: the SDK's own context ends with a debug dump.
fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let words: Vec<String> = chain.map(ToString::to_string).collect();
    words.join(": ")
}

/// A failure out of the error code and message of an AWS answer.
fn spoken(what: String, code: Option<&str>, message: Option<&str>) -> PortError {
    let code = code.unwrap_or("unknown error");
    let kind = kind(code, message.unwrap_or_default());
    let text = match message {
        Some(message) if !message.is_empty() => format!("{message} ({code})"),
        _ => code.to_owned(),
    };
    let error = PortError::new(kind, what, text);
    match hint(code) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// Codes as the models and the services' references list them. Order matters: the first fragment
/// that fits decides.
const KINDS: &[(&str, PortErrorKind)] = &[
    ("Throttl", PortErrorKind::Throttled),
    ("TooManyRequests", PortErrorKind::Throttled),
    ("RequestLimitExceeded", PortErrorKind::Throttled),
    ("AccessDenied", PortErrorKind::Denied),
    ("Unauthorized", PortErrorKind::Denied),
    ("ExpiredToken", PortErrorKind::Denied),
    ("InvalidClientTokenId", PortErrorKind::Denied),
    ("UnrecognizedClient", PortErrorKind::Denied),
    ("InvalidSignature", PortErrorKind::Denied),
    ("SignatureDoesNotMatch", PortErrorKind::Denied),
    ("BlockedException", PortErrorKind::Denied),
    ("NotFound", PortErrorKind::NotFound),
    ("Conflict", PortErrorKind::Conflict),
    ("InUse", PortErrorKind::Conflict),
    ("InProgress", PortErrorKind::Conflict),
    ("NotActive", PortErrorKind::Conflict),
    ("AlreadyExists", PortErrorKind::Conflict),
    ("Duplicate", PortErrorKind::Conflict),
    ("LimitExceeded", PortErrorKind::Conflict),
    ("OperationAborted", PortErrorKind::Conflict),
    ("ServerException", PortErrorKind::Unavailable),
    ("Internal", PortErrorKind::Unavailable),
    ("ServiceUnavailable", PortErrorKind::Unavailable),
    ("unknown error", PortErrorKind::Unavailable),
];

fn kind(code: &str, message: &str) -> PortErrorKind {
    // ECS answers a repeated CreateService with this text instead of a code of its own.
    if message.contains("not idempotent") {
        return PortErrorKind::Conflict;
    }
    // DescribeTaskDefinition has no code of its own for a revision that is not there.
    if code == "ClientException" && message.contains("Unable to describe task definition") {
        return PortErrorKind::NotFound;
    }
    let fits = |(fragment, _): &&(&str, PortErrorKind)| code.contains(fragment);
    KINDS
        .iter()
        .find(fits)
        .map_or(PortErrorKind::Invalid, |(_, kind)| *kind)
}

fn hint(code: &str) -> Option<&'static str> {
    let hint = match code {
        "ExpiredToken" | "ExpiredTokenException" => "sign in again: the credentials have expired",
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException" => {
            "the key is not this platform's: another platform may have taken its port"
        }
        "ClusterNotFoundException" => {
            "`seaway deploy` makes the cluster of a local environment, Terraform every other"
        }
        code if code.starts_with("AccessDenied") => {
            "the caller's role lacks this permission: ask for the action that the message names"
        }
        _ => return None,
    };
    Some(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::operation::describe_services::DescribeServicesError;
    use aws_sdk_ecs::types::error::ClusterNotFoundException;

    #[test]
    fn codes_decide_what_a_caller_may_conclude() {
        let cases = [
            ("ThrottlingException", PortErrorKind::Throttled),
            ("AccessDeniedException", PortErrorKind::Denied),
            ("InvalidClientTokenId", PortErrorKind::Denied),
            ("ClusterNotFoundException", PortErrorKind::NotFound),
            ("TargetGroupNotFound", PortErrorKind::NotFound),
            ("ServiceNotActiveException", PortErrorKind::Conflict),
            ("ResourceInUse", PortErrorKind::Conflict),
            ("LimitExceededException", PortErrorKind::Conflict),
            ("ServerException", PortErrorKind::Unavailable),
            ("InvalidParameterException", PortErrorKind::Invalid),
            ("ValidationError", PortErrorKind::Invalid),
            ("ClientException", PortErrorKind::Invalid),
        ];
        for (code, expected) in cases {
            assert_eq!(kind(code, ""), expected, "{code}");
        }
        let texts = [
            (
                "InvalidParameterException",
                "Creation of service was not idempotent.",
                PortErrorKind::Conflict,
            ),
            (
                "ClientException",
                "Unable to describe task definition.",
                PortErrorKind::NotFound,
            ),
        ];
        for (code, message, expected) in texts {
            assert_eq!(kind(code, message), expected, "{message}");
        }
    }

    #[test]
    fn the_message_holds_the_other_sides_words_and_code() {
        let error = spoken(
            "list the services of shop-local".into(),
            Some("ClusterNotFoundException"),
            Some("Cluster not found."),
        );
        assert_eq!(
            error.to_string(),
            "could not list the services of shop-local: Cluster not found. \
             (ClusterNotFoundException)"
        );
        assert!(error.hint.is_some());
    }

    #[test]
    fn a_call_that_got_no_answer_may_be_repeated() {
        let error: SdkError<DescribeServicesError, ()> =
            SdkError::timeout_error("no answer within 30 s");
        let error = Err::<(), _>(error).during("describe the services");
        let error = error.expect_err("a failure");
        assert!(error.is_passing());
        assert!(error.message.contains("no answer within 30 s"), "{error}");
        assert!(!error.message.contains("TimeoutError("), "{error}");
    }

    #[test]
    fn a_modelled_error_keeps_its_code() {
        let meta = aws_smithy_types::error::ErrorMetadata::builder()
            .code("ClusterNotFoundException")
            .message("Cluster not found.")
            .build();
        let answer = ClusterNotFoundException::builder().meta(meta).build();
        let error =
            SdkError::service_error(DescribeServicesError::ClusterNotFoundException(answer), ());
        let error = Err::<(), _>(error).during("describe the services");
        assert_eq!(error.expect_err("a failure").kind, PortErrorKind::NotFound);
    }
}
