//! The metrics that the platform makes of its tasks and its load balancer, and alarms on them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime};

use seaway_local::launch::PlatformClient;
use serde_json::{Value, json};

use crate::api::{CLOUDWATCH, elb};
use crate::containers;
use crate::harness::{run, tests};
use crate::services::{server, target_group};
use crate::stage::{Stage, network, text};

tests![
    tasks_and_target_groups_have_metrics_of_each_full_minute,
    containers_have_the_metrics_of_tasks,
];

/// A minute, and then some.
const PATIENCE: Duration = Duration::from_secs(100);

fn tasks_and_target_groups_have_metrics_of_each_full_minute() {
    run(async {
        let stage = Stage::start().await;
        let script = "while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 1; done";
        let limits = json!({ "cpu": 256, "memory": 256 });
        let busy = stage.define_with("busy", script, limits).await;
        let two = json!({ "desiredCount": 2 });
        stage.create("busy", &busy, two).await;
        let group = target_group(&stage).await;
        let web = server(&stage, "200").await;
        let balancers = json!([{ "targetGroupArn": group, "containerName": "main",
            "containerPort": 8000 }]);
        let behind = json!({ "loadBalancers": balancers, "networkConfiguration": network() });
        stage.create("web", &web, behind).await;
        stage.steady("busy").await;
        stage.steady("web").await;

        let balancer = elb(
            &stage.connection,
            "DescribeLoadBalancers",
            "LoadBalancerArn",
        )
        .await;
        let (_, balancer) = balancer.split_once(":loadbalancer/").unwrap();
        let of_balancer = json!({ "Name": "LoadBalancer", "Value": balancer });
        let group = group.rsplit(':').next().unwrap();
        let of_group = json!([of_balancer, { "Name": "TargetGroup", "Value": group }]);
        let alarm = json!({
            "AlarmName": "errors", "Namespace": "AWS/ApplicationELB", "Statistic": "Sum",
            "MetricName": "HTTPCode_Target_5XX_Count", "Dimensions": of_group,
            "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        });
        stage.call(CLOUDWATCH, "PutMetricAlarm", alarm).await;
        let url = listener(&stage).await;
        for path in [
            "/",
            "/",
            "/",
            "/status/404",
            "/status/404",
            "/status/503",
            "/gone",
        ] {
            request(&url, path);
        }

        let requests = Source {
            stage: &stage,
            namespace: "AWS/ApplicationELB",
            dimensions: of_group,
        };
        requests.adds_up_to("RequestCount", 7.0).await;
        requests.adds_up_to("HTTPCode_Target_2XX_Count", 3.0).await;
        requests.adds_up_to("HTTPCode_Target_4XX_Count", 2.0).await;
        requests.adds_up_to("HTTPCode_Target_5XX_Count", 1.0).await;
        requests
            .once("TargetResponseTime", "p50", |p50| 0.0 < p50 && p50 < 40.0)
            .await;
        requests
            .once("HealthyHostCount", "Maximum", |hosts| hosts == 1.0)
            .await;
        requests
            .once("UnHealthyHostCount", "Maximum", |hosts| hosts == 0.0)
            .await;
        let answers = Source {
            dimensions: json!([of_balancer]),
            ..requests
        };
        answers.adds_up_to("RequestCount", 7.0).await;
        answers.adds_up_to("HTTPCode_ELB_5XX_Count", 1.0).await;
        goes_off(&stage, "errors").await;

        let tasks = Source {
            stage: &stage,
            namespace: "AWS/ECS",
            dimensions: json!([{ "Name": "ClusterName", "Value": "shop" },
                               { "Name": "ServiceName", "Value": "busy" }]),
        };
        tasks
            .once("RunningTaskCount", "Maximum", |tasks| tasks == 2.0)
            .await;
        // Two processes that are busy now and then, a quarter of a processor promised to each.
        tasks
            .once("CPUUtilization", "Average", |percent| {
                0.0 < percent && percent < 800.0
            })
            .await;
        tasks
            .once("CPUUtilization", "SampleCount", |tasks| tasks == 2.0)
            .await;
        tasks
            .once("MemoryUtilization", "Average", |percent| {
                0.0 < percent && percent < 100.0
            })
            .await;
    });
}

fn containers_have_the_metrics_of_tasks() {
    run(async {
        let Some((stage, image)) = containers::stage().await else {
            return;
        };
        let script = "while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 1; done";
        let more = json!({ "image": image, "cpu": 256, "memory": 64 });
        let busy = stage.define_with("contained", script, more).await;
        stage.create("contained", &busy, json!({})).await;
        stage.steady("contained").await;
        let tasks = Source {
            stage: &stage,
            namespace: "AWS/ECS",
            dimensions: json!([{ "Name": "ClusterName", "Value": "shop" },
                               { "Name": "ServiceName", "Value": "contained" }]),
        };
        for metric in ["CPUUtilization", "MemoryUtilization"] {
            tasks
                .once(metric, "Average", |percent| {
                    0.0 < percent && percent < 800.0
                })
                .await;
        }
    });
}

/// What metrics are about.
struct Source<'a> {
    stage: &'a Stage,
    namespace: &'static str,
    dimensions: Value,
}

impl Source<'_> {
    /// Waits until the sums of all minutes are this together.
    async fn adds_up_to(&self, metric: &str, expected: f64) {
        let adds_up = |sums: &[f64]| sums.iter().sum::<f64>() == expected;
        self.until(metric, "Sum", adds_up).await;
    }

    /// Waits for a minute of which the statistic is as it should be.
    async fn once(&self, metric: &str, statistic: &str, wanted: impl Fn(f64) -> bool) {
        let some = |values: &[f64]| values.iter().any(|value| wanted(*value));
        self.until(metric, statistic, some).await;
    }

    /// Waits until the values of all minutes are as they should be.
    async fn until(&self, metric: &str, statistic: &str, wanted: impl Fn(&[f64]) -> bool) {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let query = json!({ "Id": "it", "MetricStat": { "Period": 60, "Stat": statistic,
            "Metric": { "Namespace": self.namespace, "MetricName": metric,
                        "Dimensions": self.dimensions } } });
        let body = json!({ "StartTime": now - 600, "EndTime": now + 600,
                           "MetricDataQueries": [query] });
        let begun = Instant::now();
        loop {
            let found = self
                .stage
                .call(CLOUDWATCH, "GetMetricData", body.clone())
                .await;
            let values = found["MetricDataResults"][0]["Values"].clone();
            let values: Vec<f64> = serde_json::from_value(values).unwrap();
            if wanted(&values) {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{metric} {statistic}: {values:?}"
            );
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

/// Waits for an alarm that is in `ALARM`.
async fn goes_off(stage: &Stage, alarm: &str) {
    let names = json!({ "AlarmNames": [alarm] });
    let begun = Instant::now();
    loop {
        let found = stage
            .call(CLOUDWATCH, "DescribeAlarms", names.clone())
            .await;
        let state = &found["MetricAlarms"][0]["StateValue"];
        if state == "ALARM" {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{alarm}: {state}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// The only address where the load balancer listens.
async fn listener(stage: &Stage) -> String {
    let client = PlatformClient::new(stage.connection.clone());
    let status = client.status().await.unwrap();
    let url = text(&status["listeners"][0]["url"]);
    url.trim_start_matches("http://").to_owned()
}

fn request(address: &str, path: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 "), "{path}: {answer}");
}
