//! HTTP/1.1 as a reader understands it that forgives nothing (RFC 9112): what two readers could
//! understand in two ways is a problem. A connection may end anywhere.

use std::fmt;

/// The head of a message.
pub(super) struct Message {
    start: String,
    /// Names in lower case.
    headers: Vec<(String, Vec<u8>)>,
}

/// Where the body of a message ends.
enum Length {
    None,
    Bytes(usize),
    Chunks,
    Connection,
    /// What follows is no HTTP any more.
    Switched,
}

/// Why a stream of messages cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("`{0}` cannot begin a message")]
    Start(String),
    #[error("`{0}` is no header")]
    Header(String),
    #[error("a message has two lengths")]
    Length,
    #[error("a chunk has no size")]
    Chunk,
}

/// The requests that a target finds on a connection.
pub(super) fn requests(bytes: &[u8]) -> Result<Vec<Message>, Problem> {
    messages(bytes, is_request_line, |request| {
        if request.count("upgrade") > 0 {
            return Ok(Length::Switched);
        }
        Ok(request.length()?.unwrap_or(Length::None))
    })
}

/// The answers that a client finds on a connection, none of which is one to HEAD.
pub(super) fn responses(bytes: &[u8]) -> Result<Vec<Message>, Problem> {
    messages(bytes, is_status_line, |response| match response.status() {
        "101" => Ok(Length::Switched),
        "204" | "304" => Ok(Length::None),
        _ if response.is_interim() => Ok(Length::None),
        _ => Ok(response.length()?.unwrap_or(Length::Connection)),
    })
}

impl Message {
    /// How often a header is there, by its name in lower case.
    pub(super) fn count(&self, name: &str) -> usize {
        self.values(name).count()
    }

    /// Whether it is an answer that another one follows.
    pub(super) fn is_interim(&self) -> bool {
        self.status().starts_with('1') && self.status() != "101"
    }

    fn status(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let of_name = self.headers.iter().filter(move |(own, _)| own == name);
        of_name.map(|(_, value)| value.as_slice())
    }

    /// What the message itself says.
    fn length(&self) -> Result<Option<Length>, Problem> {
        let lengths: Vec<_> = self.values("content-length").collect();
        let codings: Vec<_> = self.values("transfer-encoding").collect();
        match (lengths.as_slice(), codings.as_slice()) {
            ([], []) => Ok(None),
            ([], [b"chunked"]) => Ok(Some(Length::Chunks)),
            ([length], []) if length.iter().all(u8::is_ascii_digit) => {
                let length = std::str::from_utf8(length).ok();
                let length = length.and_then(|length| length.parse().ok());
                // More than there can be: up to the end.
                Ok(Some(length.map_or(Length::Connection, Length::Bytes)))
            }
            _ => Err(Problem::Length),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.start)?;
        for (name, value) in &self.headers {
            writeln!(formatter, "{name}: {}", value.escape_ascii())?;
        }
        Ok(())
    }
}

fn messages(
    bytes: &[u8],
    may_start: impl Fn(&str) -> bool,
    length: impl Fn(&Message) -> Result<Length, Problem>,
) -> Result<Vec<Message>, Problem> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some((message, after)) = head(rest)? {
        if !may_start(&message.start) {
            return Err(Problem::Start(message.start));
        }
        let after = match length(&message)? {
            Length::None => Some(after),
            Length::Bytes(length) => after.get(length..),
            Length::Chunks => behind_chunks(after)?,
            Length::Connection | Length::Switched => None,
        };
        found.push(message);
        let Some(after) = after else { break };
        rest = after;
    }
    Ok(found)
}

/// A head and what follows it; none when the connection ended before.
fn head(bytes: &[u8]) -> Result<Option<(Message, &[u8])>, Problem> {
    let Some((start, mut rest)) = line(bytes) else {
        return Ok(None);
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut headers = Vec::new();
    loop {
        match line(rest) {
            None => return Ok(None),
            Some((b"", after)) => {
                let start = text(start);
                return Ok(Some((Message { start, headers }, after)));
            }
            Some((header, after)) => {
                headers.push(field(header).ok_or_else(|| Problem::Header(text(header)))?);
                rest = after;
            }
        }
    }
}

fn field(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let is_value = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
    if name.is_empty() || !name.iter().all(is_token) || !value.iter().all(is_value) {
        return None;
    }
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    Some((name, value.to_vec()))
}

/// What follows the last chunk and its trailers; none when the connection ended before.
fn behind_chunks(bytes: &[u8]) -> Result<Option<&[u8]>, Problem> {
    let mut rest = bytes;
    loop {
        let Some((size, after)) = line(rest) else {
            return Ok(None);
        };
        let size = std::str::from_utf8(size).ok();
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or(Problem::Chunk)?;
        if size == 0 {
            return trailers(after);
        }
        let Some(after) = after.get(size..).filter(|after| after.len() > 1) else {
            return Ok(None);
        };
        rest = after.strip_prefix(b"\r\n").ok_or(Problem::Chunk)?;
    }
}

fn trailers(bytes: &[u8]) -> Result<Option<&[u8]>, Problem> {
    let mut rest = bytes;
    loop {
        match line(rest) {
            None => return Ok(None),
            Some((b"", after)) => return Ok(Some(after)),
            Some((trailer, after)) => {
                let text = || String::from_utf8_lossy(trailer).into_owned();
                field(trailer).ok_or_else(|| Problem::Header(text()))?;
                rest = after;
            }
        }
    }
}

/// A line and what follows it. A line ends with both characters: what ends with one alone stays in
/// the line, where nothing allows it.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).position(|it| it == b"\r\n")?;
    Some((&bytes[..end], &bytes[end + 2..]))
}

/// `METHOD TARGET HTTP/1.1`
fn is_request_line(line: &str) -> bool {
    let mut words = line.split(' ');
    let method = words
        .next()
        .is_some_and(|method| !method.is_empty() && method.bytes().all(|byte| is_token(&byte)));
    let target = words.next().is_some_and(|target| {
        let starts = target.starts_with('/') || target == "*";
        starts && !target.bytes().any(|byte| byte.is_ascii_control())
    });
    method && target && words.next() == Some("HTTP/1.1") && words.next().is_none()
}

/// `HTTP/1.1 STATUS REASON`; hyper answers programs of HTTP/1.0 in their version.
fn is_status_line(line: &str) -> bool {
    let rest = line.strip_prefix("HTTP/1.");
    let rest = rest.and_then(|rest| rest.strip_prefix(['0', '1']));
    let Some(rest) = rest.and_then(|rest| rest.strip_prefix(' ')) else {
        return false;
    };
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    status.len() == 3
        && status.bytes().all(|byte| byte.is_ascii_digit())
        && !reason
            .bytes()
            .any(|byte| byte.is_ascii_control() && byte != b'\t')
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_follow_each_other_behind_bodies_of_any_length() {
        let bytes = b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiPOST / HTTP/1.1\r\n\
            Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n\
            GET * HTTP/1.1\r\n\r\nGET /cut HT";
        let starts: Vec<_> = requests(bytes)
            .expect("HTTP")
            .into_iter()
            .map(|it| it.start)
            .collect();
        assert_eq!(
            starts,
            ["POST /a HTTP/1.1", "POST / HTTP/1.1", "GET * HTTP/1.1"]
        );
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_a_problem() {
        let twice = b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(matches!(requests(twice), Err(Problem::Length)));
        let bare = b"HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n";
        assert!(matches!(responses(bare), Err(Problem::Header(_))));
        let left = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n12HTTP/1.1 200 OK\r\n\r\n";
        assert!(matches!(responses(left), Err(Problem::Start(_))));
    }

    #[test]
    fn some_answers_have_no_body_whatever_they_say() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\n\
            Content-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end";
        let found = responses(bytes).expect("HTTP");
        let interim: Vec<_> = found.iter().map(Message::is_interim).collect();
        assert_eq!(interim, [true, false, false]);
    }
}
