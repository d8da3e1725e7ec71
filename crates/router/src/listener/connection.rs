//! One client's connection.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;

use hyper::server::conn::http1::{Builder, UpgradeableConnection};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::Site;
use super::stall::StallLimit;
use crate::proxy::handle;
use crate::signal::Reaction;

/// Serves a connection to its end.
pub(super) async fn serve(site: Arc<Site>, stream: TcpStream, client: SocketAddr) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, %client, "the client left at once");
        return;
    }
    let context = site.context.clone();
    let io = TokioIo::new(StallLimit::new(stream, context.timeouts.idle));
    let service = {
        let site = site.clone();
        service_fn(move |request| handle(site.clone(), client, request))
    };
    let connection = Builder::new()
        .timer(TokioTimer::new())
        // Also ends connections that stay without a request, and clients that send one by drops.
        .header_read_timeout(context.timeouts.idle)
        .max_header_size(context.limits.head)
        .max_buf_size(context.limits.head.max(8 * 1024) * 2)
        .serve_connection(io, service)
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
        tracing::debug!(%error, %client, "a connection broke");
    }
}
