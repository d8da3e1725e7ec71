//! A timer that costs next to nothing while everything comes in time.
//!
//! Each request has a deadline, and almost none is reached. Setting a timer takes a lock of the
//! runtime; so it is set once, stays set over many requests, and only when it goes off is it looked
//! up what is due, and the timer set anew.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// See the module. At first it is not set.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Ready at `deadline` or later.
    pub(crate) fn poll(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(sleep.as_mut().poll(context));
            if sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_deadline_is_met_whatever_was_set_before() {
        let mut timer = Timer::default();
        for seconds in [60, 1, 5, 2] {
            let deadline = Instant::now() + Duration::from_secs(seconds);
            let began_another = {
                let later = deadline + Duration::from_secs(30);
                let look = poll_fn(|context| Poll::Ready(timer.poll(later, context)));
                look.await
            };
            assert!(began_another.is_pending());
            poll_fn(|context| timer.poll(deadline, context)).await;
            let late = Instant::now() - deadline;
            assert!(late < Duration::from_millis(5), "{late:?}");
        }
    }
}
