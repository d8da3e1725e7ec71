//! Bodies on their way through. They are streamed: a part is read only when the one before was
//! taken, on both sides.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::record::Record;
use crate::group::InFlight;
use crate::upstream::Sender;

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
    #[error("the target sent nothing for too long")]
    Idle,
    #[error("nobody wants the rest of the body")]
    GivenUp,
}

/// How far a request's body has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    bytes: AtomicU64,
    finished: AtomicBool,
    given_up: AtomicBool,
    /// Of the connection's task that sends the body on.
    sender: AtomicWaker,
}

impl Progress {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Relaxed)
    }

    /// Ends the body although it is not whole, and with it the connections on both sides: what
    /// would wait for the rest may have no other time-out.
    pub(super) fn give_up(&self) {
        // Invariant: the flag is set before the task is woken, so that the task sees it.
        self.given_up.store(true, Ordering::Release);
        self.sender.wake();
    }

    fn is_given_up(&self, context: &Context<'_>) -> bool {
        self.sender.register(context.waker());
        self.given_up.load(Ordering::Acquire)
    }
}

/// A request's body.
#[derive(Debug)]
pub(crate) enum RequestBody {
    Empty,
    Streamed {
        incoming: Incoming,
        progress: Arc<Progress>,
    },
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming) -> Self {
        if incoming.is_end_stream() {
            Self::Empty
        } else {
            Self::Streamed {
                incoming,
                progress: Arc::default(),
            }
        }
    }

    pub(super) fn progress(&self) -> Option<&Arc<Progress>> {
        match self {
            Self::Empty => None,
            Self::Streamed { progress, .. } => Some(progress),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self::Streamed { incoming, progress } = self.get_mut() else {
            return Poll::Ready(None);
        };
        if progress.is_given_up(context) {
            return Poll::Ready(Some(Err(BodyError::GivenUp)));
        }
        let frame = ready!(Pin::new(&mut *incoming).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            progress
                .bytes
                .fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        if frame.is_none() || incoming.is_end_stream() {
            progress.finished.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Streamed { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Streamed { incoming, .. } => incoming.size_hint(),
        }
    }
}

/// The body of an answer. It carries the record of its request, which ends with it.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    source: Source,
    record: Option<Box<Record>>,
}

#[derive(Debug)]
enum Source {
    /// The router's own.
    Own(Option<Bytes>),
    Target(Relay),
}

impl ResponseBody {
    pub(super) fn own(body: Bytes, record: Box<Record>) -> Self {
        Self {
            source: Source::Own(Some(body)),
            record: Some(record),
        }
    }

    pub(super) fn relayed(relay: Relay, record: Box<Record>) -> Self {
        Self {
            source: Source::Target(relay),
            record: Some(record),
        }
    }

    /// Nothing, and nothing to remember: what follows is a tunnel with a record of its own.
    pub(super) fn none() -> Self {
        Self {
            source: Source::Own(None),
            record: None,
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = match &mut this.source {
            Source::Own(body) => body.take().map(|body| Ok(Frame::data(body))),
            Source::Target(relay) => ready!(relay.poll_frame(context)),
        };
        if let (Some(record), Some(Ok(frame))) = (&mut this.record, &frame) {
            record.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(body) => body.as_ref().is_none_or(Bytes::is_empty),
            Source::Target(relay) => relay.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(body) => SizeHint::with_exact(body.as_ref().map_or(0, Bytes::len) as u64),
            Source::Target(relay) => relay.incoming.size_hint(),
        }
    }
}

/// A target's body, with what has to happen when it ends: the connection is kept if it can be used
/// again, and the request is no longer in flight.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) incoming: Incoming,
    pub(super) sender: Option<Sender>,
    pub(super) in_flight: InFlight,
    /// How far the request's own body has come; an unfinished one makes the connection useless.
    pub(super) request: Option<Arc<Progress>>,
    pub(super) idle: Duration,
    pub(super) timer: Timer,
    pub(super) finished: bool,
}

/// Armed only while the target keeps us waiting.
#[derive(Debug, Default)]
pub(super) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    armed: bool,
}

impl Relay {
    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match Pin::new(&mut self.incoming).poll_frame(context) {
            Poll::Ready(frame) => {
                self.timer.armed = false;
                self.finished = frame.is_none();
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)))
            }
            Poll::Pending => {
                ready!(self.timer.poll(self.idle, context));
                Poll::Ready(Some(Err(BodyError::Idle)))
            }
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let uploaded = self
            .request
            .as_ref()
            .is_none_or(|progress| progress.is_finished());
        let endpoint = self.in_flight.endpoint();
        let reusable =
            (self.finished || self.incoming.is_end_stream()) && uploaded && !endpoint.is_closed();
        if let (true, Some(sender)) = (reusable, self.sender.take()) {
            endpoint.pool.put(sender);
        }
    }
}

impl Timer {
    fn poll(&mut self, after: Duration, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(after)));
        if !self.armed {
            self.armed = true;
            sleep.as_mut().reset(Instant::now() + after);
        }
        sleep.as_mut().poll(context)
    }
}
