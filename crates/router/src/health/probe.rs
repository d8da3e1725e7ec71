//! One health check: a request on a connection of its own.

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::pin;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::disturbance::Disturbance;
use crate::group::Endpoint;
use crate::table::HealthCheck;

/// What probes call themselves, as Elastic Load Balancing's do; services log and filter by it.
const USER_AGENT: &str = "ELB-HealthChecker/2.0";

/// How much of an answer is read before the connection is closed, in bytes. Reading it keeps
/// services from logging a broken connection.
const BODY_LIMIT: usize = 64 * 1024;

/// What came of one health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeOutcome {
    Passed,
    /// A status that the matcher refuses.
    Status(StatusCode),
    TimedOut,
    /// Connection refused or broken, or no HTTP.
    Broken,
}

/// Checks a target once, within the check's time-out.
pub(crate) async fn probe(target: &Endpoint, check: &HealthCheck) -> ProbeOutcome {
    let port = check.port.unwrap_or(target.address.port());
    let address = SocketAddr::new(target.address.ip(), port);
    let answer = async {
        match target.disturbance() {
            None => status(address, &check.path).await,
            Some(Disturbance::FailingChecks(status)) => Some(status),
            Some(Disturbance::Refused) => None,
            Some(Disturbance::Cut) => pending().await,
        }
    };
    match tokio::time::timeout(check.timeout, answer).await {
        Err(_elapsed) => ProbeOutcome::TimedOut,
        Ok(None) => ProbeOutcome::Broken,
        Ok(Some(status)) if check.matcher.matches(status) => ProbeOutcome::Passed,
        Ok(Some(status)) => ProbeOutcome::Status(status),
    }
}

/// The status of the answer, or nothing when there was none.
async fn status(address: SocketAddr, path: &str) -> Option<StatusCode> {
    let request = Request::get(path)
        .header(header::HOST, address.to_string())
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .ok()?;
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .ok()?;
    let exchange = async {
        let response = sender.send_request(request).await.ok()?;
        let status = response.status();
        let _ = Limited::new(response.into_body(), BODY_LIMIT)
            .collect()
            .await;
        Some(status)
    };
    drive(connection, exchange).await
}

/// Runs the exchange and, in the same task, the connection that it needs.
async fn drive<T>(connection: impl Future, exchange: impl Future<Output = T>) -> T {
    let mut connection = pin!(connection);
    let mut exchange = pin!(exchange);
    tokio::select! {
        biased;
        result = &mut exchange => result,
        _ = &mut connection => exchange.await,
    }
}
