//! CloudWatch: metrics and alarms.
//!
//! Clients put numbers with `PutMetricData`, the platform with [`CloudWatch::record`]; both end up
//! in the same tables. There is no metric math and there are no composite alarms.

mod alarms;
mod data;
mod error;
mod listing;
mod naming;
mod put;
mod statistics;

use std::sync::Arc;

use seaway_aws_wire::cloudwatch::{self as wire, Operation};
use seaway_aws_wire::{Operation as AnyOperation, Timestamp};

use self::alarms::{Changes, Evaluated};
use super::{Answer, BlockingHandler, Call, dispatch};
use crate::clock::EpochMillis;
use crate::metrics::Datum;
use crate::store::{Store, StoreError};

pub use error::CloudWatchError;

/// The metrics and alarms of one platform.
#[derive(Debug)]
pub struct CloudWatch {
    store: Arc<Store>,
    evaluated: Evaluated,
    changes: Changes,
}

impl CloudWatch {
    /// CloudWatch on `store`.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            evaluated: Evaluated::default(),
            changes: Changes::default(),
        }
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
            Operation::PutMetricAlarm => {
                call.answer::<wire::PutMetricAlarm, _>(|r| self.put_alarm(r, now))
            }
            Operation::DescribeAlarms => {
                call.answer::<wire::DescribeAlarms, _>(|r| self.describe_alarms(&r))
            }
            Operation::DescribeAlarmsForMetric => {
                call.answer::<wire::DescribeAlarmsForMetric, _>(|r| {
                    self.describe_alarms_for_metric(&r)
                })
            }
            Operation::DescribeAlarmHistory => {
                call.answer::<wire::DescribeAlarmHistory, _>(|r| self.describe_history(&r))
            }
            Operation::DeleteAlarms => {
                call.answer::<wire::DeleteAlarms, _>(|r| self.delete_alarms(&r, now))
            }
            Operation::SetAlarmState => {
                call.answer::<wire::SetAlarmState, _>(|r| self.set_alarm_state(r, now))
            }
            Operation::EnableAlarmActions => {
                call.answer::<wire::EnableAlarmActions, _>(|r| self.enable_actions(&r, now))
            }
            Operation::DisableAlarmActions => {
                call.answer::<wire::DisableAlarmActions, _>(|r| self.disable_actions(&r, now))
            }
            Operation::TagResource => call.answer::<wire::TagResource, _>(|r| self.tag(r)),
            Operation::UntagResource => call.answer::<wire::UntagResource, _>(|r| self.untag(&r)),
            Operation::ListTagsForResource => {
                call.answer::<wire::ListTagsForResource, _>(|r| self.list_tags(&r))
            }
            Operation::PutCompositeAlarm => Err(dispatch::not_here(call.operation())),
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
