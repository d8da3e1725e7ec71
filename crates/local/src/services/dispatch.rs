//! From a request of any service to the handler of the one it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::Response;
use http::request::Parts;
use seaway_aws_wire::codec::{self, RequestId};
use seaway_aws_wire::error::common;
use seaway_aws_wire::sigv4::{Identity, SignatureError};
use seaway_aws_wire::{Operation, Protocol, Service, WireError};
use uuid::Uuid;

use super::call::{Answer, Call, internal};
use crate::clock::EpochMillis;
use crate::faults::Faults;

/// How many names of unknown operations are remembered for logging them once.
const MAX_UNKNOWN: usize = 1000;

/// One AWS service.
pub trait Handler: Send + Sync {
    /// Answers one of the service's operations.
    fn handle(self: Arc<Self>, call: Call) -> BoxFuture<'static, Answer>;
}

/// A service whose answers come from the store alone. It may block for a few
/// milliseconds; see [`Blocking`].
pub trait BlockingHandler: Send + Sync + 'static {
    /// Answers one of the service's operations.
    fn handle(&self, call: Call) -> Answer;
}

/// Runs a [`BlockingHandler`] where blocking is allowed.
#[derive(Debug)]
pub struct Blocking<H>(Arc<H>);

/// The services of one platform.
#[derive(Default)]
pub struct Services {
    handlers: BTreeMap<Service, Arc<dyn Handler>>,
    /// Operations that nobody has: each is logged once.
    unknown: Mutex<BTreeSet<String>>,
    faults: Arc<Faults>,
}

impl<H: BlockingHandler> Blocking<H> {
    /// Wraps a handler that may be shared with other parts of the platform.
    pub fn new(handler: Arc<H>) -> Self {
        Self(handler)
    }
}

impl<H: BlockingHandler> Handler for Blocking<H> {
    fn handle(self: Arc<Self>, call: Call) -> BoxFuture<'static, Answer> {
        let handler = Arc::clone(&self.0);
        Box::pin(async move {
            tokio::task::spawn_blocking(move || handler.handle(call))
                .await
                .unwrap_or_else(|error| Err(internal(&error)))
        })
    }
}

impl Services {
    /// Adds a service, replacing an earlier handler of it.
    #[must_use]
    pub fn with(mut self, service: Service, handler: impl Handler + 'static) -> Self {
        self.handlers.insert(service, Arc::new(handler));
        self
    }

    /// Lets calls meet these faults.
    #[must_use]
    pub fn with_faults(mut self, faults: Arc<Faults>) -> Self {
        self.faults = faults;
        self
    }

    /// Answers a request, in the protocol that it speaks. `signer` says for
    /// which service it was signed, or why its signature is not trusted.
    pub async fn answer(
        &self,
        parts: &Parts,
        body: &Bytes,
        signer: Result<Identity, SignatureError>,
        now: EpochMillis,
    ) -> Response<Bytes> {
        let id = RequestId::new(Uuid::new_v4().as_u128());
        let dialect = codec::dialect(parts, body);
        let answered = match signer {
            Ok(signer) => self
                .call(parts, body, &signer, id, now)
                .await
                .inspect_err(|error| self.note_if_unknown(error, parts, body)),
            Err(refusal) => Err(refusal.to_wire_error(dialect.protocol)),
        };
        answered.unwrap_or_else(|error| codec::encode_error(dialect, &error, &id))
    }

    async fn call(
        &self,
        parts: &Parts,
        body: &Bytes,
        signer: &Identity,
        id: RequestId,
        now: EpochMillis,
    ) -> Answer {
        if !Service::ALL
            .iter()
            .any(|service| service.signing_name() == signer.service)
        {
            return Err(foreign(
                &signer.service,
                codec::dialect(parts, body).protocol,
            ));
        }
        let decoded = codec::decode(parts, body)?;
        let service = decoded.service();
        if signer.service != service.signing_name() {
            let expected = service.signing_name().to_owned();
            let protocol = decoded.dialect().protocol;
            return Err(SignatureError::WrongService { expected }.to_wire_error(protocol));
        }
        let Some(handler) = self.handlers.get(&service).cloned() else {
            return Err(not_here(decoded.operation()));
        };
        if let Some(fault) = self.faults.for_call(decoded.operation()) {
            return Err(fault.happen(decoded.dialect().protocol).await);
        }
        handler.handle(Call::new(decoded, id, now)).await
    }

    /// Logs the name of an operation that nobody has, once.
    fn note_if_unknown(&self, error: &WireError, parts: &Parts, body: &[u8]) {
        if !is_unknown(error) {
            return;
        }
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        let name = operation_name(parts, body);
        if unknown.len() < MAX_UNKNOWN && unknown.insert(name.clone()) {
            tracing::warn!(operation = name, "an unknown operation was asked for");
        }
    }
}

/// The answer to an operation that no handler of this platform has.
pub(crate) fn not_here(operation: Operation) -> WireError {
    let shape = match operation.service().protocols() {
        [Protocol::Query] => &common::INVALID_ACTION,
        _ => &common::UNKNOWN_OPERATION_EXCEPTION,
    };
    WireError::new(
        shape,
        format!("The embedded platform does not have {operation}."),
    )
}

/// The answer to whatever is asked of a service that the platform is not, by its signing name.
fn foreign(service: &str, protocol: Protocol) -> WireError {
    let shape = match protocol {
        Protocol::Query => &common::INVALID_ACTION,
        Protocol::Cbor | Protocol::Json => &common::UNKNOWN_OPERATION_EXCEPTION,
    };
    let text = format!(
        "The embedded platform does not have the service {service}. Its clients need an endpoint \
         of their own, such as AWS_ENDPOINT_URL_{}.",
        service.replace('-', "_").to_uppercase()
    );
    WireError::new(shape, text)
}

fn is_unknown(error: &WireError) -> bool {
    [
        common::UNKNOWN_OPERATION_EXCEPTION.code,
        common::INVALID_ACTION.code,
    ]
    .contains(&error.code())
}

/// What the client called the operation; nothing else of the request is shown.
fn operation_name(parts: &Parts, body: &[u8]) -> String {
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok());
    let action = || {
        let form = std::str::from_utf8(body).ok()?;
        form.split('&')
            .find_map(|pair| pair.strip_prefix("Action="))
    };
    let path = parts.uri.path();
    let name = target.or_else(action).unwrap_or(path);
    name.chars()
        .filter(char::is_ascii_graphic)
        .take(100)
        .collect()
}

impl std::fmt::Debug for Services {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.handlers.keys()).finish()
    }
}
