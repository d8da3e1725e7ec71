//! Sends a request on one connection and waits for the head of its answer.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;

use super::body::{Progress, RequestBody};
use crate::upstream::Sender;

/// How often it is looked whether anything moves.
const STEP: Duration = Duration::from_secs(1);

/// What came of sending a request.
pub(super) enum Delivery {
    /// The head of an answer, and the connection unless it has been closed behind it.
    Answered(Response<Incoming>, Option<Sender>),
    /// The connection was closed before a byte was written.
    Unsent(Request<RequestBody>),
    /// The connection broke, or the answer was not HTTP.
    Broken(hyper::Error),
    /// Nothing moved for too long.
    Idle,
}

type Outcome = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// Sends a request and waits for its answer: as long as the request's body moves, and for `idle`
/// when it does not.
pub(super) async fn deliver(
    mut sender: Sender,
    request: Request<RequestBody>,
    idle: Duration,
    progress: Option<&Progress>,
) -> Delivery {
    let mut sent = pin!(sender.try_send_request(request));
    let mut sender = Some(sender);
    let step = idle.min(STEP);
    let (mut quiet, mut seen) = (Duration::ZERO, progress.map(Progress::bytes));
    let outcome = loop {
        let answer = poll_fn(|context| poll_answer(sent.as_mut(), &mut sender, context));
        if let Ok(outcome) = tokio::time::timeout(step, answer).await {
            break outcome;
        }
        let now = progress.map(Progress::bytes);
        quiet = if now == seen {
            quiet + step
        } else {
            Duration::ZERO
        };
        seen = now;
        if quiet >= idle {
            return Delivery::Idle;
        }
    };
    match outcome {
        Ok(response) => Delivery::Answered(response, sender),
        Err(mut error) => match error.take_message() {
            Some(request) => Delivery::Unsent(request),
            None => Delivery::Broken(error.into_error()),
        },
    }
}

/// Looks for the answer and, while there is none, whether the connection still lives.
///
/// A request that is handed over at the very moment at which the connection ends stays in the
/// channel between us and the connection's task, and is returned only when our half is dropped.
/// Who held on to it would wait for ever.
fn poll_answer(
    mut sent: Pin<&mut impl Future<Output = Outcome>>,
    sender: &mut Option<Sender>,
    context: &mut Context<'_>,
) -> Poll<Outcome> {
    if let Poll::Ready(outcome) = sent.as_mut().poll(context) {
        return Poll::Ready(outcome);
    }
    let ended = sender.as_mut().map(|sender| sender.poll_ready(context));
    if let Some(Poll::Ready(Err(_closed))) = ended {
        *sender = None;
        return sent.poll(context);
    }
    Poll::Pending
}
