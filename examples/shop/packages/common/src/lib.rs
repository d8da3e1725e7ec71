//! What every service of the shop shares.
//!
//! A service is a `main` that calls [`run`] and a type that implements [`Routes`]; probes,
//! metrics, faults and the graceful end come from here.

pub mod app;
pub mod client;
pub mod fault;
pub mod log;
pub mod metrics;
pub mod order;
pub mod process;
pub mod product;
pub mod reply;
pub mod routes;
pub mod server;
pub mod settings;
pub mod shutdown;

pub use client::{Upstream, UpstreamError};
pub use fault::Fault;
pub use order::{Order, OrderStatus};
pub use process::{Context, run};
pub use product::Product;
pub use reply::Reply;
pub use routes::{Dependency, Request, Routes};
pub use settings::Settings;

/// Parts of hyper that the services name.
pub use hyper::{Method, StatusCode, Uri};
