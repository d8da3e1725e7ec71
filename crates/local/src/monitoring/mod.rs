//! Watches over the platform: makes the metrics that AWS makes of ECS and load balancers, and has
//! alarms evaluated.
//!
//! ```text
//! supervisor, engine ──usage──▶ services ─┐
//!                                         ├──data, each minute──▶ CloudWatch ◀──evaluate── alarms
//! router ──counters──▶ traffic ───────────┘                     │
//!                                         deployments ◀──in ALARM┘
//! ```

mod services;
mod traffic;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seaway_runtime::client::TaskUsage;
use seaway_runtime::host::HostUsage;

use crate::balancing::Balancing;
use crate::clock::EpochMillis;
use crate::metrics::{Datum, Metric, Resolution, Samples};
use crate::platform::Platform;
use crate::services::cloudwatch::CloudWatch;
use crate::store::StoreError;

use services::{Reading, ServiceMeter};
use traffic::TrafficMeter;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
/// How often it is looked which alarms are due.
const ALARMS: i64 = 10 * SECOND;
/// How long after a full minute: by then the metrics of the minute are there.
const AFTER_METRICS: i64 = 2 * SECOND;
/// How far a clock that is being adjusted may be behind when a full minute has passed by another.
const SLACK: i64 = 500;
/// How many numbers are written at a time, so that nobody waits for all of them.
const BATCH: usize = 500;

/// What is watched, and where it is written down.
#[derive(Clone, Debug)]
pub(crate) struct Monitoring {
    pub(crate) platform: Arc<Platform>,
    pub(crate) balancing: Arc<Balancing>,
    pub(crate) cloudwatch: Arc<CloudWatch>,
}

/// What was counted up to the last full minute. A minute that could not be written is lost, and
/// the next one tells of itself alone.
#[derive(Debug, Default)]
struct Meters {
    services: ServiceMeter,
    traffic: TrafficMeter,
}

impl Monitoring {
    /// Goes on until it is dropped.
    pub(crate) async fn run(self) {
        tokio::join!(self.measure(), self.watch_alarms(), self.warn_deployments());
    }

    /// Measures at each full minute, for the minute that is over.
    async fn measure(&self) {
        let meters = Arc::new(Mutex::new(Meters::default()));
        let reading = self.reading().await;
        lock(&meters).services.begin(reading);
        loop {
            tokio::time::sleep(until_next(MINUTE, EpochMillis::now())).await;
            let reading = self.reading().await;
            let (monitoring, meters) = (self.clone(), Arc::clone(&meters));
            let measured =
                tokio::task::spawn_blocking(move || monitoring.write(&mut lock(&meters), reading));
            if let Ok(Err(error)) = measured.await {
                tracing::error!(%error, "a minute was not measured");
            }
        }
    }

    async fn reading(&self) -> Reading {
        // Whoever is asked may take a moment to answer.
        let at = EpochMillis::now();
        let used = self.platform.usage().await.map(all_used);
        Reading {
            at,
            used: used.unwrap_or_default(),
        }
    }

    /// Puts the metrics of the minute that was over at the reading.
    fn write(&self, meters: &mut Meters, reading: Reading) -> Result<(), StoreError> {
        let minute = minute_before(reading.at);
        let mut data = meters.traffic.read(self.balancing.traffic(), minute);
        let loads = self.platform.loads()?;
        data.extend(meters.services.read(&loads, reading, minute));
        let mut batches = data.chunks(BATCH);
        batches.try_for_each(|batch| self.cloudwatch.record(batch))
    }

    async fn watch_alarms(&self) {
        loop {
            let now = EpochMillis::now().plus(-AFTER_METRICS);
            tokio::time::sleep(until_next(ALARMS, now)).await;
            let cloudwatch = Arc::clone(&self.cloudwatch);
            let evaluated =
                tokio::task::spawn_blocking(move || cloudwatch.evaluate_alarms(EpochMillis::now()));
            if let Ok(Err(error)) = evaluated.await {
                tracing::error!(%error, "alarms were not evaluated");
            }
        }
    }

    /// Tells the deployments of the alarms that are in `ALARM`, now and with each change.
    async fn warn_deployments(&self) {
        let mut changes = self.cloudwatch.alarm_changes();
        changes.mark_changed();
        while changes.changed().await.is_ok() {
            let (cloudwatch, platform) = (Arc::clone(&self.cloudwatch), Arc::clone(&self.platform));
            let told = tokio::task::spawn_blocking(move || {
                platform.tell_alarms(EpochMillis::now(), &cloudwatch.in_alarm()?)
            });
            if let Ok(Err(error)) = told.await {
                tracing::error!(%error, "deployments were not told of alarms");
            }
        }
    }
}

/// What either kind of task uses, as far as it is known.
fn all_used(usage: HostUsage) -> Vec<TaskUsage> {
    let HostUsage {
        processes,
        containers,
    } = usage;
    let mut used = processes.unwrap_or_else(|error| {
        tracing::warn!(%error, "the supervisor does not tell what tasks use");
        Vec::new()
    });
    match containers {
        Ok(more) => used.extend(more),
        Err(error) => tracing::warn!(%error, "nobody knows what containers use"),
    }
    used
}

/// How long it is until the next multiple of `step` milliseconds that is not about to come: the
/// one that was just waited for, may be, by a clock that is behind.
fn until_next(step: i64, now: EpochMillis) -> Duration {
    let left = step - now.0.rem_euclid(step);
    let left = if left < SLACK { left + step } else { left };
    Duration::from_millis(left.unsigned_abs())
}

/// The last minute that is over at `now`.
fn minute_before(now: EpochMillis) -> EpochMillis {
    Resolution::Minute.start_of(now.plus(SLACK)).plus(-MINUTE)
}

fn lock(meters: &Mutex<Meters>) -> MutexGuard<'_, Meters> {
    meters.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One number of a minute.
fn datum(metric: Metric, unit: &str, minute: EpochMillis, samples: Samples) -> Datum {
    Datum {
        metric,
        unit: unit.to_owned(),
        at: minute,
        resolution: Resolution::Minute,
        samples,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minute_is_measured_once_even_by_a_clock_that_is_behind() {
        for (now, left, minute) in [
            (60_000, 60_000, 0),
            (60_001, 59_999, 0),
            (119_400, 600, 0),
            (119_501, 60_499, 60_000),
            (119_999, 60_001, 60_000),
            (120_000, 60_000, 60_000),
        ] {
            let now = EpochMillis(now);
            assert_eq!(until_next(MINUTE, now), Duration::from_millis(left));
            assert_eq!(minute_before(now), EpochMillis(minute), "{now:?}");
        }
    }
}
