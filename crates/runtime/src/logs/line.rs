//! A line of output, and where one that is too long is cut.

use jiff::Timestamp;

use super::Stream;

/// The longest line in bytes, written as UTF-8: the message of the longest event that the `awslogs`
/// driver sends to CloudWatch Logs (256 KiB, 26 bytes of them overhead). A longer line is handed
/// out in parts; nothing of it is lost.
pub const LONGEST_LINE: usize = 256 * 1024 - 26;

/// A part that is longer has no room for another character.
const FULL: usize = LONGEST_LINE - char::MAX_LEN_UTF8;

/// One line of output, without its end, or a part of a long one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When its first byte was read from the process.
    pub at: Timestamp,
    pub stream: Stream,
    /// As printed; not necessarily UTF-8. At most [`LONGEST_LINE`] when what is not is replaced.
    pub bytes: Vec<u8>,
}

/// Where the first part of a line ends whose beginning is `bytes`, if it is longer than one part.
///
/// The place depends on the bytes before it only, not on how they were written, and is between two
/// characters. At least one byte before it was not there when the line still fitted.
pub(super) fn part_end(bytes: &[u8]) -> Option<usize> {
    // Each byte that is not UTF-8 is replaced by a character of three at most.
    if bytes.len() * char::REPLACEMENT_CHARACTER.len_utf8() <= FULL {
        return None;
    }
    let (mut end, mut length) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        if length + valid.len() > FULL {
            end += valid.ceil_char_boundary(FULL + 1 - length);
            return (end < bytes.len()).then_some(end);
        }
        end += valid.len() + chunk.invalid().len();
        length += valid.len();
        if !chunk.invalid().is_empty() {
            length += char::REPLACEMENT_CHARACTER.len_utf8();
        }
        if length > FULL {
            return (end < bytes.len()).then_some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts a line that is written in pieces of a size.
    fn parts(line: &[u8], piece: usize) -> Vec<Vec<u8>> {
        let (mut parts, mut open) = (Vec::new(), Vec::new());
        for written in line.chunks(piece) {
            open.extend_from_slice(written);
            while let Some(end) = part_end(&open) {
                let rest = open.split_off(end);
                assert!(
                    rest.len() <= written.len(),
                    "it begins in what was written last"
                );
                parts.push(std::mem::replace(&mut open, rest));
            }
        }
        parts.push(open);
        parts
    }

    #[test]
    fn long_lines_are_cut_between_characters_wherever_they_were_written() {
        for pattern in [
            &b"x"[..],
            "é".as_bytes(),
            "a😀".as_bytes(),
            b"\xff",
            b"ab\xf0\x9f\x98",
        ] {
            let line = pattern.repeat(600_000 / pattern.len());
            let whole = parts(&line, line.len());
            assert!(whole.len() > 2);
            assert_eq!(whole.concat(), line, "nothing is lost");
            for part in &whole {
                let text = String::from_utf8_lossy(part);
                assert!(text.len() <= LONGEST_LINE, "{}", text.len());
            }
            let texts: Vec<_> = whole
                .iter()
                .map(|part| String::from_utf8_lossy(part))
                .collect();
            assert_eq!(
                texts.concat(),
                String::from_utf8_lossy(&line),
                "nor a character"
            );
            for piece in [16 * 1024, 4_099] {
                assert!(parts(&line, piece) == whole, "pieces of {piece} bytes");
            }
        }
    }

    #[test]
    fn a_line_that_just_fits_is_one_part() {
        let fits = vec![b'x'; FULL + 1];
        assert_eq!(part_end(&fits), None);
        assert_eq!(part_end(&[&fits[..], b"y"].concat()), Some(FULL + 1));
    }
}
