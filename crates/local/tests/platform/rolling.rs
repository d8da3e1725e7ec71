//! Rolling updates: their events, the circuit breaker, and the ways to end one.

use serde_json::{Value, json};

use crate::harness::{run, tests};
use crate::stage::{Stage, id_of, text};

tests![
    a_roll_replaces_one_revision_by_the_other,
    a_bad_revision_is_rolled_back_and_can_be_tried_again,
    a_requested_rollback_restores_the_old_revision,
    a_newer_deployment_supersedes_an_unfinished_one,
    a_first_deployment_that_fails_has_nothing_to_go_back_to,
    a_deployment_is_not_complete_before_its_bake_time,
    an_early_success_is_one,
];

const GOOD: &str = "exec sleep 600";

async fn two_revisions(stage: &Stage, more: Value) -> (String, String) {
    let first = stage.define("api", GOOD).await;
    let second = stage.define_with("api", "exec sleep 601", more).await;
    stage.create("api", &first, json!({})).await;
    stage.steady("api").await;
    (first, second)
}

/// A revision that the circuit breaker sees: one that ran and ended later would pass it.
fn never_starts() -> Value {
    json!({ "command": ["/no/such/program"] })
}

async fn current_deployment(stage: &Stage) -> Value {
    let arn = stage.service("api").await["currentServiceDeployment"].clone();
    described(stage, &arn).await
}

async fn described(stage: &Stage, arn: &Value) -> Value {
    let body = json!({ "serviceDeploymentArns": [arn] });
    let answer = stage.ecs("DescribeServiceDeployments", body).await;
    answer["serviceDeployments"][0].clone()
}

fn a_roll_replaces_one_revision_by_the_other() {
    run(async {
        let stage = Stage::start().await;
        let (_, second) = two_revisions(&stage, json!({})).await;
        let old = id_of(&stage.tasks("api").await[0]["taskArn"]);
        let before = stage.events("api").await.len();
        let updated = stage
            .update("api", json!({ "taskDefinition": second }))
            .await;
        let (new_id, old_id) = (
            text(&updated["deployments"][0]["id"]),
            text(&updated["deployments"][1]["id"]),
        );
        assert_eq!(updated["deployments"][0]["status"], "PRIMARY");
        assert_eq!(updated["deployments"][1]["status"], "ACTIVE");
        assert_ne!(new_id, old_id);
        stage.steady("api").await;
        let new = id_of(&stage.tasks("api").await[0]["taskArn"]);
        let events = stage.events("api").await;
        let expected = [
            format!("(service api) has started 1 tasks: (task {new})."),
            format!("(service api) has stopped 1 running tasks: (task {old})."),
            format!("(service api) (deployment {new_id}) deployment completed."),
            "(service api) has reached a steady state.".to_owned(),
        ];
        assert_eq!(events[before..], expected);
        let done = current_deployment(&stage).await;
        assert_eq!(done["status"], "SUCCESSFUL");
        assert_eq!(
            done["deploymentCircuitBreaker"]["status"],
            "MONITORING_COMPLETE"
        );
        let task = stage.task(&json!(old)).await;
        let reason = format!("Scaling activity initiated by (deployment {new_id})");
        assert_eq!(task["stoppedReason"], reason.as_str());
        assert_eq!(task["stopCode"], "ServiceSchedulerInitiated");

        // Every id of an event stays what it is.
        let ids = |service: &Value| -> Vec<String> {
            let events = service["events"].as_array().unwrap();
            events.iter().map(|event| text(&event["id"])).collect()
        };
        let shown = ids(&stage.service("api").await);
        let mut unique = shown.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), shown.len());
    });
}

fn a_bad_revision_is_rolled_back_and_can_be_tried_again() {
    run(async {
        let stage = Stage::start().await;
        let (first, second) = two_revisions(&stage, never_starts()).await;
        let good = text(&stage.service("api").await["deployments"][0]["id"]);
        let mut tried = Vec::new();
        for _ in 0..2 {
            let updated = stage
                .update("api", json!({ "taskDefinition": second }))
                .await;
            let bad = text(&updated["deployments"][0]["id"]);
            assert_eq!(updated["deployments"][0]["taskDefinition"], second.as_str());
            assert!(!tried.contains(&bad), "a deployment of its own");
            let arn = updated["currentServiceDeployment"].clone();
            let back = stage
                .service_when("api", "rolled back", |service| {
                    service["deployments"].as_array().unwrap().len() == 1
                        && service["deployments"][0]["id"] == good.as_str()
                        && service["deployments"][0]["rolloutState"] == "COMPLETED"
                })
                .await;
            assert_eq!(back["taskDefinition"], first.as_str());
            let done = described(&stage, &arn).await;
            assert_eq!(done["status"], "ROLLBACK_SUCCESSFUL");
            let reason = "Service deployment rolled back because the circuit breaker threshold was exceeded.";
            assert_eq!(done["statusReason"], reason);
            assert_eq!(done["deploymentCircuitBreaker"]["status"], "TRIGGERED");
            assert_eq!(done["deploymentCircuitBreaker"]["failureCount"], 3);
            assert_eq!(done["deploymentCircuitBreaker"]["threshold"], 3);
            let number = good.trim_start_matches("ecs-svc/");
            let restored = text(&done["rollback"]["serviceRevisionArn"]);
            assert!(restored.ends_with(number));
            let events = stage.events("api").await;
            for words in [
                format!(
                    "(service api) (deployment {bad}) deployment failed: tasks failed to start."
                ),
                format!("(service api) rolling back to deployment {good}."),
                format!("(service api) (deployment {good}) deployment completed."),
            ] {
                assert!(events.contains(&words), "{words}: {events:#?}");
            }
            tried.push(bad);
        }
        // An update of something else does not bring the failed revision back.
        let scaled = stage.update("api", json!({ "desiredCount": 2 })).await;
        assert_eq!(scaled["taskDefinition"], first.as_str());
        assert_eq!(scaled["deployments"][0]["id"], good.as_str());
        let body = json!({ "service": "api", "status": ["ROLLBACK_SUCCESSFUL"] });
        let listed = stage.ecs("ListServiceDeployments", body).await;
        assert_eq!(listed["serviceDeployments"].as_array().unwrap().len(), 2);
        for number in tried.iter().map(|id| id.trim_start_matches("ecs-svc/")) {
            let arn =
                format!("arn:aws:ecs:us-east-1:000000000000:service-revision/shop/api/{number}");
            let body = json!({ "serviceRevisionArns": [arn] });
            let answer = stage.ecs("DescribeServiceRevisions", body).await;
            assert_eq!(
                answer["serviceRevisions"][0]["taskDefinition"],
                second.as_str()
            );
        }
    });
}

fn a_requested_rollback_restores_the_old_revision() {
    run(async {
        let stage = Stage::start().await;
        let (first, second) = two_revisions(&stage, json!({})).await;
        let more = json!({ "taskDefinition": second });
        let updated = stage.update("api", more).await;
        let arn = updated["currentServiceDeployment"].clone();
        let abort = json!({ "serviceDeploymentArn": arn, "stopType": "ABORT" });
        let refused = stage.refused("StopServiceDeployment", abort).await;
        assert_eq!(refused.0, "UnsupportedFeatureException");
        let stop = json!({ "serviceDeploymentArn": arn, "stopType": "ROLLBACK" });
        let answer = stage.ecs("StopServiceDeployment", stop.clone()).await;
        assert_eq!(answer["serviceDeploymentArn"], arn);
        let back = stage
            .service_when("api", "rolled back", |service| {
                service["taskDefinition"] == first.as_str()
                    && service["deployments"].as_array().unwrap().len() == 1
                    && service["deployments"][0]["rolloutState"] == "COMPLETED"
            })
            .await;
        assert_eq!(back["runningCount"], 1);
        assert_eq!(
            described(&stage, &arn).await["status"],
            "ROLLBACK_SUCCESSFUL"
        );
        let refused = stage.refused("StopServiceDeployment", stop).await;
        assert_eq!(refused.0, "ConflictException");
        let gone = text(&arn).replace("/api/", "/none/");
        let refused = stage
            .refused(
                "StopServiceDeployment",
                json!({ "serviceDeploymentArn": gone }),
            )
            .await;
        assert_eq!(refused.0, "ServiceDeploymentNotFoundException");
    });
}

fn a_newer_deployment_supersedes_an_unfinished_one() {
    run(async {
        let stage = Stage::start().await;
        let (_, second) = two_revisions(&stage, json!({})).await;
        let third = stage.define("api", "exec sleep 602").await;
        let superseded = stage
            .update("api", json!({ "taskDefinition": second }))
            .await;
        let arn = superseded["currentServiceDeployment"].clone();
        stage
            .update("api", json!({ "taskDefinition": third }))
            .await;
        let steady = stage.steady("api").await;
        assert_eq!(steady["taskDefinition"], third.as_str());
        let stopped = described(&stage, &arn).await;
        assert_eq!(stopped["status"], "STOPPED");
        assert!(stopped["rollback"].is_null());
        assert_eq!(current_deployment(&stage).await["status"], "SUCCESSFUL");
    });
}

fn a_first_deployment_that_fails_has_nothing_to_go_back_to() {
    run(async {
        let stage = Stage::start().await;
        let bad = stage.define_with("api", "", never_starts()).await;
        let created = stage.create("api", &bad, json!({})).await;
        let failed = stage
            .service_when("api", "FAILED", |service| {
                service["deployments"][0]["rolloutState"] == "FAILED"
            })
            .await;
        let reason = "ECS deployment circuit breaker: tasks failed to start.";
        assert_eq!(failed["deployments"][0]["rolloutStateReason"], reason);
        let done = described(&stage, &created["currentServiceDeployment"]).await;
        assert_eq!(done["status"], "ROLLBACK_FAILED");
        let reason = "No rollback candidate was found to run the rollback.";
        assert_eq!(done["statusReason"], reason);
    });
}

fn a_deployment_is_not_complete_before_its_bake_time() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", GOOD).await;
        let baking =
            |minutes: u32| json!({ "deploymentConfiguration": { "bakeTimeInMinutes": minutes } });
        stage.create("api", &definition, baking(10)).await;
        let running = |service: &Value| service["runningCount"] == 1;
        stage.service_when("api", "running", running).await;
        // Longer than a task without checks needs to count as healthy.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let current = current_deployment(&stage).await;
        assert_eq!(current["status"], "IN_PROGRESS");
        assert_eq!(current["deploymentConfiguration"]["bakeTimeInMinutes"], 10);
        stage.update("api", baking(0)).await;
        stage.steady("api").await;
        assert_eq!(current_deployment(&stage).await["status"], "SUCCESSFUL");
    });
}

fn an_early_success_is_one() {
    run(async {
        let stage = Stage::start().await;
        // Takes the whole stop time-out to end.
        let stubborn = "trap '' TERM; while :; do sleep 1; done";
        let first = stage
            .define_with("api", stubborn, json!({ "stopTimeout": 15 }))
            .await;
        let second = stage.define("api", GOOD).await;
        let early = json!({
            "enable": true, "healthyPercent": 100, "sourceServiceRevisionCleanup": "DEFERRED",
        });
        let more = json!({ "deploymentConfiguration": { "earlySuccessCriteria": early } });
        stage.create("api", &first, more).await;
        stage.steady("api").await;
        stage
            .update("api", json!({ "taskDefinition": second }))
            .await;
        let service = stage
            .service_when("api", "complete", |service| {
                service["deployments"][0]["rolloutState"] == "COMPLETED"
            })
            .await;
        let shown = service["deployments"].as_array().unwrap();
        assert_eq!(shown.len(), 2, "the old task is still there: {service:#}");
        let current = current_deployment(&stage).await;
        assert_eq!(current["status"], "SUCCESSFUL");
        let told = &current["deploymentConfiguration"]["earlySuccessCriteria"];
        assert_eq!(*told, early);
    });
}
