//! CloudWatch Logs for readers: what tasks have just written is there when somebody looks.

use std::sync::Arc;

use seaway_aws_wire::Operation;
use seaway_aws_wire::logs::Operation as LogOperation;

use super::logs::Logs;
use super::{Answer, BlockingHandler, Call};
use crate::platform::Platform;

/// Silent logs are seldom looked at; a request that reads them has them looked at first.
#[derive(Debug)]
pub struct FreshLogs {
    platform: Arc<Platform>,
    logs: Arc<Logs>,
}

impl FreshLogs {
    /// The logs of `platform`'s tasks.
    #[must_use]
    pub fn new(platform: Arc<Platform>, logs: Arc<Logs>) -> Self {
        Self { platform, logs }
    }
}

impl BlockingHandler for FreshLogs {
    fn handle(&self, call: Call) -> Answer {
        let reads = matches!(
            call.operation(),
            Operation::Logs(LogOperation::GetLogEvents | LogOperation::FilterLogEvents)
        );
        if reads {
            self.platform.refresh_logs();
        }
        self.logs.handle(call)
    }
}
