//! Loopback ports that stay the same for what they were chosen for.
//!
//! They come from below the range of the tasks' ports, which itself is below the range that Linux
//! takes for outgoing connections: a port that is free once is likely to be free at the next start.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use serde::{Deserialize, Serialize};

use crate::store::{Document, StoreError, Tx, View};

const FIRST: u16 = 15_000;
const LAST: u16 = 19_999;

/// Ports by what they are for.
#[derive(Clone, Debug)]
pub(super) struct Ports {
    chosen: BTreeMap<String, u16>,
    next: u16,
}

/// Every port of the range is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no loopback port from {FIRST} to {LAST} is free for the load balancer")]
pub struct NoFreePort;

#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct KeptPort(u16);

impl Document for KeptPort {
    const KIND: &'static str = "load-balancer-port";
}

impl Ports {
    /// The ports on record. New ones are looked for from a place that `seed` chooses, so that two
    /// platforms on one machine seldom want the same.
    pub(super) fn load(view: &View<'_>, seed: u64) -> Result<Self, StoreError> {
        let kept = view.list::<KeptPort>("")?;
        let offset = u16::try_from(seed % u64::from(LAST - FIRST)).unwrap_or_default();
        Ok(Self {
            chosen: kept
                .into_iter()
                .map(|(purpose, port)| (purpose, port.0))
                .collect(),
            next: FIRST + offset,
        })
    }

    /// Writes what is different from `before`.
    pub(super) fn save(&self, tx: &Tx<'_>, before: &Self) -> Result<(), StoreError> {
        for (purpose, port) in &self.chosen {
            if before.chosen.get(purpose) != Some(port) {
                tx.put(purpose, &KeptPort(*port))?;
            }
        }
        Ok(())
    }

    /// The address for a purpose; chosen now if it was not before.
    pub(super) fn address(&mut self, purpose: &str) -> Result<SocketAddr, NoFreePort> {
        let port = match self.chosen.get(purpose) {
            Some(port) => *port,
            None => {
                let port = self.choose()?;
                self.chosen.insert(purpose.to_owned(), port);
                port
            }
        };
        Ok((Ipv4Addr::LOCALHOST, port).into())
    }

    /// The address that was chosen for a purpose.
    pub(super) fn chosen(&self, purpose: &str) -> Option<SocketAddr> {
        self.chosen
            .get(purpose)
            .map(|port| (Ipv4Addr::LOCALHOST, *port).into())
    }

    /// Gives up an address that somebody else has taken. Tells whether it was one of these.
    pub(super) fn give_up(&mut self, address: SocketAddr) -> bool {
        let before = self.chosen.len();
        self.chosen.retain(|_, port| *port != address.port());
        self.chosen.len() < before
    }

    fn choose(&mut self) -> Result<u16, NoFreePort> {
        let taken: BTreeSet<u16> = self.chosen.values().copied().collect();
        for _ in FIRST..=LAST {
            let port = self.next;
            self.next = if port == LAST { FIRST } else { port + 1 };
            if !taken.contains(&port) && is_free(port) {
                return Ok(port);
            }
        }
        Err(NoFreePort)
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}
