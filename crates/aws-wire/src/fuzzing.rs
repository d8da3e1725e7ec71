//! What a fuzzer drives (`cargo xtask prove fuzz`): requests of any protocol on their way from bytes
//! to the operation's type. Each function panics where a promise is broken, and only there.
//!
//! The inputs of JSON and CBOR begin with a line that says where the operation's name is in HTTP, so
//! that a corpus can be read and written by hand.

use http::request::{Builder, Parts};
use http::{HeaderValue, Request, Uri, header};

use crate::codec::{self, Decoded, RequestId};
use crate::error::WireError;
use crate::operation::Operation;

/// A request in AWS JSON: the `X-Amz-Target`, a line break, the body.
pub fn json_request(input: &[u8]) {
    json(input).into_iter().for_each(answer);
}

/// A request in CBOR: the path, a line break, the body.
pub fn cbor_request(input: &[u8]) {
    cbor(input).into_iter().for_each(answer);
}

/// A request of the query protocol: a form, which is the query string of a GET when it begins with a
/// question mark.
pub fn query_request(input: &[u8]) {
    query(input).into_iter().for_each(answer);
}

/// A request as a server gets it.
type Received<'a> = (Parts, &'a [u8]);

fn json(input: &[u8]) -> Option<Received<'_>> {
    let (target, body) = first_line(input);
    let target = HeaderValue::from_bytes(target).ok()?;
    received(Request::post("/").header("x-amz-target", target), body)
}

fn cbor(input: &[u8]) -> Option<Received<'_>> {
    let (path, body) = first_line(input);
    let builder = Request::post(Uri::try_from(path).ok()?);
    received(builder.header("smithy-protocol", "rpc-v2-cbor"), body)
}

fn query(input: &[u8]) -> Option<Received<'_>> {
    if !input.starts_with(b"?") {
        return received(Request::post("/"), input);
    }
    let uri = Uri::try_from([b"/", input].concat()).ok()?;
    received(Request::get(uri), b"")
}

/// A body that looks zipped is said to be.
fn received(builder: Builder, body: &[u8]) -> Option<Received<'_>> {
    let is_zipped = body.starts_with(&[0x1f, 0x8b]);
    let encoding = if is_zipped { "gzip" } else { "identity" };
    let request = builder.header(header::CONTENT_ENCODING, encoding).body(());
    let (parts, ()) = request.ok()?.into_parts();
    Some((parts, body))
}

fn first_line(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n');
    end.map_or((input, b""), |end| (&input[..end], &input[end + 1..]))
}

/// Every request is read or refused.
fn answer((parts, body): Received<'_>) {
    if let Err(refusal) = codec::decode(&parts, body).and_then(read) {
        refuse(&parts, body, &refusal);
    }
}

/// Reads the request's type. What was read is the same after it was written and read again.
fn read(decoded: Decoded) -> Result<(), WireError> {
    let operation = decoded.operation();
    let written = read_request(operation, decoded)?.expect("a request can be written");
    let again = rewrite_request(operation, written.clone()).expect("what was written can be read");
    assert_eq!(again, written, "{operation}");
    Ok(())
}

/// A client can always be told why not.
fn refuse(parts: &Parts, body: &[u8], refusal: &WireError) {
    let dialect = codec::dialect(parts, body);
    let answer = codec::encode_error(dialect, refusal, &RequestId::new(1));
    assert!(!answer.body().is_empty());
    assert!(!answer.status().is_success());
}

/// Calls a method of the operations of whichever service has it.
macro_rules! of_any_service {
    ($operation:expr, $method:ident, $value:expr) => {
        match $operation {
            Operation::CloudWatch(operation) => operation.$method($value),
            Operation::Ecr(operation) => operation.$method($value),
            Operation::Ecs(operation) => operation.$method($value),
            Operation::Elbv2(operation) => operation.$method($value),
            Operation::Logs(operation) => operation.$method($value),
            Operation::SecretsManager(operation) => operation.$method($value),
            Operation::Ssm(operation) => operation.$method($value),
            Operation::Sts(operation) => operation.$method($value),
        }
    };
}

fn read_request(
    operation: Operation,
    decoded: Decoded,
) -> Result<serde_json::Result<serde_json::Value>, WireError> {
    of_any_service!(operation, read_request, decoded)
}

fn rewrite_request(
    operation: Operation,
    written: serde_json::Value,
) -> serde_json::Result<serde_json::Value> {
    of_any_service!(operation, rewrite_request, written)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::generated::{cloudwatch, ecr, ecs, elbv2, logs, secretsmanager, ssm, sts};
    use crate::service::Protocol;

    /// The inputs that a fuzzer found worth keeping.
    fn corpus(name: &str) -> Vec<Vec<u8>> {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        let files = fs::read_dir(place.join(name)).expect("a corpus");
        let read = |file: std::io::Result<fs::DirEntry>| fs::read(file?.path());
        let inputs: Vec<_> = files.map(|file| read(file).expect("an input")).collect();
        assert!(inputs.len() > 10, "only {} inputs", inputs.len());
        inputs
    }

    #[test]
    fn every_request_of_the_corpus_is_read_or_refused() {
        corpus("json_requests")
            .iter()
            .for_each(|it| json_request(it));
        corpus("cbor_requests")
            .iter()
            .for_each(|it| cbor_request(it));
        corpus("query_requests")
            .iter()
            .for_each(|it| query_request(it));
    }

    #[test]
    fn the_corpus_has_requests_for_every_operation() {
        let (json_inputs, cbor_inputs) = (corpus("json_requests"), corpus("cbor_requests"));
        let query_inputs = corpus("query_requests");
        let named =
            |(parts, body): Received<'_>| Some(codec::decode(&parts, body).ok()?.operation());
        let in_json: HashSet<_> = json_inputs
            .iter()
            .filter_map(|it| named(json(it)?))
            .collect();
        let in_cbor: HashSet<_> = cbor_inputs
            .iter()
            .filter_map(|it| named(cbor(it)?))
            .collect();
        let in_query: HashSet<_> = query_inputs
            .iter()
            .filter_map(|it| named(query(it)?))
            .collect();
        for operation in operations() {
            let service = operation.service();
            for (protocol, seen) in [
                (Protocol::Json, &in_json),
                (Protocol::Cbor, &in_cbor),
                (Protocol::Query, &in_query),
            ] {
                assert!(
                    !service.speaks(protocol) || seen.contains(&operation),
                    "no {operation} in {protocol:?}"
                );
            }
        }
    }

    fn operations() -> Vec<Operation> {
        fn of<T: Copy>(all: &[T], service: fn(T) -> Operation) -> Vec<Operation> {
            all.iter().copied().map(service).collect()
        }
        [
            of(cloudwatch::Operation::ALL, Operation::CloudWatch),
            of(ecr::Operation::ALL, Operation::Ecr),
            of(ecs::Operation::ALL, Operation::Ecs),
            of(elbv2::Operation::ALL, Operation::Elbv2),
            of(logs::Operation::ALL, Operation::Logs),
            of(secretsmanager::Operation::ALL, Operation::SecretsManager),
            of(ssm::Operation::ALL, Operation::Ssm),
            of(sts::Operation::ALL, Operation::Sts),
        ]
        .concat()
    }
}
