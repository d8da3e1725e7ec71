//! Listeners, their rules and what a rule does with a request.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::{Condition, ListenerId, TargetGroupId, Tls};

/// A socket that accepts requests, and the rules that choose what happens to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Name of the listener.
    pub id: ListenerId,
    /// Where to listen. Port 0 takes any free port, which stays the same while the listener lives.
    pub address: SocketAddr,
    /// With it, the listener speaks HTTPS.
    pub tls: Option<Tls>,
    /// Rules, in any order; the one with the lowest priority that matches wins.
    pub rules: Vec<Rule>,
    /// What happens to a request that no rule matches.
    pub default: Action,
    /// When given, rules are matched as if every request carried this host. The `Host` header that
    /// the target sees stays the client's. Used for stable internal addresses of one service.
    pub fixed_host: Option<String>,
}

/// One rule of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// 1 to 50,000 in Elastic Load Balancing; lower comes first.
    pub priority: u32,
    /// All of them must hold. A rule without conditions matches everything.
    pub conditions: Vec<Condition>,
    /// What happens to a request that matches.
    pub action: Action,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Goes to one of several groups.
    Forward(Forward),
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// The load balancer answers itself.
    FixedResponse(FixedResponse),
}

impl Action {
    /// Forwards everything to one group.
    pub fn forward(group: impl Into<TargetGroupId>) -> Self {
        let only = WeightedGroup {
            group: group.into(),
            weight: 1,
        };
        Self::Forward(Forward::by_weight(vec![only]))
    }
}

/// Groups, and how one of them is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The groups with their weights.
    pub groups: Vec<WeightedGroup>,
    /// How long a client stays in the group that answered it, whatever its weight then, by the
    /// cookie `AWSALBTG`; not at all when absent.
    pub stickiness: Option<Duration>,
}

impl Forward {
    /// Chooses by weight for each request anew.
    pub fn by_weight(groups: Vec<WeightedGroup>) -> Self {
        Self {
            groups,
            stickiness: None,
        }
    }
}

/// A target group and its share of the requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightedGroup {
    /// A group of the same table.
    pub group: TargetGroupId,
    /// 0 to 999; a group of weight 0 receives nothing.
    pub weight: u32,
}

/// A redirect. Each part may use `#{protocol}`, `#{host}`, `#{port}`, `#{path}` (without its first
/// slash) and `#{query}`; a part that is absent keeps what the request had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// `HTTP`, `HTTPS` or `#{protocol}`.
    pub protocol: Option<String>,
    /// Host name.
    pub host: Option<String>,
    /// Port.
    pub port: Option<String>,
    /// Absolute path, starting with a slash.
    pub path: Option<String>,
    /// Query without its question mark; an empty one removes the query.
    pub query: Option<String>,
    /// Which of the two redirects.
    pub code: RedirectCode,
}

/// The two redirects that Elastic Load Balancing knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectCode {
    /// 301.
    Permanent,
    /// 302.
    Found,
}

/// An answer of the load balancer's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedResponse {
    /// Status of the answer.
    pub status: StatusCode,
    /// `Content-Type` of the body; `text/plain` when absent and there is a body.
    pub content_type: Option<String>,
    /// The body, at most 1,024 bytes in Elastic Load Balancing.
    pub body: Bytes,
}
