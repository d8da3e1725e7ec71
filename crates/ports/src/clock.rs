//! Time, so that tests can hold it in their hands.

use std::time::Duration;

use async_trait::async_trait;
use seaway_core::time::Timestamp;

/// Wall clock, monotonic clock and timers.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The wall clock, for records.
    fn now(&self) -> Timestamp;
    /// A clock that never jumps, for measuring; its zero has no meaning.
    fn monotonic(&self) -> Duration;
    /// Waits.
    async fn sleep(&self, time: Duration);
}
