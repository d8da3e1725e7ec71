//! Refuses requests that a target must not see, and brings the rest into one form.
//!
//! hyper has done the first part: it answers 400 to what is not HTTP, to a `Transfer-Encoding` that
//! does not end in `chunked` and to contradicting lengths, 414 to a target beyond 64 KiB and 431 to a
//! head that is too large. Of a request with both `Transfer-Encoding` and `Content-Length` it keeps
//! the former only and closes the connection behind it (RFC 9112, section 6.3). Here other codings
//! are refused, and `forward` says how a body is framed: a target sees one framing, written by us.

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version, header};
use http_body::Body;

use crate::options::Limits;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the method is not supported")]
    Method,
    #[error("the path and query are too long")]
    UriTooLong,
    #[error("the host is missing, repeated or malformed")]
    Host,
    #[error("the request target is malformed")]
    Target,
    #[error("the body is coded in another way than in chunks")]
    Coding,
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::Host | Self::Target => StatusCode::BAD_REQUEST,
            Self::Coding => StatusCode::NOT_IMPLEMENTED,
        }
    }
}

/// Checks a request. Afterwards it has a path (or `*`) as its target and exactly one `Host`, except
/// that a request of HTTP/1.0 may have none.
pub(super) fn screen<B: Body>(request: &mut Request<B>, limits: &Limits) -> Result<(), Refusal> {
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return Err(Refusal::Method);
    }
    if request
        .uri()
        .path_and_query()
        .is_some_and(|target| target.as_str().len() > limits.uri)
    {
        return Err(Refusal::UriTooLong);
    }
    screen_host(request)?;
    // Most requests say how long they are, and so are not coded.
    if request.body().size_hint().exact().is_none() && !is_chunked(request.headers()) {
        return Err(Refusal::Coding);
    }
    if request.uri().authority().is_some() {
        to_origin_form(request)?;
    }
    let path = request.uri().path();
    let is_asterisk = path == "*" && request.method() == Method::OPTIONS;
    if path.starts_with('/') || is_asterisk {
        Ok(())
    } else {
        Err(Refusal::Target)
    }
}

fn screen_host<B>(request: &Request<B>) -> Result<(), Refusal> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host) => Ok(()),
        (None, None) if request.version() < Version::HTTP_11 => Ok(()),
        _ => Err(Refusal::Host),
    }
}

fn is_host(host: &HeaderValue) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+,;=".contains(byte);
    host.as_bytes().iter().all(allowed)
}

/// Whether the body comes in chunks and nothing else was done to it. A target would not be told of
/// that: the header ends here (RFC 9112, section 6.1).
fn is_chunked(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::TRANSFER_ENCODING).iter();
    let mut codings = values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|coding| !coding.is_empty());
    let only = (codings.next(), codings.next());
    matches!(only, (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked"))
}

/// `GET http://host/path` names a host, which counts instead of the `Host` header (RFC 9112,
/// section 3.2.2). It is matched like any other; the request never goes anywhere else. A host alone
/// is for `CONNECT`.
fn to_origin_form<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    if request.uri().scheme().is_none() {
        return Err(Refusal::Target);
    }
    let authority = request
        .uri()
        .authority()
        .map_or("", |authority| authority.as_str());
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = HeaderValue::from_str(host).map_err(|_| Refusal::Host)?;
    let target = request.uri().path_and_query().cloned();
    let target = target.unwrap_or(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(target);
    request.headers_mut().insert(header::HOST, host);
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Empty;

    use super::*;

    type Screened = Result<Request<Empty<Bytes>>, Refusal>;

    fn screened(method: Method, target: &str, hosts: &[&str]) -> Screened {
        let mut request = Request::builder().method(method).uri(target);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let mut request = request.body(Empty::new()).unwrap();
        screen(&mut request, &Limits { uri: 20, head: 100 }).map(|()| request)
    }

    #[test]
    fn ordinary_requests_pass_unchanged() {
        let request = screened(Method::GET, "/a?b", &["example.com"]).unwrap();
        assert_eq!(request.uri(), "/a?b");
        assert!(screened(Method::OPTIONS, "*", &["example.com"]).is_ok());
    }

    #[test]
    fn what_a_target_must_not_see_is_refused() {
        let refusal = |method, target: &str, hosts: &[&str]| screened(method, target, hosts).err();
        assert_eq!(refusal(Method::TRACE, "/", &["a"]), Some(Refusal::Method));
        assert_eq!(
            refusal(Method::CONNECT, "a:1", &["a"]),
            Some(Refusal::Method)
        );
        assert_eq!(refusal(Method::GET, "/", &[]), Some(Refusal::Host));
        assert_eq!(refusal(Method::GET, "/", &["a", "b"]), Some(Refusal::Host));
        assert_eq!(refusal(Method::GET, "/", &["a b"]), Some(Refusal::Host));
        assert_eq!(refusal(Method::GET, "*", &["a"]), Some(Refusal::Target));
        assert_eq!(refusal(Method::GET, "b:80", &["a"]), Some(Refusal::Target));
        assert_eq!(refusal(Method::GET, "b", &["a"]), Some(Refusal::Target));
        assert_eq!(
            refusal(Method::GET, &"/".repeat(21), &["a"]),
            Some(Refusal::UriTooLong)
        );
    }

    #[test]
    fn an_absolute_target_becomes_a_path_and_its_host_counts() {
        let request = screened(Method::GET, "http://u@b:8/x?y", &["a"]).unwrap();
        assert_eq!(request.uri(), "/x?y");
        assert_eq!(request.headers()[header::HOST], "b:8");
        assert_eq!(
            screened(Method::GET, "http://b", &["a"]).unwrap().uri(),
            "/"
        );
    }
}
