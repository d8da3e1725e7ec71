//! Tokio's clock with a calendar: in a test with paused time it moves only when everybody waits.

use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use seaway_core::time::Timestamp;
use seaway_ports::Clock;
use tokio::time::Instant;

/// The second at which every world begins: 2026-01-01T00:00:00Z.
const BEGINNING: i64 = 1_767_225_600;

/// A clock that starts at the beginning of 2026 when it is first read.
#[derive(Debug, Default)]
pub struct PausedClock {
    zero: OnceLock<Instant>,
}

#[async_trait]
impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let beginning = Timestamp::from_second(BEGINNING).unwrap_or(Timestamp::UNIX_EPOCH);
        beginning
            .saturating_add(self.monotonic())
            .unwrap_or(Timestamp::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.zero.get_or_init(Instant::now).elapsed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
