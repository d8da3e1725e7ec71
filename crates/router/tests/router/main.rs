//! The router over loopback, against real servers and real clients.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

mod backend;
mod client;
mod distribution;
mod disturbances;
mod draining;
mod failures;
mod fixture;
mod framing;
mod health;
mod keeping;
mod listeners;
mod log;
mod proxying;
mod refusals;
mod tls;
mod upgrade;
mod workers;
