//! Connections to targets: opened, kept for the next request, closed.
//!
//! No task belongs to such a connection. Whoever uses it drives it, and while it is kept nothing
//! does, so a request never passes from one task to another.

mod bell;
mod link;
mod pool;

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::disturbance::Disturbance;
use crate::group::Endpoint;
use crate::workers::WorkerId;

pub(crate) use link::{Link, Outcome};
pub(crate) use pool::Pool;

/// How much of an answer is buffered for a client that reads slowly, in bytes. The rest waits in
/// the target.
const READ_BUFFER: usize = 64 * 1024;

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

/// Opens a connection for requests that `worker` serves.
pub(crate) async fn connect(
    endpoint: &Arc<Endpoint>,
    worker: WorkerId,
    within: Duration,
) -> Result<Box<Link>, ConnectError> {
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
    Ok(Link::new(sender, connection, &endpoint.cut, worker))
}
