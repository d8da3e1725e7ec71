//! The canonical request and the string to sign, byte for byte as the client built them.

use http::HeaderMap;
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};

use super::authorization::{ALGORITHM, Scope};

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Everything but unreserved characters and the separator of a path.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// The canonical request. Header values are bytes, so it is, too.
pub(super) fn request(parts: &Parts, signed_headers: &[String], payload_hash: &str) -> Vec<u8> {
    let mut text = Vec::new();
    let mut line = |content: &[u8]| {
        text.extend_from_slice(content);
        text.push(b'\n');
    };
    line(parts.method.as_str().as_bytes());
    line(path(parts.uri.path()).as_bytes());
    line(query(parts.uri.query().unwrap_or_default()).as_bytes());
    for name in signed_headers {
        line(&header(&parts.headers, name));
    }
    line(b"");
    line(signed_headers.join(";").as_bytes());
    text.extend_from_slice(payload_hash.as_bytes());
    text
}

pub(super) fn string_to_sign(amz_date: &str, scope: &Scope, request: &[u8]) -> String {
    format!(
        "{ALGORITHM}\n{amz_date}\n{scope}\n{}",
        hex::encode(Sha256::digest(request))
    )
}

/// The path without `.`, `..` and empty segments, encoded once more than on the wire.
///
/// That is the rule for all services but S3, which is none of ours.
fn path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let directory = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    let trailing = if directory && !segments.is_empty() {
        "/"
    } else {
        ""
    };
    let normal = format!("/{}{trailing}", segments.join("/"));
    percent_encode(normal.as_bytes(), RESERVED_IN_PATH).to_string()
}

/// The parameters decoded, encoded in one way, and sorted by name and value.
fn query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encode_again(name), encode_again(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

fn encode_again(text: &str) -> String {
    let spaced = text.replace('+', " ");
    let decoded: Vec<u8> = percent_decode_str(&spaced).collect();
    percent_encode(&decoded, RESERVED).to_string()
}

/// `name:value`, several values joined by commas, runs of spaces made one.
fn header(headers: &HeaderMap, name: &str) -> Vec<u8> {
    let mut line = name.as_bytes().to_vec();
    line.push(b':');
    for (at, value) in headers.get_all(name).iter().enumerate() {
        if at > 0 {
            line.push(b',');
        }
        let words = value
            .as_bytes()
            .split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty());
        line.extend_from_slice(&words.collect::<Vec<_>>().join(&b' '));
    }
    line
}
