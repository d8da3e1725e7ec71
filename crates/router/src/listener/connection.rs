//! One client's connection.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1::{Builder, UpgradeableConnection};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Site;
use super::head_timer::HeadTimer;
use super::stall::StallLimit;
use crate::peer::{Peer, Protocol};
use crate::proxy::handle;
use crate::signal::Reaction;
use crate::table::Tls;
use crate::workers::Place;

/// How long a client may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Serves a connection to its end, in the worker where it has its place.
pub(super) async fn serve(
    site: Arc<Site>,
    stream: std::net::TcpStream,
    client: SocketAddr,
    place: Place,
) {
    let set_up = TcpStream::from_std(stream).and_then(|stream| {
        stream.set_nodelay(true)?;
        Ok(stream)
    });
    let stream = match set_up {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, %client, "the client left at once");
            return;
        }
    };
    let stream = StallLimit::new(stream, site.context.timeouts.idle);
    let tls = site.routes().tls.clone();
    let peer = |protocol| Peer {
        address: client,
        protocol,
        worker: place.worker,
    };
    let Some(tls) = tls else {
        return speak(site, stream, peer(Protocol::Http)).await;
    };
    if let Some(stream) = agree(&site, &tls, stream, client).await {
        speak(site, stream, peer(Protocol::Https)).await;
    }
}

/// Agrees on TLS with a client; nothing when that does not come about.
async fn agree(
    site: &Site,
    tls: &Tls,
    stream: StallLimit,
    client: SocketAddr,
) -> Option<TlsStream<StallLimit>> {
    let acceptor = TlsAcceptor::from(tls.config());
    let agreed = tokio::select! {
        agreed = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)) => agreed,
        () = site.context.kill.raised() => return None,
    };
    match agreed {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, %client, "no agreement on TLS");
            None
        }
        Err(_) => {
            tracing::debug!(%client, "no agreement on TLS in time");
            None
        }
    }
}

/// Speaks HTTP on a connection to its end.
async fn speak<S>(site: Arc<Site>, stream: S, client: Peer)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let context = site.context.clone();
    let service = {
        let site = site.clone();
        service_fn(move |request| handle(site.clone(), client, request))
    };
    let connection = Builder::new()
        .timer(HeadTimer::default())
        // Also ends connections that stay without a request, and clients that send one by drops.
        .header_read_timeout(context.timeouts.idle)
        .max_header_size(context.limits.head)
        .max_buf_size(context.limits.head.max(8 * 1024) * 2)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();

    let until_closed = async {
        let connection = pin!(connection);
        let last_request = |connection: Pin<&mut _>| {
            UpgradeableConnection::graceful_shutdown(connection);
            Reaction::GoOn
        };
        site.closing.watch(connection, last_request).await
    };
    let ended = context
        .kill
        .watch(pin!(until_closed), |_| Reaction::Stop)
        .await;
    if let Some(Some(Err(error))) = ended {
        tracing::debug!(%error, client = %client.address, "a connection broke");
    }
}
