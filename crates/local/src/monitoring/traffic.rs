//! `AWS/ApplicationELB`: requests, answers and health of target groups.
//!
//! Source: "CloudWatch metrics for your Application Load Balancer",
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>.
//! As there, what did not happen is not reported. Response times are known by the bucket of the
//! router's histogram; their sum is exact.

use std::collections::BTreeMap;

use seaway_router::{GroupMetrics, RESPONSE_TIME_BOUNDS_MS};

use super::datum;
use crate::balancing::GroupTraffic;
use crate::clock::EpochMillis;
use crate::metrics::{Datum, Distribution, Metric, Samples};

const MICROS: f64 = 1_000_000.0;
const MILLIS: f64 = 1000.0;

/// Remembers what was served before.
#[derive(Debug, Default)]
pub(super) struct TrafficMeter {
    /// By target group.
    before: BTreeMap<String, GroupMetrics>,
}

impl TrafficMeter {
    /// The metrics of `minute`, which has just ended.
    pub(super) fn read(&mut self, traffic: Vec<GroupTraffic>, minute: EpochMillis) -> Vec<Datum> {
        let mut data = Vec::new();
        let mut now = BTreeMap::new();
        for group in traffic {
            let before = self.before.get(&group.target_group);
            let served = since(&group.served, before);
            report(&group, &served, minute, &mut data);
            now.insert(group.target_group, group.served);
        }
        self.before = now;
        data
    }
}

fn report(group: &GroupTraffic, served: &GroupMetrics, minute: EpochMillis, data: &mut Vec<Datum>) {
    let balancer = ("LoadBalancer", balancer_name(&group.load_balancer));
    let target_group = ("TargetGroup", group_name(&group.target_group));
    let mut add = |name, unit, dimensions: &[_], samples| {
        let metric = Metric::new("AWS/ApplicationELB", name, dimensions);
        data.push(datum(metric, unit, minute, samples));
    };
    for dimensions in [&[balancer][..], &[balancer, target_group]] {
        for (name, count) in [
            ("RequestCount", served.requests),
            ("HTTPCode_Target_2XX_Count", served.target_2xx),
            ("HTTPCode_Target_3XX_Count", served.target_3xx),
            ("HTTPCode_Target_4XX_Count", served.target_4xx),
            ("HTTPCode_Target_5XX_Count", served.target_5xx),
            ("TargetConnectionErrorCount", served.connection_errors),
        ] {
            if count > 0 {
                add(name, "Count", dimensions, Samples::of(1.0, count as f64));
            }
        }
        if let Some(times) = response_times(served) {
            add("TargetResponseTime", "Seconds", dimensions, times);
        }
    }
    for (name, count) in [
        ("HTTPCode_ELB_4XX_Count", served.elb_4xx),
        ("HTTPCode_ELB_5XX_Count", served.elb_5xx),
    ] {
        if count > 0 {
            add(name, "Count", &[balancer], Samples::of(1.0, count as f64));
        }
    }
    if group.registered > 0 {
        for (name, count) in [
            ("HealthyHostCount", group.healthy),
            ("UnHealthyHostCount", group.unhealthy),
        ] {
            let hosts = Samples::of(count as f64, 1.0);
            add(name, "Count", &[balancer, target_group], hosts);
        }
    }
}

/// What was served since `before`. A group that the router has got to know anew counts from zero.
fn since(now: &GroupMetrics, before: Option<&GroupMetrics>) -> GroupMetrics {
    let before = match before {
        Some(before) if before.requests <= now.requests => before.clone(),
        _ => GroupMetrics::default(),
    };
    let mut response_times = now.response_times;
    for (count, before) in response_times.iter_mut().zip(before.response_times) {
        *count = count.saturating_sub(before);
    }
    let left = |of: fn(&GroupMetrics) -> u64| of(now).saturating_sub(of(&before));
    GroupMetrics {
        requests: left(|it| it.requests),
        target_2xx: left(|it| it.target_2xx),
        target_3xx: left(|it| it.target_3xx),
        target_4xx: left(|it| it.target_4xx),
        target_5xx: left(|it| it.target_5xx),
        elb_4xx: left(|it| it.elb_4xx),
        elb_5xx: left(|it| it.elb_5xx),
        connection_errors: left(|it| it.connection_errors),
        response_time_sum_micros: left(|it| it.response_time_sum_micros),
        response_times,
    }
}

/// The response times in seconds; none when no target has answered.
fn response_times(served: &GroupMetrics) -> Option<Samples> {
    let count: u64 = served.response_times.iter().sum();
    let sum = served.response_time_sum_micros as f64 / MICROS;
    let average = sum / count as f64;
    let last = RESPONSE_TIME_BOUNDS_MS.last().copied();
    let bounds = RESPONSE_TIME_BOUNDS_MS.iter().copied().chain(last);
    let buckets = bounds.zip(served.response_times);
    let buckets: Vec<(f64, f64)> = buckets
        .filter(|(_, count)| *count > 0)
        .map(|(bound, count)| (bound as f64 / MILLIS, count as f64))
        .collect();
    let mut distribution = Distribution::default();
    for (bound, count) in &buckets {
        distribution.add(*bound, *count);
    }
    // The least and the greatest are known no better than this.
    Some(Samples {
        count: count as f64,
        sum,
        minimum: buckets.first()?.0.min(average),
        maximum: buckets.last()?.0.max(average),
        distribution: Some(distribution),
    })
}

/// `app/NAME/ID`, from `...:loadbalancer/app/NAME/ID`.
fn balancer_name(arn: &str) -> &str {
    arn.split_once(":loadbalancer/")
        .map_or(arn, |(_, name)| name)
}

/// `targetgroup/NAME/ID`, from `...:targetgroup/NAME/ID`.
fn group_name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(served: GroupMetrics) -> Vec<GroupTraffic> {
        vec![GroupTraffic {
            load_balancer: "arn:aws:elasticloadbalancing:us-east-1:0:loadbalancer/app/shop/1"
                .into(),
            target_group: "arn:aws:elasticloadbalancing:us-east-1:0:targetgroup/api/2".into(),
            served,
            healthy: 2,
            unhealthy: 1,
            registered: 3,
        }]
    }

    fn served(requests: u64, response_times: &[(usize, u64)], micros: u64) -> GroupMetrics {
        let mut metrics = GroupMetrics {
            requests,
            target_2xx: requests,
            response_time_sum_micros: micros,
            ..GroupMetrics::default()
        };
        for (bucket, count) in response_times {
            metrics.response_times[*bucket] = *count;
        }
        metrics
    }

    /// Name, number of dimensions and sum of each metric.
    fn told(data: &[Datum]) -> Vec<(&str, usize, f64)> {
        let data = data.iter();
        data.map(|one| {
            let dimensions = one.metric.dimensions.len();
            (one.metric.name.as_str(), dimensions, one.samples.sum)
        })
        .collect()
    }

    #[test]
    fn a_minute_has_what_came_since_the_last_one() {
        let mut meter = TrafficMeter::default();
        meter.read(traffic(served(10, &[(0, 10)], 5_000)), EpochMillis(0));
        let data = meter.read(
            traffic(served(14, &[(0, 13), (6, 1)], 105_000)),
            EpochMillis(60_000),
        );
        assert_eq!(
            told(&data),
            [
                ("RequestCount", 1, 4.0),
                ("HTTPCode_Target_2XX_Count", 1, 4.0),
                ("TargetResponseTime", 1, 0.1),
                ("RequestCount", 2, 4.0),
                ("HTTPCode_Target_2XX_Count", 2, 4.0),
                ("TargetResponseTime", 2, 0.1),
                ("HealthyHostCount", 2, 2.0),
                ("UnHealthyHostCount", 2, 1.0),
            ]
        );
        let times = &data[2].samples;
        assert_eq!(
            (times.count, times.minimum, times.maximum),
            (4.0, 0.001, 0.1)
        );
        let dimensions = &data[3].metric.dimensions;
        assert_eq!(dimensions["LoadBalancer"], "app/shop/1");
        assert_eq!(dimensions["TargetGroup"], "targetgroup/api/2");
    }

    #[test]
    fn a_quiet_minute_has_no_requests() {
        let mut meter = TrafficMeter::default();
        let same = served(10, &[(0, 10)], 5_000);
        meter.read(traffic(same.clone()), EpochMillis(0));
        let data = meter.read(traffic(same), EpochMillis(60_000));
        let names: Vec<_> = told(&data).into_iter().map(|one| one.0).collect();
        assert_eq!(names, ["HealthyHostCount", "UnHealthyHostCount"]);
    }

    #[test]
    fn a_group_that_was_made_again_counts_from_zero() {
        let mut meter = TrafficMeter::default();
        meter.read(traffic(served(10, &[(0, 10)], 5_000)), EpochMillis(0));
        let data = meter.read(traffic(served(3, &[(0, 3)], 300)), EpochMillis(60_000));
        assert_eq!(told(&data)[0], ("RequestCount", 1, 3.0));
    }

    #[test]
    fn answers_of_the_balancer_itself_belong_to_it_alone() {
        let metrics = GroupMetrics {
            requests: 2,
            elb_5xx: 2,
            ..GroupMetrics::default()
        };
        let data = TrafficMeter::default().read(traffic(metrics), EpochMillis(0));
        let own: Vec<_> = told(&data)
            .into_iter()
            .filter(|one| one.0.starts_with("HTTPCode_"))
            .collect();
        assert_eq!(own, [("HTTPCode_ELB_5XX_Count", 1, 2.0)]);
    }

    #[test]
    fn the_slowest_answers_are_told_no_faster_than_their_average() {
        let last = RESPONSE_TIME_BOUNDS_MS.len();
        let times = response_times(&served(1, &[(last, 1)], 25_000_000)).unwrap();
        assert_eq!(times.maximum, 25.0);
        assert_eq!(response_times(&served(0, &[], 0)), None);
    }
}
