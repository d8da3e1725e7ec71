//! One line of the access log.
//!
//! The fields and their order are those of "Access logs for your Application Load Balancer":
//! type, time, elb, client:port, target:port, three times in seconds, both status codes, received
//! and sent bytes (bodies only), "request", "user agent", cipher, protocol, target group, "trace
//! id", "domain", "certificate", rule priority, creation time, "actions", "redirect url",
//! "error reason", "target:port list", "status list", "classification", "reason", and the
//! connection's trace id. What cannot be is `-`.

use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use http::{HeaderValue, Method, Uri, Version};

use crate::peer::Protocol;

/// Everything that a line tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) upgraded: bool,
    pub(crate) created: SystemTime,
    pub(crate) finished: SystemTime,
    pub(crate) listener: &'a str,
    pub(crate) listener_port: u16,
    pub(crate) client: SocketAddr,
    pub(crate) target: Option<SocketAddr>,
    /// From the request's head to its sending to a target; nothing if it never was sent.
    pub(crate) request_time: Option<Duration>,
    /// From there to the head of the answer; nothing if there was none.
    pub(crate) target_time: Option<Duration>,
    /// From there to the end of the answer.
    pub(crate) response_time: Option<Duration>,
    pub(crate) status: u16,
    pub(crate) target_status: Option<u16>,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) version: Version,
    pub(crate) host: Option<&'a HeaderValue>,
    pub(crate) user_agent: Option<&'a HeaderValue>,
    pub(crate) trace_id: Option<&'a HeaderValue>,
    pub(crate) group: Option<&'a str>,
    pub(crate) priority: Option<u32>,
    pub(crate) action: &'static str,
    pub(crate) redirect: Option<&'a HeaderValue>,
}

impl Line<'_> {
    /// Appends the line with its end. Writing into memory cannot fail.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let _ = self.try_write(out);
    }

    fn try_write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let kind: &[u8] = match (self.upgraded, self.protocol) {
            (true, Protocol::Http) => b"ws ",
            (true, Protocol::Https) => b"wss ",
            (false, Protocol::Http) => b"http ",
            (false, Protocol::Https) => b"https ",
        };
        out.extend_from_slice(kind);
        write_time(out, self.finished)?;
        write!(out, " {} {} ", self.listener, self.client)?;
        match self.target {
            Some(target) => write!(out, "{target}")?,
            None => out.push(b'-'),
        }
        for time in [self.request_time, self.target_time, self.response_time] {
            match time {
                Some(time) => write!(out, " {}.{:03}", time.as_secs(), time.subsec_millis())?,
                None => out.extend_from_slice(b" -1"),
            }
        }
        write!(out, " {} ", self.status)?;
        match self.target_status {
            Some(status) => write!(out, "{status}")?,
            None => out.push(b'-'),
        }
        write!(out, " {} {} \"{} ", self.received, self.sent, self.method)?;
        self.write_url(out)?;
        write!(out, " {:?}\" ", self.version)?;
        write_quoted(out, self.user_agent);
        write!(out, " - - {} ", self.group.unwrap_or("-"))?;
        write_quoted(out, self.trace_id);
        out.extend_from_slice(b" \"-\" \"-\" ");
        match self.priority {
            Some(priority) => write!(out, "{priority} ")?,
            None => out.extend_from_slice(b"0 "),
        }
        write_time(out, self.created)?;
        write!(out, " \"{}\" ", self.action)?;
        write_quoted(out, self.redirect);
        out.extend_from_slice(b" \"-\" ");
        match self.target {
            Some(target) => write!(out, "\"{target}\" ")?,
            None => out.extend_from_slice(b"\"-\" "),
        }
        match self.target_status {
            Some(status) => write!(out, "\"{status}\"")?,
            None => out.extend_from_slice(b"\"-\""),
        }
        out.extend_from_slice(b" \"-\" \"-\" -\n");
        Ok(())
    }

    fn write_url(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        write!(out, "{}://", self.protocol.as_str())?;
        match self.host {
            Some(host) => {
                escape(out, host.as_bytes());
                if !host.as_bytes().contains(&b':') {
                    write!(out, ":{}", self.listener_port)?;
                }
            }
            None => write!(out, "-:{}", self.listener_port)?,
        }
        escape(out, self.uri.path().as_bytes());
        if let Some(query) = self.uri.query() {
            out.push(b'?');
            escape(out, query.as_bytes());
        }
        Ok(())
    }
}

fn write_time(out: &mut Vec<u8>, time: SystemTime) -> std::io::Result<()> {
    match jiff::Timestamp::try_from(time) {
        Ok(time) => write!(out, "{time:.6}"),
        Err(_out_of_range) => out.write_all(b"-"),
    }
}

fn write_quoted(out: &mut Vec<u8>, value: Option<&HeaderValue>) {
    out.push(b'"');
    match value {
        Some(value) => escape(out, value.as_bytes()),
        None => out.push(b'-'),
    }
    out.push(b'"');
}

/// Keeps what a client sent within its field and off a reader's terminal.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => out.push(byte),
            _ => {
                let hex = b"0123456789abcdef";
                let (high, low) = (hex[usize::from(byte >> 4)], hex[usize::from(byte & 15)]);
                out.extend_from_slice(&[b'\\', b'x', high, low]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn fields_come_in_the_documented_order() {
        let created = UNIX_EPOCH + Duration::from_micros(1_530_659_000_186_641);
        let agent = HeaderValue::from_static("curl/8 \"quoted\"");
        let host = HeaderValue::from_static("shop.example");
        let line = Line {
            protocol: Protocol::Http,
            upgraded: false,
            created,
            finished: created + Duration::from_millis(12),
            listener: "listener/app/shop",
            listener_port: 80,
            client: SocketAddr::from(([127, 0, 0, 1], 2817)),
            target: Some(SocketAddr::from(([127, 0, 0, 1], 9000))),
            request_time: Some(Duration::from_millis(1)),
            target_time: Some(Duration::from_millis(1048)),
            response_time: None,
            status: 200,
            target_status: Some(200),
            received: 34,
            sent: 366,
            method: &Method::GET,
            uri: &Uri::from_static("/a?b=c"),
            version: Version::HTTP_11,
            host: Some(&host),
            user_agent: Some(&agent),
            trace_id: None,
            group: Some("targetgroup/shop"),
            priority: Some(7),
            action: "forward",
            redirect: None,
        };
        let mut out = Vec::new();
        line.write(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "http 2018-07-03T23:03:20.198641Z listener/app/shop 127.0.0.1:2817 127.0.0.1:9000 \
             0.001 1.048 -1 200 200 34 366 \"GET http://shop.example:80/a?b=c HTTP/1.1\" \
             \"curl/8 \\\"quoted\\\"\" - - targetgroup/shop \"-\" \"-\" \"-\" 7 \
             2018-07-03T23:03:20.186641Z \"forward\" \"-\" \"-\" \"127.0.0.1:9000\" \"200\" \
             \"-\" \"-\" -\n"
        );
    }

    #[test]
    fn control_characters_are_written_as_hex() {
        let mut out = Vec::new();
        escape(&mut out, b"a\x1b[31m\xff");
        assert_eq!(out, b"a\\x1b[31m\\xff");
    }
}
