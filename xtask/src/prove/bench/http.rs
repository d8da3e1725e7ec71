//! HTTP requests of the proofs: one connection, one request after the other, nothing repeated.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;

use super::{During as _, ProofError};

/// How long one request may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// A request that was not answered.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    #[error("broken: {0:?}")]
    Broken(#[from] hyper::Error),
    #[error("not answered within {LIMIT:?}")]
    TimedOut,
    #[error("not a request: {0}")]
    Form(#[from] http::Error),
}

/// A whole answer.
pub(crate) type Answer = Response<Bytes>;

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, RequestError> {
        let stream = TcpStream::connect(address)
            .await
            .map_err(RequestError::Connect)?;
        // As the clients of AWS do: no request waits for an acknowledgement.
        stream.set_nodelay(true).map_err(RequestError::Connect)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Its errors come back through the requests that they break.
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Whether the other side has said that it is over.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends one request and reads the whole answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, RequestError> {
        let exchange = async {
            self.sender.ready().await?;
            let (head, body) = self.sender.send_request(request).await?.into_parts();
            Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
        };
        tokio::time::timeout(LIMIT, exchange)
            .await
            .unwrap_or(Err(RequestError::TimedOut))
    }
}

/// A GET request.
pub(crate) fn get_request(
    address: SocketAddr,
    path: &str,
) -> Result<Request<Full<Bytes>>, RequestError> {
    Ok(Request::get(path)
        .header("host", address.to_string())
        .body(Full::default())?)
}

/// Asks once, over a connection of its own: the status and the body.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<(u16, String), ProofError> {
    let what = || format!("get http://{address}{path}");
    let answer = block_on(async {
        let mut connection = Connection::open(address).await?;
        connection.send(get_request(address, path)?).await
    })?
    .during(what())?;
    let body = String::from_utf8_lossy(answer.body()).into_owned();
    Ok((answer.status().as_u16(), body))
}

/// Runs one exchange on a runtime of its own.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, ProofError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .during("start a runtime")?;
    Ok(runtime.block_on(work))
}
