//! A request as rules see it, and whether a condition holds for it.

use std::net::IpAddr;

use http::{HeaderMap, Method, Request, header};

use crate::table::{Condition, QueryPattern};

/// What conditions look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// Without its port.
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) client: IpAddr,
}

impl<'a> Asked<'a> {
    pub(crate) fn of<B>(request: &'a Request<B>, client: IpAddr) -> Self {
        let host = request.headers().get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or("");
        Self {
            host: without_port(host),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or(""),
            method: request.method(),
            headers: request.headers(),
            client,
        }
    }
}

impl Condition {
    pub(crate) fn holds(&self, asked: &Asked<'_>) -> bool {
        match self {
            Self::Path(patterns) => patterns.iter().any(|one| one.matches(asked.path)),
            Self::Host(patterns) => patterns
                .iter()
                .any(|one| one.matches_ignoring_case(asked.host)),
            Self::Method(methods) => methods.iter().any(|one| one == asked.method.as_str()),
            Self::Query(patterns) => asked
                .query
                .split('&')
                .any(|pair| patterns.iter().any(|one| one.matches(pair))),
            Self::Header { name, values } => {
                let sent = asked.headers.get_all(name.as_str()).iter();
                sent.filter_map(|value| value.to_str().ok())
                    .any(|value| values.iter().any(|one| one.matches_ignoring_case(value)))
            }
            Self::Source(ranges) => ranges.iter().any(|range| range.contains(asked.client)),
        }
    }
}

impl QueryPattern {
    /// Whether `key=value` is meant; a parameter without a value has an empty one.
    fn matches(&self, pair: &str) -> bool {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let same_key = self
            .key
            .as_ref()
            .is_none_or(|wanted| wanted.matches_ignoring_case(key));
        !pair.is_empty() && same_key && self.value.matches_ignoring_case(value)
    }
}

/// `example.com:80` and `[::1]:80` without their ports.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: Condition, request: http::request::Builder) -> bool {
        let request = request.body(()).unwrap();
        condition.holds(&Asked::of(&request, IpAddr::from([127, 0, 0, 1])))
    }

    fn query(key: Option<&str>, value: &str) -> Condition {
        Condition::Query(vec![QueryPattern {
            key: key.map(Into::into),
            value: value.into(),
        }])
    }

    #[test]
    fn parameters_are_matched_by_key_and_value_in_any_case() {
        let asked = || Request::get("/?Version=V2&empty=&flag");
        assert!(holds(query(Some("version"), "v?"), asked()));
        assert!(!holds(query(Some("version"), "v1"), asked()));
        assert!(holds(query(None, "v*"), asked()), "any parameter");
        assert!(holds(query(Some("flag"), ""), asked()));
        assert!(!holds(query(Some("other"), "*"), asked()));
        assert!(!holds(query(None, "*"), Request::get("/")), "no query");
    }

    #[test]
    fn any_value_of_a_header_is_enough() {
        let beta = || Condition::Header {
            name: "X-Group".into(),
            values: vec!["beta*".into()],
        };
        let asked = || Request::get("/").header("x-group", "alpha");
        assert!(!holds(beta(), asked()));
        assert!(holds(beta(), asked().header("X-Group", "BETA-2")));
    }

    #[test]
    fn methods_are_compared_exactly() {
        let writes = || Condition::Method(vec!["POST".into(), "PURGE".into()]);
        assert!(holds(writes(), Request::post("/")));
        assert!(holds(writes(), Request::builder().method("PURGE").uri("/")));
        assert!(!holds(writes(), Request::get("/")));
        assert!(!holds(writes(), Request::builder().method("post").uri("/")));
    }

    #[test]
    fn the_source_is_the_connections() {
        let from = |range: &str| Condition::Source(vec![range.parse().unwrap()]);
        let asked = || Request::get("/").header("x-forwarded-for", "10.0.0.1");
        assert!(holds(from("127.0.0.0/8"), asked()));
        assert!(!holds(from("10.0.0.0/8"), asked()));
    }

    #[test]
    fn ports_are_cut_off_hosts() {
        assert_eq!(without_port("example.com:80"), "example.com");
        assert_eq!(without_port("[::1]:80"), "[::1]");
        assert_eq!(without_port("[::1]"), "[::1]");
        assert_eq!(without_port("example.com"), "example.com");
    }
}
