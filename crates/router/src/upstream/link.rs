//! A connection to a target, driven by whoever waits for something on it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;

use super::bell::Bell;
use crate::proxy::RequestBody;
use crate::signal::{Signal, Watch};
use crate::timer::Timer;
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
    bell: Arc<Bell>,
    /// Rings the bell.
    ring: Waker,
    worker: WorkerId,
    /// The version that the target has answered in.
    version: Version,
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
        let bell = Bell::new();
        Box::new(Self {
            ring: bell.clone().into(),
            bell,
            sender,
            driver: Some(Box::pin(connection.with_upgrades())),
            cut: Watch::new(cut.clone()),
            worker,
            version: Version::HTTP_11,
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
        self.bell.mute();
        // Invariant: what is polled with a waker that wakes nobody must not run out of tokio's
        // budget, which says "later" to the waker alone.
        unconstrained(self.sender.try_send_request(request))
    }

    /// Moves whatever can be moved; ready when the connection has ended.
    pub(crate) fn drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.bell.open(context.waker());
        let cut = self.cut.poll(&mut Context::from_waker(&self.ring));
        if self.driver.is_some() && cut.is_ready() {
            self.driver = None;
        }
        self.poll()
    }

    /// Looks whether something got its result when the connection was driven last. Afterwards the
    /// connection must be driven before anything is waited for, unless there is no result yet.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        self.bell
            .muted(|| look(&mut Context::from_waker(Waker::noop())))
    }

    /// Drives the connection until what is under way has come to its end, in both directions.
    pub(crate) async fn finish(self: Box<Self>) {
        let Self {
            sender,
            driver,
            mut cut,
            ..
        } = *self;
        // Nothing more is to be sent.
        drop(sender);
        let Some(mut driver) = driver else {
            return;
        };
        poll_fn(|context| {
            if cut.poll(context).is_ready() {
                return Poll::Ready(());
            }
            driver.as_mut().poll(context).map(drop)
        })
        .await;
    }

    /// Takes the version of an answer.
    pub(crate) fn answered_in(&mut self, version: Version) {
        self.version = version;
    }

    /// Whether requests may follow the first one. hyper asks a target of HTTP/1.0 in its version from
    /// then on, which has no bodies without a length: it would send such a request without its body.
    pub(crate) fn is_reusable(&self) -> bool {
        self.version >= Version::HTTP_11
    }

    /// Whether it has ended as far as is known.
    pub(crate) fn has_ended(&self) -> bool {
        self.driver.is_none()
    }

    /// Whether it can take a request. Nobody is woken by it until it is driven.
    pub(crate) fn is_ready(&mut self) -> bool {
        self.bell.mute();
        self.sender.is_ready() || (self.is_alive() && self.sender.is_ready())
    }

    /// Looks whether the target has closed it.
    pub(super) fn is_alive(&mut self) -> bool {
        self.bell.mute();
        self.poll().is_pending()
    }

    fn poll(&mut self) -> Poll<()> {
        let Some(driver) = &mut self.driver else {
            return Poll::Ready(());
        };
        if let Poll::Ready(ended) = driver.as_mut().poll(&mut Context::from_waker(&self.ring)) {
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
