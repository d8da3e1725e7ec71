//! The ports over HTTP, against a server that answers from a table: what needs several calls.

mod server;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use seaway_core::desired::{DesiredService, Document, RevisionId, WatchRules};
use seaway_core::digest::{Digest, ImageRef};
use seaway_core::environment::SecretRef;
use seaway_core::name::ServiceName;
use seaway_core::observed::Observed;
use seaway_core::rollout::{Progress, RolloutId, RolloutState};
use seaway_core::time::Seconds;
use seaway_ecs::{AwsTarget, Ecs, EnvironmentIdentity, ProcessEnvironment, Target};
use seaway_ports::{
    Change, Checks, FreshTasks, Jobs as _, PortErrorKind, RollbackAnswer, Rolled, Rollouts as _,
    SecretValue, Secrets as _, Token,
};
use serde_json::{Value, json};
use server::Canned;

fn identity() -> EnvironmentIdentity {
    EnvironmentIdentity {
        project: "shop".parse().expect("a name"),
        environment: "local".parse().expect("a name"),
    }
}

async fn connect(server: &Canned) -> Ecs {
    Ecs::connect(&server.target(), &identity())
        .await
        .expect("the server answers")
}

fn name(text: &str) -> ServiceName {
    text.parse().expect("a name")
}

/// A service that moves from `ecs-svc/1` to `ecs-svc/2`, as DescribeServices shows it.
fn service(name: &str, deployments: Value) -> Value {
    json!({"serviceName": name, "status": "ACTIVE", "deployments": deployments})
}

fn deployment(number: u32, status: &str, state: &str) -> Value {
    json!({
        "id": format!("ecs-svc/{number}"), "status": status, "rolloutState": state,
        "createdAt": number, "taskDefinition": format!("td:{number}"), "desiredCount": 1,
    })
}

/// The record of `ecs-svc/2`, as the list and the description show it.
fn record(status: &str) -> Value {
    json!({
        "serviceDeploymentArn": "sd/2", "status": status, "createdAt": 2,
        "targetServiceRevisionArn": "arn:aws:ecs:r:a:service-revision/c/s/2",
        "targetServiceRevision": {"arn": "arn:aws:ecs:r:a:service-revision/c/s/2"},
        "rollback": {"serviceRevisionArn": "arn:aws:ecs:r:a:service-revision/c/s/1"},
    })
}

/// Answers for one service, `api`.
fn one_service(deployments: Value, status: &'static str) -> impl Fn(&str, &Value) -> Option<Value> {
    move |operation, _| {
        Some(match operation {
            "DescribeServices" => json!({"services": [service("api", deployments.clone())]}),
            "ListServiceDeployments" | "DescribeServiceDeployments" => {
                json!({"serviceDeployments": [record(status)]})
            }
            "ListTasks" => json!({"taskArns": []}),
            _ => return None,
        })
    }
}

async fn progress_of_second(ecs: &Ecs) -> Progress {
    let rollouts = BTreeMap::from([(name("api"), RolloutId("ecs-svc/2".into()))]);
    let mut seen = ecs.progress(&rollouts).await.expect("a poll");
    match seen.remove("api") {
        Some(Observed::Known(progress)) => progress,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn credentials_of_another_account_are_refused_before_anything_else() {
    let server = Canned::start(|_, _| None).await;
    let mut target = server.local_target();
    target.account = "111122223333".into();
    let error = Ecs::connect(&Target::Local(target), &identity())
        .await
        .expect_err("another account");
    assert_eq!(error.kind, PortErrorKind::Denied);
    assert_eq!(server.count("GetCallerIdentity"), 1);
}

#[tokio::test]
async fn a_foreign_endpoint_is_refused_without_a_call() {
    let variables = [(
        "AWS_ENDPOINT_URL".to_owned(),
        "http://127.0.0.1:9".to_owned(),
    )];
    let target = Target::Aws(AwsTarget {
        region: "eu-west-1".into(),
        account: "111122223333".into(),
        endpoint_url: None,
        process: ProcessEnvironment::from_variables(variables),
    });
    let error = Ecs::connect(&target, &identity())
        .await
        .expect_err("a foreign endpoint");
    assert_eq!(error.kind, PortErrorKind::Denied);
    assert!(error.message.contains("AWS_ENDPOINT_URL"), "{error}");
}

#[tokio::test]
async fn a_platform_that_is_not_there_is_unavailable_with_the_next_step() {
    let server = Canned::start(|_, _| None).await;
    let mut target = server.local_target();
    // Port 1 of loopback: nobody listens, the connection is refused at once.
    target.endpoint = "http://127.0.0.1:1".into();
    let error = Ecs::connect(&Target::Local(target), &identity())
        .await
        .expect_err("nobody listens");
    assert_eq!(error.kind, PortErrorKind::Unavailable);
    assert!(
        error
            .hint
            .is_some_and(|hint| hint.contains("seaway local start"))
    );
}

#[tokio::test]
async fn a_rollout_that_a_newer_one_replaced_is_superseded() {
    let deployments = json!([
        deployment(3, "PRIMARY", "COMPLETED"),
        deployment(2, "ACTIVE", "IN_PROGRESS"),
    ]);
    let server = Canned::start(one_service(deployments, "STOPPED")).await;
    let progress = progress_of_second(&connect(&server).await).await;
    let by = Some(RolloutId("ecs-svc/3".into()));
    assert_eq!(progress.state, RolloutState::Superseded { by });
}

#[tokio::test]
async fn a_rollout_that_was_rolled_back_names_the_revision_it_went_back_to() {
    let deployments = json!([
        deployment(1, "PRIMARY", "COMPLETED"),
        deployment(2, "ACTIVE", "FAILED"),
    ]);
    let server = Canned::start(one_service(deployments, "ROLLBACK_SUCCESSFUL")).await;
    let progress = progress_of_second(&connect(&server).await).await;
    let to = Some(RevisionId("td:1".into()));
    assert_eq!(progress.state, RolloutState::RolledBack { to });
    assert_eq!(progress.old.desired, 1);
}

#[tokio::test]
async fn a_poll_of_many_services_takes_few_calls() {
    const SERVICES: usize = 25;
    let server = Canned::start(|operation, input| {
        Some(match operation {
            "DescribeServices" => {
                let names = input["services"].as_array().cloned().unwrap_or_default();
                let of = |name: &Value| {
                    let deployments = json!([deployment(2, "PRIMARY", "IN_PROGRESS")]);
                    service(name.as_str().unwrap_or_default(), deployments)
                };
                json!({"services": names.iter().map(of).collect::<Vec<_>>()})
            }
            // Two pages of running tasks, one stopped task.
            "ListTasks" => match (&input["desiredStatus"], &input["nextToken"]) {
                (Value::String(status), _) if status == "STOPPED" => json!({"taskArns": ["t/3"]}),
                (_, Value::Null) => json!({"taskArns": ["t/1"], "nextToken": "more"}),
                _ => json!({"taskArns": ["t/2"]}),
            },
            "DescribeTasks" => {
                let arns = input["tasks"].as_array().cloned().unwrap_or_default();
                let of = |arn: &Value| {
                    let status = if arn == "t/3" { "STOPPED" } else { "RUNNING" };
                    json!({"taskArn": arn, "lastStatus": status, "startedBy": "ecs-svc/2"})
                };
                json!({"tasks": arns.iter().map(of).collect::<Vec<_>>()})
            }
            _ => return None,
        })
    })
    .await;
    let ecs = connect(&server).await;
    let rollout = |index| (name(&format!("s{index}")), RolloutId("ecs-svc/2".into()));
    let rollouts: BTreeMap<_, _> = (0..SERVICES).map(rollout).collect();
    for _ in 0..2 {
        let seen = ecs.progress(&rollouts).await.expect("a poll");
        assert_eq!(seen.len(), SERVICES);
        for progress in seen.values() {
            let tasks = progress.known().map(|progress| progress.tasks.len());
            assert_eq!(tasks, Some(3), "{progress:?}");
        }
    }
    // A poll: three chunks of services, three pages of tasks, one description of them.
    assert_eq!(server.count("DescribeServices"), 6);
    assert_eq!(server.count("ListTasks"), 6);
    assert_eq!(server.count("DescribeTasks"), 2);
    assert_eq!(server.count("ListServiceDeployments"), 0);
}

#[tokio::test]
async fn a_rollback_of_the_first_rollout_has_nothing_to_go_back_to() {
    let server = Canned::start(|operation, input| {
        let of_good_ones = input["status"].is_array();
        Some(match operation {
            "DescribeServices" => {
                let deployments = json!([deployment(2, "PRIMARY", "IN_PROGRESS")]);
                json!({"services": [service("api", deployments)]})
            }
            "ListServiceDeployments" if of_good_ones => json!({"serviceDeployments": []}),
            "ListServiceDeployments" | "DescribeServiceDeployments" => {
                json!({"serviceDeployments": [record("IN_PROGRESS")]})
            }
            _ => return None,
        })
    })
    .await;
    let ecs = connect(&server).await;
    let rollout = RolloutId("ecs-svc/2".into());
    let answer = ecs.request_rollback(&name("api"), &rollout).await;
    assert_eq!(answer, Ok(RollbackAnswer::NothingBefore));
    assert_eq!(server.count("StopServiceDeployment"), 0);
}

#[tokio::test]
async fn a_rollout_that_ended_before_the_request_is_already_over() {
    let deployments = json!([
        deployment(2, "PRIMARY", "COMPLETED"),
        deployment(1, "ACTIVE", "COMPLETED"),
    ]);
    let server = Canned::start(one_service(deployments, "SUCCESSFUL")).await;
    let ecs = connect(&server).await;
    let rollout = RolloutId("ecs-svc/2".into());
    let answer = ecs.request_rollback(&name("api"), &rollout).await;
    assert_eq!(answer, Ok(RollbackAnswer::AlreadyOver));
}

fn desired() -> DesiredService {
    let settings = json!({"deploymentConfiguration": {
        "minimumHealthyPercent": 100, "maximumPercent": 200,
        "deploymentCircuitBreaker": {"enable": true, "rollback": true},
    }});
    DesiredService {
        name: name("api"),
        image: ImageRef {
            repository: "registry.seaway.internal/shop/api".into(),
            digest: Digest::of(b"image"),
        },
        revision: Document::new(json!({})),
        registered: None,
        settings: Document::new(settings),
        check: None,
        count: 2,
        autoscaled: false,
        before: vec![],
        watch: WatchRules {
            timeout: Seconds(60),
            grace: Seconds(0),
            decided: None,
            port: None,
            health_path: None,
        },
        independent: false,
    }
}

/// Answers an update with a service of two tasks and that grace period; remembers the tags it gets.
async fn updating(deployments: Value, grace: i32, tagged: Arc<Mutex<Vec<String>>>) -> Canned {
    Canned::start(move |operation, input| {
        Some(match operation {
            "UpdateService" => {
                let mut service = service("api", deployments.clone());
                service["serviceArn"] = json!("arn");
                service["desiredCount"] = json!(2);
                service["healthCheckGracePeriodSeconds"] = json!(grace);
                json!({"service": service})
            }
            "TagResource" => {
                let tags = input["tags"].as_array()?.iter();
                let keys = tags.filter_map(|tag| Some(tag["key"].as_str()?.to_owned()));
                tagged.lock().ok()?.extend(keys);
                json!({})
            }
            _ => return None,
        })
    })
    .await
}

#[tokio::test]
async fn an_update_names_its_rollout_and_records_what_was_applied() {
    let deployments = json!([
        deployment(2, "PRIMARY", "IN_PROGRESS"),
        deployment(1, "ACTIVE", "COMPLETED"),
    ]);
    let tagged = Arc::new(Mutex::new(vec![]));
    let server = updating(deployments, 0, tagged.clone()).await;
    let service = desired();
    let change = Change {
        service: &service,
        revision: &RevisionId("td:2".into()),
        count: None,
        fresh: FreshTasks::WhereRevisionDiffers,
    };
    let rolled = connect(&server).await.update(&change).await;
    let rollout = RolloutId("ecs-svc/2".into());
    assert_eq!(
        rolled,
        Ok(Rolled {
            rollout,
            first: false,
            checks: Checks::Enforced,
        })
    );
    let tagged = tagged.lock().expect("no panic under the lock");
    assert!(tagged.contains(&"seaway:settings".to_owned()), "{tagged:?}");
    assert!(tagged.contains(&"seaway:count".to_owned()), "{tagged:?}");
}

#[tokio::test]
async fn an_update_neither_enforces_suspended_checks_nor_passes_for_complete() {
    let deployments = json!([
        deployment(2, "PRIMARY", "IN_PROGRESS"),
        deployment(1, "ACTIVE", "COMPLETED"),
    ]);
    let tagged = Arc::new(Mutex::new(vec![]));
    let server = updating(deployments, i32::MAX, tagged.clone()).await;
    let service = desired();
    let change = Change {
        service: &service,
        revision: &RevisionId("td:2".into()),
        count: None,
        fresh: FreshTasks::WhereRevisionDiffers,
    };
    let ecs = connect(&server).await;
    let rolled = ecs.update(&change).await.expect("updated");
    assert_eq!(rolled.checks, Checks::Suspended);
    assert_eq!(server.count("UpdateService"), 1);
    let settled = "seaway:settings".to_owned();
    assert!(!tagged.lock().expect("no panic").contains(&settled));
    ecs.configure(&service, None).await.expect("configured");
    assert!(tagged.lock().expect("no panic").contains(&settled));
}

#[tokio::test]
async fn an_update_that_started_no_rollout_does_not_pass_for_one() {
    let deployments = json!([deployment(1, "PRIMARY", "COMPLETED")]);
    let server = updating(deployments, 0, Arc::default()).await;
    let service = desired();
    let change = Change {
        service: &service,
        revision: &RevisionId("td:2".into()),
        count: None,
        fresh: FreshTasks::WhereRevisionDiffers,
    };
    let error = connect(&server).await.update(&change).await;
    let error = error.expect_err("another revision's rollout");
    assert_eq!(error.kind, PortErrorKind::Conflict);
    assert_eq!(server.count("TagResource"), 0);
}

#[tokio::test]
async fn a_key_that_another_writer_set_in_between_is_kept() {
    // Versions of the secret, oldest first. The first write meets another writer's version.
    let versions = Arc::new(Mutex::new(vec![r#"{"a":"1"}"#.to_owned()]));
    let stored = versions.clone();
    let server = Canned::start(move |operation, input| {
        let mut versions = stored.lock().ok()?;
        let newest = versions.len() - 1;
        Some(match operation {
            "GetSecretValue" => {
                let wanted = input["VersionId"].as_str().and_then(|id| id.parse().ok());
                let wanted = wanted.unwrap_or(newest);
                json!({"SecretString": versions[wanted], "VersionId": wanted.to_string()})
            }
            "PutSecretValue" => {
                if newest == 0 {
                    versions.push(r#"{"a":"1","theirs":"2"}"#.to_owned());
                }
                versions.push(input["SecretString"].as_str()?.to_owned());
                json!({"VersionId": (versions.len() - 1).to_string()})
            }
            "DescribeSecret" => {
                let previous = newest.checked_sub(1)?.to_string();
                json!({"VersionIdsToStages": {previous: ["AWSPREVIOUS"]}})
            }
            _ => return None,
        })
    })
    .await;
    let key = SecretRef {
        secret: "database".into(),
        key: Some("ours".into()),
    };
    let value = SecretValue::new("3".into());
    let set = connect(&server).await.set(&key, &value).await;
    assert_eq!(set, Ok(()));
    let last = versions.lock().expect("no panic under the lock").pop();
    let last: Value = serde_json::from_str(&last.expect("a version")).expect("JSON");
    assert_eq!(last, json!({"a": "1", "theirs": "2", "ours": "3"}));
}

#[tokio::test]
async fn a_job_is_found_by_its_token_and_never_started_by_looking() {
    let server = Canned::start(|operation, input| {
        Some(match operation {
            "ListTasks" => match (&input["startedBy"], &input["desiredStatus"]) {
                (by, status) if by == "seaway-r1-0-abc" && status == "STOPPED" => {
                    json!({"taskArns": ["t/7"]})
                }
                _ => json!({"taskArns": []}),
            },
            "DescribeTasks" => json!({"tasks": [{
                "taskArn": "t/7",
                "lastStatus": "STOPPED",
                "containers": [{"name": "migrate", "exitCode": 0}],
            }]}),
            _ => return None,
        })
    })
    .await;
    let ecs = connect(&server).await;
    let found = ecs.find(&Token("seaway-r1-0-abc".into())).await;
    let found = found.expect("looked").expect("its task");
    assert_eq!(found.task, "t/7");
    assert_eq!(found.log_source, "job-migrate");
    assert!(
        found
            .log_stream
            .is_some_and(|stream| stream.ends_with("migrate/7"))
    );
    let absent = ecs.find(&Token("seaway-r1-1-abc".into())).await;
    assert_eq!(absent.expect("looked"), None);
    assert_eq!(server.count("RunTask"), 0);
}
