//! CloudWatch: metrics and alarms.
//!
//! Clients put numbers with `PutMetricData`, the platform with [`CloudWatch::record`]; both end up
//! in the same tables. There is no metric math.

mod data;
mod error;
mod listing;
mod naming;
mod put;
mod statistics;

use std::sync::Arc;

use seaway_aws_wire::cloudwatch::{self as wire, Operation};
use seaway_aws_wire::{Operation as AnyOperation, Timestamp};

use super::{Answer, BlockingHandler, Call, dispatch};
use crate::clock::EpochMillis;
use crate::metrics::Datum;
use crate::store::{Store, StoreError};

pub use error::CloudWatchError;

/// The metrics and alarms of one platform.
#[derive(Debug)]
pub struct CloudWatch {
    store: Arc<Store>,
}

impl CloudWatch {
    /// CloudWatch on `store`.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// Takes numbers of the platform's own.
    pub fn record(&self, data: &[Datum]) -> Result<(), StoreError> {
        self.store
            .write(|tx| data.iter().try_for_each(|datum| tx.put_datum(datum)))
    }

    /// Removes what is older than CloudWatch keeps it.
    pub fn remove_expired(&self, now: EpochMillis) -> Result<(), StoreError> {
        self.store.write(|tx| {
            tx.expire_samples(now)?;
            tx.expire_alarm_history(now)
        })
    }
}

impl BlockingHandler for CloudWatch {
    fn handle(&self, call: Call) -> Answer {
        let now = call.now();
        let AnyOperation::CloudWatch(operation) = call.operation() else {
            return Err(dispatch::not_here(call.operation()));
        };
        match operation {
            Operation::PutMetricData => {
                call.answer::<wire::PutMetricData, _>(|r| self.put_data(r, now))
            }
            Operation::GetMetricData => {
                call.answer::<wire::GetMetricData, _>(|r| self.get_data(&r))
            }
            Operation::GetMetricStatistics => {
                call.answer::<wire::GetMetricStatistics, _>(|r| self.get_statistics(&r))
            }
            Operation::ListMetrics => {
                call.answer::<wire::ListMetrics, _>(|r| self.list_metrics(&r, now))
            }
            _ => Err(dispatch::not_here(call.operation())),
        }
    }
}

fn timestamp(at: EpochMillis) -> Option<Timestamp> {
    Timestamp::from_millis(at.0).ok()
}

fn moment(at: Timestamp) -> EpochMillis {
    EpochMillis(at.as_millis())
}

#[cfg(test)]
mod tests;
