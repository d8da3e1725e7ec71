//! Headers on their way through: what ends here, what is added.

use std::net::SocketAddr;
use std::time::SystemTime;

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::peer::Peer;
use crate::text;
use crate::trace_id::TraceIds;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
pub(super) const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// The longest address as text, in bytes.
const MOST_ADDRESS: usize = 45;

/// How many headers a request gets.
const ADDED: usize = 4;

/// Headers that concern one connection only (RFC 9110, section 7.6.1).
static HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Removes what concerns one connection only, and what `Connection` names. Beside a
/// `Transfer-Encoding`, no `Content-Length` counts (RFC 9112, section 6.3): it goes, too.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = connection_tokens(headers)
            // What most of them say is no header, or one that is removed anyway.
            .filter(|token| !matches!(*token, "close" | "keep-alive" | "upgrade"))
            .filter_map(|token| HeaderName::from_bytes(token.as_bytes()).ok())
            // A client may not talk us out of these: they say how and for whom a message is read.
            .filter(|name| !matches!(*name, header::HOST | header::CONTENT_LENGTH))
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(header::CONNECTION);
    }
    // Most messages have one of them or none: looking at each header once is cheaper than looking
    // each of these up.
    while let Some(name) = headers.keys().find_map(hop_by_hop) {
        headers.remove(name);
        if *name == header::TRANSFER_ENCODING {
            headers.remove(header::CONTENT_LENGTH);
        }
    }
}

fn hop_by_hop(name: &HeaderName) -> Option<&'static HeaderName> {
    // By far most names have another length than any of these.
    if !matches!(name.as_str().len(), 2 | 7 | 10 | 16..=19) {
        return None;
    }
    HOP_BY_HOP.iter().find(|one| *one == name)
}

/// The protocol that a message wants to upgrade to, or was upgraded to. HTTP/2 is left out: behind
/// such an upgrade, requests would pass unseen.
pub(super) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let protocol = headers.get(header::UPGRADE)?;
    // One among several is enough: the target would choose.
    let names_http_2 = headers
        .get_all(header::UPGRADE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(is_http_2);
    let asked = connection_tokens(headers).any(|token| token.eq_ignore_ascii_case("upgrade"));
    (asked && !names_http_2).then(|| protocol.clone())
}

/// `h2`, `h2c` and whatever else begins so.
fn is_http_2(protocol: &[u8]) -> bool {
    let start = protocol.trim_ascii_start().get(..2);
    start.is_some_and(|start| start.eq_ignore_ascii_case(b"h2"))
}

/// Writes an upgrade back into headers whose hop-by-hop ones were removed.
pub(super) fn set_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol);
}

/// Tells the target whom it answers: appends the client to `X-Forwarded-For`, sets
/// `X-Forwarded-Proto` and `X-Forwarded-Port`, and adds a trace id unless there is one.
pub(super) fn set_forwarded(headers: &mut HeaderMap, origin: &Origin<'_>) {
    let protocol = origin.client.protocol.as_str();
    headers.reserve(ADDED);
    headers.insert(FORWARDED_FOR, forwarded_for(headers, origin.client.address));
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(protocol));
    headers.insert(FORWARDED_PORT, origin.port.clone());
    if !headers.contains_key(TRACE_ID) {
        headers.insert(TRACE_ID, origin.trace_ids.next(origin.now));
    }
}

/// Where and when a request came in.
#[derive(Debug)]
pub(super) struct Origin<'a> {
    pub(super) client: Peer,
    pub(super) port: &'a HeaderValue,
    pub(super) trace_ids: &'a TraceIds,
    pub(super) now: SystemTime,
}

fn forwarded_for(headers: &HeaderMap, client: SocketAddr) -> HeaderValue {
    let mut address = Vec::with_capacity(MOST_ADDRESS);
    text::write_ip(&mut address, client.ip());
    if !headers.contains_key(FORWARDED_FOR) {
        return header_value(&address);
    }
    let mut chain = Vec::new();
    for before in headers.get_all(FORWARDED_FOR) {
        chain.extend_from_slice(before.as_bytes());
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(&address);
    header_value(&chain)
}

/// What was a header before, joined with an address, is a header again.
fn header_value(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(bytes).unwrap_or(HeaderValue::from_static("unknown"))
}

fn connection_tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::CONNECTION).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Protocol;
    use crate::workers::WorkerId;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |&(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn connection_headers_and_what_they_name_are_removed() {
        let mut headers = headers(&[
            ("connection", "close, X-Private, host, Content-Length"),
            ("x-private", "1"),
            ("te", "trailers"),
            ("host", "a"),
            ("content-length", "3"),
            ("traceparent", "00-1-2-01"),
        ]);
        remove_hop_by_hop(&mut headers);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "host", "traceparent"]);
    }

    #[test]
    fn every_header_of_one_connection_is_found() {
        for name in &HOP_BY_HOP {
            assert_eq!(hop_by_hop(name), Some(name));
        }
        assert_eq!(hop_by_hop(&header::HOST), None);
    }

    #[test]
    fn only_a_whole_upgrade_counts_and_never_to_http_2() {
        let asked = |pairs: &[_]| upgrade(&headers(pairs)).is_some();
        assert!(asked(&[
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket")
        ]));
        assert!(!asked(&[
            ("connection", "keep-alive"),
            ("upgrade", "websocket")
        ]));
        assert!(!asked(&[("connection", "upgrade")]));
        for http_2 in ["h2c", "websocket, h2c", " H2c/1,websocket"] {
            assert!(!asked(&[("connection", "upgrade"), ("upgrade", http_2)]));
        }
        let mut twice = headers(&[("connection", "upgrade"), ("upgrade", "websocket")]);
        twice.append("upgrade", HeaderValue::from_static("h2c"));
        assert!(upgrade(&twice).is_none());
    }

    #[test]
    fn forwarded_headers_are_appended_or_set() {
        let trace_ids = TraceIds::new();
        let origin = Origin {
            client: Peer {
                address: SocketAddr::from(([10, 0, 0, 1], 5)),
                protocol: Protocol::Http,
                worker: WorkerId::default(),
            },
            port: &HeaderValue::from_static("8080"),
            trace_ids: &trace_ids,
            now: SystemTime::now(),
        };
        let mut headers = headers(&[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-port", "1")]);
        set_forwarded(&mut headers, &origin);
        assert_eq!(headers[FORWARDED_FOR], "1.2.3.4, 10.0.0.1");
        assert_eq!(headers[FORWARDED_PORT], "8080");
        assert_eq!(headers[FORWARDED_PROTO], "http");
        let first = headers[TRACE_ID].clone();
        set_forwarded(&mut headers, &origin);
        assert_eq!(headers[TRACE_ID], first);
    }
}
