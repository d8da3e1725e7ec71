//! What the platform says about itself: `seaway local status`.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::access::Access;
use crate::balancing::Balancing;
use crate::identity::VERSION;
use crate::platform::Platform;

/// Where the answers come from.
pub(crate) struct Standing {
    pub(crate) state: PathBuf,
    pub(crate) port: u16,
    pub(crate) access: Access,
    pub(crate) platform: Arc<Platform>,
    pub(crate) balancing: Arc<Balancing>,
}

impl Standing {
    /// The whole of it.
    pub(crate) fn status(&self) -> Value {
        let (services, tasks) = self.platform.counts();
        let memory = self.platform.memory();
        let engine = self
            .platform
            .engine()
            .map(|engine| json!({ "version": engine.version(), "socket": engine.socket() }));
        let listeners: Vec<Value> = self
            .balancing
            .listener_addresses()
            .into_iter()
            .map(|listener| {
                json!({
                    "load_balancer": listener.load_balancer,
                    "scheme": listener.scheme.as_str(),
                    "port": listener.port,
                    "url": format!("{}://{}", listener.protocol, listener.address),
                })
            })
            .collect();
        json!({
            "running": true,
            "version": VERSION,
            "pid": std::process::id(),
            "endpoint": format!("http://127.0.0.1:{}", self.port),
            "port": self.port,
            "supervisor_pid": self.platform.supervisor_pid(),
            "profile": self.platform.profile(),
            "runtime": self.platform.runtime(),
            "engine": engine,
            "memory_method": memory.method,
            "memory": memory.reason,
            "services": services,
            "tasks": tasks,
            "state": self.state,
            "listeners": listeners,
            "access_key_id": self.access.second_key.as_ref().map(|key| key.id.as_str()),
            "reset_by_token": self.access.reset_token.is_some(),
        })
    }
}
