//! What a request says beside its path: parameters of the query, ranges of bytes.

use std::ops::RangeInclusive;

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use http::request::Parts;
use percent_encoding::percent_decode_str;

use super::answers::Refusal;
use super::digest::{Algorithm, Digest};
use super::target;

/// The parameter of the query with this name, decoded.
pub(super) fn parameter(request: &Parts, name: &str) -> Option<String> {
    parameters(request, name).next()
}

/// All parameters of the query with this name, decoded.
pub(super) fn parameters(request: &Parts, name: &str) -> impl Iterator<Item = String> {
    let pairs = request.uri.query().unwrap_or_default().split('&');
    let values = pairs
        .filter_map(|pair| pair.split_once('='))
        .filter(move |(key, _)| *key == name)
        .map(|(_, value)| decoded(value));
    values.collect::<Vec<_>>().into_iter()
}

/// The digest that the query says the bytes have.
pub(super) fn digest(request: &Parts) -> Result<Digest, Refusal> {
    let text = parameter(request, "digest")
        .ok_or_else(|| Refusal::bad("DIGEST_INVALID", "the query names no `digest`"))?;
    target::digest(&text)
}

/// What the client is going to name the bytes of an upload by.
pub(super) fn algorithm(request: &Parts) -> Result<Algorithm, Refusal> {
    let Some(name) = parameter(request, "digest-algorithm") else {
        return Ok(Algorithm::default());
    };
    name.parse().map_err(|_| {
        let message = format!("`{name}` is not among sha256 and sha512");
        Refusal::bad("DIGEST_INVALID", message)
    })
}

/// The first byte of a chunk, if the client says so: `Content-Range: 0-1023`. Both ends are part of
/// the range, and a body of another length is not the chunk that it says.
pub(super) fn chunk_start(request: &Parts) -> Result<Option<u64>, Refusal> {
    let Some(range) = request.headers.get(CONTENT_RANGE) else {
        return Ok(None);
    };
    let range = range.to_str().ok().and_then(chunk).ok_or_else(|| {
        Refusal::bad(
            "BLOB_UPLOAD_INVALID",
            "the Content-Range is not `FIRST-LAST`",
        )
    })?;
    let length = request.headers.get(CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    // Whoever has sent everything may end the upload with a range and without a body.
    match length.filter(|length| *length > 0) {
        Some(length) if range.end().checked_sub(*range.start()) != Some(length - 1) => {
            let (first, last) = range.into_inner();
            let message = format!("the Content-Range is {first}-{last}, the body {length} bytes");
            Err(Refusal::bad("SIZE_INVALID", message))
        }
        _ => Ok(Some(*range.start())),
    }
}

/// `FIRST-LAST`; some clients write `bytes FIRST-LAST/*`, as in an answer.
fn chunk(text: &str) -> Option<RangeInclusive<u64>> {
    let text = text.trim_start_matches("bytes").trim_start();
    let (first, last) = text.split_once('-')?;
    let last = last.split_once('/').map_or(last, |(last, _)| last);
    Some(first.parse().ok()?..=last.parse().ok()?)
}

/// Which bytes of a blob are wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    Part(RangeInclusive<u64>),
    /// None of the bytes that there are.
    Nothing,
}

/// The wanted bytes of a blob of `size` bytes. Several ranges, and what is no range of bytes, are
/// answered with the whole, as RFC 9110 (14.2) allows.
pub(super) fn wanted_bytes(request: &Parts, size: u64) -> Wanted {
    let range = request
        .headers
        .get(RANGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().strip_prefix("bytes="))
        .filter(|text| !text.contains(','))
        .and_then(|text| text.split_once('-'));
    let Some((first, last)) = range else {
        return Wanted::All;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let end = size.saturating_sub(1);
    let part = match (first.trim(), last.trim()) {
        ("", length) => match number(length) {
            Some(length) => size.saturating_sub(length)..=if length == 0 { 0 } else { end },
            None => return Wanted::All,
        },
        (first, "") => match number(first) {
            Some(first) => first..=end,
            None => return Wanted::All,
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) => first..=last.min(end),
            _ => return Wanted::All,
        },
    };
    if *part.start() >= size || part.is_empty() {
        return Wanted::Nothing;
    }
    Wanted::Part(part)
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, range: &str) -> Parts {
        let builder = http::Request::get(uri).header(RANGE, range);
        builder.body(()).unwrap().into_parts().0
    }

    #[test]
    fn parameters_are_decoded() {
        let parts = request("/v2/?a=x%3Ay&b=1&a=%zz+%4", "");
        let all: Vec<_> = parameters(&parts, "a").collect();
        assert_eq!(all, ["x:y", "%zz %4"]);
        assert_eq!(parameter(&parts, "b").as_deref(), Some("1"));
        assert_eq!(parameter(&parts, "c"), None);
    }

    #[test]
    fn a_chunk_is_as_long_as_its_range() {
        let start = |range: &str, length: &str| {
            let builder = http::Request::patch("/").header(CONTENT_RANGE, range);
            let request = builder.header(CONTENT_LENGTH, length).body(()).unwrap();
            chunk_start(&request.into_parts().0).map_err(|refusal| refusal.code)
        };
        assert_eq!(start("0-1023", "1024"), Ok(Some(0)));
        assert_eq!(start("bytes 1024-1024/*", "1"), Ok(Some(1024)));
        assert_eq!(start("0-4", "0"), Ok(Some(0)), "the end, without a body");
        for (range, length) in [("0-1023", "1023"), ("5-4", "1"), ("0-0", "2")] {
            assert_eq!(start(range, length), Err("SIZE_INVALID"), "{range}");
        }
        for range in ["", "0", "0-", "-5", "a-b", "1-2-3"] {
            assert_eq!(start(range, "1"), Err("BLOB_UPLOAD_INVALID"), "{range}");
        }
    }

    #[test]
    fn ranges_are_cut_to_what_there_is() {
        let wanted = |range: &str| wanted_bytes(&request("/", range), 2048);
        assert_eq!(wanted("bytes=500-1499"), Wanted::Part(500..=1499));
        assert_eq!(wanted("bytes=500-"), Wanted::Part(500..=2047));
        assert_eq!(wanted("bytes=-500"), Wanted::Part(1548..=2047));
        assert_eq!(wanted("bytes=-5000"), Wanted::Part(0..=2047));
        assert_eq!(wanted("bytes=2000-5000"), Wanted::Part(2000..=2047));
        for nothing in ["bytes=5000-10000", "bytes=500-0", "bytes=2048-", "bytes=-0"] {
            assert_eq!(wanted(nothing), Wanted::Nothing, "{nothing}");
        }
        for all in ["bytes=0-1,3-4", "bytes=a-b", "lines=0-1", "bytes=-"] {
            assert_eq!(wanted(all), Wanted::All, "{all}");
        }
        let empty = wanted_bytes(&request("/", "bytes=0-"), 0);
        assert_eq!(empty, Wanted::Nothing);
    }
}
