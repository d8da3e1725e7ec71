//! The schedule of one target's health checks.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::probe::probe;
use super::{Counting, ProbeOutcome};
use crate::group::Endpoint;
use crate::table::HealthCheck;

/// Extra checks of a new target start this close to each other and become rarer, up to
/// [`SLOWEST_PACE`], as it takes longer: whoever starts in 50 ms is noticed within 50 ms.
const FASTEST_PACE: Duration = Duration::from_millis(50);
const SLOWEST_PACE: Duration = Duration::from_secs(1);

/// What is known of a target after a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Still `initial`.
    New,
    /// Healthy or unhealthy.
    Decided,
}

/// Checks a target until `observe` answers that it is gone.
///
/// A new target is checked at once and often, but its failures count only once per interval, so
/// that it has the time of `unhealthy_threshold` intervals. Afterwards it is checked once per
/// interval, at a moment of its own, so that a thousand targets are not checked together.
pub(crate) async fn check_forever(
    target: Arc<Endpoint>,
    check: HealthCheck,
    mut standing: Standing,
    observe: impl Fn(ProbeOutcome, Counting) -> Option<Standing>,
) {
    let begun = Instant::now();
    let mut due = match standing {
        Standing::New => begun + check.interval,
        Standing::Decided => begun,
    };
    loop {
        let counting = if Instant::now() >= due {
            Counting::Counted
        } else {
            Counting::Extra
        };
        let outcome = probe(&target, &check).await;
        let Some(now_standing) = observe(outcome, counting) else {
            return;
        };

        let now = Instant::now();
        if counting == Counting::Counted {
            due = (due + check.interval).max(now);
        } else if now_standing != standing {
            due = now + spread(target.address, check.interval);
        }
        standing = now_standing;
        sleep_until(match standing {
            Standing::New => due.min(now + pace(now - begun)),
            Standing::Decided => due,
        })
        .await;
    }
}

/// A tenth of how long it has taken so far.
fn pace(elapsed: Duration) -> Duration {
    (elapsed / 10).clamp(FASTEST_PACE, SLOWEST_PACE)
}

/// Nine to sixteen sixteenths of an interval, the same for the same target.
fn spread(target: SocketAddr, interval: Duration) -> Duration {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(target);
    let sixteenths = u32::try_from(hash % 8).unwrap_or(0) + 9;
    interval * sixteenths / 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_targets_are_checked_often_at_first() {
        assert_eq!(pace(Duration::ZERO), FASTEST_PACE);
        assert_eq!(pace(Duration::from_secs(2)), Duration::from_millis(200));
        assert_eq!(pace(Duration::from_secs(100)), SLOWEST_PACE);
    }

    #[test]
    fn targets_are_spread_over_half_an_interval() {
        let interval = Duration::from_secs(16);
        let moments: std::collections::HashSet<_> = (1..100)
            .map(|port| spread(SocketAddr::from(([127, 0, 0, 1], port)), interval))
            .collect();
        assert!(moments.len() > 4);
        assert!(
            moments
                .iter()
                .all(|at| (interval / 2..=interval).contains(at))
        );
    }
}
