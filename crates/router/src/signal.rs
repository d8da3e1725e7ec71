//! A one-way signal that busy tasks can watch for almost nothing.
//!
//! A connection's task is polled several times for each request. Polling a cancellation future as
//! often would take a shared lock each time; here it is polled once to leave its waker, and again
//! only when an atomic flag says that the signal was raised.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Raised once, never lowered.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    raised: AtomicBool,
    token: CancellationToken,
}

impl Signal {
    pub(crate) fn raise(&self) {
        // Invariant: the flag is set before the token wakes anyone, so a woken task sees it.
        self.raised.store(true, Ordering::Release);
        self.token.cancel();
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    pub(crate) async fn raised(&self) {
        self.token.cancelled().await;
    }

    /// Runs a task's main future; calls `react` once when the signal is raised, and goes on with
    /// the future unless `react` says to stop.
    ///
    /// Must be awaited by a spawned task directly: it relies on the task's waker staying the same.
    pub(crate) async fn watch<F: Future>(
        &self,
        future: Pin<&mut F>,
        mut react: impl FnMut(Pin<&mut F>) -> Reaction,
    ) -> Option<F::Output> {
        let mut future = future;
        let mut raised = pin!(self.token.cancelled());
        let mut armed = false;
        let mut reacted = false;
        poll_fn(move |context| {
            if !reacted && (!armed || self.is_raised()) {
                armed = true;
                if raised.as_mut().poll(context).is_ready() {
                    reacted = true;
                    if react(future.as_mut()) == Reaction::Stop {
                        return Poll::Ready(None);
                    }
                }
            }
            future.as_mut().poll(context).map(Some)
        })
        .await
    }
}

/// Watches a signal for something that passes from task to task.
#[derive(Debug)]
pub(crate) struct Watch {
    signal: Arc<Signal>,
    raised: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Who is woken.
    armed: Option<Waker>,
}

impl Watch {
    pub(crate) fn new(signal: Arc<Signal>) -> Self {
        Self {
            raised: Box::pin(signal.token.clone().cancelled_owned()),
            signal,
            armed: None,
        }
    }

    /// Ready once the signal was raised. Costs next to nothing when the task is the one that
    /// polled before.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let armed = self.armed.as_ref();
        let is_known = armed.is_some_and(|waker| waker.will_wake(context.waker()));
        if is_known && !self.signal.is_raised() {
            return Poll::Pending;
        }
        self.armed = Some(context.waker().clone());
        self.raised.as_mut().poll(context)
    }
}

/// What a watching task does after the signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    GoOn,
    Stop,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn watched(signal: Arc<Signal>, reaction: Reaction) -> Option<&'static str> {
        let mut work = pin!(async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            "done"
        });
        signal.watch(work.as_mut(), |_| reaction).await
    }

    #[tokio::test]
    async fn stops_or_goes_on_when_raised() {
        for (reaction, expected) in [(Reaction::Stop, None), (Reaction::GoOn, Some("done"))] {
            let signal = Arc::new(Signal::default());
            let task = tokio::spawn(watched(signal.clone(), reaction));
            tokio::task::yield_now().await;
            signal.raise();
            assert_eq!(task.await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_signal_raised_before_is_seen_at_once() {
        let signal = Arc::new(Signal::default());
        signal.raise();
        assert_eq!(
            tokio::spawn(watched(signal, Reaction::Stop)).await.unwrap(),
            None
        );
    }

    #[tokio::test]
    async fn a_watch_wakes_the_task_that_polled_last() {
        let signal = Arc::new(Signal::default());
        let mut watch = Watch::new(signal.clone());
        let before = poll_fn(|context| Poll::Ready(watch.poll(context)));
        assert!(before.await.is_pending());
        let task = tokio::spawn(async move { poll_fn(|context| watch.poll(context)).await });
        tokio::task::yield_now().await;
        assert!(!task.is_finished());
        signal.raise();
        task.await.unwrap();
    }
}
