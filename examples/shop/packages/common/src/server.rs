//! The HTTP/1.1 server, and how it ends without losing a request.
//!
//! On a request to end: every answer carries `Connection: close`, and for [`LINGER`] connections
//! are still accepted, so that clients with open connections learn about the end from an answer
//! and not from a broken connection. Then the listener closes, idle connections close, and what is
//! in flight has [`FINISH`] to finish.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::app::App;
use crate::log;
use crate::routes::Routes;
use crate::shutdown::Shutdown;

/// How long connections are still accepted after the request to end.
const LINGER: Duration = Duration::from_millis(250);

/// How long a connection may go on without a request once the listener is closed: enough to read
/// what a client had sent before.
const LAST_READ: Duration = Duration::from_millis(100);

/// How long requests in flight may take to finish; platforms kill after 30 s by default.
const FINISH: Duration = Duration::from_secs(25);

/// How long a connection may be idle. Longer than the 60 s of load balancers: who closes first
/// must be the client, or it may send a request into a closing connection.
const IDLE: Duration = Duration::from_secs(75);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    LastAnswers,
    Closing,
}

/// Serves until the end is requested, then ends as the module says.
pub async fn serve<R: Routes>(listener: TcpListener, app: App<R>, mut shutdown: Shutdown) {
    let app = Arc::new(app);
    let (phase, phases) = watch::channel(Phase::Serving);
    let mut connections = JoinSet::new();
    let open = |connections: &mut JoinSet<()>, stream| {
        connections.spawn(answer_all(stream, Arc::clone(&app), phases.clone()));
    };

    loop {
        tokio::select! {
            () = shutdown.requested() => break,
            stream = accept(&listener) => open(&mut connections, stream),
            Some(_) = connections.join_next() => {}
        }
    }
    log::info("ending: last answers");
    phase.send_replace(Phase::LastAnswers);
    let mut linger = pin!(sleep(LINGER));
    loop {
        tokio::select! {
            () = &mut linger => break,
            stream = accept(&listener) => open(&mut connections, stream),
            Some(_) = connections.join_next() => {}
        }
    }
    // Connections that the kernel has accepted would be reset when the listener closes.
    while let Ok(stream) = timeout(Duration::ZERO, accept(&listener)).await {
        open(&mut connections, stream);
    }
    drop(listener);
    phase.send_replace(Phase::Closing);
    let all = async { while connections.join_next().await.is_some() {} };
    match timeout(FINISH, all).await {
        Ok(()) => log::info("ended: every request is answered"),
        Err(_) => log::warn("ended: requests took too long and are cut off"),
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                // Out of descriptors, or the client is gone: neither is a reason to end.
                log::warn(format_args!("failed to accept a connection: {error}"));
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn answer_all<R: Routes>(
    stream: TcpStream,
    app: Arc<App<R>>,
    mut phases: watch::Receiver<Phase>,
) {
    // Answers are small: waiting for more to send would only delay them.
    drop(stream.set_nodelay(true));
    let now = phases.clone();
    let service = service_fn(|request| async {
        let mut reply = app.answer(request).await;
        if *now.borrow() != Phase::Serving {
            reply
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok::<_, Infallible>(reply)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let closing = async {
        drop(phases.wait_for(|phase| *phase == Phase::Closing).await);
        sleep(LAST_READ).await;
    };
    // A connection that breaks is the client's business; its requests are counted already.
    tokio::select! {
        result = connection.as_mut() => return drop(result),
        () = closing => {}
    }
    connection.as_mut().graceful_shutdown();
    drop(connection.await);
}
