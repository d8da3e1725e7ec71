//! The CPU time that processes have used.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::identity::ProcessIdentity;
use super::table::read_stat;

/// How many ticks of `/proc/PID/stat` make a second: `USER_HZ`, which is 100 on every architecture
/// that this program is built for.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time in microseconds, of user and kernel, over all processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CpuTime(pub u64);

impl CpuTime {
    /// What was used since `earlier`; nothing when processes have gone with their time meanwhile.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// What living processes have used, and those of their children that have ended.
pub(crate) fn cpu_time(processes: &[ProcessIdentity]) -> CpuTime {
    let ticks = processes
        .iter()
        .filter_map(|process| Some(read_stat(process.pid).ok()?.cpu_ticks));
    CpuTime(ticks.sum::<u64>() * (1_000_000 / TICKS_PER_SECOND))
}
