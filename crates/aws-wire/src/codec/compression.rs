//! Bodies that clients compress: <https://smithy.io/2.0/spec/behavior-traits.html#requestcompression-trait>.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::GzDecoder;
use http::header::CONTENT_ENCODING;
use http::request::Parts;

/// How large a body may become, in bytes; no operation takes as much.
const MAX_PLAIN: u64 = 8 << 20;

/// The body as it was before the client compressed it; none when it cannot be unpacked.
pub(super) fn unpacked<'a>(parts: &Parts, body: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let Some(encoding) = parts.headers.get(CONTENT_ENCODING) else {
        return Some(Cow::Borrowed(body));
    };
    match encoding.as_bytes() {
        b"gzip" => unzip(body).map(Cow::Owned),
        // botocore's clients may send the name of a character set's codec here.
        _ => Some(Cow::Borrowed(body)),
    }
}

fn unzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let mut limited = GzDecoder::new(body).take(MAX_PLAIN + 1);
    limited.read_to_end(&mut plain).ok()?;
    let fits = u64::try_from(plain.len()).is_ok_and(|length| length <= MAX_PLAIN);
    fits.then_some(plain)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::Request;

    use super::*;

    fn zipped(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(encoding: &str, body: &[u8]) -> Option<Vec<u8>> {
        let request = Request::post("/").header(CONTENT_ENCODING, encoding);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        unpacked(&parts, body).map(Cow::into_owned)
    }

    #[test]
    fn gzip_is_unpacked_and_anything_else_left_alone() {
        assert_eq!(unpack("gzip", &zipped(b"text")).unwrap(), b"text");
        assert_eq!(unpack("identity", b"text").unwrap(), b"text");
        assert_eq!(unpack("gzip", b"text"), None);
    }

    #[test]
    fn a_body_that_grows_without_bounds_is_refused() {
        let bomb = zipped(&vec![0; (MAX_PLAIN + 1) as usize]);
        assert!(bomb.len() < 100_000);
        assert_eq!(unpack("gzip", &bomb), None);
    }
}
