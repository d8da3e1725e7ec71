//! Connections to targets: opened, kept for the next request, closed.

use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::disturbance::Disturbance;
use crate::group::Endpoint;
use crate::proxy::RequestBody;
use crate::signal::Reaction;

/// The sending half of a connection; its task lives until this half is dropped.
pub(crate) type Sender = SendRequest<RequestBody>;

/// How many idle connections are kept to one target.
const MOST_IDLE: usize = 256;

/// How much of an answer is buffered for a client that reads slowly, in bytes. The rest waits in
/// the target.
const READ_BUFFER: usize = 64 * 1024;

/// Idle connections to one target, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    sender: Sender,
    since: Instant,
}

impl Pool {
    /// The connection used last, if it is alive and was idle for at most `keep`.
    pub(crate) fn take(&self, keep: Duration) -> Option<Sender> {
        let mut idle = self.lock();
        while let Some(newest) = idle.pop() {
            if newest.since.elapsed() > keep {
                idle.clear();
                return None;
            }
            if !newest.sender.is_closed() {
                return Some(newest.sender);
            }
        }
        None
    }

    /// Keeps a connection whose response has been read to its end.
    pub(crate) fn put(&self, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.lock();
        if idle.len() < MOST_IDLE {
            idle.push(Idle {
                sender,
                since: Instant::now(),
            });
        }
    }

    /// Closes what was idle for longer than `keep`.
    pub(crate) fn sweep(&self, keep: Duration) {
        self.lock()
            .retain(|idle| idle.since.elapsed() <= keep && !idle.sender.is_closed());
    }

    /// Closes all idle connections.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a target could not be connected to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("failed to connect")]
    Broken(#[source] io::Error),
    #[error("no connection in time")]
    TimedOut,
    #[error("failed to start HTTP on the connection")]
    Handshake(#[source] hyper::Error),
}

/// Whether the connection may leave HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Http,
    Upgrade,
}

/// Opens a connection; its task ends when the sender is dropped or the target is cut off.
pub(crate) async fn connect(
    endpoint: &Arc<Endpoint>,
    within: Duration,
    purpose: Purpose,
) -> Result<Sender, ConnectError> {
    let stream = async {
        match endpoint.disturbance() {
            Some(Disturbance::Cut) => pending().await,
            Some(Disturbance::Refused) => Err(io::ErrorKind::ConnectionRefused.into()),
            Some(Disturbance::FailingChecks(_)) | None => {
                TcpStream::connect(endpoint.address).await
            }
        }
    };
    let stream = tokio::time::timeout(within, stream)
        .await
        .map_err(|_elapsed| ConnectError::TimedOut)?
        .map_err(ConnectError::Broken)?;
    stream.set_nodelay(true).map_err(ConnectError::Broken)?;
    let (sender, connection) = Builder::new()
        .max_buf_size(READ_BUFFER)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(ConnectError::Handshake)?;
    let endpoint = endpoint.clone();
    // The task's own result is of no use: whoever waits for an answer gets the error.
    match purpose {
        Purpose::Http => tokio::spawn(async move {
            let connection = pin!(connection);
            let _ = endpoint.cut.watch(connection, |_| Reaction::Stop).await;
        }),
        Purpose::Upgrade => tokio::spawn(async move {
            let connection = pin!(connection.with_upgrades());
            let _ = endpoint.cut.watch(connection, |_| Reaction::Stop).await;
        }),
    };
    Ok(sender)
}
