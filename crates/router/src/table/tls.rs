//! What a listener needs to speak TLS.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;

/// Certificates and settings of a listener that speaks TLS. It is the same as its clones and no
/// other.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

impl Tls {
    /// The router speaks HTTP/1.1, so `config` should not offer HTTP/2.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(config)
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.0.clone()
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Tls {}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tls(..)")
    }
}
