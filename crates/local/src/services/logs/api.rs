//! CloudWatch Logs for clients: puts are stored together, and what tasks have just written is there
//! when somebody reads.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use seaway_aws_wire::Operation as AnyOperation;
use seaway_aws_wire::logs::Operation;

use super::Logs;
use super::puts::Puts;
use crate::services::{Answer, Blocking, BlockingHandler, Call, Handler};

/// Answers the operations of CloudWatch Logs.
#[derive(Debug)]
pub struct LogsApi {
    puts: Arc<Puts>,
    rest: Arc<Blocking<Rest>>,
}

/// Everything but puts.
struct Rest {
    logs: Arc<Logs>,
    refresh: Box<dyn Fn() + Send + Sync>,
}

impl LogsApi {
    /// Silent logs of tasks are seldom looked at; `refresh`, which may block, has them looked at
    /// before somebody reads.
    pub fn new(logs: Arc<Logs>, refresh: impl Fn() + Send + Sync + 'static) -> Self {
        let rest = Rest {
            logs: Arc::clone(&logs),
            refresh: Box::new(refresh),
        };
        Self {
            puts: Arc::new(Puts::new(logs)),
            rest: Arc::new(Blocking::new(Arc::new(rest))),
        }
    }
}

impl Handler for LogsApi {
    fn handle(self: Arc<Self>, call: Call) -> BoxFuture<'static, Answer> {
        match call.operation() {
            AnyOperation::Logs(Operation::PutLogEvents) => Arc::clone(&self.puts).put(call).boxed(),
            _ => Arc::clone(&self.rest).handle(call),
        }
    }
}

impl BlockingHandler for Rest {
    fn handle(&self, call: Call) -> Answer {
        let reads = matches!(
            call.operation(),
            AnyOperation::Logs(Operation::GetLogEvents | Operation::FilterLogEvents)
        );
        if reads {
            (self.refresh)();
        }
        self.logs.answer(call)
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest")
            .field("logs", &self.logs)
            .finish_non_exhaustive()
    }
}
