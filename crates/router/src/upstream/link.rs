//! A connection to a target, driven by whoever waits for something on it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;

use super::Timer;
use crate::proxy::RequestBody;
use crate::signal::{Signal, Watch};
use crate::workers::WorkerId;

type Stream = TokioIo<TcpStream>;

/// hyper's connection, which may leave HTTP.
type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// What comes of sending a request: an answer, or an error, with the request if it has not left.
pub(crate) type Outcome = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// A connection to a target. Dropping it closes it.
pub(crate) struct Link {
    sender: SendRequest<RequestBody>,
    /// Until the connection ends.
    driver: Option<Driver>,
    /// Ends the connection when its target is cut off.
    cut: Watch,
    worker: WorkerId,
    /// For whoever uses the connection.
    pub(crate) timer: Timer,
}

impl Link {
    pub(super) fn new(
        sender: SendRequest<RequestBody>,
        connection: Connection<Stream, RequestBody>,
        cut: &Arc<Signal>,
        worker: WorkerId,
    ) -> Box<Self> {
        Box::new(Self {
            sender,
            driver: Some(Box::pin(connection.with_upgrades())),
            cut: Watch::new(cut.clone()),
            worker,
            timer: Timer::default(),
        })
    }

    /// Who opened it.
    pub(crate) fn worker(&self) -> WorkerId {
        self.worker
    }

    /// Hands a request over; it leaves, and its answer comes, as the connection is driven.
    pub(crate) fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> impl Future<Output = Outcome> + use<> {
        // Invariant: what is polled with a waker that wakes nobody must not run out of tokio's
        // budget, which says "later" to the waker alone.
        unconstrained(self.sender.try_send_request(request))
    }

    /// Moves whatever can be moved; ready when the connection has ended.
    pub(crate) fn drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.driver.is_some() && self.cut.poll(context).is_ready() {
            self.driver = None;
        }
        self.poll(context)
    }

    /// Drives the connection until it ends.
    pub(crate) async fn finish(mut self: Box<Self>) {
        poll_fn(|context| self.drive(context)).await;
    }

    /// Whether it has ended as far as is known.
    pub(crate) fn has_ended(&self) -> bool {
        self.driver.is_none()
    }

    /// Whether it can take a request.
    pub(super) fn is_ready(&mut self) -> bool {
        self.sender.is_ready() || (self.is_alive() && self.sender.is_ready())
    }

    /// Looks whether the target has closed it.
    pub(super) fn is_alive(&mut self) -> bool {
        // Nobody waits for anything, so there is nobody to wake.
        self.poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(driver) = &mut self.driver else {
            return Poll::Ready(());
        };
        if let Poll::Ready(ended) = driver.as_mut().poll(context) {
            // Whoever waits for an answer gets the error, too.
            if let Err(error) = ended {
                tracing::trace!(%error, "a connection to a target broke");
            }
            self.driver = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Link")
            .field("worker", &self.worker)
            .field("ended", &self.has_ended())
            .finish_non_exhaustive()
    }
}
