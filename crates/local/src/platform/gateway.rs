//! What containers reach of this machine: the internal names of the load balancer, and the
//! platform's own port.
//!
//! Both listen on the loopback address, which is another one inside of a container. So they are
//! also answered at the gateway of the containers' network, at the same port, and passed on byte by
//! byte; the platform's port asks for the same signatures there. The port is kept with the name: a container that outlives
//! its platform finds the name where it was.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use seaway_runtime::containers::Engine;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::launch::chain;
use crate::server::ContainerSide;

/// The platform's own port.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub port: u16,
    /// Lets those in who come by way of the gateway.
    pub containers: ContainerSide,
}

/// The way from containers to this machine.
#[derive(Debug)]
pub(super) struct Gateway {
    endpoint: Endpoint,
    forwards: Mutex<Forwards>,
}

#[derive(Debug, Default)]
struct Forwards {
    known: BTreeSet<SocketAddr>,
    /// End with the gateway.
    jobs: JoinSet<()>,
}

impl Gateway {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            forwards: Mutex::default(),
        }
    }

    /// Opens the way to each of these addresses and to the platform, and returns the gateway; none where the engine
    /// tells none.
    pub(super) async fn open(&self, engine: &Engine, addresses: &[SocketAddr]) -> Option<IpAddr> {
        let gateway = match engine.gateway().await {
            Ok(gateway) => gateway?,
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(error, "containers do not reach this machine");
                return None;
            }
        };
        self.endpoint.containers.set(gateway);
        let own = SocketAddr::from((Ipv4Addr::LOCALHOST, self.endpoint.port));
        for address in addresses.iter().chain([&own]) {
            let outside = SocketAddr::new(gateway, address.port());
            if let Err(error) = self.forward(outside, *address).await {
                tracing::warn!(%outside, %error, "containers do not reach this machine");
            }
        }
        Some(gateway)
    }

    async fn forward(&self, outside: SocketAddr, inside: SocketAddr) -> io::Result<()> {
        if self.lock().known.contains(&outside) {
            return Ok(());
        }
        let listener = TcpListener::bind(outside).await?;
        let mut forwards = self.lock();
        // Somebody else may have been faster; then the port was taken and this is not reached.
        forwards.known.insert(outside);
        forwards.jobs.spawn(pass_on(listener, inside));
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Forwards> {
        self.forwards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn pass_on(listener: TcpListener, inside: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(join(stream, inside));
                }
                Err(error) => {
                    tracing::warn!(%error, "a container was not heard");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Passes both directions on until both have ended.
async fn join(mut outside: TcpStream, inside: SocketAddr) {
    let joined = async {
        let mut inside = TcpStream::connect(inside).await?;
        tokio::io::copy_bidirectional(&mut outside, &mut inside).await
    };
    if let Err(error) = joined.await {
        tracing::debug!(%error, "a connection of a container broke");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_comes_from_outside_is_passed_on_and_answered() {
        let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = inside.local_addr().unwrap();
        let containers = ContainerSide::default();
        let gateway = Gateway::new(Endpoint {
            port: address.port(),
            containers,
        });
        // Another loopback address stands for the gateway.
        let outside = SocketAddr::new([127, 0, 0, 2].into(), address.port());
        gateway.forward(outside, address).await.unwrap();
        gateway.forward(outside, address).await.unwrap();
        let mut caller = TcpStream::connect(outside).await.unwrap();
        caller.write_all(b"ping").await.unwrap();
        let (mut callee, _) = inside.accept().await.unwrap();
        let mut text = [0; 4];
        callee.read_exact(&mut text).await.unwrap();
        callee.write_all(b"pong").await.unwrap();
        drop(callee);
        let mut answer = String::new();
        caller.read_to_string(&mut answer).await.unwrap();
        assert_eq!((&text, answer.as_str()), (b"ping", "pong"));
    }
}
