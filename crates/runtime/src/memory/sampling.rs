//! Counts the memory of a process tree where no control group can.

use std::fs;
use std::time::{Duration, Instant};

use crate::process::ProcessIdentity;
use crate::task::MemoryLimit;

/// Near its limit a container is looked at this often.
const CLOSE: Duration = Duration::from_millis(100);
/// One that uses less than half is looked at this often at first...
const CALM: Duration = Duration::from_millis(500);
/// ...and ever more rarely, up to this, while nothing changes.
const IDLE: Duration = Duration::from_secs(4);

/// When to look at a container again, and what a look means.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    due: Option<Instant>,
    interval: Duration,
    last: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Within,
    Exceeded,
}

impl Sampler {
    /// When the next look is due; at once for a container that was never looked at.
    pub(crate) fn due(&self, now: Instant) -> Instant {
        self.due.unwrap_or(now)
    }

    /// Takes in one look.
    pub(crate) fn observe(&mut self, now: Instant, bytes: u64, limit: MemoryLimit) -> Verdict {
        let unchanged = bytes.abs_diff(self.last) <= self.last / 16;
        self.interval = match () {
            () if bytes >= limit.0 / 2 => CLOSE,
            () if unchanged => (self.interval * 2).clamp(CALM, IDLE),
            () => CALM,
        };
        self.last = bytes;
        self.due = Some(now + self.interval);
        if bytes > limit.0 {
            Verdict::Exceeded
        } else {
            Verdict::Within
        }
    }
}

/// What the processes hold for themselves, in bytes: anonymous and shared memory. Pages of files
/// can be dropped at any time and don't count; a page shared after `fork` counts twice.
pub(crate) fn resident_bytes(processes: &[ProcessIdentity]) -> u64 {
    processes
        .iter()
        .map(|process| resident_of(process.pid).unwrap_or(0))
        .sum()
}

fn resident_of(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    Some((field("RssAnon:")? + field("RssShmem:").unwrap_or(0)) * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: MemoryLimit = MemoryLimit(1000);

    #[test]
    fn an_idle_container_is_looked_at_ever_more_rarely() {
        let mut now = Instant::now();
        let mut sampler = Sampler::default();
        let mut intervals = Vec::new();
        for _ in 0..6 {
            assert_eq!(sampler.observe(now, 100, LIMIT), Verdict::Within);
            intervals.push(sampler.due(now).duration_since(now));
            now = sampler.due(now);
        }
        assert!(intervals.is_sorted(), "{intervals:?}");
        assert_eq!(intervals.last(), Some(&IDLE));
    }

    #[test]
    fn a_container_near_its_limit_is_watched_closely_again() {
        let now = Instant::now();
        let mut sampler = Sampler::default();
        for _ in 0..5 {
            sampler.observe(now, 100, LIMIT);
        }
        sampler.observe(now, 600, LIMIT);
        assert_eq!(sampler.due(now).duration_since(now), CLOSE);
        assert_eq!(sampler.observe(now, 1001, LIMIT), Verdict::Exceeded);
    }

    #[test]
    fn this_process_uses_memory() {
        let me = ProcessIdentity::of(nix::unistd::Pid::this()).unwrap();
        assert!(resident_bytes(&[me]) > 64 * 1024);
    }
}
