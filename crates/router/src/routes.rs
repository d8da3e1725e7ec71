//! A listener's rules, made ready for matching: sorted, resolved to groups at work, and without the
//! host conditions where the host is fixed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderMap;

use crate::asked::{Asked, without_port};
use crate::group::Group;
use crate::stickiness::{self, Token};
use crate::table::{
    Action, Condition, FixedResponse, Listener, ListenerId, Redirect, Rule, TargetGroupId, Tls,
};

/// What a listener does with requests.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) listener: ListenerId,
    pub(crate) tls: Option<Tls>,
    rules: Vec<Route>,
    default: Route,
}

/// One rule; the default one has no priority.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) priority: Option<u32>,
    pub(crate) step: Step,
    conditions: Vec<Condition>,
}

/// What to do with a request.
#[derive(Debug)]
pub(crate) enum Step {
    Forward(Split),
    Redirect(Redirect),
    FixedResponse(FixedResponse),
}

impl Routes {
    /// Makes a listener's rules ready. A group that is missing gets no requests; the table was
    /// checked before, so none is.
    pub(crate) fn compile(
        listener: &Listener,
        groups: &HashMap<TargetGroupId, Arc<Group>>,
    ) -> Self {
        let mut rules: Vec<&Rule> = listener.rules.iter().collect();
        rules.sort_by_key(|rule| rule.priority);
        let fixed_host = listener.fixed_host.as_deref();
        let rules = rules.into_iter().filter_map(|rule| {
            let conditions = open_conditions(rule, fixed_host)?;
            let step = compile_action(&rule.action, groups);
            Some(Route {
                priority: Some(rule.priority),
                step,
                conditions,
            })
        });
        Self {
            listener: listener.id.clone(),
            tls: listener.tls.clone(),
            rules: rules.collect(),
            default: Route {
                priority: None,
                step: compile_action(&listener.default, groups),
                conditions: Vec::new(),
            },
        }
    }

    /// The first rule that matches.
    pub(crate) fn find(&self, asked: &Asked<'_>) -> &Route {
        self.rules
            .iter()
            .find(|rule| rule.matches(asked))
            .unwrap_or(&self.default)
    }
}

impl Route {
    fn matches(&self, asked: &Asked<'_>) -> bool {
        self.conditions.iter().all(|one| one.holds(asked))
    }
}

/// Groups and how requests are split between them.
#[derive(Debug)]
pub(crate) struct Split {
    /// How long clients stay in the group that answered them.
    pub(crate) stickiness: Option<Duration>,
    shares: Vec<(u64, Arc<Group>)>,
    total: u64,
    step: u64,
    turn: AtomicU64,
}

impl Split {
    fn new(shares: Vec<(u64, Arc<Group>)>, stickiness: Option<Duration>) -> Self {
        let total = shares.iter().map(|(weight, _)| weight).sum();
        Self {
            stickiness,
            shares,
            total,
            step: golden_step(total),
            turn: AtomicU64::new(0),
        }
    }

    /// The group of a request: the one that a cookie of its client names, whatever its weight and
    /// health, or one by weight. Nothing when all weights are 0.
    pub(crate) fn choose(&self, headers: &HeaderMap) -> Option<&Arc<Group>> {
        let kept = self
            .stickiness
            .and_then(|_| stickiness::GROUP.sent(headers))
            .and_then(|token| {
                let mut groups = self.shares.iter().map(|(_, group)| group);
                groups.find(|group| Token::of(&group.id) == token)
            });
        kept.or_else(|| self.next())
    }

    fn next(&self) -> Option<&Arc<Group>> {
        if let ([(_, only)], 1..) = (self.shares.as_slice(), self.total) {
            return Some(only);
        }
        // Steps by about 0.618 of the total, so that the shares are interleaved and not one group
        // after the other; the step has no common factor with the total, so that every place comes.
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut place = turn.wrapping_mul(self.step).checked_rem(self.total)?;
        self.shares.iter().find_map(|(weight, group)| {
            if place < *weight {
                return Some(group);
            }
            place -= weight;
            None
        })
    }
}

fn golden_step(total: u64) -> u64 {
    let first = (total * 618 / 1000).max(1);
    (first..)
        .find(|step| greatest_common_divisor(*step, total) <= 1)
        .unwrap_or(1)
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

/// The conditions that are still open when the host is fixed; nothing when the rule cannot match.
fn open_conditions(rule: &Rule, fixed_host: Option<&str>) -> Option<Vec<Condition>> {
    let Some(host) = fixed_host.map(without_port) else {
        return Some(rule.conditions.clone());
    };
    let mut open = Vec::new();
    for condition in &rule.conditions {
        match condition {
            Condition::Host(patterns) => {
                if !patterns
                    .iter()
                    .any(|pattern| pattern.matches_ignoring_case(host))
                {
                    return None;
                }
            }
            other => open.push(other.clone()),
        }
    }
    Some(open)
}

fn compile_action(action: &Action, groups: &HashMap<TargetGroupId, Arc<Group>>) -> Step {
    match action {
        Action::Redirect(redirect) => Step::Redirect(redirect.clone()),
        Action::FixedResponse(response) => Step::FixedResponse(response.clone()),
        Action::Forward(forward) => {
            let shares = forward.groups.iter().filter_map(|share| {
                Some((u64::from(share.weight), groups.get(&share.group)?.clone()))
            });
            Step::Forward(Split::new(shares.collect(), forward.stickiness))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use bytes::Bytes;
    use http::{Request, StatusCode, header};

    use super::*;
    use crate::table::Pattern;

    fn answer(status: StatusCode) -> Action {
        Action::FixedResponse(FixedResponse {
            status,
            content_type: None,
            body: Bytes::new(),
        })
    }

    fn rule(priority: u32, host: &str, path: &str, status: StatusCode) -> Rule {
        Rule {
            priority,
            conditions: vec![
                Condition::Host(vec![Pattern::new(host)]),
                Condition::Path(vec![Pattern::new(path)]),
            ],
            action: answer(status),
        }
    }

    fn routes(fixed_host: Option<&str>) -> Routes {
        let listener = Listener {
            id: "l".into(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            rules: vec![
                rule(20, "*.example.com", "/*", StatusCode::ACCEPTED),
                rule(10, "api.example.com", "/v1/*", StatusCode::CREATED),
            ],
            default: answer(StatusCode::NOT_FOUND),
            fixed_host: fixed_host.map(str::to_owned),
        };
        Routes::compile(&listener, &HashMap::new())
    }

    fn found(routes: &Routes, host: &str, path: &str) -> Option<u32> {
        let request = Request::get(path)
            .header(header::HOST, host)
            .body(())
            .unwrap();
        let asked = Asked::of(&request, [127, 0, 0, 1].into());
        routes.find(&asked).priority
    }

    #[test]
    fn the_lowest_priority_that_matches_wins() {
        let routes = routes(None);
        let priority = |host, path| found(&routes, host, path);
        assert_eq!(priority("API.example.com:8080", "/v1/x"), Some(10));
        assert_eq!(priority("api.example.com", "/v2"), Some(20));
        assert_eq!(priority("example.org", "/v1/x"), None);
    }

    #[test]
    fn a_fixed_host_replaces_the_requests_own() {
        let routes = routes(Some("api.example.com"));
        assert_eq!(found(&routes, "localhost:1", "/v1/x"), Some(10));
        let other = self::routes(Some("other.example.org"));
        assert_eq!(found(&other, "api.example.com", "/v1/x"), None);
    }

    #[test]
    fn every_share_gets_its_weight() {
        for total in [1, 2, 3, 10, 100, 618, 999, 1000] {
            let step = golden_step(total);
            let places: std::collections::HashSet<u64> =
                (0..total).map(|turn| turn * step % total).collect();
            assert_eq!(places.len() as u64, total);
        }
    }
}
