//! Notices when a heartbeat stands still, on the observer's own monotonic clock: the clocks of
//! two machines need not agree.

use std::collections::HashMap;
use std::time::Duration;

use seaway_core::name::EnvironmentName;

use crate::lock::LockRecord;

/// A heartbeat that stayed the same for this long belongs to a holder that is gone. Holders beat
/// every three seconds.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(15);

/// What one observer has seen so far.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    seen: HashMap<EnvironmentName, Sighting>,
}

#[derive(Debug)]
struct Sighting {
    generation: u64,
    heartbeat: u64,
    /// When it was first seen like this.
    since: Duration,
}

impl Observer {
    /// Whether the heartbeat of `record` has stood still for too long. `now` is monotonic.
    pub(crate) fn is_stale(
        &mut self,
        environment: &EnvironmentName,
        record: &LockRecord,
        now: Duration,
    ) -> bool {
        let unchanged = self.seen.get(environment).filter(|seen| {
            (seen.generation, seen.heartbeat) == (record.generation, record.heartbeat)
        });
        if let Some(seen) = unchanged {
            return now.saturating_sub(seen.since) >= STALE_AFTER;
        }
        let sighting = Sighting {
            generation: record.generation,
            heartbeat: record.heartbeat,
            since: now,
        };
        self.seen.insert(environment.clone(), sighting);
        false
    }
}
