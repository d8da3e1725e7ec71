//! Alarms: what they watch, when they change their state, and what clients ask of them.
//!
//! ```text
//! PutMetricAlarm ─▶ Definition ─▶ Watch ─┐
//!                                        ├─▶ Rule::evaluate ─▶ state, reason, history
//! ticker ─▶ samples of the newest periods ┘
//! ```
//!
//! Actions are on record and never carried out: there is nothing here that could be told. Who on
//! the platform watches alarms asks [`CloudWatch::alarm_states`](super::CloudWatch::alarm_states)
//! and waits with [`CloudWatch::alarm_changes`](super::CloudWatch::alarm_changes).

mod definition;
mod describe;
mod evaluate;
mod history;
mod put;
mod reason;
mod states;
mod tags;
mod update;
mod watch;

use crate::identity::arn;

pub(super) use states::Changes;
pub(super) use watch::Evaluated;

/// What the ARN of an alarm has before its name.
const RESOURCE: &str = "alarm:";

fn arn_of(name: &str) -> String {
    arn("cloudwatch", &format!("{RESOURCE}{name}"))
}
