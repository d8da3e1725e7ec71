//! `AWS/ECS`: CPU and memory of a service's tasks in percent of what they were promised, and how
//! many run.

use std::collections::BTreeMap;
use std::time::Duration;

use seaway_runtime::client::{CpuTime, TaskUsage};

use super::datum;
use crate::clock::EpochMillis;
use crate::metrics::{Datum, Metric, Samples};
use crate::platform::{Reservation, RunningTask, ServiceLoad};

/// ECS: a processor in CPU units.
const UNITS: f64 = 1024.0;

/// Remembers how much CPU time tasks had used, and when that was.
#[derive(Debug, Default)]
pub(super) struct ServiceMeter {
    before: BTreeMap<String, CpuTime>,
    measured_at: Option<EpochMillis>,
}

/// What a task uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Use {
    cpu: Option<CpuTime>,
    memory: Option<u64>,
}

/// What tasks use at a moment.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) at: EpochMillis,
    pub(super) used: Vec<TaskUsage>,
}

impl ServiceMeter {
    /// Counts CPU time from this reading on.
    pub(super) fn begin(&mut self, reading: Reading) {
        let used = by_task(reading.used);
        self.remember(&used, reading.at);
    }

    /// The metrics of `minute`, at the end of which the reading was taken: of each service one
    /// number per task, and how many tasks there are.
    pub(super) fn read(
        &mut self,
        loads: &[ServiceLoad],
        reading: Reading,
        minute: EpochMillis,
    ) -> Vec<Datum> {
        let used = by_task(reading.used);
        let mut data = Vec::new();
        for load in loads {
            let metric = |name| {
                let cluster = ("ClusterName", load.service.cluster.as_str());
                let service = ("ServiceName", load.service.name.as_str());
                Metric::new("AWS/ECS", name, &[cluster, service])
            };
            let mut add = |name, unit, samples: Option<Samples>| {
                data.extend(samples.map(|samples| datum(metric(name), unit, minute, samples)));
            };
            let tasks = || {
                let tasks = load.running.iter();
                tasks.filter_map(|task| Some((task, used.get(&task.id)?)))
            };
            let cpu = tasks().filter_map(|(task, used)| self.cpu_percent(task, used, reading.at));
            add("CPUUtilization", "Percent", together(cpu));
            let memory = tasks().filter_map(|(task, used)| memory_percent(task.reserved, used));
            add("MemoryUtilization", "Percent", together(memory));
            let count = Samples::of(load.running.len() as f64, 1.0);
            add("RunningTaskCount", "Count", Some(count));
        }
        self.remember(&used, reading.at);
        data
    }

    fn remember(&mut self, used: &BTreeMap<String, Use>, at: EpochMillis) {
        let cpu = used.iter();
        self.before = cpu
            .filter_map(|(task, used)| Some((task.clone(), used.cpu?)))
            .collect();
        self.measured_at = Some(at);
    }

    /// On the average since the last reading.
    fn cpu_percent(&self, task: &RunningTask, used: &Use, now: EpochMillis) -> Option<f64> {
        let reserved = task.reserved.cpu_units.filter(|units| *units > 0)?;
        let measured_at = self.measured_at?;
        let before = match self.before.get(&task.id) {
            Some(before) => *before,
            None if task.started_at? >= measured_at => CpuTime::default(),
            // It ran before, and nobody knows what it had used by then.
            None => return None,
        };
        let elapsed = u64::try_from(now.since(measured_at)).ok()?;
        let elapsed = Duration::from_millis(elapsed).as_secs_f64();
        let processors = used.cpu?.since(before).as_secs_f64() / elapsed;
        (elapsed > 0.0).then(|| 100.0 * processors * UNITS / reserved as f64)
    }
}

fn by_task(used: Vec<TaskUsage>) -> BTreeMap<String, Use> {
    let used = used.into_iter();
    used.map(|usage| (usage.task.to_string(), Use::of(&usage)))
        .collect()
}

/// None of no values.
fn together(values: impl Iterator<Item = f64>) -> Option<Samples> {
    let samples = values.map(|value| Samples::of(value, 1.0));
    samples.reduce(|mut all, one| {
        all.merge(&one);
        all
    })
}

fn memory_percent(reserved: Reservation, used: &Use) -> Option<f64> {
    let reserved = reserved.memory_bytes.filter(|bytes| *bytes > 0)?;
    Some(100.0 * used.memory? as f64 / reserved as f64)
}

impl Use {
    /// Of all containers together; unknown when it is unknown of one.
    fn of(usage: &TaskUsage) -> Self {
        let containers = usage.containers.iter();
        let cpu = containers.clone().map(|it| Some(it.cpu?.0));
        Self {
            cpu: cpu.sum::<Option<u64>>().map(CpuTime),
            memory: containers.map(|it| it.memory.bytes).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::platform::records::ServiceKey;

    /// The last reading, and the moment of the next one.
    const BEFORE: EpochMillis = EpochMillis(60_000);
    const NOW: EpochMillis = EpochMillis(120_000);

    /// Tasks that began to run long ago or, with a `+` before the name, since the last reading.
    fn load(tasks: &[&str]) -> ServiceLoad {
        let reserved = Reservation {
            cpu_units: Some(512),
            memory_bytes: Some(1000),
        };
        let running = tasks.iter().map(|id| RunningTask {
            id: id.trim_start_matches('+').to_owned(),
            started_at: Some(BEFORE.plus(if id.starts_with('+') { 5 } else { -5 })),
            reserved,
        });
        ServiceLoad {
            service: ServiceKey {
                cluster: "shop".into(),
                name: "api".into(),
            },
            running: running.collect(),
        }
    }

    /// A task of two containers, each with half of the CPU time (in milliseconds) and the memory.
    fn used(task: &str, cpu_millis: u64, bytes: u64) -> TaskUsage {
        let container = |name: &str| {
            json!({ "container": name, "cpu": cpu_millis * 500,
                    "memory": { "bytes": bytes / 2, "limit": null } })
        };
        let containers = [container("app"), container("sidecar")];
        serde_json::from_value(json!({ "task": task, "containers": containers })).unwrap()
    }

    fn reading(at: EpochMillis, used: Vec<TaskUsage>) -> Reading {
        Reading { at, used }
    }

    /// Name, least, greatest and unit of each metric.
    fn told(data: &[Datum]) -> Vec<(&str, f64, f64, &str)> {
        let data = data.iter();
        data.map(|one| {
            let Samples {
                minimum, maximum, ..
            } = one.samples;
            (one.metric.name.as_str(), minimum, maximum, &*one.unit)
        })
        .collect()
    }

    #[test]
    fn use_is_told_in_percent_of_what_was_promised() {
        let mut meter = ServiceMeter::default();
        meter.begin(reading(BEFORE, vec![used("a", 1000, 900)]));
        // 15 s and 3 s of a processor in a minute, when half a processor was promised. Of the one
        // that ran before, but was not seen, nobody knows the CPU.
        let now = vec![
            used("a", 16_000, 250),
            used("b", 3000, 500),
            used("c", 9000, 100),
        ];
        let data = meter.read(&[load(&["a", "+b", "c"])], reading(NOW, now), BEFORE);
        assert_eq!(
            told(&data),
            [
                ("CPUUtilization", 10.0, 50.0, "Percent"),
                ("MemoryUtilization", 10.0, 50.0, "Percent"),
                ("RunningTaskCount", 3.0, 3.0, "Count"),
            ]
        );
        let counts: Vec<f64> = data.iter().map(|one| one.samples.count).collect();
        assert_eq!(counts, [2.0, 3.0, 1.0]);
        let dimensions = &data[0].metric.dimensions;
        assert_eq!(dimensions["ClusterName"], "shop");
        assert_eq!(dimensions["ServiceName"], "api");
        // From now on it does.
        let later = vec![used("c", 12_000, 100)];
        let data = meter.read(&[load(&["c"])], reading(NOW.plus(60_000), later), NOW);
        assert_eq!(told(&data)[0], ("CPUUtilization", 10.0, 10.0, "Percent"));
    }

    #[test]
    fn a_service_without_tasks_has_a_count_and_nothing_else() {
        let mut meter = ServiceMeter::default();
        let data = meter.read(&[load(&[])], reading(NOW, Vec::new()), BEFORE);
        assert_eq!(told(&data), [("RunningTaskCount", 0.0, 0.0, "Count")]);
    }

    #[test]
    fn an_older_supervisor_tells_no_cpu_time() {
        let mut old = used("a", 1000, 500);
        old.containers[1].cpu = None;
        assert_eq!(Use::of(&old).cpu, None);
        assert_eq!(Use::of(&old).memory, Some(500));
    }
}
