//! A socket that is listened at, and what its connections share.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use http::HeaderValue;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use super::connection::serve;
use crate::access_log::AccessLog;
use crate::error::ApplyError;
use crate::options::{Limits, Timeouts};
use crate::routes::Routes;
use crate::signal::Signal;
use crate::table::Listener;
use crate::trace_id::TraceIds;
use crate::workers::Workers;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A pause when accepting fails, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What all listeners of a router share.
#[derive(Debug)]
pub(crate) struct SiteContext {
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: Limits,
    pub(crate) access_log: Option<AccessLog>,
    pub(crate) trace_ids: TraceIds,
    /// Raised when everything must end now.
    pub(crate) kill: Signal,
    /// Accepting, connections, tunnels, and what is sent on behind an answer.
    pub(crate) tasks: TaskTracker,
    /// Where connections are accepted.
    pub(crate) runtime: Handle,
    /// Who serves them.
    pub(crate) workers: Workers,
}

/// A listener at work.
#[derive(Debug)]
pub(crate) struct Site {
    /// Where it really listens.
    pub(crate) address: SocketAddr,
    /// Its port and its address as headers.
    pub(crate) port: HeaderValue,
    pub(crate) host: HeaderValue,
    pub(crate) context: Arc<SiteContext>,
    /// Raised when it takes no more connections and lets its requests finish.
    pub(super) closing: Signal,
    routes: RwLock<Arc<Routes>>,
    /// Until it opens.
    socket: Mutex<Option<TcpListener>>,
}

impl Site {
    /// Takes the address. Connections wait until [`Site::open`].
    pub(crate) fn bind(listener: &Listener, context: Arc<SiteContext>) -> Result<Self, ApplyError> {
        let _in_runtime = context.runtime.enter();
        let failed = |source| ApplyError::Listen {
            listener: listener.id.clone(),
            address: listener.address,
            source,
        };
        let socket = listen(listener.address).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let port = HeaderValue::from(address.port());
        let host = HeaderValue::from_str(&address.to_string());
        let host = host.unwrap_or(HeaderValue::from_static("localhost"));
        let routes = Routes::compile(listener, &std::collections::HashMap::new());
        Ok(Self {
            address,
            port,
            host,
            context: context.clone(),
            closing: Signal::default(),
            routes: RwLock::new(Arc::new(routes)),
            socket: Mutex::new(Some(socket)),
        })
    }

    /// Starts accepting connections.
    pub(crate) fn open(self: &Arc<Self>) {
        let socket = self
            .socket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(socket) = socket {
            let accepting = accept_until_closed(self.clone(), socket);
            self.context
                .tasks
                .spawn_on(accepting, &self.context.runtime);
        }
    }

    /// Takes no more connections; those that are open end after their request.
    pub(crate) fn close(&self) {
        self.closing.raise();
    }

    pub(crate) fn routes(&self) -> Arc<Routes> {
        self.routes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set_routes(&self, routes: Routes) {
        *self.routes.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(routes);
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // A restarted platform gets its port back although old connections linger in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept_until_closed(site: Arc<Site>, socket: TcpListener) {
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = site.closing.raised() => return,
            () = site.context.kill.raised() => return,
        };
        match accepted {
            Ok((stream, client)) => hand_over(&site, stream, client),
            Err(error) => {
                tracing::warn!(%error, address = %site.address, "failed to accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Gives a connection to a worker.
fn hand_over(site: &Arc<Site>, stream: TcpStream, client: SocketAddr) {
    let Some(place) = site.context.workers.place() else {
        return;
    };
    // Its readiness is to be told to the worker's runtime, not to the one that accepts.
    match stream.into_std() {
        Ok(stream) => {
            let runtime = place.runtime.clone();
            let serving = serve(site.clone(), stream, client, place);
            site.context.tasks.spawn_on(serving, &runtime);
        }
        Err(error) => tracing::debug!(%error, %client, "a connection was lost at once"),
    }
}
