//! Forwards a request: headers in, exchange, headers out.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;

use super::answer;
use super::body::{Relay, RequestBody, ResponseBody};
use super::delivery::Rest;
use super::exchange::{Answer, Exchange, Failure, Miss, Purpose};
use super::headers::{Origin, remove_hop_by_hop, set_forwarded, set_upgrade, upgrade};
use super::record::Record;
use super::tunnel::Tunnel;
use super::unread::{answer_unread, closing};
use crate::group::{Endpoint, Group, InFlight};
use crate::stickiness::{self, Keeper, Token};
use crate::timer::Timer;

const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");

/// Where a request goes.
#[derive(Debug)]
pub(super) struct Choice {
    /// Nothing when all weights are 0.
    pub(super) group: Option<Arc<Group>>,
    /// The target to begin with.
    pub(super) first: Option<InFlight>,
    pub(super) sticky: Sticky,
}

/// How long the client is to stay where it is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sticky {
    pub(super) group: Option<Duration>,
    pub(super) target: Option<Duration>,
}

/// Forwards to a group, starting with the target that was picked, and passes the answer on, or
/// answers why there is none.
pub(super) async fn forward(
    choice: Choice,
    mut request: Request<Incoming>,
    mut record: Box<Record>,
) -> Response<ResponseBody> {
    let Choice {
        group,
        first,
        sticky,
    } = choice;
    let Some(group) = group else {
        let answer = answer::refuse(Failure::NoTarget.status(), record);
        return answer_unread(request, answer).await;
    };
    record.group = Some(group.clone());
    let upgrade = upgrade(request.headers()).map(|protocol| Upgrade {
        protocol,
        client: hyper::upgrade::on(&mut request),
    });
    let request = outgoing(request, upgrade.as_ref(), &mut record);
    let progress = request.body().progress().cloned();
    record.received.clone_from(&progress);

    let timeouts = record.site.context.timeouts;
    let purpose = if upgrade.is_some() {
        Purpose::Upgrade
    } else {
        Purpose::Http
    };
    let exchange = Exchange::new(&group, &timeouts, purpose, &mut record, &request);
    let Answer {
        response,
        mut link,
        in_flight,
    } = match exchange.run(request, first).await {
        Ok(answer) => answer,
        Err(Miss::Next(unsent, failure)) => {
            let answer = answer::refuse(failure.status(), record);
            return answer_unread(*unsent, answer).await;
        }
        Err(Miss::Over(failure)) => {
            let answer = answer::refuse(failure.status(), record);
            return match progress {
                Some(progress) if !progress.is_finished() => closing(answer),
                _ => answer,
            };
        }
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        if progress.is_some_and(|progress| !progress.is_finished()) {
            // Nobody may leave HTTP in the middle of a request (RFC 9110, section 7.8). Dropping
            // the connection drops the rest of the request, and with it the client's connection.
            return closing(answer::refuse(StatusCode::BAD_GATEWAY, record));
        }
        return switch(response, upgrade, Tunnel::new(in_flight, link, record));
    }
    record.answered(response.status());
    let (mut parts, incoming) = response.into_parts();
    remove_hop_by_hop(&mut parts.headers);
    parts.version = Version::HTTP_11;
    let keeper = Keeper {
        now: record.created,
        protocol: record.client.protocol,
    };
    sticky.set(&mut parts.headers, &group, in_flight.endpoint(), keeper);
    // A target that answers early gets the rest of the request from a task of its own: who reads the
    // answer may be the one who waits for the request to be taken, and must not be what drives it.
    let unfinished = progress.filter(|request| !request.is_finished());
    if unfinished.is_some()
        && let Some(link) = link.take()
    {
        let rest = Rest {
            link,
            request: unfinished.clone(),
            in_flight: in_flight.again(),
        };
        rest.send_apart(&record.site.context);
    }
    let relay = Relay {
        incoming,
        link,
        request: unfinished,
        in_flight,
        idle: timeouts.idle,
        timer: Timer::default(),
        waiting_since: None,
        finished: false,
    };
    Response::from_parts(parts, ResponseBody::relayed(relay, record))
}

impl Sticky {
    /// Has the client come back to the target and the group that answered it.
    fn set(self, headers: &mut HeaderMap, group: &Group, target: &Endpoint, keeper: Keeper) {
        if let Some(lasts) = self.target {
            stickiness::TARGET.set(headers, target.token, keeper, lasts);
        }
        if let Some(lasts) = self.group {
            stickiness::GROUP.set(headers, Token::of(&group.id), keeper, lasts);
        }
    }
}

/// A client's wish to leave HTTP.
struct Upgrade {
    protocol: HeaderValue,
    client: OnUpgrade,
}

/// The request as the target gets it.
fn outgoing(
    request: Request<Incoming>,
    upgrade: Option<&Upgrade>,
    record: &mut Record,
) -> Request<RequestBody> {
    let mut request = request.map(RequestBody::new);
    *request.version_mut() = Version::HTTP_11;
    let is_chunked = request.body().size_hint().exact().is_none();
    let site = &record.site;
    let headers = request.headers_mut();
    remove_hop_by_hop(headers);
    if is_chunked {
        // hyper takes a GET or HEAD that does not say so for one without a body.
        headers.insert(header::TRANSFER_ENCODING, CHUNKED);
    }
    if let Some(upgrade) = upgrade {
        set_upgrade(headers, upgrade.protocol.clone());
    }
    // Only a request of HTTP/1.0 may come without.
    headers
        .entry(header::HOST)
        .or_insert_with(|| site.host.clone());
    let origin = Origin {
        client: record.client,
        port: &site.port,
        trace_ids: &site.context.trace_ids,
        now: record.created,
    };
    set_forwarded(headers, &origin);
    record.trace(headers);
    request
}

/// Passes on that the target has left HTTP, and joins both ends.
fn switch(
    mut response: Response<Incoming>,
    upgrade: Option<Upgrade>,
    tunnel: Tunnel,
) -> Response<ResponseBody> {
    let Some(upgrade) = upgrade else {
        // Nobody had asked for it.
        return answer::refuse(StatusCode::BAD_GATEWAY, tunnel.into_record());
    };
    let target = hyper::upgrade::on(&mut response);
    let protocol = response
        .headers()
        .get(header::UPGRADE)
        .cloned()
        .unwrap_or(upgrade.protocol);
    let (mut parts, _no_body) = response.into_parts();
    remove_hop_by_hop(&mut parts.headers);
    set_upgrade(&mut parts.headers, protocol);
    tunnel.join(upgrade.client, target);
    Response::from_parts(parts, ResponseBody::none())
}
