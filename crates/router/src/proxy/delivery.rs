//! Sends a request on one connection and waits for the head of its answer.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::body::{Progress, RequestBody};
use crate::group::InFlight;
use crate::listener::SiteContext;
use crate::timer::Timer;
use crate::upstream::{Link, Outcome};

/// How often it is looked whether a request's body moves.
const STEP: Duration = Duration::from_secs(1);

/// What came of sending a request.
pub(super) enum Delivery {
    /// The head of an answer, and the connection unless it has ended behind it.
    Answered(Response<Incoming>, Option<Box<Link>>),
    /// The connection was closed before a byte was written.
    Unsent(Request<RequestBody>),
    /// The connection broke, or the answer was not HTTP.
    Broken(hyper::Error),
    /// Nothing moved for too long.
    Idle,
}

/// Sends a request and waits for its answer: as long as the request's body moves, and for `idle`
/// when it does not.
pub(super) async fn deliver(
    mut link: Box<Link>,
    request: Request<RequestBody>,
    idle: Duration,
    progress: Option<&Progress>,
) -> Delivery {
    let mut sent = pin!(link.send(request));
    let mut patience = Patience::new(idle, progress);
    let outcome = poll_fn(|context| {
        if let Poll::Ready(outcome) = poll_answer(sent.as_mut(), &mut link, context) {
            return Poll::Ready(Some(outcome));
        }
        patience.poll(&mut link.timer, context).map(|()| None)
    });
    match outcome.await {
        Some(Ok(response)) => {
            link.answered_in(response.version());
            Delivery::Answered(response, Some(link).filter(|it| !it.has_ended()))
        }
        Some(Err(mut error)) => match error.take_message() {
            Some(request) => Delivery::Unsent(request),
            None => Delivery::Broken(error.into_error()),
        },
        None => Delivery::Idle,
    }
}

/// What is still to be sent of a request that has been answered.
pub(super) struct Rest {
    pub(super) link: Box<Link>,
    /// How far its body has come, unless it is whole and waits to be written.
    pub(super) request: Option<Arc<Progress>>,
    /// Counts until it is sent.
    pub(super) in_flight: InFlight,
}

impl Rest {
    /// Has a task of its own send it.
    pub(super) fn send_apart(self, context: &Arc<SiteContext>) {
        let own = context.clone();
        context.tasks.spawn(async move {
            tokio::select! {
                () = self.send(own.timeouts.idle) => {}
                () = own.kill.raised() => {}
            }
        });
    }

    /// Drives the connection until both directions have come to their end or nothing has moved for
    /// `idle`.
    async fn send(self, idle: Duration) {
        let Self {
            link,
            request,
            in_flight: _until_the_end,
        } = self;
        let mut finished = pin!(link.finish());
        let mut patience = Patience::new(idle, request.as_deref());
        let mut timer = Timer::default();
        poll_fn(|context| {
            if finished.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            patience.poll(&mut timer, context)
        })
        .await;
    }
}

/// Drives the connection and looks for the answer.
///
/// The answer comes from nowhere but the connection, which is driven right here: nobody has to be
/// woken for it.
fn poll_answer(
    sent: Pin<&mut impl Future<Output = Outcome>>,
    link: &mut Link,
    context: &mut Context<'_>,
) -> Poll<Outcome> {
    if link.drive(context).is_ready() {
        // Nothing else can come; whatever is still missing is told by the end of the connection.
        return sent.poll(context);
    }
    link.look(|quiet| sent.poll(quiet))
}

/// How long an answer is waited for.
struct Patience<'a> {
    idle: Duration,
    progress: Option<&'a Progress>,
    /// When something moved last.
    moved: Instant,
    /// How far the request's body, and an early answer, had come then.
    seen: u64,
    looked: Instant,
}

impl<'a> Patience<'a> {
    fn new(idle: Duration, progress: Option<&'a Progress>) -> Self {
        let now = Instant::now();
        Self {
            idle,
            progress,
            moved: now,
            seen: progress.map_or(0, Progress::moves),
            looked: now,
        }
    }

    /// Ready when nothing has moved for too long.
    fn poll(&mut self, timer: &mut Timer, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let end = self.moved + self.idle;
            let next = match self.progress {
                Some(_) => end.min(self.looked + STEP),
                None => end,
            };
            ready!(timer.poll(next, context));
            self.looked = Instant::now();
            let now_seen = self.progress.map_or(0, Progress::moves);
            if now_seen != self.seen {
                self.seen = now_seen;
                self.moved = self.looked;
            } else if self.looked >= end {
                return Poll::Ready(());
            }
        }
    }
}
