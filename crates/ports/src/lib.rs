//! What the engine needs from the outside world, as traits.
//!
//! Each port is implemented once per platform (`ecs`) or per place (`image`, `ledger`) and in
//! memory by `testkit`. Calls that change something carry what they need to be repeated safely: a
//! document's digest, or an idempotency token made from release and action.

mod build;
mod clock;
mod error;
mod ledger;
mod logs;
mod rollouts;
mod secrets;

pub use build::{Builder, Built, OutputSink, Registry};
pub use clock::Clock;
pub use error::{PortError, PortErrorKind};
pub use ledger::{Acquired, Holder, Lease, Ledger, LockState, Locks};
pub use logs::{LogCursor, LogLine, LogPage, LogQuery, Logs};
pub use rollouts::{
    Change, Checks, FreshTasks, Infrastructure, JobHandle, JobState, Jobs, Renderer,
    RollbackAnswer, Rolled, Rollouts, ServiceStatus, Token,
};
pub use secrets::{SecretStatus, SecretValue, Secrets};
