//! Counters of one process, shown at `/metrics` in the Prometheus text format.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::{Method, StatusCode};

/// Upper bounds of the buckets of the answer time, in seconds.
const BUCKETS: [f64; 8] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// What a service counts about the requests it answers. Probes and `/metrics` are not counted.
#[derive(Debug, Default)]
pub struct Metrics {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<(String, u16), u64>,
    in_flight: u64,
    buckets: [u64; BUCKETS.len()],
    answered: u64,
    seconds: f64,
}

impl Metrics {
    /// A request has arrived; the guard counts it as in flight until it is dropped.
    pub fn arrived(&self) -> InFlight<'_> {
        self.with(|counts| counts.in_flight += 1);
        InFlight(self)
    }

    /// A request was answered after `took`.
    pub fn answered(&self, method: &Method, status: StatusCode, took: Duration) {
        let seconds = took.as_secs_f64();
        // Methods are free text on the wire: unknown ones share a label.
        let method = match *method {
            Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE => {
                method.as_str()
            }
            _ => "other",
        };
        self.with(|counts| {
            *counts
                .requests
                .entry((method.to_owned(), status.as_u16()))
                .or_default() += 1;
            counts.answered += 1;
            counts.seconds += seconds;
            for (bucket, bound) in counts.buckets.iter_mut().zip(BUCKETS) {
                *bucket += u64::from(seconds <= bound);
            }
        });
    }

    /// The Prometheus text format, version 0.0.4.
    pub fn render(&self, service: &str, version: &str) -> String {
        let version = escape(version);
        let name = "http_request_duration_seconds";
        self.with(|counts| {
            let mut lines = vec![
                "# TYPE shop_build_info gauge".to_owned(),
                format!("shop_build_info{{service=\"{service}\",version=\"{version}\"}} 1"),
                "# TYPE http_requests_in_flight gauge".to_owned(),
                format!("http_requests_in_flight {}", counts.in_flight),
                "# TYPE http_requests_total counter".to_owned(),
            ];
            lines.extend(counts.requests.iter().map(|((method, status), count)| {
                format!("http_requests_total{{method=\"{method}\",status=\"{status}\"}} {count}")
            }));
            lines.push(format!("# TYPE {name} histogram"));
            lines.extend(
                counts
                    .buckets
                    .iter()
                    .zip(BUCKETS)
                    .map(|(count, bound)| format!("{name}_bucket{{le=\"{bound}\"}} {count}")),
            );
            lines.push(format!("{name}_bucket{{le=\"+Inf\"}} {}", counts.answered));
            lines.push(format!("{name}_sum {}", counts.seconds));
            lines.push(format!("{name}_count {}\n", counts.answered));
            lines.join("\n")
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Counts) -> T) -> T {
        act(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct InFlight<'a>(&'a Metrics);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.with(|counts| counts.in_flight -= 1);
    }
}

fn escape(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_method_and_status() {
        let metrics = Metrics::default();
        let in_flight = metrics.arrived();
        metrics.answered(&Method::GET, StatusCode::OK, Duration::from_millis(3));
        metrics.answered(&Method::GET, StatusCode::OK, Duration::from_secs(2));
        let page = metrics.render("api", "1\"2");
        for line in [
            "shop_build_info{service=\"api\",version=\"1\\\"2\"} 1",
            "http_requests_total{method=\"GET\",status=\"200\"} 2",
            "http_requests_in_flight 1",
            "http_request_duration_seconds_bucket{le=\"0.001\"} 0",
            "http_request_duration_seconds_bucket{le=\"0.005\"} 1",
            "http_request_duration_seconds_bucket{le=\"5\"} 2",
            "http_request_duration_seconds_bucket{le=\"+Inf\"} 2",
        ] {
            assert!(
                page.lines().any(|found| found == line),
                "{line} is not in\n{page}"
            );
        }
        drop(in_flight);
        assert!(
            metrics
                .render("api", "1")
                .contains("http_requests_in_flight 0")
        );
    }

    #[test]
    fn invented_methods_do_not_grow_the_page() {
        let metrics = Metrics::default();
        let method = Method::from_bytes(b"BREW").unwrap();
        metrics.answered(&method, StatusCode::OK, Duration::ZERO);
        assert!(
            metrics
                .render("api", "1")
                .contains("{method=\"other\",status=\"200\"} 1")
        );
    }
}
