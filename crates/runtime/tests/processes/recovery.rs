//! After the supervisor was killed, or its directory is gone.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use seaway_runtime::client::Supervisor;
use seaway_runtime::event::{EventKind, ExitStatus, TaskStatus};
use seaway_runtime::task::TaskId;

use crate::stage::{Stage, all_events, block_on, eventually, exit_of, is_alive, next, run_to_end};

crate::harness::tests![
    nothing_outlives_a_killed_supervisor_and_its_successor,
    a_kill_at_any_moment_of_a_start_leaves_no_orphan,
    numbers_of_events_go_on_after_a_kill,
    what_was_printed_before_a_kill_is_kept,
    a_vanished_directory_stops_everything,
    a_replaced_directory_stops_everything,
    a_terminated_supervisor_stops_its_tasks,
];

fn kill_supervisor(supervisor: &Supervisor, signal: Signal) {
    kill(
        Pid::from_raw(i32::try_from(supervisor.pid()).unwrap()),
        signal,
    )
    .unwrap();
}

async fn gone(pid: i32) {
    eventually(|| (!is_alive(pid)).then_some(())).await;
}

fn nothing_outlives_a_killed_supervisor_and_its_successor() {
    for stage in [Stage::new(), Stage::sampling()] {
        block_on(async {
            let supervisor = stage.supervisor().await;
            // Itself, a child in its group, and one that left session and parent.
            let script = "echo $$; (trap '' HUP; sleep 1000 & echo $!; wait) & sleep 0.2; \
                          (setsid sh -c 'sleep 1000 & echo $!; wait' &); exec sleep 1000";
            supervisor
                .start(stage.script("lost", script))
                .await
                .unwrap();
            let mut pids: Vec<i32> = Vec::new();
            for number in 0..3 {
                pids.push(stage.line("lost", number).await.parse().unwrap());
            }
            assert!(pids.iter().all(|pid| is_alive(*pid)));
            kill_supervisor(&supervisor, Signal::SIGKILL);
            gone(pids[0]).await;

            let successor = stage.supervisor().await;
            assert_ne!(successor.pid(), supervisor.pid());
            let left: Vec<_> = pids.iter().filter(|pid| is_alive(**pid)).collect();
            assert!(left.is_empty(), "{left:?} of {pids:?}");
            let mut events = all_events(&successor).await;
            let exit = exit_of(&mut events, &TaskId::new("lost").unwrap()).await;
            assert_eq!(
                (exit.status, exit.code()),
                (ExitStatus::SupervisorLost, None)
            );
            let again = run_to_end(&successor, stage.script("next", "exit 2")).await;
            assert_eq!(again.status, ExitStatus::Code(2));
        });
    }
}

fn a_kill_at_any_moment_of_a_start_leaves_no_orphan() {
    let stage = Stage::new();
    block_on(async {
        for round in 0..12 {
            let supervisor = stage.supervisor().await;
            let starter = supervisor.clone();
            let specs: Vec<_> = (0..8)
                .map(|n| stage.script(&format!("r{round}-{n}"), "sleep 1000 & exec sleep 1000"))
                .collect();
            let starting = tokio::spawn(async move {
                for spec in specs {
                    if starter.start(spec).await.is_err() {
                        return;
                    }
                }
            });
            tokio::time::sleep(Duration::from_millis(round * 3)).await;
            kill_supervisor(&supervisor, Signal::SIGKILL);
            starting.await.unwrap();

            let successor = stage.supervisor().await;
            let tasks = successor.list().await.unwrap();
            let ended = |task: &TaskStatus| task.containers.iter().all(|c| c.state.is_final());
            assert!(tasks.iter().all(ended), "{tasks:?}");
            let left = at_home(stage.directory());
            assert!(left.is_empty(), "round {round}: {left:?}");
        }
    });
}

/// The living processes whose home is below a directory.
fn at_home(directory: &Path) -> Vec<String> {
    let home = format!("HOME={}", directory.canonicalize().unwrap().display());
    let entries = fs::read_dir("/proc")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|process| {
            let environ = fs::read(process.join("environ")).unwrap_or_default();
            environ
                .split(|byte| *byte == 0)
                .any(|variable| variable.starts_with(home.as_bytes()))
        })
        .map(|process| process.display().to_string())
        .collect()
}

fn numbers_of_events_go_on_after_a_kill() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        run_to_end(&supervisor, stage.script("done", "exit 6")).await;
        supervisor
            .start(stage.script("lost", "echo up; exec sleep 1000"))
            .await
            .unwrap();
        stage.line("lost", 0).await;
        let mut events = all_events(&supervisor).await;
        for _ in 0..3 {
            next(&mut events).await;
        }
        let cursor = events.cursor().clone();
        kill_supervisor(&supervisor, Signal::SIGKILL);
        let error = events.next().await.unwrap_err();
        assert!(error.to_string().contains("gone"), "{error}");

        let successor = stage.supervisor().await;
        let mut events = successor.events(cursor).await.unwrap();
        let event = next(&mut events).await;
        assert_eq!(
            (event.seq, event.task.as_str()),
            (4, "lost"),
            "the finished one is untouched"
        );
        assert!(matches!(event.kind, EventKind::Exited(_)));
        assert!(!events.has_gap());
    });
}

fn what_was_printed_before_a_kill_is_kept() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let script = "echo whole; printf half; exec sleep 1000";
        supervisor
            .start(stage.script("lost", script))
            .await
            .unwrap();
        stage.line("lost", 0).await;
        let segment = stage.path().join("logs/lost/main.0.log");
        let printed = || {
            let text = fs::read(&segment).unwrap();
            text.ends_with(b"stdout P half\n").then_some(())
        };
        eventually(printed).await;
        kill_supervisor(&supervisor, Signal::SIGKILL);
        stage.supervisor().await;
        assert_eq!(stage.stdout("lost"), ["whole"]);
    });
}

fn a_vanished_directory_stops_everything() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        supervisor
            .start(stage.script("left", "echo $$; exec sleep 1000"))
            .await
            .unwrap();
        let pid = stage.line("left", 0).await.parse().unwrap();
        fs::remove_dir_all(stage.directory()).unwrap();
        gone(pid).await;
        gone(i32::try_from(supervisor.pid()).unwrap()).await;
        assert!(!stage.directory().exists(), "and it does not come back");
    });
}

fn a_replaced_directory_stops_everything() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        supervisor
            .start(stage.script("left", "echo $$; exec sleep 1000"))
            .await
            .unwrap();
        let pid = stage.line("left", 0).await.parse().unwrap();
        fs::rename(stage.directory(), stage.path().join("aside")).unwrap();
        fs::create_dir(stage.directory()).unwrap();
        gone(pid).await;
        gone(i32::try_from(supervisor.pid()).unwrap()).await;
        assert_eq!(fs::read_dir(stage.directory()).unwrap().count(), 0);
    });
}

fn a_terminated_supervisor_stops_its_tasks() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let script = "trap 'echo asked; exit 8' TERM; echo $$; while :; do sleep 0.05; done";
        supervisor
            .start(stage.script("asked", script))
            .await
            .unwrap();
        let pid = stage.line("asked", 0).await.parse().unwrap();
        kill_supervisor(&supervisor, Signal::SIGTERM);
        gone(pid).await;
        gone(i32::try_from(supervisor.pid()).unwrap()).await;
        assert_eq!(stage.line("asked", 1).await, "asked");
        let mut events = all_events(&stage.supervisor().await).await;
        let exit = exit_of(&mut events, &TaskId::new("asked").unwrap()).await;
        assert_eq!(exit.status, ExitStatus::Code(8));
    });
}
