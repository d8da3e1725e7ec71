//! Putting, reading and listing metrics.

use seaway_aws_wire::Service;
use serde_json::{Value, json};

use super::Cloud;

fn statistics(metric: &str, minute: i64) -> Value {
    json!({
        "Namespace": "shop", "MetricName": metric, "Period": 60,
        "StartTime": minute - 600, "EndTime": minute + 60,
        "Statistics": ["SampleCount", "Average", "Sum", "Minimum", "Maximum"],
        "ExtendedStatistics": ["p50", "p99"],
    })
}

#[tokio::test]
async fn values_counts_and_sets_add_up_within_a_minute() {
    let cloud = Cloud::start().await;
    let minute = cloud.minute - 60;
    cloud
        .put(json!([
            { "MetricName": "latency", "Unit": "Seconds", "Value": 1.0, "Timestamp": minute },
            { "MetricName": "latency", "Unit": "Seconds", "Values": [2.0, 4.0],
              "Counts": [2.0, 1.0], "Timestamp": minute + 59 },
            { "MetricName": "size", "Timestamp": minute, "StatisticValues":
              { "SampleCount": 4.0, "Sum": 20.0, "Minimum": 1.0, "Maximum": 9.0 } },
        ]))
        .await;
    let found = cloud
        .ok("GetMetricStatistics", statistics("latency", minute))
        .await;
    assert_eq!(
        found,
        json!({ "Label": "latency", "Datapoints": [{
            "Timestamp": minute as f64, "Unit": "Seconds", "SampleCount": 4.0, "Sum": 9.0,
            "Average": 2.25, "Minimum": 1.0, "Maximum": 4.0,
            "ExtendedStatistics": { "p50": 2.0, "p99": 4.0 },
        }] })
    );
    let found = cloud
        .ok("GetMetricStatistics", statistics("size", minute))
        .await;
    let point = &found["Datapoints"][0];
    assert_eq!(
        (&point["Average"], &point["Unit"]),
        (&json!(5.0), &json!("None"))
    );
    assert_eq!(
        point["ExtendedStatistics"],
        json!({}),
        "nobody saw the values"
    );
}

#[tokio::test]
async fn dimensions_units_and_periods_select() {
    let cloud = Cloud::start().await;
    let minute = cloud.minute / 300 * 300 - 300;
    let datum = |service: &str, unit: &str, at: i64| {
        json!({ "MetricName": "calls", "Value": 1.0, "Unit": unit, "Timestamp": at,
                "Dimensions": [{ "Name": "service", "Value": service }] })
    };
    cloud
        .put(json!([
            datum("api", "Count", minute),
            datum("api", "Count", minute + 240),
            datum("api", "Bytes", minute),
            datum("web", "Count", minute),
        ]))
        .await;
    let sums = async |unit: Option<&str>, period: i32| {
        let mut body = statistics("calls", minute + 240);
        body["Dimensions"] = json!([{ "Name": "service", "Value": "api" }]);
        body["Period"] = json!(period);
        body["StartTime"] = json!(minute);
        if let Some(unit) = unit {
            body["Unit"] = json!(unit);
        }
        let found = cloud.ok("GetMetricStatistics", body).await;
        let points = found["Datapoints"].as_array().unwrap().iter();
        points
            .map(|point| point["Sum"].as_f64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(sums(Some("Count"), 60).await, [1.0, 1.0]);
    assert_eq!(sums(Some("Count"), 300).await, [2.0]);
    assert_eq!(sums(None, 300).await, [1.0, 2.0], "units are not mixed");
    assert_eq!(sums(Some("Percent"), 60).await, [0.0; 0]);
}

#[tokio::test]
async fn high_resolution_is_kept_by_the_second() {
    let cloud = Cloud::start().await;
    let minute = cloud.minute - 60;
    let datum = |at, value| json!({ "MetricName": "fast", "Value": value, "Timestamp": at, "StorageResolution": 1 });
    cloud
        .put(json!([
            datum(minute, 1.0),
            datum(minute + 9, 2.0),
            datum(minute + 10, 4.0)
        ]))
        .await;
    let query = json!({
        "StartTime": minute, "EndTime": minute + 60, "ScanBy": "TimestampAscending",
        "MetricDataQueries": [
            { "Id": "fine", "MetricStat": { "Period": 10, "Stat": "Sum",
              "Metric": { "Namespace": "shop", "MetricName": "fast" } } },
            { "Id": "coarse", "Label": "all", "MetricStat": { "Period": 60, "Stat": "p100",
              "Metric": { "Namespace": "shop", "MetricName": "fast" } } },
            { "Id": "none", "MetricStat": { "Period": 60, "Stat": "Sum",
              "Metric": { "Namespace": "shop", "MetricName": "slow" } } },
            { "Id": "hidden", "ReturnData": false, "MetricStat": { "Period": 60, "Stat": "Sum",
              "Metric": { "Namespace": "shop", "MetricName": "fast" } } },
        ],
    });
    let found = cloud.ok("GetMetricData", query).await;
    let (first, second) = (minute as f64, (minute + 10) as f64);
    assert_eq!(
        found["MetricDataResults"],
        json!([
            { "Id": "fine", "Label": "fast", "StatusCode": "Complete",
              "Timestamps": [first, second], "Values": [3.0, 4.0] },
            { "Id": "coarse", "Label": "all", "StatusCode": "Complete",
              "Timestamps": [first], "Values": [4.0] },
            { "Id": "none", "Label": "slow", "StatusCode": "Complete",
              "Timestamps": [], "Values": [] },
        ])
    );
}

#[tokio::test]
async fn data_comes_in_pages_newest_first() {
    let cloud = Cloud::start().await;
    let minute = cloud.minute - 300;
    let data: Vec<Value> = (0..5)
        .map(|at| {
            json!({ "MetricName": "calls", "Value": f64::from(at),
                    "Timestamp": minute + i64::from(at) * 60 })
        })
        .collect();
    cloud.put(json!(data)).await;
    let series = |id: &str| {
        json!({ "Id": id, "MetricStat": { "Period": 60, "Stat": "Sum",
                "Metric": { "Namespace": "shop", "MetricName": "calls" } } })
    };
    let mut body = json!({
        "StartTime": minute, "EndTime": minute + 300, "MaxDatapoints": 4,
        "MetricDataQueries": [series("a"), series("b")],
    });
    let (mut pages, mut values) = (0, Vec::new());
    loop {
        let found = cloud.ok("GetMetricData", body.clone()).await;
        pages += 1;
        for result in found["MetricDataResults"].as_array().unwrap() {
            let id = result["Id"].as_str().unwrap();
            let part = result["Values"].as_array().unwrap().iter();
            values.extend(part.map(|value| format!("{id}{value}")));
        }
        match &found["NextToken"] {
            Value::Null => break,
            token => body["NextToken"] = token.clone(),
        }
    }
    assert_eq!(pages, 3);
    let expected = "a4.0 a3.0 a2.0 a1.0 a0.0 b4.0 b3.0 b2.0 b1.0 b0.0";
    assert_eq!(values.join(" "), expected);
}

#[tokio::test]
async fn metrics_are_listed_by_name_and_dimension_in_pages() {
    let cloud = Cloud::start().await;
    let datum = |name: &str, host: &str| {
        json!({ "MetricName": name, "Value": 1.0,
                "Dimensions": [{ "Name": "host", "Value": host }] })
    };
    for part in 0..2 {
        let hosts = part * 300..(part + 1) * 300;
        let data: Vec<Value> = hosts.map(|host| datum("cpu", &host.to_string())).collect();
        cloud.put(json!(data)).await;
    }
    cloud.put(json!([datum("memory", "7")])).await;
    let list = async |filter: Value| cloud.ok("ListMetrics", filter).await;
    let first = list(json!({ "Namespace": "shop", "MetricName": "cpu" })).await;
    assert_eq!(first["Metrics"].as_array().unwrap().len(), 500);
    let rest = json!({ "Namespace": "shop", "MetricName": "cpu", "NextToken": first["NextToken"] });
    let rest = list(rest).await;
    assert_eq!(rest["Metrics"].as_array().unwrap().len(), 100);
    assert_eq!(rest["NextToken"], Value::Null);
    let count = async |filter: Value| list(filter).await["Metrics"].as_array().unwrap().len();
    let host = json!({ "Dimensions": [{ "Name": "host", "Value": "7" }] });
    assert_eq!(count(host).await, 2);
    let zone = json!({ "Dimensions": [{ "Name": "zone" }] });
    assert_eq!(count(zone).await, 0);
    let recent = json!({ "MetricName": "memory", "RecentlyActive": "PT3H" });
    assert_eq!(
        list(recent).await["Metrics"],
        json!([{ "Namespace": "shop", "MetricName": "memory",
                 "Dimensions": [{ "Name": "host", "Value": "7" }] }])
    );
}

#[tokio::test]
async fn what_cannot_be_put_is_refused_as_a_whole() {
    let cloud = Cloud::start().await;
    let value = "InvalidParameterValueException";
    let combination = "InvalidParameterCombinationException";
    let old = cloud.minute - 15 * 24 * 3600;
    for (datum, error) in [
        (json!({ "Value": 1.0, "Values": [1.0] }), combination),
        (json!({}), combination),
        (
            json!({ "Values": [1.0], "Counts": [1.0, 2.0] }),
            combination,
        ),
        (json!({ "Values": [1.0], "Counts": [0.0] }), value),
        (json!({ "Value": 1e200 }), value),
        (json!({ "Value": 1.0, "StorageResolution": 5 }), value),
        (json!({ "Value": 1.0, "Timestamp": old }), value),
        (
            json!({ "Value": 1.0, "Timestamp": cloud.minute + 3 * 3600 }),
            value,
        ),
        (
            json!({ "StatisticValues":
                { "SampleCount": 1.0, "Sum": 1.0, "Minimum": 2.0, "Maximum": 1.0 } }),
            combination,
        ),
        (
            json!({ "Value": 1.0, "Dimensions":
                [{ "Name": "a", "Value": "1" }, { "Name": "a", "Value": "2" }] }),
            value,
        ),
    ] {
        let mut second = datum.clone();
        second["MetricName"] = json!("second");
        let body = json!({ "Namespace": "shop",
            "MetricData": [{ "MetricName": "first", "Value": 1.0 }, second] });
        let (name, message) = cloud.refused("PutMetricData", body).await;
        assert_eq!(name, error, "{datum}: {message}");
        assert!(message.contains("MetricData.member.2."), "{message}");
    }
    let own = json!({ "Namespace": "AWS/ECS", "MetricData": [{ "MetricName": "a", "Value": 1 }] });
    let (name, message) = cloud.refused("PutMetricData", own).await;
    assert_eq!(name, value);
    assert_eq!(
        message,
        "The value AWS/ECS for parameter Namespace is invalid."
    );
    let found = cloud.ok("ListMetrics", json!({})).await;
    assert_eq!(found["Metrics"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let cloud = Cloud::start().await;
    let minute = cloud.minute;
    let with = |name: &str, value: Value| {
        let mut body = statistics("calls", minute);
        body[name] = value;
        body
    };
    let many = with("StartTime", json!(minute - 1441 * 60));
    let (name, message) = cloud.refused("GetMetricStatistics", many).await;
    assert_eq!(name, "InvalidParameterCombinationException");
    assert!(
        message.starts_with("You have requested up to 1,442 datapoints"),
        "{message}"
    );
    for (member, value) in [
        ("Period", json!(61)),
        ("ExtendedStatistics", json!(["p101"])),
        ("ExtendedStatistics", json!(["Average"])),
    ] {
        let refused = cloud
            .refused("GetMetricStatistics", with(member, value))
            .await;
        assert_eq!(refused.0, "InvalidParameterValueException", "{member}");
    }
    for query in [
        json!([{ "Id": "math", "Expression": "1+1" }]),
        json!([{ "Id": "Upper", "Expression": "1+1" }]),
        json!([{ "Id": "neither" }]),
    ] {
        let body = json!({ "StartTime": minute - 60, "EndTime": minute,
                           "MetricDataQueries": query });
        let (name, _) = cloud.refused("GetMetricData", body).await;
        assert_eq!(name, "ValidationException", "{query}");
    }
}

#[tokio::test]
async fn the_query_protocol_is_spoken_too() {
    let cloud = Cloud::start().await;
    let form = "Version=2010-08-01&Action=PutMetricData&Namespace=shop\
        &MetricData.member.1.MetricName=calls&MetricData.member.1.Value=2\
        &MetricData.member.1.Dimensions.member.1.Name=service\
        &MetricData.member.1.Dimensions.member.1.Value=api";
    let put = cloud.platform.query(Service::CloudWatch, form).await;
    assert_eq!(put.status, http::StatusCode::OK, "{}", put.text());
    let form = "Version=2010-08-01&Action=ListMetrics&Namespace=shop";
    let listed = cloud.platform.query(Service::CloudWatch, form).await;
    assert!(
        listed.text().contains("<MetricName>calls</MetricName>"),
        "{}",
        listed.text()
    );
}
