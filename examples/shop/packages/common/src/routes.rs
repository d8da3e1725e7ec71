//! What a service implements: its own answers, and what they depend on.

use bytes::Bytes;
use hyper::Method;

use crate::reply::Reply;

/// A request, its body whole in memory.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub path: String,
    pub query: Option<String>,
    pub body: Bytes,
}

/// Something a service needs in order to answer well, shown at `/ready`.
#[derive(Debug)]
pub struct Dependency {
    pub name: &'static str,
    /// What is wrong with it, in words.
    pub state: Result<(), String>,
}

/// The answers of one service, probes and metrics aside.
pub trait Routes: Send + Sync + 'static {
    /// Answers one request.
    fn answer(&self, request: Request) -> impl Future<Output = Reply> + Send;

    /// Checks every dependency now.
    fn dependencies(&self) -> impl Future<Output = Vec<Dependency>> + Send {
        std::future::ready(Vec::new())
    }
}

impl Request {
    /// The path without its slashes: `/api/orders/7` is `["api", "orders", "7"]`.
    pub fn segments(&self) -> Vec<&str> {
        self.path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect()
    }

    /// The value of `name` in the query, as it is written there.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let pairs = self.query.as_deref()?.split('&');
        pairs
            .filter_map(|pair| pair.split_once('='))
            .find(|pair| pair.0 == name)
            .map(|pair| pair.1)
    }
}
