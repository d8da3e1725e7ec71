//! Requests about faults, below `/_seaway/v1/faults`.
//!
//! ```text
//! GET    faults       the faults in force
//! POST   faults       puts one in force (an `Injection`); answers it with its number
//! DELETE faults       takes all back
//! DELETE faults/ID    takes one back
//! ```

use bytes::Bytes;
use http::{Method, Response, StatusCode};

use super::answer::{Body, empty, json, text};
use super::control::KnownService;
use crate::faults::{Faults, Injection};

/// Answers a request for what follows `faults` in the path.
pub(super) fn answer(
    faults: &Faults,
    known: &KnownService,
    (method, rest): (&Method, &str),
    body: &Bytes,
) -> Response<Body> {
    match (method, rest.strip_prefix('/')) {
        (&Method::GET, None) => json(StatusCode::OK, &faults.list()),
        (&Method::POST, None) => inject(faults, known, body),
        (&Method::DELETE, None) => json(StatusCode::OK, &faults.take_all_back()),
        (&Method::DELETE, Some(id)) => take_back(faults, id),
        _ => empty(StatusCode::NOT_FOUND),
    }
}

fn inject(faults: &Faults, known: &KnownService, body: &Bytes) -> Response<Body> {
    let injection: Injection = match serde_json::from_slice(body) {
        Ok(injection) => injection,
        Err(error) => return text(StatusCode::BAD_REQUEST, error.to_string()),
    };
    match faults.inject(injection) {
        Ok(mut injected) => {
            injected.awaits_service =
                injected.injection.service.is_some() && !known(&injected.injection);
            tracing::info!(?injected, "a fault was injected");
            json(StatusCode::CREATED, &injected)
        }
        Err(error) => text(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

fn take_back(faults: &Faults, id: &str) -> Response<Body> {
    let taken = id.parse().ok().and_then(|id| faults.take_back(id));
    match taken {
        Some(injected) => json(StatusCode::OK, &injected),
        None => text(
            StatusCode::NOT_FOUND,
            format!("no fault has the number {id}"),
        ),
    }
}
