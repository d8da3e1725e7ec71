//! How long to wait between two polls.

use std::time::Duration;

use seaway_core::time::Timestamp;

const FASTEST: Duration = Duration::from_millis(150);
/// A cause is to be named within two seconds of its evidence, and a poll takes time, too.
const SLOWEST: Duration = Duration::from_millis(1_500);
const THROTTLED: Duration = Duration::from_secs(15);
/// Nobody is burdened by a question that nobody hears, and what answers again is seen soon.
const UNANSWERED: Duration = Duration::from_secs(2);

/// How much a look saw happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Stir {
    #[default]
    Quiet,
    Moving,
}

/// Why a poll saw nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// The platform asked for fewer calls.
    Throttled,
    /// The platform did not answer.
    Unanswered,
}

/// What a poll says about the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Outlook {
    pub(super) stir: Stir,
    /// When there will be something to decide whatever happens until then.
    pub(super) due: Option<Timestamp>,
}

impl Outlook {
    /// What two rollouts of one poll say together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            stir: self.stir.max(other.stir),
            due: self.due.into_iter().chain(other.due).min(),
        }
    }
}

/// Fast while something moves, slower while nothing does, slow when the platform says so, and in
/// time for what is due.
#[derive(Debug)]
pub(super) struct Pace {
    wait: Duration,
    due_in: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            wait: FASTEST,
            due_in: None,
        }
    }
}

impl Pace {
    /// Adapts to what the last poll saw.
    pub(super) fn after(&mut self, outlook: Outlook, now: Timestamp) {
        self.wait = match outlook.stir {
            Stir::Moving => FASTEST,
            Stir::Quiet => (self.wait * 5 / 4).min(SLOWEST),
        };
        let until = |due: Timestamp| Duration::try_from(due.duration_since(now)).ok();
        self.due_in = outlook.due.and_then(until);
    }

    /// The last poll saw nothing.
    pub(super) fn slow_down(&mut self, lack: Lack) {
        let longest = match lack {
            Lack::Throttled => THROTTLED,
            Lack::Unanswered => UNANSWERED,
        };
        self.wait = (self.wait * 2).min(longest);
        self.due_in = None;
    }

    /// The time until the next poll.
    pub(super) fn wait(&self) -> Duration {
        let due = self.due_in.map(|due| due.max(FASTEST));
        due.map_or(self.wait, |due| due.min(self.wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn stir(stir: Stir) -> Outlook {
        Outlook { stir, due: None }
    }

    fn due_in(milliseconds: i64) -> Outlook {
        Outlook {
            stir: Stir::Quiet,
            due: Timestamp::from_millisecond(milliseconds).ok(),
        }
    }

    /// The pace after many polls that saw this.
    fn long_after(outlook: Outlook) -> Pace {
        let mut pace = Pace::default();
        for _ in 0..50 {
            pace.after(outlook, NOW);
        }
        pace
    }

    #[test]
    fn it_slows_down_while_nothing_moves_and_wakes_up_at_once() {
        let mut pace = long_after(stir(Stir::Quiet));
        assert_eq!(pace.wait(), SLOWEST);
        pace.after(stir(Stir::Moving), NOW);
        assert_eq!(pace.wait(), FASTEST);
    }

    #[test]
    fn it_is_there_when_something_is_due_and_goes_on_as_before() {
        let mut pace = long_after(stir(Stir::Quiet));
        for (milliseconds, wait) in [
            (5_000, SLOWEST),
            (700, Duration::from_millis(700)),
            (20, FASTEST),
            (0, FASTEST),
        ] {
            pace.after(due_in(milliseconds), NOW);
            assert_eq!(pace.wait(), wait, "due in {milliseconds} ms");
        }
        pace.after(stir(Stir::Quiet), NOW);
        assert_eq!(pace.wait(), SLOWEST);
    }

    #[test]
    fn of_several_rollouts_the_liveliest_and_the_first_due_count() {
        let both = stir(Stir::Moving).and(due_in(300)).and(due_in(200));
        let expected = Outlook {
            stir: Stir::Moving,
            ..due_in(200)
        };
        assert_eq!(both, expected);
    }

    #[test]
    fn throttling_slows_down_further_than_silence_whatever_is_due() {
        for (lack, longest) in [(Lack::Throttled, THROTTLED), (Lack::Unanswered, UNANSWERED)] {
            let mut pace = long_after(due_in(200));
            for _ in 0..50 {
                pace.slow_down(lack);
            }
            assert_eq!(pace.wait(), longest);
        }
    }
}
