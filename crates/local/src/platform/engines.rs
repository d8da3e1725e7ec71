//! The container engine of a platform: which, and whether there is one.

use std::time::Duration;

use seaway_runtime::containers::{
    Engine, EngineError, EngineOptions, Namespace, NamespaceError, find_socket,
};

use crate::runtimes::RuntimeName;

/// How often an engine is looked for where there is none.
const LOOK: Duration = Duration::from_secs(5);
/// How long an engine that has just gone may take to come back: it is being restarted.
const RETURN: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_millis(250);
/// How much of a platform's name stands in the names of its containers.
const NAME: usize = 12;

/// Finds the engine.
#[derive(Debug, Clone)]
pub struct Engines {
    runtime: RuntimeName,
    namespace: Namespace,
}

/// Whether there was an engine a moment ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Engine,
    None,
}

impl Engines {
    /// The engine of the platform with this name: 32 hexadecimal digits.
    pub fn new(runtime: RuntimeName, platform: &str) -> Result<Self, NamespaceError> {
        let name = platform.get(..NAME).unwrap_or(platform);
        let namespace = Namespace::new(name.to_ascii_lowercase())?;
        Ok(Self { runtime, namespace })
    }

    pub fn runtime(&self) -> RuntimeName {
        self.runtime
    }

    /// The repository of the engine for images of this platform.
    pub(super) fn repository(&self) -> String {
        format!("seaway.internal/{}", self.namespace)
    }

    /// The engine, if one answers and is to be used.
    pub(super) async fn find(&self, before: Before) -> Option<Engine> {
        let patience = match before {
            Before::Engine => RETURN,
            Before::None => Duration::ZERO,
        };
        let begun = tokio::time::Instant::now();
        loop {
            match self.connect().await {
                Ok(None) if before == Before::None => return None,
                Ok(None) => {}
                Ok(Some(engine)) => return Some(engine),
                Err(error) => {
                    let error = super::launch::chain(&error);
                    tracing::warn!(error, "the container engine cannot be used");
                }
            }
            if begun.elapsed() >= patience {
                return None;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Returns when an engine answers that is to be used.
    pub(super) async fn appears(&self) {
        if self.runtime == RuntimeName::Processes {
            std::future::pending::<()>().await;
        }
        loop {
            tokio::time::sleep(LOOK).await;
            if let Ok(Some(engine)) = self.connect().await {
                engine.close();
                return;
            }
        }
    }

    /// Stops and removes every container of this platform, however it runs tasks now: after a
    /// platform that was killed, or that ran them another way. No engine, no containers.
    pub async fn sweep(&self, grace: Duration) -> Result<(), EngineError> {
        match self.connect_any().await {
            Ok(Some(engine)) => engine.shut_down(grace).await,
            Ok(None) | Err(EngineError::NotRunning { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn connect(&self) -> Result<Option<Engine>, EngineError> {
        match self.runtime {
            RuntimeName::Processes => Ok(None),
            RuntimeName::Auto | RuntimeName::Containers => self.connect_any().await,
        }
    }

    /// Connects to the engine of this machine; none where no socket is there.
    async fn connect_any(&self) -> Result<Option<Engine>, EngineError> {
        let Some(socket) = find_socket(|name| std::env::var_os(name)) else {
            return Ok(None);
        };
        let namespace = self.namespace.clone();
        let options = EngineOptions { socket, namespace };
        Engine::connect(options).await.map(Some)
    }
}
