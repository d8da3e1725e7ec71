//! Lines of a stream of bytes that owes nobody valid UTF-8 or an end of line.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// A longer line is handed out in pieces of this many bytes.
const LONGEST: usize = 16 << 10;

/// Reads lines. [`Lines::next`] may be dropped at any time without losing a byte.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    at_end: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            at_end: false,
        }
    }

    /// Whether every line was handed out.
    pub(crate) fn is_done(&self) -> bool {
        self.at_end && self.buffer.is_empty()
    }

    /// Gives up on the rest.
    pub(crate) fn abandon(&mut self) {
        self.at_end = true;
        self.buffer.clear();
    }

    /// The next line without its end; none at the end of the stream.
    pub(crate) async fn next(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(line) = self.buffered() {
                return Ok(Some(line));
            }
            if self.at_end {
                return Ok(None);
            }
            self.at_end = self.reader.read_buf(&mut self.buffer).await? == 0;
        }
    }

    fn buffered(&mut self) -> Option<String> {
        let end = self.buffer.iter().take(LONGEST).position(|b| *b == b'\n');
        let (length, skipped) = match end {
            Some(end) => (end, 1),
            None if self.buffer.len() >= LONGEST => (LONGEST, 0),
            None if self.at_end && !self.buffer.is_empty() => (self.buffer.len(), 0),
            None => return None,
        };
        let line: Vec<u8> = self.buffer.drain(..length + skipped).take(length).collect();
        let text = String::from_utf8_lossy(&line);
        Some(text.strip_suffix('\r').unwrap_or(&text).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(bytes: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(bytes);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            found.push(line);
        }
        assert!(lines.is_done());
        found
    }

    #[tokio::test]
    async fn the_last_line_needs_no_end() {
        assert_eq!(all(b"one\r\n\ntwo").await, ["one", "", "two"]);
        assert!(all(b"").await.is_empty());
    }

    #[tokio::test]
    async fn invalid_bytes_and_endless_lines_survive() {
        assert_eq!(all(b"a\xffb\n").await, ["a\u{fffd}b"]);
        let pieces = all(&vec![b'x'; LONGEST * 2 + 5]).await;
        let lengths: Vec<usize> = pieces.iter().map(String::len).collect();
        assert_eq!(lengths, [LONGEST, LONGEST, 5]);
    }
}
