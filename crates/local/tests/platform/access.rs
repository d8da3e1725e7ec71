//! What others are let in with: a second key, and a token for resets.

use std::time::Duration;

use http::header::HOST;
use http::{Method, Request, StatusCode};
use seaway_local::access::{Access, KeyPair, ResetToken};
use seaway_local::faults::{FaultKind, Injection};
use seaway_local::launch::{Changed, Connection, PlatformClient, change_access, restart};
use seaway_local::redacted::Redacted;
use serde_json::{Value, json};

use crate::api::{self, ECS, LOGS, PARAMETERS, SECRETS};
use crate::harness::{run, tests};
use crate::services;
use crate::stage::{Stage, options, own_binary, text};

tests![
    a_second_key_is_accepted_until_it_is_taken_back,
    seaways_own_interface_does_not_know_the_second_key,
    a_reset_empties_everything_and_the_platform_works_on,
    requests_wait_while_the_platform_is_emptied,
    a_reset_without_its_token_gets_nothing,
];

const SUITE: &str = "AKIDSUITE";
const TOKEN: &str = "x-seaway-reset-token";

/// Opens the platform of a stage as `change` says, and starts it anew.
async fn open(stage: &mut Stage, change: impl FnOnce(&mut Access)) {
    let changed = change_access(&stage.state, change).await.unwrap();
    assert_eq!(changed, Changed::AtNextStart);
    stage.connection = restart(&stage.state, &options(&own_binary()))
        .await
        .unwrap();
}

async fn with_token(stage: &mut Stage) -> String {
    let (token, kept) = ResetToken::generate();
    open(stage, |access| access.reset_token = Some(kept)).await;
    token.expose().to_owned()
}

fn second_key(access: &mut Access) {
    access.second_key = Some(KeyPair {
        id: SUITE.parse().unwrap(),
        secret: Redacted::new("open sesame"),
    });
}

/// The stage's platform as a client with other credentials sees it.
fn with_credentials(stage: &Stage, secret: &str) -> Connection {
    Connection {
        access_key_id: SUITE.to_owned(),
        secret_access_key: Redacted::new(secret),
        ..stage.connection.clone()
    }
}

async fn clusters(to: &Connection) -> Result<Value, String> {
    let answer = api::call(to, ECS, "ListClusters", &json!({})).await;
    answer.map_err(|(code, _)| code)
}

/// Asks for a reset with these headers and no signature.
async fn reset(stage: &Stage, method: Method, headers: &[(&str, &str)]) -> StatusCode {
    let host = format!("127.0.0.1:{}", stage.connection.port);
    let mut request = Request::builder()
        .method(method)
        .uri("/_seaway/v1/reset")
        .header(HOST, host);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Vec::new()).unwrap();
    let (status, body) = api::send(&stage.connection, request).await;
    assert!(body.is_empty(), "{status}: {body:?}");
    status
}

fn a_second_key_is_accepted_until_it_is_taken_back() {
    run(async {
        let mut stage = Stage::start().await;
        let unknown = Err("UnrecognizedClientException".to_owned());
        let suite = with_credentials(&stage, "open sesame");
        assert_eq!(clusters(&suite).await, unknown, "off by default");

        open(&mut stage, second_key).await;
        let suite = with_credentials(&stage, "open sesame");
        assert!(clusters(&suite).await.is_ok());
        assert!(clusters(&stage.connection).await.is_ok(), "besides its own");
        api::push_image(&suite, json!({ "User": "suite" })).await;
        let guessed = clusters(&with_credentials(&stage, "sesame")).await;
        assert_eq!(guessed, Err("InvalidSignatureException".to_owned()));

        stage.kill_platform().await;
        stage.restart().await;
        let suite = with_credentials(&stage, "open sesame");
        assert!(clusters(&suite).await.is_ok(), "kept for later starts");

        open(&mut stage, |access| *access = Access::default()).await;
        let suite = with_credentials(&stage, "open sesame");
        assert_eq!(clusters(&suite).await, unknown, "taken back");
    });
}

fn seaways_own_interface_does_not_know_the_second_key() {
    run(async {
        let mut stage = Stage::start().await;
        open(&mut stage, second_key).await;
        let suite = PlatformClient::new(with_credentials(&stage, "open sesame"));
        for refused in [suite.status().await.map(drop), suite.reset().await] {
            let reason = refused.unwrap_err().to_string();
            assert!(reason.ends_with("answered 403 Forbidden"), "{reason}");
        }
        let own = PlatformClient::new(stage.connection.clone());
        assert_eq!(own.status().await.unwrap()["access_key_id"], SUITE);
    });
}

fn a_reset_empties_everything_and_the_platform_works_on() {
    run(async {
        let mut stage = Stage::start().await;
        let token = with_token(&mut stage).await;
        fill(&stage).await;
        let (platform, port) = (stage.platform().await, stage.connection.port);

        let done = reset(&stage, Method::POST, &[(TOKEN, &token)]).await;
        assert_eq!(done, StatusCode::NO_CONTENT);
        assert_empty(&stage).await;
        assert_eq!(stage.platform().await, platform, "the same process");
        assert_eq!(stage.connection.port, port);

        // Twice, and numbers begin anew: what was possible before is possible again.
        stage.image = api::push_image(&stage.connection, json!({})).await;
        let definition = fill(&stage).await;
        assert!(
            definition.ends_with("task-definition/api:1"),
            "{definition}"
        );
        let client = PlatformClient::new(stage.connection.clone());
        client.reset().await.unwrap();
        assert_empty(&stage).await;

        let log = std::fs::read_to_string(stage.state.platform_log()).unwrap();
        assert!(!log.contains("still has the store"), "{log}");

        stage.kill_platform().await;
        stage.restart().await;
        assert_empty(&stage).await;
        let done = reset(&stage, Method::POST, &[(TOKEN, &token)]).await;
        assert_eq!(done, StatusCode::NO_CONTENT, "the token is kept");
    });
}

/// Something in every store; the ARN of the service's task definition.
async fn fill(stage: &Stage) -> String {
    stage
        .ecs("CreateCluster", json!({ "clusterName": "shop" }))
        .await;
    let definition = stage.define_marked("api", "echo up; exec sleep 600").await;
    stage.create("api", &definition, json!({})).await;
    stage.steady("api").await;
    services::target_group(stage).await;
    let secret = json!({ "Name": "db", "SecretString": "x",
        "ClientRequestToken": "0123456789abcdef0123456789abcdef" });
    stage.call(SECRETS, "CreateSecret", secret).await;
    let parameter = json!({ "Name": "/shop/url", "Type": "String", "Value": "x" });
    stage.call(PARAMETERS, "PutParameter", parameter).await;
    let metric = json!({ "Namespace": "Shop", "MetricData": [
        { "MetricName": "orders", "Value": 1 } ] });
    stage.call(api::CLOUDWATCH, "PutMetricData", metric).await;
    let fault = Injection {
        fault: FaultKind::CrashLoop,
        service: Some("shop/other".to_owned()),
        operation: None,
        seconds: None,
        times: None,
        for_seconds: None,
    };
    let client = PlatformClient::new(stage.connection.clone());
    client.inject(&fault).await.unwrap();
    stage.until_marked(1).await;
    definition
}

async fn assert_empty(stage: &Stage) {
    stage.until_marked(0).await;
    let nothing = json!([]);
    for (api, operation, list) in [
        (ECS, "ListClusters", "clusterArns"),
        (ECS, "ListTaskDefinitions", "taskDefinitionArns"),
        (ECS, "ListTaskDefinitionFamilies", "families"),
        (SECRETS, "ListSecrets", "SecretList"),
        (PARAMETERS, "DescribeParameters", "Parameters"),
        (LOGS, "DescribeLogGroups", "logGroups"),
        (api::ECR, "DescribeRepositories", "repositories"),
        (api::CLOUDWATCH, "ListMetrics", "Metrics"),
    ] {
        let answer = api::call(&stage.connection, api, operation, &json!({})).await;
        assert_eq!(answer.unwrap()[list], nothing, "{operation}");
    }
    let client = PlatformClient::new(stage.connection.clone());
    assert_eq!(client.faults().await.unwrap(), []);
    let status = client.status().await.unwrap();
    let counts = ["services", "tasks", "listeners"].map(|name| status[name].clone());
    assert_eq!(counts, [json!(0), json!(0), nothing]);
    for part in ["registry/blobs/sha256", "images", "tasks"] {
        let left = std::fs::read_dir(stage.state.root().join(part));
        let left = left.into_iter().flatten().flatten();
        // Locks of images have no content.
        let left: Vec<_> = left.filter(|entry| !is_lock(&entry.path())).collect();
        assert!(left.is_empty(), "{part}: {left:?}");
    }
}

fn is_lock(path: &std::path::Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "lock")
}

fn requests_wait_while_the_platform_is_emptied() {
    run(async {
        let mut stage = Stage::start().await;
        let token = with_token(&mut stage).await;
        let script = "trap 'sleep 2; exit 0' TERM; while :; do sleep 0.1; done";
        let definition = stage.define("slow", script).await;
        let task = stage.run_task(&definition, json!({})).await;
        stage.task_when(&task["taskArn"], "RUNNING").await;

        let begun = std::time::Instant::now();
        let headers = [(TOKEN, token.as_str())];
        let resetting = reset(&stage, Method::POST, &headers);
        let asking = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let answer = clusters(&stage.connection).await.unwrap();
            (answer, begun.elapsed())
        };
        let (done, (answer, waited)) = tokio::join!(resetting, asking);
        assert_eq!(done, StatusCode::NO_CONTENT);
        assert_eq!(answer["clusterArns"], json!([]), "asked of the new one");
        assert!(waited > Duration::from_secs(1), "{waited:?}");
    });
}

fn a_reset_without_its_token_gets_nothing() {
    run(async {
        let mut stage = Stage::start().await;
        let post = Method::POST;
        let closed = reset(&stage, post.clone(), &[(TOKEN, "")]).await;
        assert_eq!(closed, StatusCode::FORBIDDEN, "off by default");
        let token = with_token(&mut stage).await;
        let right = (TOKEN, token.as_str());
        for (method, headers) in [
            (Method::GET, &[right][..]),
            (post.clone(), &[]),
            (post.clone(), &[(TOKEN, "")]),
            (post.clone(), &[(TOKEN, &token[1..])]),
            (post.clone(), &[right, ("origin", "null")]),
            (post.clone(), &[right, ("sec-fetch-site", "same-origin")]),
        ] {
            let refused = reset(&stage, method, headers).await;
            assert_eq!(refused, StatusCode::FORBIDDEN, "{headers:?}");
        }
        let answer = clusters(&stage.connection).await.unwrap();
        let arn = text(&answer["clusterArns"][0]);
        assert!(arn.ends_with("cluster/shop"), "nothing is lost: {arn}");
        open(&mut stage, |access| *access = Access::default()).await;
        let closed = reset(&stage, post, &[right]).await;
        assert_eq!(closed, StatusCode::FORBIDDEN, "taken back");
    });
}
