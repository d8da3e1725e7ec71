//! Servers to route to.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// A server that is gone, with its connections, when dropped.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    killed: CancellationToken,
}

impl Backend {
    /// Answers 200 with the given text to everything.
    pub(crate) async fn saying(text: &'static str) -> Self {
        Self::serving(move |_| async move { response(StatusCode::OK, text) }).await
    }

    /// Answers the given status to everything.
    pub(crate) async fn answering(status: StatusCode) -> Self {
        Self::serving(move |_| async move { response(status, "") }).await
    }

    /// Serves HTTP. Health checks are answered 200 and not counted, unless the path is `/checked`.
    pub(crate) async fn serving<F, R>(handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serving_at(listener, handler)
    }

    pub(crate) fn serving_at<F, R>(listener: TcpListener, handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send,
    {
        let requests = Arc::new(AtomicUsize::new(0));
        let count = requests.clone();
        let mut backend = Self::accepting(listener, move |stream| {
            let (handler, count) = (handler.clone(), count.clone());
            async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let (handler, count) = (handler.clone(), count.clone());
                    async move {
                        if request.uri().path() == "/probe" {
                            return Ok::<_, Infallible>(response(StatusCode::OK, ""));
                        }
                        count.fetch_add(1, Ordering::SeqCst);
                        Ok(handler(request).await)
                    }
                });
                let connection = Builder::new().serve_connection(TokioIo::new(stream), service);
                // A test that cares sees the failure at its other end.
                let _ = connection.with_upgrades().await;
            }
        });
        backend.requests = requests;
        backend
    }

    /// Hands each connection to a function; `requests` stays 0.
    pub(crate) async fn raw<F, R>(handler: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self::accepting(TcpListener::bind("127.0.0.1:0").await.unwrap(), handler)
    }

    fn accepting<F, R>(listener: TcpListener, handler: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let backend = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            requests: Arc::default(),
            killed: CancellationToken::new(),
        };
        let (killed, connections) = (backend.killed.clone(), backend.connections.clone());
        tokio::spawn(killed.clone().run_until_cancelled_owned(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let serving = handler(stream);
                tokio::spawn(killed.clone().run_until_cancelled_owned(serving));
            }
        }));
        backend
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.killed.cancel();
    }
}

pub(crate) fn response(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(text.into()).boxed());
    *response.status_mut() = status;
    response
}

/// An address that is taken and where nobody listens yet: connections are refused.
pub(crate) struct Nobody {
    pub(crate) address: SocketAddr,
    socket: TcpSocket,
}

impl Nobody {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self {
            address: socket.local_addr().unwrap(),
            socket,
        }
    }

    pub(crate) fn listen(self) -> TcpListener {
        self.socket.listen(64).unwrap()
    }
}
