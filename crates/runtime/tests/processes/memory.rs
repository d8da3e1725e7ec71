//! Limits hold, and are reported as ECS reports them; what tasks use is told.

use seaway_runtime::client::Supervisor;
use seaway_runtime::event::Exit;
use seaway_runtime::memory::MemoryMethod;
use seaway_runtime::task::{MemoryLimit, TaskId, TaskSpec};

use crate::stage::{PATIENCE, Stage, all_events, block_on, eventually, exit_of, run_to_end, stop};

crate::harness::tests![
    too_much_memory_is_killed_where_the_kernel_counts,
    too_much_memory_is_killed_where_it_is_sampled,
    memory_of_a_grandchild_counts,
    use_within_the_limit_is_shown,
    processor_time_of_all_tasks_is_told_at_once,
    no_control_group_is_left_behind,
];

const LIMIT: MemoryLimit = MemoryLimit(64 << 20);

/// Takes memory without end. `tail` keeps the last line, and there is none.
const GREEDY: &str = "exec tail /dev/zero";

fn limited(mut spec: TaskSpec) -> TaskSpec {
    spec.containers[0].memory = Some(LIMIT);
    spec
}

fn assert_out_of_memory(exit: Exit) {
    assert!(exit.oom, "{exit:?}");
    assert_eq!(exit.code(), Some(137));
    assert!(Exit::OUT_OF_MEMORY_REASON.starts_with("OutOfMemoryError: "));
}

/// Says so if this machine has no control groups to test.
fn counts(supervisor: &Supervisor) -> bool {
    let report = supervisor.memory();
    let counts = report.method != MemoryMethod::Sampling;
    if !counts {
        println!("skipped: {}", report.reason);
    }
    counts
}

fn too_much_memory_is_killed_where_the_kernel_counts() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        if counts(&supervisor) {
            let exit = run_to_end(&supervisor, limited(stage.script("greedy", GREEDY))).await;
            assert_out_of_memory(exit);
        }
    });
}

fn too_much_memory_is_killed_where_it_is_sampled() {
    let stage = Stage::sampling();
    block_on(async {
        let supervisor = stage.supervisor().await;
        assert_eq!(supervisor.memory().method, MemoryMethod::Sampling);
        // Slower than without end, so that the machine of the test survives the first sample.
        let script = "x=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; \
                      do x=\"$x$x\"; done; \
                      for i in 1 2 3 4 5 6; do x=\"$x$x\"; sleep 0.2; done; sleep 1000";
        let exit = run_to_end(&supervisor, limited(stage.script("greedy", script))).await;
        assert_out_of_memory(exit);
    });
}

fn memory_of_a_grandchild_counts() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        if counts(&supervisor) {
            let script = "sh -c 'tail /dev/zero; exit $?'; exit $?";
            let exit = run_to_end(&supervisor, limited(stage.script("deep", script))).await;
            assert_out_of_memory(exit);
        }
    });
}

fn use_within_the_limit_is_shown() {
    for stage in [Stage::new(), Stage::sampling()] {
        block_on(async {
            let supervisor = stage.supervisor().await;
            let script = "x=$(head -c 8000000 /dev/zero | tr '\\0' x); echo ready; \
                          while :; do sleep 0.1; done";
            supervisor
                .start(limited(stage.script("modest", script)))
                .await
                .unwrap();
            stage.line("modest", 0).await;
            let id = TaskId::new("modest").unwrap();
            let usage = supervisor.usage(&id).await.unwrap().remove(0).memory;
            assert_eq!(usage.limit, Some(LIMIT));
            let bytes = usage.bytes.unwrap();
            assert!((4_000_000..LIMIT.0).contains(&bytes), "{bytes}");
            stop(&supervisor, "modest", PATIENCE).await;
            let exit = exit_of(&mut all_events(&supervisor).await, &id).await;
            assert!(!exit.oom, "killed by a stop, not for its memory");
            assert!(
                supervisor.usage(&id).await.unwrap().is_empty(),
                "nothing runs"
            );
        });
    }
}

/// A task that was busy, also in a child that has ended, and one that was not.
fn processor_time_of_all_tasks_is_told_at_once() {
    for stage in [Stage::new(), Stage::sampling()] {
        block_on(async {
            let supervisor = stage.supervisor().await;
            let work = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
            let busy = format!("sh -c '{work}; exit $?'; echo ready; while :; do sleep 0.1; done");
            for (id, script) in [
                ("busy", busy.as_str()),
                ("idle", "echo ready; exec sleep 1000"),
            ] {
                supervisor
                    .start(limited(stage.script(id, script)))
                    .await
                    .unwrap();
                stage.line(id, 0).await;
            }
            let all = supervisor.usage_of_all().await.unwrap();
            let cpu: Vec<_> = all
                .iter()
                .map(|usage| usage.containers[0].cpu.unwrap())
                .collect();
            let tasks: Vec<_> = all.iter().map(|usage| usage.task.as_str()).collect();
            assert_eq!(tasks, ["busy", "idle"]);
            assert!(cpu[0] > cpu[1], "{cpu:?}");
            let later = supervisor.usage_of_all().await.unwrap();
            let later = later[0].containers[0].cpu.unwrap();
            assert!(later >= cpu[0], "{later:?} after {cpu:?}");
            stop(&supervisor, "busy", PATIENCE).await;
            let id = TaskId::new("busy").unwrap();
            exit_of(&mut all_events(&supervisor).await, &id).await;
            assert_eq!(supervisor.usage_of_all().await.unwrap().len(), 1);
        });
    }
}

fn no_control_group_is_left_behind() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        if !counts(&supervisor) {
            return;
        }
        let script = "cat /proc/self/cgroup | grep memory || cat /proc/self/cgroup; sleep 1000";
        supervisor
            .start(stage.script("group", script))
            .await
            .unwrap();
        let line = stage.line("group", 0).await;
        assert!(
            line.contains("/seaway-") && line.ends_with("/group-main"),
            "{line}"
        );
        let name = line.rsplit('/').nth(1).unwrap().to_owned();
        supervisor.shutdown(PATIENCE).await.unwrap();
        let gone = || {
            let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
            let paths = own.lines().filter_map(|line| line.rsplit(':').next());
            let places = paths.flat_map(|path| {
                ["/sys/fs/cgroup", "/sys/fs/cgroup/memory"].map(|mount| {
                    std::path::Path::new(mount)
                        .join(path.trim_start_matches('/'))
                        .join(&name)
                })
            });
            places
                .into_iter()
                .all(|place| !place.exists())
                .then_some(())
        };
        eventually(gone).await;
    });
}
