//! What the tests share: a directory, a clock in the hand, and something to record.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use seaway_core::name::EnvironmentName;
use seaway_core::time::Timestamp;
use seaway_ports::{Clock, Holder};

use crate::DirectoryLedger;

/// A clock that moves when told to.
#[derive(Debug, Default)]
pub(crate) struct HandClock {
    elapsed: Mutex<Duration>,
}

impl HandClock {
    pub(crate) fn advance(&self, time: Duration) {
        *self.elapsed.lock().unwrap() += time;
    }
}

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        let seconds = i64::try_from(self.monotonic().as_secs()).unwrap();
        Timestamp::new(1_700_000_000 + seconds, 0).unwrap()
    }

    fn monotonic(&self) -> Duration {
        *self.elapsed.lock().unwrap()
    }

    async fn sleep(&self, _: Duration) {
        panic!("the ledger never waits");
    }
}

/// A directory that several ledgers share, as several commands do.
pub(crate) struct Place {
    directory: tempfile::TempDir,
    pub(crate) clock: Arc<HandClock>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
            clock: Arc::default(),
        }
    }

    /// The ledger as another command opens it.
    pub(crate) fn ledger(&self) -> DirectoryLedger {
        let clock: Arc<HandClock> = Arc::clone(&self.clock);
        DirectoryLedger::open(self.root(), clock).expect("the ledger opens")
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, object: &str, bytes: &[u8]) {
        let path = self.root().join(object);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

pub(crate) fn environment() -> EnvironmentName {
    "local".parse().unwrap()
}

pub(crate) fn holder(by: &str, pid: u32) -> Holder {
    Holder {
        by: by.to_owned(),
        pid,
        purpose: "deploy".to_owned(),
        since: Timestamp::new(1_700_000_000, 0).unwrap(),
    }
}
