//! The door that connections stand at. It stays where it is while what is behind it is put
//! together anew: requests wait meanwhile.

use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{RwLock, RwLockWriteGuard};
use tokio_util::sync::CancellationToken;

use super::answer::{Body, nothing, text};
use super::guard::{self, ContainerSide};
use super::reset::{self, Resets};
use super::routes::Routes;

/// How long running answers may take once the door is to be shut.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Lets requests in, to whatever is behind it at the time.
#[derive(Debug)]
pub struct Door {
    /// Read by every request as long as it is answered.
    inside: RwLock<Inside>,
    resets: Resets,
    containers: ContainerSide,
}

/// What is behind the door.
#[derive(Debug)]
struct Inside {
    /// None while it is put together; then nobody can look.
    routes: Option<Routes>,
    /// Ends answers that take too long when the door is to be shut.
    cut: CancellationToken,
}

/// A door that nobody gets through until it is opened again. Given up, it answers that nothing is
/// behind it.
#[derive(Debug)]
pub struct Shut<'door>(RwLockWriteGuard<'door, Inside>);

impl Door {
    /// A door to these routes, at which resets can be asked for.
    #[must_use]
    pub fn new(routes: Routes, resets: Resets, containers: ContainerSide) -> Self {
        Self {
            inside: RwLock::new(Inside::with(routes)),
            resets,
            containers,
        }
    }

    /// Answers any request to the platform's port.
    pub async fn answer(&self, request: Request<Incoming>, port: u16) -> Response<Body> {
        let (parts, body) = request.into_parts();
        if let Err(refusal) = guard::admit(&parts, port, &self.containers) {
            tracing::warn!(path = parts.uri.path(), %refusal, "a request was refused");
            return nothing();
        }
        if parts.uri.path() == reset::PATH {
            // Before the door: it is shut on whoever is inside.
            return self.resets.answer(&parts, body).await;
        }
        let inside = self.inside.read().await;
        let Some(routes) = &inside.routes else {
            return gone();
        };
        tokio::select! {
            answer = routes.answer(parts, body) => answer,
            () = inside.cut.cancelled() => gone(),
        }
    }

    /// Lets nobody in any more, waits for those inside, for a short while, and clears the place.
    pub async fn shut(&self) -> Shut<'_> {
        let cut = self.inside.read().await.cut.clone();
        // It keeps its place in the queue: whoever comes later waits behind it.
        let shutting = self.inside.write();
        tokio::pin!(shutting);
        let mut inside = match tokio::time::timeout(LAST_ANSWERS, &mut shutting).await {
            Ok(inside) => inside,
            Err(_) => {
                tracing::info!("some answers are cut off");
                cut.cancel();
                shutting.await
            }
        };
        inside.routes = None;
        Shut(inside)
    }
}

impl Shut<'_> {
    /// Lets everybody in again, to these routes.
    pub fn open(mut self, routes: Routes) {
        *self.0 = Inside::with(routes);
    }
}

impl Inside {
    fn with(routes: Routes) -> Self {
        Self {
            routes: Some(routes),
            cut: CancellationToken::new(),
        }
    }
}

fn gone() -> Response<Body> {
    text(
        StatusCode::SERVICE_UNAVAILABLE,
        "the platform was emptied meanwhile",
    )
}
