//! What tasks write.

use async_trait::async_trait;
use seaway_core::time::Timestamp;

use crate::error::PortError;

/// Which lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// Of these services (`api`) or jobs (`job-migrate`); empty: of all.
    pub of: Vec<String>,
    /// Of one log stream only.
    pub stream: Option<String>,
    pub since: Option<Timestamp>,
    /// A term that lines contain.
    pub filter: Option<String>,
    /// At most this many of the newest lines.
    pub limit: Option<usize>,
}

/// One line of one task.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LogLine {
    pub at: Timestamp,
    /// The service (`api`) or job (`job-migrate`).
    pub source: String,
    /// The task's id, shortened by nobody.
    pub task: String,
    /// As the task wrote it; may hold control sequences, which no terminal may see.
    pub message: String,
}

/// Where the next page goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogCursor(pub serde_json::Value);

/// Lines in the order of time, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    pub lines: Vec<LogLine>,
    pub next: LogCursor,
}

/// Reads logs.
#[async_trait]
pub trait Logs: Send + Sync {
    /// Lines after `cursor`; none: from the query's beginning. A page may be empty: nothing new.
    async fn read(
        &self,
        query: &LogQuery,
        cursor: Option<&LogCursor>,
    ) -> Result<LogPage, PortError>;
    /// The last lines of one stream, oldest first.
    async fn tail(&self, of: &str, stream: &str, lines: usize) -> Result<Vec<String>, PortError>;
}
