//! Slow start: the share of a target grows after it became healthy.

use std::time::{Duration, Instant};

/// A target's slow start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ramp {
    /// When the target became healthy.
    pub(super) since: Instant,
    pub(super) lasts: Duration,
}

impl Ramp {
    pub(super) fn is_over(self, now: Instant) -> bool {
        now.duration_since(self.since) >= self.lasts
    }

    /// Whether the target takes its turn in this round: at first in none, at the end in all.
    pub(super) fn takes(self, round: usize, now: Instant) -> bool {
        let share = now.duration_since(self.since).as_secs_f64() / self.lasts.as_secs_f64();
        place(round) < share
    }
}

/// A number from 0 to below 1 for each round, spread evenly over any rounds that follow each other:
/// multiples of the golden ratio without their whole parts.
fn place(round: usize) -> f64 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    // The 53 bits that a float has.
    let bits = (round as u64).wrapping_mul(GOLDEN) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_grows_evenly() {
        let ramp = Ramp {
            since: Instant::now(),
            lasts: Duration::from_secs(100),
        };
        for (seconds, expected) in [(0, 0), (25, 250), (50, 500), (100, 1000)] {
            let now = ramp.since + Duration::from_secs(seconds);
            let taken = (7..1007).filter(|round| ramp.takes(*round, now)).count();
            assert!(taken.abs_diff(expected) <= 3, "{taken} after {seconds} s");
            assert_eq!(ramp.is_over(now), seconds == 100);
        }
    }
}
