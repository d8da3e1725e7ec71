//! Deployments that watch alarms.

use serde_json::{Value, json};

use crate::api::CLOUDWATCH;
use crate::harness::{run, tests};
use crate::stage::{Stage, text};

tests![
    an_alarm_while_a_deployment_bakes_brings_the_old_revision_back,
    an_alarm_that_rang_before_is_ignored,
];

const ALARM: &str = "errors";

/// A service with an old revision, whose deployments watch the alarm, and its new revision.
async fn watching(stage: &Stage, bake_minutes: u32) -> (String, String) {
    let alarm = json!({
        "AlarmName": ALARM, "Namespace": "Shop", "MetricName": "Errors", "Statistic": "Sum",
        "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    });
    stage.call(CLOUDWATCH, "PutMetricAlarm", alarm).await;
    let old = stage.define("api", "exec sleep 600").await;
    let new = stage.define("api", "exec sleep 601").await;
    stage.create("api", &old, json!({})).await;
    stage.steady("api").await;
    let watched = json!({ "deploymentConfiguration": {
        "bakeTimeInMinutes": bake_minutes,
        "alarms": { "enable": true, "rollback": true, "alarmNames": [ALARM] },
    } });
    stage.update("api", watched).await;
    (old, new)
}

async fn set(stage: &Stage, state: &str) {
    let body = json!({ "AlarmName": ALARM, "StateValue": state, "StateReason": "for a test" });
    stage.call(CLOUDWATCH, "SetAlarmState", body).await;
}

async fn deployment(stage: &Stage, arn: &Value) -> Value {
    let body = json!({ "serviceDeploymentArns": [arn] });
    let answer = stage.ecs("DescribeServiceDeployments", body).await;
    answer["serviceDeployments"][0].clone()
}

fn an_alarm_while_a_deployment_bakes_brings_the_old_revision_back() {
    run(async {
        let stage = Stage::start().await;
        let (old, new) = watching(&stage, 5).await;
        let updated = stage.update("api", json!({ "taskDefinition": new })).await;
        let arn = updated["currentServiceDeployment"].clone();
        // The old tasks are gone, and yet it is not over.
        stage
            .service_when("api", "baking", |service| {
                service["runningCount"] == 1
                    && service["deployments"][0]["runningCount"] == 1
                    && service["deployments"].as_array().unwrap().len() == 1
            })
            .await;
        let baking = deployment(&stage, &arn).await;
        assert_eq!(baking["status"], "IN_PROGRESS", "{baking:#}");
        assert_eq!(baking["alarms"]["status"], "MONITORING");
        set(&stage, "ALARM").await;
        stage
            .service_when("api", "rolled back", |service| {
                service["taskDefinition"] == old.as_str()
                    && service["deployments"][0]["rolloutState"] == "COMPLETED"
            })
            .await;
        let done = deployment(&stage, &arn).await;
        assert_eq!(done["status"], "ROLLBACK_SUCCESSFUL");
        let reason = "Service deployment rolled back because of one or more active alarms.";
        assert_eq!(done["statusReason"], reason);
        assert_eq!(done["alarms"]["triggeredAlarmNames"], json!([ALARM]));
        let events = stage.events("api").await;
        let told = events.iter().any(|event| event.contains("alarm detected."));
        assert!(told, "{events:#?}");
    });
}

fn an_alarm_that_rang_before_is_ignored() {
    run(async {
        let stage = Stage::start().await;
        let (_, new) = watching(&stage, 0).await;
        set(&stage, "ALARM").await;
        // Deployments hear of it a moment later, as on AWS.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let updated = stage.update("api", json!({ "taskDefinition": new })).await;
        let arn = updated["currentServiceDeployment"].clone();
        stage.steady("api").await;
        let done = deployment(&stage, &arn).await;
        assert_eq!(text(&done["status"]), "SUCCESSFUL", "{done:#}");
        assert_eq!(done["alarms"]["triggeredAlarmNames"], json!([]));
    });
}
