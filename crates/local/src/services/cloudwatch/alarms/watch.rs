//! Evaluates alarms as time goes by.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use seaway_aws_wire::cloudwatch::{PutMetricAlarmRequest, StateValue};

use super::definition::Watch;
use super::evaluate::Verdict;
use super::reason::{Findings, Point};
use super::update::{NewState, put_state};
use crate::clock::EpochMillis;
use crate::services::cloudwatch::{CloudWatch, CloudWatchError};
use crate::store::{AlarmRecord, View};

const SECOND: i64 = 1000;
/// How often an alarm is evaluated, and one with a period below a minute.
const STEP: i64 = 60 * SECOND;
const FINE_STEP: i64 = 10 * SECOND;

/// When alarms were evaluated last. Not on record: what was not evaluated yet, is now.
#[derive(Debug, Default)]
pub(in crate::services::cloudwatch) struct Evaluated(Mutex<BTreeMap<String, EpochMillis>>);

impl Evaluated {
    /// Has an alarm evaluated at the next occasion.
    pub(super) fn forget(&self, alarm: &str) {
        self.lock().remove(alarm);
    }

    /// Which of the alarms are due; from now on they are not.
    fn take_due(&self, alarms: Vec<AlarmRecord>, now: EpochMillis) -> Vec<AlarmRecord> {
        let mut last = self.lock();
        let before = std::mem::take(&mut *last);
        let mut due = Vec::new();
        for record in alarms {
            let name = &record.definition.alarm_name;
            match before.get(name) {
                Some(at) if !is_due(&record, *at, now) => {
                    last.insert(name.clone(), *at);
                }
                _ => {
                    last.insert(name.clone(), now);
                    due.push(record);
                }
            }
        }
        due
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, EpochMillis>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CloudWatch {
    /// Evaluates the alarms that are due, and changes the state of those for which it follows.
    /// To be called every few seconds.
    pub fn evaluate_alarms(&self, now: EpochMillis) -> Result<(), CloudWatchError> {
        let alarms = self.store.read(|view| view.alarms(""))?;
        let mut changes = Vec::new();
        // One look at the store each, so that nobody waits for all of them.
        for record in self.evaluated.take_due(alarms, now) {
            let state = self.store.read(|view| new_state(view, &record, now))?;
            changes.extend(state.map(|state| (record, state)));
        }
        if changes.is_empty() {
            return Ok(());
        }
        self.store.write(|tx| {
            for (judged, state) in changes {
                let name = &judged.definition.alarm_name;
                // What a client has changed meanwhile is judged the next time.
                if tx.alarm(name)?.as_ref() == Some(&judged) {
                    put_state(tx, judged, state, now)?;
                }
            }
            Ok::<_, CloudWatchError>(())
        })?;
        self.changes.tell();
        Ok(())
    }
}

/// The state that the alarm changes to; none when it stays.
fn new_state(
    view: &View<'_>,
    record: &AlarmRecord,
    now: EpochMillis,
) -> Result<Option<NewState>, CloudWatchError> {
    let watch = match Watch::read(&record.definition) {
        Ok(watch) => watch,
        // Put when that was possible; it must not keep the others from being evaluated.
        Err(error) => {
            let alarm = &record.definition.alarm_name;
            tracing::error!(alarm, %error, "an alarm cannot be evaluated");
            return Ok(None);
        }
    };
    let span = watch.span(now)?;
    let series = watch.query.samples(view, span)?;
    let point = |at: EpochMillis| {
        let samples = series.get(&at)?;
        Some(Point {
            at,
            value: watch.query.value(samples)?,
            samples: samples.count,
        })
    };
    let points: Vec<Option<Point>> = span.starts_newest_first().map(point).collect();
    let values = points.iter().map(|point| Some(point.as_ref()?.value));
    let evaluation = watch.rule.evaluate(&values.collect::<Vec<_>>());
    let value = match evaluation.verdict {
        Verdict::Ok => StateValue::Ok,
        Verdict::Alarm => StateValue::Alarm,
        Verdict::InsufficientData => StateValue::InsufficientData,
        Verdict::Unchanged => return Ok(None),
    };
    if value == record.state.value {
        return Ok(None);
    }
    let compared = evaluation.compared.iter();
    let findings = Findings {
        watch: &watch,
        span,
        now,
        points: compared.filter_map(|at| points[*at]).collect(),
        filled: evaluation.filled,
    };
    Ok(Some(NewState {
        reason: findings.text(&value),
        reason_data: Some(findings.data().to_string()),
        value,
    }))
}

/// Whether a new minute has begun, or ten seconds for a short period.
fn is_due(record: &AlarmRecord, last: EpochMillis, now: EpochMillis) -> bool {
    let step = match period(&record.definition) {
        Some(..60) => FINE_STEP,
        _ => STEP,
    };
    now.0.div_euclid(step) != last.0.div_euclid(step)
}

/// Of the alarm itself or of its query, in seconds.
fn period(definition: &PutMetricAlarmRequest) -> Option<i32> {
    let of_query = || {
        let query = definition.metrics.as_ref()?.first()?;
        Some(query.metric_stat.as_ref()?.period)
    };
    definition.period.or_else(of_query)
}
