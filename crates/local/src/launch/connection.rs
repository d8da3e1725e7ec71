//! How to speak to a running platform.

use crate::identity::{ACCOUNT, REGION};
use crate::keys::PlatformKeys;
use crate::redacted::Redacted;

/// Endpoint and credentials of a running platform.
#[derive(Clone, Debug)]
pub struct Connection {
    /// `http://127.0.0.1:PORT`
    pub endpoint: String,
    pub port: u16,
    pub access_key_id: String,
    pub secret_access_key: Redacted,
    pub region: &'static str,
    pub account: &'static str,
}

impl Connection {
    /// To the platform with these keys that listens on `port`.
    #[must_use]
    pub fn new(keys: &PlatformKeys, port: u16) -> Self {
        Self {
            endpoint: format!("http://127.0.0.1:{port}"),
            port,
            access_key_id: keys.access_key_id.clone(),
            secret_access_key: keys.secret_access_key.clone(),
            region: REGION,
            account: ACCOUNT,
        }
    }
}
