//! Counters of a target group, kept so that CloudWatch's metrics can be told from them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;

/// Upper bounds of the response time histogram, in milliseconds. One more bucket has the rest.
pub const RESPONSE_TIME_BOUNDS_MS: [u64; 13] = [
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000,
];

/// What a target group has served since it came into the configuration. All numbers only grow; a
/// group that leaves and comes back begins anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMetrics {
    /// `RequestCount`.
    pub requests: u64,
    /// `HTTPCode_Target_2XX_Count` to `..._5XX_Count`: answers of targets by their first digit.
    pub target_2xx: u64,
    /// See [`GroupMetrics::target_2xx`].
    pub target_3xx: u64,
    /// See [`GroupMetrics::target_2xx`].
    pub target_4xx: u64,
    /// See [`GroupMetrics::target_2xx`].
    pub target_5xx: u64,
    /// `HTTPCode_ELB_4XX_Count`: answers of the router's own, for requests meant for this group, and
    /// clients that left before an answer (460).
    pub elb_4xx: u64,
    /// `HTTPCode_ELB_5XX_Count`: the same, and what a shutdown cut off.
    pub elb_5xx: u64,
    /// `TargetConnectionErrorCount`: connections that a target refused or broke.
    pub connection_errors: u64,
    /// `TargetResponseTime`, summed over all answers of targets, in microseconds.
    pub response_time_sum_micros: u64,
    /// How many answers took at most the bound of the same index in
    /// [`RESPONSE_TIME_BOUNDS_MS`] and more than the one before.
    pub response_times: [u64; RESPONSE_TIME_BOUNDS_MS.len() + 1],
}

/// One finished request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// What the client got.
    pub(crate) status: StatusCode,
    /// From sending the request to a target to the head of its answer, if it gave one.
    pub(crate) answered_in: Option<Duration>,
}

/// The counters themselves.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// By first digit, 1 to 5; the first element is not used.
    target: [AtomicU64; 6],
    elb_4xx: AtomicU64,
    elb_5xx: AtomicU64,
    connection_errors: AtomicU64,
    response_time_sum_micros: AtomicU64,
    response_times: [AtomicU64; RESPONSE_TIME_BOUNDS_MS.len() + 1],
}

impl Counters {
    pub(crate) fn count(&self, sample: Sample) {
        let class = usize::from(sample.status.as_u16() / 100);
        let Some(answered_in) = sample.answered_in else {
            let counter = if class == 4 {
                &self.elb_4xx
            } else {
                &self.elb_5xx
            };
            add(counter, 1);
            return;
        };
        if let Some(counter) = self.target.get(class) {
            add(counter, 1);
        }
        let millis = u64::try_from(answered_in.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        let bucket = RESPONSE_TIME_BOUNDS_MS.partition_point(|bound| *bound < millis);
        add(&self.response_times[bucket], 1);
        let micros = u64::try_from(answered_in.as_micros()).unwrap_or(u64::MAX);
        add(&self.response_time_sum_micros, micros);
    }

    pub(crate) fn count_connection_error(&self) {
        add(&self.connection_errors, 1);
    }

    pub(crate) fn read(&self) -> GroupMetrics {
        let [_, _, target_2xx, target_3xx, target_4xx, target_5xx] =
            self.target.each_ref().map(get);
        let (elb_4xx, elb_5xx) = (get(&self.elb_4xx), get(&self.elb_5xx));
        let answered: u64 = self.target.iter().map(get).sum();
        GroupMetrics {
            requests: answered + elb_4xx + elb_5xx,
            target_2xx,
            target_3xx,
            target_4xx,
            target_5xx,
            elb_4xx,
            elb_5xx,
            connection_errors: get(&self.connection_errors),
            response_time_sum_micros: get(&self.response_time_sum_micros),
            response_times: self.response_times.each_ref().map(get),
        }
    }
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_class_and_time() {
        let counters = Counters::default();
        for (status, micros) in [
            (200, Some(900)),
            (204, Some(1_001)),
            (404, Some(20_000_000)),
        ] {
            counters.count(Sample {
                status: StatusCode::from_u16(status).unwrap(),
                answered_in: micros.map(Duration::from_micros),
            });
        }
        counters.count(Sample {
            status: StatusCode::BAD_GATEWAY,
            answered_in: None,
        });
        let metrics = counters.read();
        assert_eq!(metrics.requests, 4);
        assert_eq!(
            (metrics.target_2xx, metrics.target_4xx, metrics.elb_5xx),
            (2, 1, 1)
        );
        assert_eq!(metrics.response_times[0], 1);
        assert_eq!(metrics.response_times[1], 1);
        assert_eq!(metrics.response_times[RESPONSE_TIME_BOUNDS_MS.len()], 1);
        assert_eq!(metrics.response_time_sum_micros, 20_001_901);
    }
}
