//! One line of the access log.
//!
//! The fields and their order are those of "Access logs for your Application Load Balancer":
//! type, time, elb, client:port, target:port, three times in seconds, both status codes, received
//! and sent bytes (bodies and tunnels only), "request", "user agent", cipher, protocol, target group,
//! "trace id", "domain", "certificate", rule priority, creation time, "actions", "redirect url",
//! "error reason", "target:port list", "status list", "classification", "reason", and the
//! connection's trace id. What cannot be is `-`.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderValue, Method, Uri, Version};

use crate::peer::Protocol;
use crate::text::{push, write_address, write_digits, write_number};

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
    /// Appends the line with its end.
    ///
    /// Every request waits for this, one after the other: numbers and times are written without
    /// the formatting machinery, which took a twentieth of a request's CPU.
    pub(crate) fn write(&self, out: &mut Vec<u8>, clock: &mut Clock) {
        let kind: &[u8] = match (self.upgraded, self.protocol) {
            (true, Protocol::Http) => b"ws ",
            (true, Protocol::Https) => b"wss ",
            (false, Protocol::Http) => b"http ",
            (false, Protocol::Https) => b"https ",
        };
        out.extend_from_slice(kind);
        clock.write(out, self.finished);
        push(out, b" ", self.listener.as_bytes());
        out.push(b' ');
        write_address(out, self.client);
        out.push(b' ');
        let begin = out.len();
        match self.target {
            Some(target) => write_address(out, target),
            None => out.push(b'-'),
        }
        let target = begin..out.len();
        for time in [self.request_time, self.target_time, self.response_time] {
            match time {
                Some(time) => {
                    write_number(out, b" ", time.as_secs());
                    out.push(b'.');
                    write_digits::<3>(out, time.subsec_millis());
                }
                None => out.extend_from_slice(b" -1"),
            }
        }
        write_number(out, b" ", self.status);
        match self.target_status {
            Some(status) => write_number(out, b" ", status),
            None => out.extend_from_slice(b" -"),
        }
        write_number(out, b" ", self.received);
        write_number(out, b" ", self.sent);
        push(out, b" \"", self.method.as_str().as_bytes());
        out.push(b' ');
        self.write_url(out);
        push(out, b" ", version(self.version));
        out.extend_from_slice(b"\" ");
        write_quoted(out, self.user_agent);
        push(out, b" - - ", self.group.unwrap_or("-").as_bytes());
        out.push(b' ');
        write_quoted(out, self.trace_id);
        out.extend_from_slice(b" \"-\" \"-\"");
        write_number(out, b" ", self.priority.unwrap_or(0));
        out.push(b' ');
        clock.write(out, self.created);
        push(out, b" \"", self.action.as_bytes());
        out.extend_from_slice(b"\" ");
        write_quoted(out, self.redirect);
        out.extend_from_slice(b" \"-\" \"");
        out.extend_from_within(target);
        match self.target_status {
            Some(status) => write_number(out, b"\" \"", status),
            None => out.extend_from_slice(b"\" \"-"),
        }
        out.extend_from_slice(b"\" \"-\" \"-\" -\n");
    }

    fn write_url(&self, out: &mut Vec<u8>) {
        push(out, self.protocol.as_str().as_bytes(), b"://");
        match self.host {
            Some(host) => escape(out, host.as_bytes()),
            None => out.push(b'-'),
        }
        let names_port = self
            .host
            .is_some_and(|host| host.as_bytes().contains(&b':'));
        if !names_port {
            write_number(out, b":", self.listener_port);
        }
        escape(out, self.uri.path().as_bytes());
        if let Some(query) = self.uri.query() {
            out.push(b'?');
            escape(out, query.as_bytes());
        }
    }
}

/// Writes times. The second that was written last is remembered: a busy log writes the same one
/// thousands of times.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// Seconds since the epoch, and as text without fraction and zone.
    last: Option<(u64, String)>,
}

impl Clock {
    /// `2018-07-03T23:03:20.186641Z`, or `-` for a time that has no such form.
    fn write(&mut self, out: &mut Vec<u8>, time: SystemTime) {
        let Ok(since) = time.duration_since(UNIX_EPOCH) else {
            return out.push(b'-');
        };
        let second = since.as_secs();
        if self.last.as_ref().is_none_or(|(last, _)| *last != second) {
            let Ok(timestamp) = jiff::Timestamp::try_from(UNIX_EPOCH + Duration::from_secs(second))
            else {
                return out.push(b'-');
            };
            let text = timestamp.strftime("%Y-%m-%dT%H:%M:%S").to_string();
            self.last = Some((second, text));
        }
        if let Some((_, text)) = &self.last {
            push(out, text.as_bytes(), b".");
            write_digits::<6>(out, since.subsec_micros());
            out.push(b'Z');
        }
    }
}

fn version(version: Version) -> &'static [u8] {
    match version {
        Version::HTTP_09 => b"HTTP/0.9",
        Version::HTTP_10 => b"HTTP/1.0",
        Version::HTTP_2 => b"HTTP/2.0",
        Version::HTTP_3 => b"HTTP/3.0",
        _ => b"HTTP/1.1",
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
    // Whole texts are looked at faster than bytes one by one, and almost all are plain.
    if text
        .iter()
        .fold(true, |plain, byte| plain & is_plain(*byte))
    {
        return out.extend_from_slice(text);
    }
    let mut rest = text;
    while let Some(end) = rest.iter().position(|byte| !is_plain(*byte)) {
        out.extend_from_slice(&rest[..end]);
        match rest[end] {
            byte @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', byte]),
            byte => {
                let hex = b"0123456789abcdef";
                let (high, low) = (hex[usize::from(byte >> 4)], hex[usize::from(byte & 15)]);
                out.extend_from_slice(&[b'\\', b'x', high, low]);
            }
        }
        rest = &rest[end + 1..];
    }
    out.extend_from_slice(rest);
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\')
}

#[cfg(test)]
mod tests {
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
        line.write(&mut out, &mut Clock::default());
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
    fn a_remembered_second_is_left_when_it_is_over() {
        let mut clock = Clock::default();
        let mut out = Vec::new();
        for micros in [
            1_530_659_000_000_007,
            1_530_659_000_999_999,
            1_530_659_001_000_000,
        ] {
            clock.write(&mut out, UNIX_EPOCH + Duration::from_micros(micros));
            out.push(b' ');
        }
        clock.write(&mut out, UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "2018-07-03T23:03:20.000007Z 2018-07-03T23:03:20.999999Z \
             2018-07-03T23:03:21.000000Z -"
        );
    }

    #[test]
    fn control_characters_are_written_as_hex() {
        let mut out = Vec::new();
        escape(&mut out, b"a\x1b[31m\xff");
        assert_eq!(out, b"a\\x1b[31m\\xff");
    }
}
