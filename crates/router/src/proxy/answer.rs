//! Answers of the router's own: errors, redirects, fixed responses.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};

use super::body::ResponseBody;
use super::record::Record;
use crate::peer::Protocol;
use crate::table::{FixedResponse, Redirect, RedirectCode};

/// How Application Load Balancers call themselves.
const SERVER: HeaderValue = HeaderValue::from_static("awselb/2.0");
const HTML: HeaderValue = HeaderValue::from_static("text/html");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// An error, in the form that Application Load Balancers use.
pub(super) fn refuse(status: StatusCode, record: Box<Record>) -> Response<ResponseBody> {
    let title = format!(
        "{} {}",
        status.as_str(),
        status.canonical_reason().unwrap_or("Error")
    );
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n\
         <center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    own(status, Some(HTML), Bytes::from(page), record)
}

/// The fixed response of a rule.
pub(super) fn fixed(fixed: &FixedResponse, record: Box<Record>) -> Response<ResponseBody> {
    let content_type = match fixed.content_type.as_deref().map(HeaderValue::from_str) {
        Some(Ok(content_type)) => Some(content_type),
        // Not a header value; Elastic Load Balancing would not have taken it.
        Some(Err(_)) | None if fixed.body.is_empty() => None,
        Some(Err(_)) | None => Some(PLAIN),
    };
    own(fixed.status, content_type, fixed.body.clone(), record)
}

/// The redirect of a rule.
pub(super) fn redirect<B>(
    redirect: &Redirect,
    request: &Request<B>,
    mut record: Box<Record>,
) -> Response<ResponseBody> {
    let parts = Parts::of(request, record.client.protocol, record.site.address.port());
    let Ok(location) = HeaderValue::from_str(&parts.location(redirect)) else {
        return refuse(StatusCode::BAD_REQUEST, record);
    };
    let status = match redirect.code {
        RedirectCode::Permanent => StatusCode::MOVED_PERMANENTLY,
        RedirectCode::Found => StatusCode::FOUND,
    };
    record.redirect = Some(location.clone());
    let mut response = refuse(status, record);
    response.headers_mut().insert(header::LOCATION, location);
    response
}

fn own(
    status: StatusCode,
    content_type: Option<HeaderValue>,
    body: Bytes,
    mut record: Box<Record>,
) -> Response<ResponseBody> {
    record.decided(status);
    let mut response = Response::new(ResponseBody::own(body, record));
    *response.status_mut() = status;
    response.headers_mut().insert(header::SERVER, SERVER);
    if let Some(content_type) = content_type {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
    }
    response
}

/// The parts of a request's address.
struct Parts<'a> {
    protocol: Protocol,
    host: &'a str,
    port: Cow<'a, str>,
    path: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn of<B>(request: &'a Request<B>, protocol: Protocol, port: u16) -> Self {
        let host = request
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let host = host.unwrap_or("");
        let (host, port) = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (name, Cow::Borrowed(port))
            }
            _ => (host, Cow::Owned(port.to_string())),
        };
        Self {
            protocol,
            host,
            port,
            path: request.uri().path(),
            query: request.uri().query().unwrap_or(""),
        }
    }

    fn location(&self, redirect: &Redirect) -> String {
        let part = |template: &Option<String>, default: &str| {
            self.fill(template.as_deref().unwrap_or(default))
        };
        let protocol = part(&redirect.protocol, "#{protocol}").to_ascii_lowercase();
        let (host, port) = (
            part(&redirect.host, "#{host}"),
            part(&redirect.port, "#{port}"),
        );
        let (path, query) = (
            part(&redirect.path, "/#{path}"),
            part(&redirect.query, "#{query}"),
        );
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{protocol}://{host}:{port}{path}{mark}{query}")
    }

    /// Replaces each keyword once, from left to right: what a client sent is never read as one.
    fn fill(&self, template: &str) -> String {
        let mut filled = String::new();
        let mut rest = template;
        while let Some(at) = rest.find("#{") {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            let keyword = rest.find('}').map_or(rest, |end| &rest[..=end]);
            filled.push_str(match keyword {
                "#{protocol}" => self.protocol.as_str(),
                "#{host}" => self.host,
                "#{port}" => &self.port,
                "#{path}" => self.path.trim_start_matches('/'),
                "#{query}" => self.query,
                unknown => unknown,
            });
            rest = &rest[keyword.len()..];
        }
        filled.push_str(rest);
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(redirect: Redirect) -> String {
        let request = Request::builder()
            .uri("/a/b?q=1")
            .header(header::HOST, "shop.example:8080");
        let request = request.body(()).unwrap();
        Parts::of(&request, Protocol::Http, 80).location(&redirect)
    }

    fn unchanged() -> Redirect {
        Redirect {
            protocol: None,
            host: None,
            port: None,
            path: None,
            query: None,
            code: RedirectCode::Found,
        }
    }

    #[test]
    fn parts_that_are_absent_stay() {
        assert_eq!(location(unchanged()), "http://shop.example:8080/a/b?q=1");
    }

    #[test]
    fn keywords_are_filled_in() {
        let redirect = Redirect {
            protocol: Some("HTTPS".to_owned()),
            port: Some("443".to_owned()),
            host: Some("www.#{host}".to_owned()),
            path: Some("/new".to_owned()),
            query: Some("from=#{port}&#{x}".to_owned()),
            ..unchanged()
        };
        assert_eq!(
            location(redirect),
            "https://www.shop.example:443/new?from=8080&#{x}"
        );
    }

    #[test]
    fn an_empty_query_is_left_out() {
        let redirect = Redirect {
            path: Some("/n".to_owned()),
            query: Some(String::new()),
            ..unchanged()
        };
        assert_eq!(location(redirect), "http://shop.example:8080/n");
    }
}
