//! The port, its connections, and their orderly end.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::door::Door;
use crate::files;
use crate::layout::StateDir;

/// A client that dawdles with its request line and headers is let go.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long running answers may take once the platform ends.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// Pause after a failed accept, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The bound port.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    port: u16,
}

/// The platform cannot listen.
#[derive(Debug, Error)]
pub enum ListenError {
    #[error("failed to listen on a loopback port")]
    Bind(#[source] io::Error),
    #[error("failed to keep the port in {path}")]
    Keep {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Listener {
    /// Binds the port of the last start, or a new one where there is none or
    /// somebody else has it; keeps the choice in the state directory.
    pub async fn bind(state: &StateDir) -> Result<Self, ListenError> {
        let path = state.port();
        let keep = |source| ListenError::Keep {
            path: path.clone(),
            source,
        };
        let kept = files::read_if_present(&path).map_err(keep)?;
        let kept = kept.and_then(|text| text.trim().parse::<u16>().ok());
        let listener = match Self::try_bind(kept.unwrap_or(0)).await {
            Err(error) if kept.is_some() => {
                tracing::warn!(port = kept, %error, "the kept port is taken; choosing another");
                Self::try_bind(0).await
            }
            bound => bound,
        }
        .map_err(ListenError::Bind)?;
        if kept != Some(listener.port) {
            files::replace(&path, listener.port.to_string().as_bytes()).map_err(keep)?;
        }
        Ok(listener)
    }

    async fn try_bind(port: u16) -> io::Result<Self> {
        let socket = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        let port = socket.local_addr()?.port();
        Ok(Self { socket, port })
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Answers requests until `stop`, then lets the running answers end.
    pub async fn serve(self, door: Arc<Door>, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, _)) => answer(stream, &door, self.port, &graceful),
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.socket);
        if tokio::time::timeout(LAST_ANSWERS, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::info!("some answers were cut off");
        }
    }
}

fn answer(stream: TcpStream, door: &Arc<Door>, port: u16, graceful: &GracefulShutdown) {
    // Small answers go out at once; failing to ask for it costs only time.
    drop(stream.set_nodelay(true));
    let door = Arc::clone(door);
    let service = service_fn(move |request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, std::convert::Infallible>(door.answer(request, port).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = watched.await {
            tracing::debug!(%error, "a connection broke");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_port_is_kept_and_chosen_again_when_taken() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().join("state"), dir.path().join("keys"));
        state.create().unwrap();
        let first = Listener::bind(&state).await.unwrap();
        let port = first.port();
        let meanwhile = Listener::bind(&state).await.unwrap();
        assert_ne!(meanwhile.port(), port, "taken by the first");
        let newest = meanwhile.port();
        drop(meanwhile);
        let again = Listener::bind(&state).await.unwrap();
        assert_eq!(again.port(), newest, "kept");
    }
}
