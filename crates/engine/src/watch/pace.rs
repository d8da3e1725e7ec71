//! How long to wait between two polls.

use std::time::Duration;

const FASTEST: Duration = Duration::from_millis(150);
const SLOWEST: Duration = Duration::from_secs(2);
const THROTTLED: Duration = Duration::from_secs(15);

/// Fast while something moves, slower while nothing does, slow when the platform says so.
#[derive(Debug)]
pub(super) struct Pace {
    wait: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { wait: FASTEST }
    }
}

impl Pace {
    /// Adapts to what the last poll saw.
    pub(super) fn after(&mut self, moved: bool) {
        self.wait = if moved {
            FASTEST
        } else {
            (self.wait * 5 / 4).min(SLOWEST)
        };
    }

    /// The platform asked for fewer calls, or did not answer.
    pub(super) fn slow_down(&mut self) {
        self.wait = (self.wait * 2).min(THROTTLED);
    }

    /// The time until the next poll.
    pub(super) fn wait(&self) -> Duration {
        self.wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_slows_down_while_nothing_moves_and_wakes_up_at_once() {
        let mut pace = Pace::default();
        for _ in 0..50 {
            pace.after(false);
        }
        assert_eq!(pace.wait(), SLOWEST);
        pace.after(true);
        assert_eq!(pace.wait(), FASTEST);
    }

    #[test]
    fn throttling_slows_down_further_than_quiet() {
        let mut pace = Pace::default();
        for _ in 0..50 {
            pace.slow_down();
        }
        assert_eq!(pace.wait(), THROTTLED);
    }
}
