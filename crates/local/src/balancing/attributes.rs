//! What the attributes of a target group mean to the router. Those that are not set have the defaults
//! of Elastic Load Balancing.

use std::collections::BTreeMap;
use std::time::Duration;

use seaway_router::{Algorithm, Distribution};

const DEREGISTRATION_DELAY: Duration = Duration::from_secs(300);
const STICKINESS: Duration = Duration::from_secs(86_400);

type Attributes = BTreeMap<String, String>;

/// How requests are spread over the targets.
pub(super) fn distribution(set: &Attributes) -> Distribution {
    let value = |key: &str| set.get(key).map(String::as_str);
    let algorithm = match value("load_balancing.algorithm.type") {
        Some("least_outstanding_requests") => Algorithm::LeastOutstandingRequests,
        _ => Algorithm::RoundRobin,
    };
    let lasts = seconds(set, "stickiness.lb_cookie.duration_seconds").unwrap_or(STICKINESS);
    let is_sticky = value("stickiness.enabled") == Some("true");
    Distribution {
        algorithm,
        slow_start: seconds(set, "slow_start.duration_seconds").unwrap_or_default(),
        stickiness: is_sticky.then_some(lasts),
    }
}

/// How long a deregistered target may finish its requests.
pub(super) fn deregistration_delay(set: &Attributes) -> Duration {
    seconds(set, "deregistration_delay.timeout_seconds").unwrap_or(DEREGISTRATION_DELAY)
}

fn seconds(set: &Attributes, key: &str) -> Option<Duration> {
    // Invariant: the API takes what parses only.
    let seconds = set.get(key)?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> Attributes {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn what_is_not_set_has_the_defaults() {
        assert_eq!(distribution(&set(&[])), Distribution::default());
        assert_eq!(deregistration_delay(&set(&[])), Duration::from_secs(300));
    }

    #[test]
    fn what_is_set_reaches_the_router() {
        let sticky = set(&[
            ("stickiness.enabled", "true"),
            ("stickiness.lb_cookie.duration_seconds", "60"),
            ("slow_start.duration_seconds", "30"),
            ("deregistration_delay.timeout_seconds", "5"),
        ]);
        let expected = Distribution {
            algorithm: Algorithm::RoundRobin,
            slow_start: Duration::from_secs(30),
            stickiness: Some(Duration::from_secs(60)),
        };
        assert_eq!(distribution(&sticky), expected);
        assert_eq!(deregistration_delay(&sticky), Duration::from_secs(5));
        let least = set(&[(
            "load_balancing.algorithm.type",
            "least_outstanding_requests",
        )]);
        assert_eq!(
            distribution(&least).algorithm,
            Algorithm::LeastOutstandingRequests
        );
    }
}
