//! Routes served inside the test, on a free port.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;

use shop_common::app::App;
use shop_common::shutdown::{Shutdown, Trigger};
use shop_common::{Routes, Settings, log, server};
use tokio::net::TcpListener;

/// A server in a thread of its own; ends when dropped.
#[derive(Debug)]
pub struct Serving {
    pub address: SocketAddr,
    trigger: Trigger,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Serves `routes` on a free port, with default settings.
    pub fn start(service: &'static str, routes: impl Routes) -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), service, routes)
    }

    /// Serves `routes` at `address`.
    ///
    /// # Panics
    /// The address is taken.
    pub fn start_at(address: SocketAddr, service: &'static str, routes: impl Routes) -> Self {
        log::mute();
        let settings = Settings::read(|_| None).expect("the defaults are valid");
        let (trigger, shutdown) = Shutdown::manual();
        let listener = std::net::TcpListener::bind(address).expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("a bound socket");
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::from_std(listener).expect("a socket");
                server::serve(listener, App::new(service, settings, routes), shutdown).await;
            });
        });
        Self {
            address,
            trigger,
            thread: Some(thread),
        }
    }

    /// The address as `NAME_URL` has it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.trigger.request();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
