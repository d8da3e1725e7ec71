//! What follows an upgrade (WebSocket): bytes in both directions until an end closes, nothing moves
//! for too long, or the target has drained.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::{self, FutureExt as _, OptionFuture};
use http::StatusCode;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::record::Record;
use crate::group::InFlight;
use crate::upstream::Link;

/// How much is read at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// A tunnel to be; its target counts it as a request in flight until it ends.
#[derive(Debug)]
pub(super) struct Tunnel {
    in_flight: InFlight,
    /// The target's connection, until it has left HTTP.
    link: Option<Box<Link>>,
    record: Box<Record>,
}

impl Tunnel {
    pub(super) fn new(in_flight: InFlight, link: Option<Box<Link>>, record: Box<Record>) -> Self {
        Self {
            in_flight,
            link,
            record,
        }
    }

    pub(super) fn into_record(self) -> Box<Record> {
        self.record
    }

    /// Joins both ends as soon as both have left HTTP.
    pub(super) fn join(mut self, client: OnUpgrade, target: OnUpgrade) {
        self.record.answered(StatusCode::SWITCHING_PROTOCOLS);
        let site = self.record.site.clone();
        // The connection's own place ends with HTTP.
        let place = site.context.workers.place_with(self.record.client.worker);
        site.context.tasks.clone().spawn(async move {
            let context = &site.context;
            let endpoint = self.in_flight.endpoint().clone();
            let moved = Arc::new(Moved::default());
            let leaving = self.link.take().map(|link| link.finish());
            let joining = future::join(
                OptionFuture::from(leaving).map(drop),
                joined(client, target, &moved),
            );
            tokio::select! {
                ((), ()) = joining => {}
                () = idle(&moved, context.timeouts.idle) => {}
                () = endpoint.cut.raised() => {}
                () = context.kill.raised() => {}
            }
            self.record.sent = moved.to_client.load(Ordering::Relaxed);
            self.record.tunnelled = moved.to_target.load(Ordering::Relaxed);
            drop(place);
        });
    }
}

/// Bytes moved in each direction.
#[derive(Debug, Default)]
struct Moved {
    to_client: AtomicU64,
    to_target: AtomicU64,
}

impl Moved {
    fn total(&self) -> u64 {
        self.to_client.load(Ordering::Relaxed) + self.to_target.load(Ordering::Relaxed)
    }
}

async fn joined(client: OnUpgrade, target: OnUpgrade, moved: &Moved) {
    let (client, target): (Upgraded, Upgraded) = match tokio::try_join!(client, target) {
        Ok(ends) => ends,
        Err(error) => {
            tracing::debug!(%error, "an upgrade was not carried out");
            return;
        }
    };
    let (from_client, to_client) = tokio::io::split(TokioIo::new(client));
    let (from_target, to_target) = tokio::io::split(TokioIo::new(target));
    // A broken direction ends both; one that ended in order leaves the other to finish.
    let _ = tokio::try_join!(
        pump(from_client, to_target, &moved.to_target),
        pump(from_target, to_client, &moved.to_client),
    );
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    moved: &AtomicU64,
) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&chunk[..length]).await?;
        to.flush().await?;
        moved.fetch_add(length as u64, Ordering::Relaxed);
    }
}

/// Ends when nothing has moved for `limit`, give or take a quarter of it.
async fn idle(moved: &Moved, limit: Duration) {
    let mut seen = moved.total();
    let mut quiet = 0;
    while quiet < 4 {
        tokio::time::sleep(limit / 4).await;
        let now = moved.total();
        quiet = if now == seen { quiet + 1 } else { 0 };
        seen = now;
    }
}
