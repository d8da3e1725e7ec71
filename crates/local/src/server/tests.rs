//! Who is let in and who gets nothing, over real connections.

use std::time::{Duration, SystemTime};

use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{Method, Request, StatusCode};
use seaway_aws_wire::Service;
use serde_json::json;

use crate::launch::PlatformClient;
use crate::server::control::TaskFate;
use crate::testing::{Answer, TestPlatform};

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
const IDENTITY: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

fn identity(platform: &TestPlatform) -> Request<Vec<u8>> {
    let request = platform
        .request(Method::POST, "/")
        .header(CONTENT_TYPE, FORM);
    request.body(IDENTITY.to_vec()).unwrap()
}

fn assert_nothing(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.body.is_empty(), "{}", answer.text());
}

#[tokio::test]
async fn a_signed_request_is_answered() {
    let platform = TestPlatform::start().await;
    let answer = platform
        .query(Service::Sts, std::str::from_utf8(IDENTITY).unwrap())
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(
        answer.text().contains("<Account>000000000000</Account>"),
        "{}",
        answer.text()
    );
    assert!(answer.headers.contains_key("x-amzn-requestid"));
}

#[tokio::test]
async fn an_unsigned_request_gets_nothing() {
    let platform = TestPlatform::start().await;
    assert_nothing(&platform.send(identity(&platform)).await);
}

#[tokio::test]
async fn a_browser_gets_nothing_even_with_a_signature() {
    let platform = TestPlatform::start().await;
    let mut request = platform.sign(identity(&platform), "sts");
    request
        .headers_mut()
        .insert(ORIGIN, "http://127.0.0.1".parse().unwrap());
    assert_nothing(&platform.send(request).await);
}

#[tokio::test]
async fn a_foreign_host_gets_nothing_even_with_a_signature() {
    let platform = TestPlatform::start().await;
    let mut request = identity(&platform);
    let host = format!("rebound.example:{}", platform.connection.port);
    request.headers_mut().insert(HOST, host.parse().unwrap());
    assert_nothing(&platform.send(platform.sign(request, "sts")).await);
}

#[tokio::test]
async fn a_signature_is_good_for_fifteen_minutes() {
    let platform = TestPlatform::start().await;
    let minutes = |count: u64| SystemTime::now() - Duration::from_secs(count * 60);
    let recent = platform.sign_at(identity(&platform), "sts", minutes(14));
    assert_eq!(platform.send(recent).await.status, StatusCode::OK);
    let old = platform
        .send(platform.sign_at(identity(&platform), "sts", minutes(16)))
        .await;
    assert_eq!(old.status, StatusCode::FORBIDDEN);
    assert!(
        old.text().contains("<Code>SignatureDoesNotMatch</Code>"),
        "{}",
        old.text()
    );
    assert!(!old.text().contains("000000000000"));
}

#[tokio::test]
async fn a_changed_body_or_a_wrong_secret_is_refused() {
    let platform = TestPlatform::start().await;
    let mut changed = platform.sign(identity(&platform), "sts");
    changed.body_mut().extend_from_slice(b"&x=1");
    assert_eq!(platform.send(changed).await.status, StatusCode::FORBIDDEN);

    let other = TestPlatform::start().await;
    let foreign = other.sign(identity(&platform), "sts");
    let answer = platform.send(foreign).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer.text().contains("<Code>InvalidClientTokenId</Code>"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_signature_for_another_service_is_refused() {
    let platform = TestPlatform::start().await;
    let answer = platform
        .send(platform.sign(identity(&platform), "ecs"))
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer.text().contains("<Code>SignatureDoesNotMatch</Code>"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn an_unknown_operation_is_answered_as_aws_does() {
    let platform = TestPlatform::start().await;
    let target = "secretsmanager.RotateSecret";
    let answer = platform
        .call(Service::SecretsManager, target, json!({}))
        .await;
    assert_eq!(answer.error(), "UnknownOperationException");
    // These have wire types and no handler yet: what they lack otherwise is not of interest.
    let target = "Logs_20140328.PutLogGroupDeletionProtection";
    let answer = platform.call(Service::Logs, target, json!({})).await;
    assert_eq!(answer.error(), "UnknownOperationException");
    let target = "GraniteServiceVersion20100801.PutMetricData";
    let answer = platform.call(Service::CloudWatch, target, json!({})).await;
    assert_eq!(answer.error(), "UnknownOperationException");
    let action = "Action=AssumeRole&Version=2011-06-15";
    let answer = platform.query(Service::Sts, action).await;
    assert!(
        answer.text().contains("<Code>InvalidAction</Code>"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_service_that_is_not_here_is_named_in_every_protocol() {
    let platform = TestPlatform::start().await;
    let request = |method, path| platform.request(method, path);
    let asked = [
        ("s3", request(Method::GET, "/bucket?list-type=2"), ""),
        ("lambda", request(Method::GET, "/2015-03-31/functions/"), ""),
        (
            "ec2",
            request(Method::POST, "/").header(CONTENT_TYPE, FORM),
            "Action=DescribeVpcs&Version=2016-11-15",
        ),
        (
            "dynamodb",
            request(Method::POST, "/").header("x-amz-target", "DynamoDB_20120810.ListTables"),
            "{}",
        ),
    ];
    for (service, request, body) in asked {
        let request = request.body(body.as_bytes().to_vec()).unwrap();
        let answer = platform.send(platform.sign(request, service)).await;
        assert!(
            answer.status.is_client_error(),
            "{service}: {}",
            answer.status
        );
        let words = format!("does not have the service {service}.");
        assert!(
            answer.text().contains(&words),
            "{service}: {}",
            answer.text()
        );
        assert!(answer.headers.contains_key("x-amzn-errortype"), "{service}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_not_read() {
    let platform = TestPlatform::start().await;
    let mut request = platform.sign(identity(&platform), "sts");
    *request.body_mut() = vec![b'a'; 9 << 20];
    assert_eq!(
        platform.send(request).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn the_own_interface_answers_commands_only() {
    let platform = TestPlatform::start().await;
    let client = PlatformClient::new(platform.connection.clone());
    let ping = client.ping().await.unwrap();
    assert_eq!(ping.pid, std::process::id());
    assert_eq!(client.status().await.unwrap(), json!({ "tasks": 0 }));

    let request = platform
        .request(Method::GET, "/_seaway/v1/ping")
        .body(Vec::new())
        .unwrap();
    assert_nothing(&platform.send(request.clone()).await);
    assert_nothing(&platform.send(platform.sign(request, "sts")).await);
}

#[tokio::test]
async fn a_stranger_on_the_port_is_not_taken_for_the_platform() {
    let ours = TestPlatform::start().await;
    let stranger = TestPlatform::start().await;
    let mut connection = ours.connection.clone();
    connection.port = stranger.connection.port;
    assert!(PlatformClient::new(connection).ping().await.is_err());
}

#[tokio::test]
async fn a_command_can_ask_for_the_end() {
    let mut platform = TestPlatform::start().await;
    let client = PlatformClient::new(platform.connection.clone());
    client.shutdown(TaskFate::Keep).await.unwrap();
    client.shutdown(TaskFate::Stop).await.unwrap();
    assert_eq!(
        (&mut platform.shutdown).await.unwrap(),
        TaskFate::Keep,
        "the first wish counts"
    );
}
