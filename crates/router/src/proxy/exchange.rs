//! Brings a request to a target and waits for the head of its answer.
//!
//! A request must not be lost because a target just went away, and must not be carried out twice.
//! So another connection or target is tried
//! - whenever the request has not left: the connection was refused, or was closed before a byte was
//!   written; and
//! - when it has left and the connection broke without an answer, if repeating does no harm (an
//!   idempotent method, no body; RFC 9110, section 9.2.2): once after a connection that was kept,
//!   since the target was probably just closing it, and once after a new one.

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use hyper::body::{Body, Incoming};

use super::body::{Progress, RequestBody};
use super::delivery::{Delivery, deliver};
use super::record::Record;
use crate::disturbance::Disturbance;
use crate::group::{Endpoint, Group, InFlight};
use crate::options::Timeouts;
use crate::upstream::{ConnectError, Link, connect};
use crate::workers::WorkerId;

/// A target's answer, and what belongs to the connection that it comes on.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    /// Until it has ended.
    pub(super) link: Option<Box<Link>>,
    pub(super) in_flight: InFlight,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("no target is registered, or none may be used")]
    NoTarget,
    #[error("the target refused or broke the connection, or did not answer in HTTP")]
    Broken,
    #[error("the target did not answer in time")]
    TimedOut,
    #[error("the client did not send its request in time")]
    ClientTimedOut,
    #[error("the client broke its request off")]
    ClientGone,
}

impl Failure {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::NoTarget => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::BAD_GATEWAY,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::ClientTimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::ClientGone => StatusCode::BAD_REQUEST,
        }
    }
}

/// Why a target was left without an answer, or all were.
pub(super) enum Miss {
    /// The request is whole and may go elsewhere.
    Next(Box<Request<RequestBody>>, Failure),
    /// It may not.
    Over(Failure),
}

/// Whether a request may leave HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Http,
    Upgrade,
}

/// One request's way to an answer.
pub(super) struct Exchange<'a> {
    pub(super) group: &'a Group,
    pub(super) timeouts: &'a Timeouts,
    pub(super) record: &'a mut Record,
    /// Whether a request that broke off on a new connection may still be sent once more.
    repeatable: bool,
    /// Whether kept connections may still be used. Not after one of them broke.
    trusts_kept: bool,
    progress: Option<Arc<Progress>>,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        group: &'a Group,
        timeouts: &'a Timeouts,
        purpose: Purpose,
        record: &'a mut Record,
        request: &Request<RequestBody>,
    ) -> Self {
        let repeatable = request.method().is_idempotent()
            && request.body().is_end_stream()
            && purpose == Purpose::Http;
        let progress = request.body().progress().cloned();
        Self {
            group,
            timeouts,
            record,
            repeatable,
            trusts_kept: purpose == Purpose::Http,
            progress,
        }
    }

    /// Tries targets in turn, `first` and then others, each at most once.
    pub(super) async fn run(
        mut self,
        request: Request<RequestBody>,
        first: Option<InFlight>,
    ) -> Result<Answer, Miss> {
        let mut request = request;
        let mut next = first;
        let mut tried: Vec<Arc<Endpoint>> = Vec::new();
        let mut failure = Failure::NoTarget;
        loop {
            let Some(in_flight) = next.take().or_else(|| self.group.pick(&tried)) else {
                return Err(Miss::Next(Box::new(request), failure));
            };
            let endpoint = in_flight.endpoint();
            match self.try_target(endpoint, request).await {
                Ok((response, link)) => {
                    return Ok(Answer {
                        response,
                        link,
                        in_flight,
                    });
                }
                Err(Miss::Over(failure)) => return Err(Miss::Over(failure)),
                Err(Miss::Next(back, why)) => {
                    request = *back;
                    failure = why;
                    tried.push(endpoint.clone());
                }
            }
        }
    }

    /// Tries the connections that are kept, then a new one.
    async fn try_target(
        &mut self,
        endpoint: &Arc<Endpoint>,
        request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Option<Box<Link>>), Miss> {
        let mut request = request;
        while let Some(link) = self.kept(endpoint) {
            match self.send(endpoint, Connection::Kept(link), request).await {
                Ok(answer) => return Ok(answer),
                Err(Miss::Over(failure)) => return Err(Miss::Over(failure)),
                Err(Miss::Next(back, _)) => request = *back,
            }
        }
        // Seldom needed, and large: not a part of every request's future.
        let opened = Box::pin(connect(endpoint, self.worker(), self.timeouts.connect)).await;
        let link = match opened {
            Ok(link) => link,
            Err(error) => {
                self.group.counters.count_connection_error();
                tracing::debug!(target = %endpoint.address, ?error, "no connection to the target");
                self.record.target = Some(endpoint.address);
                return Err(match error {
                    // The client has waited long enough: no other target is tried.
                    ConnectError::TimedOut => Miss::Over(Failure::TimedOut),
                    _ => Miss::Next(Box::new(request), Failure::Broken),
                });
            }
        };
        self.send(endpoint, Connection::New(link), request).await
    }

    /// A connection that is kept. The target may have closed it: the request then comes back.
    fn kept(&self, endpoint: &Endpoint) -> Option<Box<Link>> {
        let gets_through = matches!(
            endpoint.disturbance(),
            None | Some(Disturbance::FailingChecks(_))
        );
        if !self.trusts_kept || !gets_through {
            return None;
        }
        endpoint.pool.take(self.worker())
    }

    fn worker(&self) -> WorkerId {
        self.record.client.worker
    }

    async fn send(
        &mut self,
        endpoint: &Endpoint,
        connection: Connection,
        request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Option<Box<Link>>), Miss> {
        let spare = self.repeatable.then(|| repeat(&request));
        self.record.sending_to(endpoint.address);
        let is_kept = matches!(connection, Connection::Kept(_));
        let (Connection::Kept(link) | Connection::New(link)) = connection;
        let progress = self.progress.as_deref();
        let error = match deliver(link, request, self.timeouts.idle, progress).await {
            Delivery::Answered(response, link) => return Ok((response, link)),
            Delivery::Unsent(request) => {
                return Err(Miss::Next(Box::new(request), Failure::Broken));
            }
            Delivery::Idle if progress.is_some_and(Progress::is_awaited) => {
                return Err(Miss::Over(Failure::ClientTimedOut));
            }
            Delivery::Idle => return Err(Miss::Over(Failure::TimedOut)),
            Delivery::Broken(error) => error,
        };
        tracing::debug!(target = %endpoint.address, ?error, "no answer from the target");
        let cut_off = endpoint.cut.is_raised();
        if error.is_user() && is_uploading(progress) && !cut_off {
            return Err(Miss::Over(Failure::ClientGone));
        }
        self.group.counters.count_connection_error();
        let Some(spare) = spare.filter(|_| !error.is_parse() && !cut_off) else {
            return Err(Miss::Over(Failure::Broken));
        };
        if is_kept {
            self.trusts_kept = false;
            // The others have probably been closed together with this one.
            endpoint.pool.clear();
        } else {
            self.repeatable = false;
        }
        Err(Miss::Next(Box::new(spare), Failure::Broken))
    }
}

fn is_uploading(progress: Option<&Progress>) -> bool {
    progress.is_some_and(|progress| !progress.is_finished())
}

/// Where a request is sent.
enum Connection {
    Kept(Box<Link>),
    New(Box<Link>),
}

/// The same request once more; only for one without a body.
fn repeat(request: &Request<RequestBody>) -> Request<RequestBody> {
    let mut again = Request::new(RequestBody::Empty);
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.version_mut() = request.version();
    *again.headers_mut() = request.headers().clone();
    again
}
