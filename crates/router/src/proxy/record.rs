//! What is remembered of one request until its last byte: for the access log and the counters.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version, header};

use super::body::Progress;
use super::headers::TRACE_ID;
use crate::access_log::Line;
use crate::group::{Group, Sample};
use crate::listener::Site;
use crate::peer::Peer;
use crate::table::ListenerId;

/// The status of a request whose client went away before the answer, as Application Load Balancers
/// log it.
const CLIENT_GONE: u16 = 460;

/// The record of one request. Dropping it, wherever the request ends, logs and counts it.
#[derive(Debug)]
pub(crate) struct Record {
    pub(super) site: Arc<Site>,
    pub(super) client: Peer,
    pub(super) created: SystemTime,
    pub(super) priority: Option<u32>,
    pub(super) action: &'static str,
    pub(super) redirect: Option<HeaderValue>,
    pub(super) group: Option<Arc<Group>>,
    pub(super) target: Option<SocketAddr>,
    pub(super) received: Option<Arc<Progress>>,
    /// Bytes of the answer's body, or of a tunnel to the client.
    pub(super) sent: u64,
    /// Bytes of a tunnel from the client, behind the request's body.
    pub(super) tunnelled: u64,
    listener: ListenerId,
    begun: Instant,
    sent_on: Option<Instant>,
    answered: Option<Instant>,
    status: Option<StatusCode>,
    target_status: Option<StatusCode>,
    method: Method,
    uri: Uri,
    version: Version,
    host: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    trace_id: Option<HeaderValue>,
}

impl Record {
    pub(super) fn begin<B>(
        site: Arc<Site>,
        listener: ListenerId,
        client: Peer,
        request: &Request<B>,
    ) -> Box<Self> {
        let headers = request.headers();
        Box::new(Self {
            site,
            client,
            created: SystemTime::now(),
            priority: None,
            action: "-",
            redirect: None,
            group: None,
            target: None,
            received: None,
            sent: 0,
            tunnelled: 0,
            listener,
            begun: Instant::now(),
            sent_on: None,
            answered: None,
            status: None,
            target_status: None,
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            host: headers.get(header::HOST).cloned(),
            user_agent: headers.get(header::USER_AGENT).cloned(),
            trace_id: None,
        })
    }

    /// Takes the trace id that the target gets to see.
    pub(super) fn trace(&mut self, headers: &HeaderMap) {
        self.trace_id = headers.get(TRACE_ID).cloned();
    }

    /// The request goes to a target now, maybe not for the first time.
    pub(super) fn sending_to(&mut self, target: SocketAddr) {
        self.target = Some(target);
        self.sent_on = Some(Instant::now());
    }

    /// The target has answered.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.answered = Some(Instant::now());
        self.target_status = Some(status);
        self.status = Some(status);
    }

    /// The router answers itself.
    pub(super) fn decided(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    fn line(&self) -> Line<'_> {
        let ended = Instant::now();
        Line {
            upgraded: self.target_status == Some(StatusCode::SWITCHING_PROTOCOLS),
            created: self.created,
            finished: self.created + (ended - self.begun),
            listener: self.listener.as_str(),
            listener_port: self.site.address.port(),
            client: self.client.address,
            protocol: self.client.protocol,
            target: self.target,
            request_time: self.sent_on.map(|sent_on| sent_on - self.begun),
            target_time: self.answered_in(),
            response_time: self.answered.map(|answered| ended - answered),
            status: self.outcome().as_u16(),
            target_status: self.target_status.map(|status| status.as_u16()),
            received: self
                .received
                .as_ref()
                .map_or(0, |progress| progress.bytes())
                + self.tunnelled,
            sent: self.sent,
            method: &self.method,
            uri: &self.uri,
            version: self.version,
            host: self.host.as_ref(),
            user_agent: self.user_agent.as_ref(),
            trace_id: self.trace_id.as_ref(),
            group: self.group.as_ref().map(|group| group.id.as_str()),
            priority: self.priority,
            action: self.action,
            redirect: self.redirect.as_ref(),
        }
    }

    /// The status that the client got. When it got none, it has left, unless a shutdown has cut it
    /// off.
    fn outcome(&self) -> StatusCode {
        let unanswered = || {
            if self.site.context.kill.is_raised() {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::from_u16(CLIENT_GONE).unwrap_or_default()
            }
        };
        self.status.unwrap_or_else(unanswered)
    }

    fn answered_in(&self) -> Option<Duration> {
        Some(self.answered? - self.sent_on?)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if let Some(group) = &self.group {
            group.counters.count(Sample {
                status: self.outcome(),
                answered_in: self.answered_in(),
            });
        }
        if let Some(log) = &self.site.context.access_log {
            log.append(&self.line());
        }
    }
}
