//! Requests from text files, and what they were signed with.

use std::path::Path;

use http::request::Parts;
use http::{HeaderName, Request};
use seaway_aws_wire::sigv4::{CLOCK_SKEW, Expected, SecretKey};
use seaway_aws_wire::{AwsOperation, Timestamp, codec};

/// A request as it came over the wire.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) parts: Parts,
    pub(crate) body: Vec<u8>,
}

impl Recorded {
    /// A file below `tests/data`.
    pub(crate) fn load(path: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let text = std::fs::read_to_string(root.join(path)).unwrap();
        Self::parse(&text)
    }

    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let mut first = lines.next().unwrap().split(' ');
        let mut request = Request::builder()
            .method(first.next().unwrap())
            .uri(first.next().unwrap());
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap();
            let name: HeaderName = name.parse().unwrap();
            request = request.header(name, value.trim());
        }
        let parts = request.body(()).unwrap().into_parts().0;
        Self {
            parts,
            body: body.as_bytes().to_vec(),
        }
    }

    /// The request that an operation's handler would get.
    pub(crate) fn parsed<O: AwsOperation>(&self) -> O::Request {
        let decoded = codec::decode(&self.parts, &self.body).unwrap();
        assert_eq!(decoded.operation(), O::OPERATION);
        decoded.parse::<O>().unwrap()
    }

    /// The error code and message that the client would get.
    pub(crate) fn refused(&self) -> String {
        codec::decode(&self.parts, &self.body)
            .and_then(|decoded| decoded.check())
            .unwrap_err()
            .to_string()
    }
}

/// A request of a JSON service.
pub(crate) fn json_request(target: &str, body: &str) -> Recorded {
    Recorded::parse(&format!(
        "POST / HTTP/1.1\nX-Amz-Target: {target}\n\n{body}"
    ))
}

/// A request of a query service.
pub(crate) fn form_request(body: &str) -> Recorded {
    Recorded::parse(&format!("POST / HTTP/1.1\nHost: localhost\n\n{body}"))
}

pub(crate) fn moment(text: &str) -> Timestamp {
    Timestamp::from_iso8601(text).unwrap()
}

/// Any region and service, at the given time.
pub(crate) fn at(now: &str) -> Expected<'static> {
    Expected {
        region: None,
        service: None,
        now: moment(now),
        skew: CLOCK_SKEW,
    }
}

/// The keys of the recorded requests.
pub(crate) fn recorded_key(id: &str) -> Option<SecretKey> {
    (id == "SEAWAYEXAMPLEKEY").then(|| SecretKey::new("seaway/example+secret/of+nothing"))
}
