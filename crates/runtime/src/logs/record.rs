//! One record of a log segment: to bytes and back.

use jiff::Timestamp;

use super::Stream;

/// A longer piece of output becomes several records, so that readers need no more at once.
const PIECE: usize = 16 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) at: Timestamp,
    pub(super) stream: Stream,
    /// Whether the line ends here.
    pub(super) ends_line: bool,
    pub(super) bytes: &'a [u8],
}

/// Appends what a process printed as records.
pub(super) fn encode(chunk: &[u8], stream: Stream, at: Timestamp, out: &mut Vec<u8>) {
    for line in chunk.split_inclusive(|byte| *byte == b'\n') {
        let (text, ends_line) = match line.split_last() {
            Some((b'\n', text)) => (text, true),
            _ => (line, false),
        };
        let mut pieces = text.chunks(PIECE).peekable();
        if pieces.peek().is_none() {
            push(
                &Record {
                    at,
                    stream,
                    ends_line,
                    bytes: &[],
                },
                out,
            );
        }
        while let Some(bytes) = pieces.next() {
            let ends_line = ends_line && pieces.peek().is_none();
            push(
                &Record {
                    at,
                    stream,
                    ends_line,
                    bytes,
                },
                out,
            );
        }
    }
}

fn push(record: &Record<'_>, out: &mut Vec<u8>) {
    let tag = if record.ends_line { 'F' } else { 'P' };
    let head = format_args!("{:.9} {} {tag} ", record.at, record.stream.name()).to_string();
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(record.bytes);
    out.push(b'\n');
}

/// Reads one record, without its end of line.
pub(super) fn decode(line: &[u8]) -> Option<Record<'_>> {
    let mut fields = line.splitn(4, |byte| *byte == b' ');
    let at = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let stream = match fields.next()? {
        b"stdout" => Stream::Stdout,
        b"stderr" => Stream::Stderr,
        _ => return None,
    };
    let ends_line = match fields.next()? {
        b"F" => true,
        b"P" => false,
        _ => return None,
    };
    Some(Record {
        at,
        stream,
        ends_line,
        bytes: fields.next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-11-21T06:00:00.123456789Z".parse().unwrap()
    }

    #[test]
    fn output_is_cut_at_line_ends_and_keeps_every_byte() {
        let mut out = Vec::new();
        encode(b"one\n\n\xff\xfe two", Stream::Stderr, at(), &mut out);
        let text: Vec<&[u8]> = out.split(|byte| *byte == b'\n').collect();
        assert_eq!(text[0], b"2026-11-21T06:00:00.123456789Z stderr F one");
        assert_eq!(text[1], b"2026-11-21T06:00:00.123456789Z stderr F ");
        assert_eq!(
            text[2],
            b"2026-11-21T06:00:00.123456789Z stderr P \xff\xfe two"
        );
    }

    #[test]
    fn a_long_line_becomes_pieces_of_one_line() {
        let mut long = vec![b'x'; PIECE * 2];
        long.push(b'\n');
        let mut out = Vec::new();
        encode(&long, Stream::Stdout, at(), &mut out);
        let records: Vec<_> = out
            .trim_ascii_end()
            .split(|b| *b == b'\n')
            .map(|line| decode(line).unwrap())
            .collect();
        let ends: Vec<_> = records.iter().map(|record| record.ends_line).collect();
        assert_eq!(ends, [false, true]);
        assert_eq!(
            records
                .iter()
                .map(|record| record.bytes.len())
                .sum::<usize>(),
            PIECE * 2
        );
    }

    #[test]
    fn what_is_no_record_is_not_read_as_one() {
        for line in [
            &b""[..],
            b"hello",
            b"2026-11-21T06:00:00Z stdin F x",
            b"now stdout F x",
        ] {
            assert_eq!(decode(line), None);
        }
    }
}
