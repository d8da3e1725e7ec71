//! One service as the server sees it: probes, metrics and faults around its own routes.

use std::time::Instant;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::{Method, StatusCode};
use serde_json::{Map, json};

use crate::fault::Fault;
use crate::log;
use crate::metrics::Metrics;
use crate::reply::{self, Reply};
use crate::routes::{Request, Routes};
use crate::settings::Settings;

/// Largest request body in bytes; more is answered with 413.
const BODY_LIMIT: usize = 1024 * 1024;

/// A service: its routes and what all services have in common.
#[derive(Debug)]
pub struct App<R> {
    service: &'static str,
    settings: Settings,
    metrics: Metrics,
    routes: R,
}

impl<R: Routes> App<R> {
    pub fn new(service: &'static str, settings: Settings, routes: R) -> Self {
        Self {
            service,
            settings,
            metrics: Metrics::default(),
            routes,
        }
    }

    /// Answers one request as it comes from the wire.
    pub async fn answer(&self, request: hyper::Request<Incoming>) -> Reply {
        if let Fault::Slow(delay) = self.settings.fault {
            tokio::time::sleep(delay).await;
        }
        let reading = request.method() == Method::GET || request.method() == Method::HEAD;
        match request.uri().path() {
            "/health" if reading => self.health(),
            "/ready" if reading => self.ready().await,
            "/version" if reading => self.version(),
            "/metrics" if reading => {
                let page = self.metrics.render(self.service, &self.settings.version);
                reply::bytes(
                    StatusCode::OK,
                    "text/plain; version=0.0.4; charset=utf-8",
                    page,
                )
            }
            _ => self.answer_counted(request).await,
        }
    }

    /// Alive: says nothing about others, so that one broken service does not restart them all.
    fn health(&self) -> Reply {
        if self.settings.fault == Fault::NeverHealthy {
            return reply::error(
                StatusCode::SERVICE_UNAVAILABLE,
                "SHOP_FAULT says never-healthy",
            );
        }
        reply::json(StatusCode::OK, &json!({ "status": "ok" }))
    }

    /// Ready: alive, and everything it depends on answers.
    async fn ready(&self) -> Reply {
        let mut ready = self.settings.fault != Fault::NeverHealthy;
        let mut dependencies = Map::new();
        for dependency in self.routes.dependencies().await {
            ready &= dependency.state.is_ok();
            let state = dependency.state.err().unwrap_or_else(|| "ok".to_owned());
            dependencies.insert(dependency.name.to_owned(), state.into());
        }
        let (status, word) = match ready {
            true => (StatusCode::OK, "ready"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
        };
        reply::json(
            status,
            &json!({ "status": word, "dependencies": dependencies }),
        )
    }

    fn version(&self) -> Reply {
        let process = std::process::id();
        let version = &self.settings.version;
        let page = json!({ "service": self.service, "version": version, "process": process });
        reply::json(StatusCode::OK, &page)
    }

    async fn answer_counted(&self, request: hyper::Request<Incoming>) -> Reply {
        let start = Instant::now();
        let _in_flight = self.metrics.arrived();
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let reply = match read(request).await {
            Ok(request) => self.routes.answer(request).await,
            Err(refusal) => refusal,
        };
        let took = start.elapsed();
        self.metrics.answered(&method, reply.status(), took);
        let milliseconds = took.as_secs_f64() * 1_000.0;
        let status = reply.status().as_u16();
        log::info(format_args!(
            "{method} {path} status={status} ms={milliseconds:.1}"
        ));
        reply
    }
}

/// Takes the body in, up to [`BODY_LIMIT`]; otherwise says why not.
async fn read(request: hyper::Request<Incoming>) -> Result<Request, Reply> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(reply::error(StatusCode::PAYLOAD_TOO_LARGE, "at most 1 MiB"));
        }
        Err(_) => {
            return Err(reply::error(
                StatusCode::BAD_REQUEST,
                "the body is incomplete",
            ));
        }
    };
    Ok(Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        body,
    })
}
