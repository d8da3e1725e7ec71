//! Alarms: putting, describing and evaluating them.

use seaway_aws_wire::Service;
use serde_json::{Value, json};

use super::Cloud;
use crate::clock::EpochMillis;

/// An alarm on the sum of `errors`: more than 5 in two of three minutes.
fn definition(name: &str) -> Value {
    json!({
        "AlarmName": name, "Namespace": "shop", "MetricName": "errors", "Statistic": "Sum",
        "Period": 60, "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "AlarmActions": ["arn:aws:sns:us-east-1:000000000000:pager"],
        "Tags": [{ "Key": "team", "Value": "shop" }],
    })
}

fn with(name: &str, member: &str, value: Value) -> Value {
    let mut body = definition(name);
    body[member] = value;
    body
}

fn arn(name: &str) -> String {
    format!("arn:aws:cloudwatch:us-east-1:000000000000:alarm:{name}")
}

impl Cloud {
    async fn describe(&self, request: Value) -> Vec<Value> {
        let found = self.ok("DescribeAlarms", request).await;
        found["MetricAlarms"].as_array().unwrap().clone()
    }

    async fn alarm(&self, name: &str) -> Value {
        let found = self.describe(json!({ "AlarmNames": [name] })).await;
        assert_eq!(found.len(), 1, "{name}");
        found[0].clone()
    }

    async fn history(&self, request: Value) -> Vec<Value> {
        let found = self.ok("DescribeAlarmHistory", request).await;
        found["AlarmHistoryItems"].as_array().unwrap().clone()
    }

    /// Puts `errors` into the minutes before this one, the newest first.
    async fn errors(&self, minutes: &[f64]) {
        let now = self.minute;
        let data = minutes.iter().zip(1..).map(|(value, ago)| {
            json!({ "MetricName": "errors", "Value": value, "Timestamp": now - 60 * ago })
        });
        self.put(json!(data.collect::<Vec<_>>())).await;
    }
}

fn names(alarms: &[Value], member: &str) -> Vec<String> {
    let alarms = alarms.iter();
    alarms
        .map(|alarm| alarm[member].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn an_alarm_is_described_as_it_was_put() {
    let cloud = Cloud::start().await;
    cloud.ok("PutMetricAlarm", definition("errors")).await;
    let alarm = cloud.alarm("errors").await;
    assert_eq!(alarm["AlarmArn"], arn("errors"));
    assert_eq!(alarm["StateValue"], "INSUFFICIENT_DATA");
    assert_eq!(alarm["StateReason"], "Unchecked: Initial alarm creation");
    assert_eq!(alarm["ActionsEnabled"], true);
    assert_eq!(alarm["OKActions"], json!([]));
    let put = definition("errors");
    for (member, value) in put.as_object().unwrap() {
        if member != "Tags" {
            assert_eq!(alarm[member], *value, "{member}");
        }
    }
}

#[tokio::test]
async fn an_alarm_goes_off_and_calms_down_with_its_metric() {
    let cloud = Cloud::start().await;
    cloud.ok("PutMetricAlarm", definition("errors")).await;
    cloud.errors(&[9.0, 0.0, 7.0]).await;
    let minute = EpochMillis(cloud.minute * 1000);
    let evaluate = |at: EpochMillis| cloud.cloudwatch.evaluate_alarms(at).unwrap();
    evaluate(minute.plus(1));
    let alarm = cloud.alarm("errors").await;
    assert_eq!(alarm["StateValue"], "ALARM");
    let reason = alarm["StateReason"].as_str().unwrap();
    assert!(
        reason.starts_with("Threshold Crossed: 2 out of the last 3 datapoints [9.0 ("),
        "{reason}"
    );
    let data: Value = serde_json::from_str(alarm["StateReasonData"].as_str().unwrap()).unwrap();
    assert_eq!(data["recentDatapoints"], json!([7.0, 0.0, 9.0]));
    assert_eq!(
        (&data["statistic"], &data["period"]),
        (&json!("Sum"), &json!(60))
    );

    // The bad minutes have left the window, and better ones come up.
    cloud
        .put(json!([
            { "MetricName": "errors", "Value": 1.0, "Timestamp": cloud.minute },
            { "MetricName": "errors", "Value": 2.0, "Timestamp": cloud.minute + 60 },
        ]))
        .await;
    evaluate(minute.plus(2 * 60_000 + 1));
    assert_eq!(cloud.alarm("errors").await["StateValue"], "OK");
    let states = json!({ "AlarmName": "errors", "HistoryItemType": "StateUpdate" });
    let summaries = names(&cloud.history(states).await, "HistorySummary");
    assert_eq!(
        summaries,
        [
            "Alarm updated from ALARM to OK",
            "Alarm updated from INSUFFICIENT_DATA to ALARM"
        ]
    );
}

#[tokio::test]
async fn an_alarm_is_evaluated_once_a_minute() {
    let cloud = Cloud::start().await;
    cloud.ok("PutMetricAlarm", definition("errors")).await;
    cloud.errors(&[9.0, 8.0, 7.0]).await;
    let minute = EpochMillis(cloud.minute * 1000);
    cloud.cloudwatch.evaluate_alarms(minute).unwrap();
    let set = json!({ "AlarmName": "errors", "StateValue": "OK", "StateReason": "by hand" });
    cloud.ok("SetAlarmState", set).await;
    cloud
        .cloudwatch
        .evaluate_alarms(minute.plus(59_999))
        .unwrap();
    assert_eq!(cloud.alarm("errors").await["StateReason"], "by hand");
    cloud
        .cloudwatch
        .evaluate_alarms(minute.plus(60_000))
        .unwrap();
    assert_eq!(cloud.alarm("errors").await["StateValue"], "ALARM");
    // A new definition is looked at without delay.
    cloud
        .ok("PutMetricAlarm", with("errors", "Threshold", json!(50.0)))
        .await;
    assert_eq!(cloud.alarm("errors").await["StateValue"], "ALARM");
    cloud
        .cloudwatch
        .evaluate_alarms(minute.plus(60_001))
        .unwrap();
    assert_eq!(cloud.alarm("errors").await["StateValue"], "OK");
}

#[tokio::test]
async fn silence_is_treated_as_the_alarm_says() {
    let cloud = Cloud::start().await;
    for (treatment, expected) in [
        ("missing", "INSUFFICIENT_DATA"),
        ("ignore", "OK"),
        ("breaching", "ALARM"),
        ("notBreaching", "OK"),
    ] {
        cloud
            .ok(
                "PutMetricAlarm",
                with(treatment, "TreatMissingData", json!(treatment)),
            )
            .await;
        let set = json!({ "AlarmName": treatment, "StateValue": "OK", "StateReason": "test" });
        cloud.ok("SetAlarmState", set).await;
        let now = EpochMillis(cloud.minute * 1000);
        cloud.cloudwatch.evaluate_alarms(now).unwrap();
        let alarm = cloud.alarm(treatment).await;
        assert_eq!(alarm["StateValue"], expected, "{treatment}");
    }
}

#[tokio::test]
async fn alarms_are_found_by_name_state_action_and_metric() {
    let cloud = Cloud::start().await;
    for name in ["shop-a", "shop-b", "other"] {
        cloud.ok("PutMetricAlarm", definition(name)).await;
    }
    cloud
        .ok(
            "PutMetricAlarm",
            with("web", "MetricName", json!("latency")),
        )
        .await;
    let set = json!({ "AlarmName": "shop-b", "StateValue": "ALARM", "StateReason": "test",
                      "StateReasonData": "{\"a\": 1}" });
    cloud.ok("SetAlarmState", set).await;
    for (request, expected) in [
        (json!({}), &["other", "shop-a", "shop-b", "web"][..]),
        (json!({ "AlarmNamePrefix": "shop" }), &["shop-a", "shop-b"]),
        (json!({ "AlarmNames": ["web", "none"] }), &["web"]),
        (json!({ "StateValue": "ALARM" }), &["shop-b"]),
        (json!({ "ActionPrefix": "arn:aws:lambda" }), &[]),
        (json!({ "AlarmTypes": ["CompositeAlarm"] }), &[]),
    ] {
        let found = cloud.describe(request.clone()).await;
        assert_eq!(names(&found, "AlarmName"), expected, "{request}");
    }
    let first = cloud.ok("DescribeAlarms", json!({ "MaxRecords": 3 })).await;
    let rest = json!({ "MaxRecords": 3, "NextToken": first["NextToken"] });
    assert_eq!(names(&cloud.describe(rest).await, "AlarmName"), ["web"]);
    let body = json!({ "Namespace": "shop", "MetricName": "latency", "Period": 60 });
    let found = cloud.ok("DescribeAlarmsForMetric", body).await;
    assert_eq!(
        names(found["MetricAlarms"].as_array().unwrap(), "AlarmName"),
        ["web"]
    );
}

#[tokio::test]
async fn an_update_keeps_state_and_tags_and_history_tells_of_all() {
    let cloud = Cloud::start().await;
    cloud.ok("PutMetricAlarm", definition("errors")).await;
    let set = json!({ "AlarmName": "errors", "StateValue": "OK", "StateReason": "fine" });
    cloud.ok("SetAlarmState", set).await;
    let mut update = with("errors", "Threshold", json!(7.0));
    update["Tags"] = json!([{ "Key": "team", "Value": "other" }]);
    cloud.ok("PutMetricAlarm", update).await;
    cloud
        .ok(
            "DisableAlarmActions",
            json!({ "AlarmNames": ["errors", "none"] }),
        )
        .await;
    let alarm = cloud.alarm("errors").await;
    assert_eq!(
        (&alarm["StateValue"], &alarm["StateReason"]),
        (&json!("OK"), &json!("fine"))
    );
    assert_eq!(
        (&alarm["Threshold"], &alarm["ActionsEnabled"]),
        (&json!(7.0), &json!(false))
    );
    cloud
        .ok("EnableAlarmActions", json!({ "AlarmNames": ["errors"] }))
        .await;
    assert_eq!(cloud.alarm("errors").await["ActionsEnabled"], true);

    let more = json!({ "ResourceARN": arn("errors"),
                       "Tags": [{ "Key": "tier", "Value": "1" }, { "Key": "x", "Value": "y" }] });
    cloud.ok("TagResource", more).await;
    let fewer = json!({ "ResourceARN": arn("errors"), "TagKeys": ["x"] });
    cloud.ok("UntagResource", fewer).await;
    let tags = json!({ "ResourceARN": arn("errors") });
    assert_eq!(
        cloud.ok("ListTagsForResource", tags).await["Tags"],
        json!([{ "Key": "team", "Value": "shop" }, { "Key": "tier", "Value": "1" }])
    );

    cloud
        .ok("DeleteAlarms", json!({ "AlarmNames": ["errors"] }))
        .await;
    assert_eq!(cloud.describe(json!({})).await, [] as [Value; 0]);
    let oldest_first = json!({ "AlarmName": "errors", "ScanBy": "TimestampAscending" });
    let summaries = names(&cloud.history(oldest_first).await, "HistorySummary");
    let (created, updated) = ("Alarm \"errors\" created", "Alarm \"errors\" updated");
    assert_eq!(
        summaries,
        [
            created,
            "Alarm updated from INSUFFICIENT_DATA to OK",
            updated,
            updated,
            updated,
            "Alarm \"errors\" deleted"
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused() {
    let cloud = Cloud::start().await;
    let validation = "ValidationException";
    let missing = "MissingRequiredParameterException";
    let combination = "InvalidParameterCombinationException";
    let value = "InvalidParameterValueException";
    let math = json!([{ "Id": "e", "Expression": "1+1" }]);
    for (member, given, error) in [
        ("DatapointsToAlarm", json!(4), validation),
        ("Period", json!(61), validation),
        ("EvaluationPeriods", json!(1441), validation),
        (
            "ComparisonOperator",
            json!("LessThanLowerThreshold"),
            validation,
        ),
        ("AlarmActions", json!(["pager"]), validation),
        ("ThresholdMetricId", json!("e"), validation),
        ("TreatMissingData", json!("sometimes"), value),
        ("ExtendedStatistic", json!("p90"), combination),
        ("Metrics", math, combination),
        ("Threshold", Value::Null, missing),
        ("Namespace", Value::Null, missing),
        ("Statistic", Value::Null, combination),
    ] {
        let body = with("bad", member, given);
        let (name, message) = cloud.refused("PutMetricAlarm", body).await;
        assert_eq!(name, error, "{member}: {message}");
    }
    assert_eq!(cloud.describe(json!({})).await, [] as [Value; 0]);
    cloud.ok("PutMetricAlarm", definition("good")).await;
    for (alarm, state, data, error) in [
        ("none", "OK", "{}", "ResourceNotFound"),
        ("good", "OK", "{", "InvalidFormatFault"),
        ("good", "CALM", "{}", validation),
    ] {
        let set = json!({ "AlarmName": alarm, "StateValue": state, "StateReason": "test",
                          "StateReasonData": data });
        let (name, message) = cloud.refused("SetAlarmState", set).await;
        assert_eq!(name, error, "{alarm} {state} {data}: {message}");
    }
    let token = json!({ "NextToken": "%" });
    let refused = cloud.refused("DescribeAlarms", token).await;
    assert_eq!(refused.0, "InvalidNextToken");
    let two = json!({ "AlarmNames": ["none", "good"] });
    cloud.ok("DeleteAlarms", two).await;
    assert_eq!(cloud.describe(json!({})).await, [] as [Value; 0]);
    let tags = json!({ "ResourceARN": arn("none") });
    let refused = cloud.refused("ListTagsForResource", tags).await;
    assert_eq!(refused.0, "ResourceNotFoundException");
}

#[tokio::test]
async fn an_alarm_on_a_query_of_one_metric_is_evaluated() {
    let cloud = Cloud::start().await;
    let body = json!({
        "AlarmName": "query", "EvaluationPeriods": 1, "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Metrics": [{ "Id": "m1", "ReturnData": true, "MetricStat": { "Period": 60,
            "Stat": "p50", "Metric": { "Namespace": "shop", "MetricName": "errors" } } }],
    });
    cloud.ok("PutMetricAlarm", body).await;
    cloud.errors(&[5.0]).await;
    let now = EpochMillis(cloud.minute * 1000);
    cloud.cloudwatch.evaluate_alarms(now).unwrap();
    let alarm = cloud.alarm("query").await;
    assert_eq!(alarm["StateValue"], "ALARM");
    assert_eq!(alarm["Metrics"][0]["MetricStat"]["Stat"], "p50");
}

#[tokio::test]
async fn an_alarm_on_a_query_of_ten_seconds_is_evaluated_every_ten_seconds() {
    let cloud = Cloud::start().await;
    let body = json!({
        "AlarmName": "fine", "EvaluationPeriods": 1, "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
        "Metrics": [{ "Id": "m1", "MetricStat": { "Period": 10, "Stat": "Maximum",
            "Metric": { "Namespace": "shop", "MetricName": "errors" } } }],
    });
    cloud.ok("PutMetricAlarm", body).await;
    let minute = EpochMillis(cloud.minute * 1000);
    cloud
        .cloudwatch
        .evaluate_alarms(minute.plus(10_000))
        .unwrap();
    assert_eq!(cloud.alarm("fine").await["StateValue"], "OK");
    let data = json!([{ "MetricName": "errors", "Value": 9.0, "StorageResolution": 1,
                        "Timestamp": cloud.minute + 12 }]);
    cloud.put(data).await;
    cloud
        .cloudwatch
        .evaluate_alarms(minute.plus(19_999))
        .unwrap();
    assert_eq!(cloud.alarm("fine").await["StateValue"], "OK");
    cloud
        .cloudwatch
        .evaluate_alarms(minute.plus(20_000))
        .unwrap();
    assert_eq!(cloud.alarm("fine").await["StateValue"], "ALARM");
}

#[tokio::test]
async fn who_heeds_alarms_is_woken_and_finds_their_states() {
    let cloud = Cloud::start().await;
    let mut changes = cloud.cloudwatch.alarm_changes();
    let known = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let states = cloud.cloudwatch.alarm_states(&names).unwrap().into_iter();
        states
            .map(|(name, state)| format!("{name} {state}"))
            .collect::<Vec<_>>()
    };
    let mut woken = || {
        let changed = changes.has_changed().unwrap();
        changes.mark_unchanged();
        changed
    };
    assert!(!woken());
    cloud.ok("PutMetricAlarm", definition("errors")).await;
    assert!(woken());
    assert_eq!(known(&["errors", "none"]), ["errors INSUFFICIENT_DATA"]);
    assert_eq!(cloud.cloudwatch.in_alarm().unwrap(), [] as [&str; 0]);

    let minute = EpochMillis(cloud.minute * 1000);
    cloud.cloudwatch.evaluate_alarms(minute).unwrap();
    assert!(!woken(), "nothing has changed");
    cloud.errors(&[9.0, 8.0, 7.0]).await;
    cloud
        .cloudwatch
        .evaluate_alarms(minute.plus(60_000))
        .unwrap();
    assert!(woken());
    assert_eq!(known(&["errors"]), ["errors ALARM"]);
    assert_eq!(cloud.cloudwatch.in_alarm().unwrap(), ["errors"]);

    let set = json!({ "AlarmName": "errors", "StateValue": "OK", "StateReason": "test" });
    cloud.ok("SetAlarmState", set).await;
    assert!(woken());
    assert_eq!(known(&["errors"]), ["errors OK"]);
    let names = json!({ "AlarmNames": ["errors"] });
    cloud.ok("DeleteAlarms", names).await;
    assert!(woken());
    assert_eq!(known(&["errors"]), [] as [&str; 0]);
}

#[tokio::test]
async fn the_query_protocol_is_spoken_too() {
    let cloud = Cloud::start().await;
    let form = "Version=2010-08-01&Action=PutMetricAlarm&AlarmName=a&Namespace=shop\
        &MetricName=errors&Statistic=Sum&Period=60&EvaluationPeriods=1&Threshold=5\
        &ComparisonOperator=LessThanThreshold&TreatMissingData=breaching";
    let put = cloud.platform.query(Service::CloudWatch, form).await;
    assert_eq!(put.status, http::StatusCode::OK, "{}", put.text());
    let form = "Version=2010-08-01&Action=DescribeAlarms";
    let listed = cloud.platform.query(Service::CloudWatch, form).await;
    for part in [
        "<AlarmName>a</AlarmName>",
        "<Threshold>5",
        "<StateValue>INSUFFICIENT_DATA",
    ] {
        assert!(listed.text().contains(part), "{}", listed.text());
    }
}
