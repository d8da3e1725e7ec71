//! Bodies on their way through. They are streamed: a part is read only when the one before was
//! taken, on both sides.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::delivery::Rest;
use super::record::Record;
use crate::group::InFlight;
use crate::listener::SiteContext;
use crate::timer::Timer;
use crate::upstream::Link;

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
    #[error("the target sent nothing for too long")]
    Idle,
}

/// How far a request's body has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    bytes: AtomicU64,
    finished: AtomicBool,
    /// Whether the client owes the next part: the last one that came was passed on.
    awaited: AtomicBool,
    /// Parts that have come of an answer that began before the body was whole.
    answered: AtomicU64,
}

impl Progress {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Grows as the request or its answer moves.
    pub(super) fn moves(&self) -> u64 {
        self.bytes() + self.answered.load(Ordering::Relaxed)
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Relaxed)
    }

    /// Whether the client keeps us waiting, and not the target.
    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Relaxed)
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
        let polled = Pin::new(&mut *incoming).poll_frame(context);
        progress
            .awaited
            .store(polled.is_pending(), Ordering::Relaxed);
        let frame = ready!(polled);
        let mut is_last = frame.is_none() || incoming.is_end_stream();
        if let Some(Ok(frame)) = &frame {
            match frame.data_ref() {
                Some(data) => {
                    let length = data.len() as u64;
                    progress.bytes.fetch_add(length, Ordering::Relaxed);
                }
                // Nothing follows trailers, and nobody asks whether something does.
                None => is_last = true,
            }
        }
        if is_last {
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

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if let (Source::Target(relay), Some(record)) = (&mut self.source, &self.record) {
            relay.leave(&record.site.context);
        }
    }
}

/// A target's body, with what has to happen when it ends: the connection is kept if it can be used
/// again, and the request is no longer in flight.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) incoming: Incoming,
    /// What the body comes on, until it ends; nothing when a task of its own drives it.
    pub(super) link: Option<Box<Link>>,
    /// The request that such a task is still sending.
    pub(super) request: Option<Arc<Progress>>,
    pub(super) in_flight: InFlight,
    pub(super) idle: Duration,
    pub(super) timer: Timer,
    /// While the target keeps us waiting.
    pub(super) waiting_since: Option<Instant>,
    pub(super) finished: bool,
}

type MaybeFrame = Option<Result<Frame<Bytes>, hyper::Error>>;

impl Relay {
    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.poll_incoming(context) {
            Poll::Ready(frame) => {
                self.waiting_since = None;
                if let Some(request) = &self.request {
                    request.answered.fetch_add(1, Ordering::Relaxed);
                }
                self.finished = frame.is_none();
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)))
            }
            Poll::Pending => {
                ready!(self.poll_patience(context));
                Poll::Ready(Some(Err(BodyError::Idle)))
            }
        }
    }

    /// The next frame: one that has come already, or one that comes when the connection is driven.
    fn poll_incoming(&mut self, context: &mut Context<'_>) -> Poll<MaybeFrame> {
        let mut incoming = Pin::new(&mut self.incoming);
        if let Some(link) = &mut self.link {
            // Frames come from nowhere but the connection: nobody has to be woken for them.
            if let Poll::Ready(frame) = link.look(|quiet| incoming.as_mut().poll_frame(quiet)) {
                return Poll::Ready(frame);
            }
            if link.drive(context).is_pending() {
                return link.look(|quiet| incoming.poll_frame(quiet));
            }
            self.link = None;
        }
        incoming.poll_frame(context)
    }

    /// Ready when the target has sent nothing for too long.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        self.timer.poll(since + self.idle, context)
    }

    /// Leaves the connection to the next request, if it can take one.
    fn leave(&mut self, context: &Arc<SiteContext>) {
        let Some(mut link) = self.link.take() else {
            return;
        };
        if !self.finished && !self.incoming.is_end_stream() {
            return;
        }
        let endpoint = self.in_flight.endpoint();
        if link.is_ready() {
            if link.is_reusable() && !endpoint.is_closed() {
                endpoint.pool.put(link);
            }
        } else if !link.has_ended() {
            // The target answered before it had read all that was written for it.
            let rest = Rest {
                link,
                request: None,
                in_flight: self.in_flight.again(),
            };
            rest.send_apart(context);
        }
    }
}
