//! Figures beside other servers, taken in turn on the same machine with the same requests: the API
//! beside `moto_server`, the router beside nginx, the registry beside docker-registry.
//!
//! A machine that does other things meanwhile slows both sides down; so each side's best round
//! counts, what is judged is the ratio, and the proof fails only far from the target.

mod calls;
mod images;
mod peer;
mod proxy;
mod registry_client;
mod row;
mod wrk;

use std::time::Duration;

use super::bench::{Bench, ProofError, claim, note};
use peer::{DOCKER_REGISTRY, MOTO, NGINX, WRK};
use row::Row;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Extent {
    /// Times that each side is measured.
    rounds: u32,
    /// One measurement of an API operation.
    calls: Duration,
    /// One measurement of proxied requests.
    proxied: Duration,
    /// Images that are pushed and pulled.
    images: usize,
}

/// What CI has time for.
const SHORT: Extent = Extent {
    rounds: 4,
    calls: Duration::from_secs(1),
    proxied: Duration::from_secs(1),
    images: 40,
};

/// What is quoted.
const LONG: Extent = Extent {
    rounds: 5,
    calls: Duration::from_secs(5),
    proxied: Duration::from_secs(8),
    images: 100,
};

pub(super) fn prove(bench: &Bench) -> Result<String, ProofError> {
    for program in [MOTO, NGINX, WRK, DOCKER_REGISTRY] {
        program.find()?;
    }
    let extent = match bench.options.long {
        true => LONG,
        false => SHORT,
    };
    let mut rows = calls::measure(bench, extent)?;
    rows.extend(proxy::measure(bench, extent)?);
    rows.extend(images::measure(bench, extent)?);
    note(Row::heading());
    rows.iter().for_each(|row| note(row.to_string()));
    let failed: Vec<String> = rows.iter().filter_map(Row::failure).collect();
    claim!(failed.is_empty(), "{}", failed.join("; "));
    let ratios: Vec<String> = rows.iter().filter_map(Row::in_short).collect();
    Ok(ratios.join(", "))
}
