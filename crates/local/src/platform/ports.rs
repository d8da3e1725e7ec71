//! Loopback ports for tasks.
//!
//! They come from below the range that Linux takes for outgoing connections (32768 on), so that a
//! port chosen now is not somebody's connection by the time the task listens.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};

const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;

/// Which ports tasks have.
#[derive(Debug)]
pub(super) struct Ports {
    taken: HashSet<u16>,
    next: u16,
}

/// Every port of the range is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no loopback port between {FIRST} and {LAST} is free")]
pub(super) struct NoFreePort;

impl Ports {
    /// Begins to look at a place that differs between platforms, so that two of them on one
    /// machine seldom try the same port at the same time.
    pub(super) fn starting_at(seed: u64) -> Self {
        let span = u64::from(LAST - FIRST);
        let offset = u16::try_from(seed % span).unwrap_or_default();
        Self {
            taken: HashSet::new(),
            next: FIRST + offset,
        }
    }

    /// Marks a port as in use.
    pub(super) fn take(&mut self, port: u16) {
        self.taken.insert(port);
    }

    /// Gives a port back.
    pub(super) fn free(&mut self, port: u16) {
        self.taken.remove(&port);
    }

    /// A port nobody listens at.
    pub(super) fn choose(&mut self) -> Result<u16, NoFreePort> {
        for _ in FIRST..LAST {
            let port = self.next;
            self.next = if port + 1 >= LAST { FIRST } else { port + 1 };
            if !self.taken.contains(&port) && is_free(port) {
                self.taken.insert(port);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_until_it_is_freed() {
        let mut ports = Ports::starting_at(7);
        let first = ports.choose().unwrap();
        let second = ports.choose().unwrap();
        assert_ne!(first, second);
        ports.next = first;
        assert_ne!(ports.choose().unwrap(), first);
        ports.free(first);
        ports.next = first;
        assert_eq!(ports.choose().unwrap(), first);
    }

    #[test]
    fn a_port_with_a_listener_is_passed_over() {
        let mut ports = Ports::starting_at(99);
        let taken = ports.choose().unwrap();
        ports.free(taken);
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, taken)).unwrap();
        ports.next = taken;
        assert_ne!(ports.choose().unwrap(), taken);
    }
}
