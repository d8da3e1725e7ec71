//! A target at work: how many requests it has in flight, and the connections kept to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::disturbance::{Disturbance, Disturbances};
use crate::signal::Signal;
use crate::stickiness::Token;
use crate::table::TargetId;
use crate::upstream::Pool;

/// Set in [`Endpoint::load`] once no new request may enter.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// One registration of a target. Registering it again makes a new one.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) id: TargetId,
    pub(crate) address: SocketAddr,
    /// What the cookies of clients call it.
    pub(crate) token: Token,
    pub(crate) pool: Pool,
    /// Raised when what is still in flight is to be cut off.
    pub(crate) cut: Arc<Signal>,
    disturbances: Option<Arc<dyn Disturbances>>,
    /// Requests in flight, and [`CLOSED`].
    load: AtomicUsize,
    emptied: Notify,
}

impl Endpoint {
    pub(crate) fn new(
        id: TargetId,
        address: SocketAddr,
        disturbances: Option<Arc<dyn Disturbances>>,
        pool: Pool,
    ) -> Self {
        Self {
            token: Token::of((&id, address)),
            id,
            address,
            pool,
            cut: Arc::default(),
            disturbances,
            load: AtomicUsize::new(0),
            emptied: Notify::new(),
        }
    }

    /// What stands between the router and the target at this moment.
    pub(crate) fn disturbance(&self) -> Option<Disturbance> {
        self.disturbances.as_ref()?.of(&self.id)
    }

    /// Counts a request in, unless the target takes no more.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<InFlight> {
        // Invariant: counting and the flag are one atomic, so once `close` has returned, every
        // request that was let in is seen by `empty`, and none is let in afterwards.
        let before = self.load.fetch_add(1, Ordering::AcqRel);
        let entered = InFlight {
            endpoint: self.clone(),
        };
        (before & CLOSED == 0).then_some(entered)
    }

    /// Lets no new request in and closes the idle connections.
    pub(crate) fn close(&self) {
        self.load.fetch_or(CLOSED, Ordering::AcqRel);
        self.pool.clear();
    }

    /// Requests in flight.
    pub(crate) fn outstanding(&self) -> usize {
        self.load.load(Ordering::Acquire) & !CLOSED
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.load.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Waits until nothing is in flight; only after [`Endpoint::close`].
    pub(crate) async fn empty(&self) {
        while self.load.load(Ordering::Acquire) != CLOSED {
            self.emptied.notified().await;
        }
    }
}

/// A request in flight, with its answer or tunnel, until dropped.
#[derive(Debug)]
pub(crate) struct InFlight {
    endpoint: Arc<Endpoint>,
}

impl InFlight {
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// The same once more, for a part of the request that goes on by itself: it counts twice
    /// meanwhile, and the target is not empty before both have ended.
    pub(crate) fn again(&self) -> Self {
        self.endpoint.load.fetch_add(1, Ordering::AcqRel);
        Self {
            endpoint: self.endpoint.clone(),
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let before = self.endpoint.load.fetch_sub(1, Ordering::AcqRel);
        if before == CLOSED | 1 {
            self.endpoint.emptied.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn endpoint() -> Arc<Endpoint> {
        Arc::new(Endpoint::new(
            "t".into(),
            SocketAddr::from(([127, 0, 0, 1], 1)),
            None,
            Pool::new(1, Duration::ZERO),
        ))
    }

    #[tokio::test]
    async fn a_closed_endpoint_is_empty_when_the_last_request_ends() {
        let endpoint = endpoint();
        let request = endpoint.enter().unwrap();
        endpoint.close();
        assert!(endpoint.enter().is_none());
        let waiter = tokio::spawn({
            let endpoint = endpoint.clone();
            async move { endpoint.empty().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        drop(request);
        waiter.await.unwrap();
    }

    #[tokio::test]
    async fn an_endpoint_without_requests_is_empty_at_once() {
        let endpoint = endpoint();
        endpoint.close();
        endpoint.empty().await;
    }
}
