//! Signatures of AWS's test suite, of botocore, and of AWS's own signer.

use std::path::Path;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use http::Request;
use seaway_aws_wire::Protocol;
use seaway_aws_wire::sigv4::{self, Expected, Identity, Payload, SecretKey, SignatureError};

use crate::support::{Recorded, at, moment, recorded_key};

const SUITE_TIME: &str = "2015-08-30T12:36:00Z";
const RECORDED_TIME: &str = "2026-11-21T06:15:45Z";

fn suite_key(id: &str) -> Option<SecretKey> {
    (id == "AKIDEXAMPLE").then(|| SecretKey::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))
}

fn verify(recorded: &Recorded, expected: &Expected<'_>) -> Result<Identity, SignatureError> {
    sigv4::verify(
        &recorded.parts,
        Payload::Signed(&recorded.body),
        &recorded_key,
        expected,
    )
}

/// A recorded request with one header changed; `None` removes it.
fn changed(name: &'static str, value: Option<&str>) -> Recorded {
    let mut recorded = Recorded::load("recorded/ecs-create-service.http");
    recorded.parts.headers.remove(name);
    if let Some(value) = value {
        recorded.parts.headers.insert(name, value.parse().unwrap());
    }
    recorded
}

/// The `Authorization` header of that request, with one piece replaced.
fn reauthorized(from: &str, to: &str) -> Recorded {
    let recorded = Recorded::load("recorded/ecs-create-service.http");
    let header = recorded.parts.headers["authorization"].to_str().unwrap();
    assert!(header.contains(from), "{from} is not in {header}");
    changed("authorization", Some(&header.replace(from, to)))
}

#[test]
fn the_signing_test_suite_verifies() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sigv4");
    let mut verified = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = name.strip_suffix(".txt") else {
            continue;
        };
        let recorded = Recorded::load(&format!("sigv4/{name}.txt"));
        let now = if name == "double-url-encode" {
            "2021-05-11T15:40:45Z"
        } else {
            SUITE_TIME
        };
        let payload = Payload::Signed(&recorded.body);
        let outcome = sigv4::verify(&recorded.parts, payload, &suite_key, &at(now));
        // These three carry a session token, and one of them doesn't sign it.
        match name {
            "post-sts-header-before" | "get-vanilla-with-session-token" => {
                assert_eq!(outcome, Err(SignatureError::SessionToken), "{name}");
            }
            "post-sts-header-after" => {
                let unsigned = SignatureError::HeaderNotSigned("x-amz-security-token");
                assert_eq!(outcome, Err(unsigned), "{name}");
            }
            _ => {
                let identity = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(identity.access_key_id, "AKIDEXAMPLE", "{name}");
            }
        }
        verified += 1;
    }
    assert_eq!(verified, 30);
}

#[test]
fn requests_of_botocore_verify() {
    for (name, service) in [
        ("ecs-create-service", "ecs"),
        ("ecs-list-service-deployments", "ecs"),
        ("ecs-register-task-definition", "ecs"),
        ("elbv2-create-rule", "elasticloadbalancing"),
        ("elbv2-create-target-group", "elasticloadbalancing"),
        ("elbv2-describe-target-groups", "elasticloadbalancing"),
        ("elbv2-register-targets", "elasticloadbalancing"),
        ("logs-put-log-events", "logs"),
        ("secretsmanager-create-secret", "secretsmanager"),
        ("secretsmanager-put-secret-value", "secretsmanager"),
        ("sts-get-caller-identity", "sts"),
    ] {
        let recorded = Recorded::load(&format!("recorded/{name}.http"));
        let expected = Expected {
            region: Some("us-east-1"),
            service: Some(service),
            ..at(RECORDED_TIME)
        };
        let identity =
            verify(&recorded, &expected).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(identity.service, service);
        assert_eq!(identity.signed_at, moment(RECORDED_TIME));
    }
}

#[test]
fn requests_of_the_rust_signer_verify() {
    for (method, uri, body) in [
        ("POST", "http://127.0.0.1:4566/", "Action=GetCallerIdentity"),
        (
            "GET",
            "http://127.0.0.1:4566/v2/a%20b/blobs/x%3Ay?z=1&a=%2F&a=",
            "",
        ),
        ("PUT", "http://127.0.0.1:4566/a/../b//c/", "{}"),
    ] {
        let signed = signed_by_rust(method, uri, body);
        verify(&signed, &at(RECORDED_TIME)).unwrap_or_else(|error| panic!("{uri}: {error}"));
    }
}

#[test]
fn a_changed_request_does_not_verify() {
    let mut recorded = Recorded::load("recorded/ecs-create-service.http");
    recorded.body.push(b' ');
    assert_eq!(
        verify(&recorded, &at(RECORDED_TIME)),
        Err(SignatureError::Mismatch)
    );

    let other = "AmazonEC2ContainerServiceV20141113.DeleteService";
    for recorded in [
        changed("x-amz-target", Some(other)),
        changed("host", Some("example.com")),
        changed("x-amz-date", Some("20261121T061546Z")),
        reauthorized("Signature=4", "Signature=5"),
        reauthorized("/us-east-1/", "/us-east-2/"),
    ] {
        assert_eq!(
            verify(&recorded, &at(RECORDED_TIME)),
            Err(SignatureError::Mismatch)
        );
    }

    let mut recorded = Recorded::load("recorded/ecs-create-service.http");
    recorded.parts.uri = "/?Action=Other".parse().unwrap();
    assert_eq!(
        verify(&recorded, &at(RECORDED_TIME)),
        Err(SignatureError::Mismatch)
    );
}

#[test]
fn what_decides_must_be_signed() {
    for (name, reduced) in [
        ("host", "content-type;x-amz-date;x-amz-target"),
        ("x-amz-date", "content-type;host;x-amz-target"),
        ("x-amz-target", "content-type;host;x-amz-date"),
    ] {
        let recorded = reauthorized("content-type;host;x-amz-date;x-amz-target", reduced);
        assert_eq!(
            verify(&recorded, &at(RECORDED_TIME)),
            Err(SignatureError::HeaderNotSigned(name))
        );
    }
    for name in ["host", "x-amz-date", "content-type"] {
        assert_eq!(
            verify(&changed(name, None), &at(RECORDED_TIME)),
            Err(SignatureError::HeaderMissing(name.to_owned()))
        );
    }
}

#[test]
fn a_signature_is_good_for_fifteen_minutes_both_ways() {
    let recorded = Recorded::load("recorded/ecs-create-service.http");
    for now in ["2026-11-21T06:00:45Z", "2026-11-21T06:30:45Z"] {
        assert!(verify(&recorded, &at(now)).is_ok(), "{now}");
    }
    assert!(matches!(
        verify(&recorded, &at("2026-11-21T06:30:46Z")),
        Err(SignatureError::Expired { .. })
    ));
    assert!(matches!(
        verify(&recorded, &at("2026-11-21T06:00:44Z")),
        Err(SignatureError::NotYetCurrent { .. })
    ));
}

#[test]
fn the_scope_must_fit() {
    let recorded = Recorded::load("recorded/ecs-create-service.http");
    let region = Expected {
        region: Some("eu-west-1"),
        ..at(RECORDED_TIME)
    };
    assert!(matches!(
        verify(&recorded, &region),
        Err(SignatureError::WrongRegion { .. })
    ));
    let service = Expected {
        service: Some("logs"),
        ..at(RECORDED_TIME)
    };
    assert!(matches!(
        verify(&recorded, &service),
        Err(SignatureError::WrongService { .. })
    ));
    let recorded = reauthorized("/20261121/", "/20261120/");
    assert_eq!(
        verify(&recorded, &at(RECORDED_TIME)),
        Err(SignatureError::DateOutsideScope)
    );
}

#[test]
fn unknown_keys_and_malformed_headers_are_told_apart() {
    assert_eq!(
        verify(&changed("authorization", None), &at(RECORDED_TIME)),
        Err(SignatureError::Missing)
    );
    assert_eq!(
        verify(
            &reauthorized("SEAWAYEXAMPLEKEY", "SOMEBODYELSE"),
            &at(RECORDED_TIME)
        ),
        Err(SignatureError::UnknownAccessKey)
    );
    assert_eq!(
        verify(
            &changed("authorization", Some("Basic YTpi")),
            &at(RECORDED_TIME)
        ),
        Err(SignatureError::Algorithm)
    );
    for (from, to) in [
        ("Credential=", "Credentials="),
        (
            ", Signature=4513d04d1f0416f2c4379cdf2be8ba91bf89130d98a87ce8140c88a4d75d31f6",
            "",
        ),
        ("Signature=4513", "Signature=451"),
        ("Signature=4513", "Signature=xyz4"),
        ("aws4_request", "aws5_request"),
        ("SEAWAYEXAMPLEKEY/", "SEAWAY/EXAMPLEKEY/"),
        ("content-type;host", "host;content-type"),
        ("content-type;host", "Content-Type;host"),
        ("SignedHeaders=content", "SignedHeaders=;content"),
        (", Signature=", ", Signature=00, Signature="),
    ] {
        let outcome = verify(&reauthorized(from, to), &at(RECORDED_TIME));
        assert!(
            matches!(outcome, Err(SignatureError::Incomplete(_))),
            "{to}: {outcome:?}"
        );
    }
}

#[test]
fn an_unsigned_payload_is_accepted_only_where_the_caller_says_so() {
    let settings = SignableBody::UnsignedPayload;
    let signed = signed_by_rust_with("PUT", "http://127.0.0.1:4566/", "uploaded", settings);
    let whole = Payload::Signed(&signed.body);
    let maybe = Payload::MaybeUnsigned(&signed.body);
    let verify = |payload| sigv4::verify(&signed.parts, payload, &recorded_key, &at(RECORDED_TIME));
    assert_eq!(verify(whole), Err(SignatureError::PayloadMismatch));
    assert!(verify(maybe).is_ok());

    let signed = signed_by_rust("PUT", "http://127.0.0.1:4566/", "uploaded");
    let other = Payload::MaybeUnsigned(b"something else");
    let outcome = sigv4::verify(&signed.parts, other, &recorded_key, &at(RECORDED_TIME));
    assert_eq!(outcome, Err(SignatureError::PayloadMismatch));
}

#[test]
fn errors_have_the_codes_that_clients_know() {
    for (error, json, query, status) in [
        (
            SignatureError::Missing,
            "MissingAuthenticationTokenException",
            "MissingAuthenticationToken",
            403,
        ),
        (
            SignatureError::Incomplete("x"),
            "IncompleteSignatureException",
            "IncompleteSignature",
            403,
        ),
        (
            SignatureError::UnknownAccessKey,
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            403,
        ),
        (
            SignatureError::Mismatch,
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            403,
        ),
    ] {
        assert_eq!(error.to_wire_error(Protocol::Json).code(), json);
        assert_eq!(error.to_wire_error(Protocol::Json).status(), 400);
        assert_eq!(error.to_wire_error(Protocol::Query).code(), query);
        assert_eq!(error.to_wire_error(Protocol::Query).status(), status);
    }
}

fn signed_by_rust(method: &str, uri: &str, body: &str) -> Recorded {
    signed_by_rust_with(method, uri, body, SignableBody::Bytes(body.as_bytes()))
}

/// A request signed by the signer of the AWS SDK for Rust.
fn signed_by_rust_with(
    method: &str,
    uri: &str,
    body: &str,
    signable: SignableBody<'_>,
) -> Recorded {
    let identity = Credentials::new(
        "SEAWAYEXAMPLEKEY",
        "seaway/example+secret/of+nothing",
        None,
        None,
        "test",
    )
    .into();
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let time: SystemTime = jiff::Timestamp::from(moment(RECORDED_TIME)).into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("ecs")
        .time(time)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let headers = [("host", "127.0.0.1:4566"), ("x-spaces", "  a   b ")];
    let signable = SignableRequest::new(method, uri, headers.into_iter(), signable).unwrap();
    let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
    let mut request = Request::builder().method(method).uri(uri).body(()).unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    instructions.apply_to_request_http1x(&mut request);
    Recorded {
        parts: request.into_parts().0,
        body: body.as_bytes().to_vec(),
    }
}
