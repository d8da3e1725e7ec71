//! The clock of this machine: the only place of the command that reads it.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use seaway_core::time::Timestamp;
use seaway_ports::Clock;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Wall clock and monotonic clock of the system.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        START.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
