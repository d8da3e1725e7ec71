//! Two kinds of time: what the wall clock shows, and how much time has passed.
//!
//! The wall clock may jump in both directions, so it is only ever shown. Timers run on
//! [`Elapsed`], which advances by what passed between two steps, never backwards and never by
//! more than [`LONGEST_STEP`]. Wake-ups are asked for at least that often while a timer runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Wall-clock milliseconds since the Unix epoch.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// How far two instants are apart, in either direction.
    pub fn distance(self, other: Millis) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }

    /// So much later.
    pub(crate) fn after(self, wait: Duration) -> Millis {
        Millis(self.0.saturating_add_unsigned(milliseconds(wait)))
    }
}

/// The most that one step lets timers advance: a jump of the clock by a day must not make every
/// timer fire.
pub(crate) const LONGEST_STEP: Duration = Duration::from_secs(60);

/// Milliseconds that have passed since the state was created; a timer's own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Elapsed(u64);

impl Elapsed {
    pub(crate) fn after(self, wait: Duration) -> Elapsed {
        Elapsed(self.0.saturating_add(milliseconds(wait)))
    }

    /// Time from here to `deadline`; zero when it is over.
    pub(crate) fn until(self, deadline: Elapsed) -> Duration {
        Duration::from_millis(deadline.0.saturating_sub(self.0))
    }
}

/// Turns wall-clock instants into elapsed time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Clock {
    now: Millis,
    elapsed: Elapsed,
}

impl Clock {
    pub(crate) fn starting_at(now: Millis) -> Clock {
        Clock {
            now,
            elapsed: Elapsed::default(),
        }
    }

    pub(crate) fn advance(&mut self, now: Millis) {
        if now > self.now {
            let passed = self.now.distance(now).min(LONGEST_STEP);
            self.elapsed = self.elapsed.after(passed);
        }
        self.now = now;
    }

    pub(crate) fn now(&self) -> Millis {
        self.now
    }

    pub(crate) fn elapsed(&self) -> Elapsed {
        self.elapsed
    }
}

fn milliseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_stops_timers_instead_of_turning_them_back() {
        let mut clock = Clock::starting_at(Millis(10_000));
        clock.advance(Millis(11_000));
        clock.advance(Millis(-5_000));
        assert_eq!(clock.elapsed(), Elapsed(1_000));
        clock.advance(Millis(-4_000));
        assert_eq!(clock.elapsed(), Elapsed(2_000));
        assert_eq!(clock.now(), Millis(-4_000));
    }

    #[test]
    fn a_clock_set_forward_advances_timers_by_one_step_at_most() {
        let mut clock = Clock::starting_at(Millis(i64::MIN));
        clock.advance(Millis(i64::MAX));
        assert_eq!(clock.elapsed(), Elapsed::default().after(LONGEST_STEP));
    }
}
