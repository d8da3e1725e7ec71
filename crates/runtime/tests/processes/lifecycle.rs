//! Starting, stopping, and being told about it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use seaway_runtime::client::{ClientError, Refusal, Supervisor};
use seaway_runtime::event::{
    ContainerState, EventCursor, EventKind, ExitStatus, StartFailureReason,
};
use seaway_runtime::task::{ContainerName, Environment, StopSignal, TaskId};

use crate::stage::{
    PATIENCE, Stage, all_events, block_on, eventually, exit_of, is_alive, next, run_to_end,
    start_failure, stop,
};

crate::harness::tests![
    a_task_starts_and_ends_with_its_exit_code,
    a_platform_that_was_away_gets_what_it_missed,
    starting_twice_starts_once,
    the_whole_group_is_asked_to_stop,
    what_ignores_the_signal_is_killed_after_the_timeout,
    what_the_first_process_leaves_behind_is_killed_with_it,
    a_process_that_left_session_and_parent_is_killed_too,
    the_given_signal_is_sent,
    a_signal_that_was_ignored_further_up_is_heeded,
    a_command_that_cannot_run_is_explained,
    a_command_is_found_in_the_image_first,
    several_containers_live_side_by_side,
    a_task_is_forgotten_only_when_it_has_ended,
    a_task_that_makes_no_sense_is_refused,
    a_supervisor_in_a_very_long_directory_answers,
    shutdown_stops_every_task,
    a_shutdown_returns_when_the_process_is_gone,
    two_platforms_at_once_share_one_supervisor,
    a_binary_that_is_no_supervisor_is_reported,
    many_tasks_at_once_all_start_and_all_stop,
];

fn a_task_starts_and_ends_with_its_exit_code() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        supervisor
            .start(stage.script("one", "exit 7"))
            .await
            .unwrap();
        let mut events = all_events(&supervisor).await;
        let first = next(&mut events).await;
        assert!(
            matches!(first.kind, EventKind::Started { pid, .. } if pid > 1),
            "{first:?}"
        );
        let second = next(&mut events).await;
        let EventKind::Exited(exit) = second.kind else {
            panic!("{second:?}")
        };
        assert_eq!(
            (exit.status, exit.oom, exit.code()),
            (ExitStatus::Code(7), false, Some(7))
        );
        assert_eq!((first.seq, second.seq), (1, 2));
        assert!(!events.has_gap());
        let tasks = supervisor.list().await.unwrap();
        assert!(matches!(
            tasks[0].containers[0].state,
            ContainerState::Exited { .. }
        ));
    });
}

fn a_platform_that_was_away_gets_what_it_missed() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let pid = supervisor.pid();
        supervisor
            .start(stage.script("away", "sleep 0.3; echo done; exit 3"))
            .await
            .unwrap();
        let mut events = all_events(&supervisor).await;
        next(&mut events).await;
        let cursor = events.cursor().clone();
        drop((events, supervisor));
        eventually(|| (stage.stdout("away") == ["done"]).then_some(())).await;

        let supervisor = stage.supervisor().await;
        assert_eq!(supervisor.pid(), pid, "the same one is still there");
        let mut events = supervisor.events(cursor).await.unwrap();
        let exit = exit_of(&mut events, &TaskId::new("away").unwrap()).await;
        assert_eq!(exit.status, ExitStatus::Code(3));
        assert_eq!(events.cursor().seq, 2, "and nothing came twice");
        let foreign = EventCursor {
            journal: "another".into(),
            seq: 900,
        };
        let mut events = supervisor.events(foreign).await.unwrap();
        assert!(
            events.has_gap(),
            "a number of another journal means nothing"
        );
        assert_eq!(next(&mut events).await.seq, 1);
    });
}

fn starting_twice_starts_once() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let spec = stage.script("twice", "echo ran; sleep 0.2");
        supervisor.start(spec.clone()).await.unwrap();
        supervisor.start(spec.clone()).await.unwrap();
        let mut events = all_events(&supervisor).await;
        exit_of(&mut events, &spec.id).await;
        supervisor.start(spec).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(stage.stdout("twice"), ["ran"]);
    });
}

fn the_whole_group_is_asked_to_stop() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        // The child tells that it was asked; the shell waits for it, and ends by itself.
        let child =
            "trap 'echo child asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
        let script =
            format!("trap 'wait; echo parent asked; exit 5' TERM; sh -c \"{child}\" & wait");
        supervisor
            .start(stage.script("group", &script))
            .await
            .unwrap();
        stage.line("group", 0).await;
        stop(&supervisor, "group", PATIENCE).await;
        let mut events = all_events(&supervisor).await;
        let exit = exit_of(&mut events, &TaskId::new("group").unwrap()).await;
        assert_eq!(exit.status, ExitStatus::Code(5));
        assert_eq!(
            stage.stdout("group"),
            ["ready", "child asked", "parent asked"]
        );
    });
}

fn what_ignores_the_signal_is_killed_after_the_timeout() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let script =
            "trap '' TERM; (trap '' TERM; echo $$; sleep 1000) & echo $!; wait; sleep 1000";
        supervisor
            .start(stage.script("deaf", script))
            .await
            .unwrap();
        let first: i32 = stage.line("deaf", 0).await.parse().unwrap();
        let second: i32 = stage.line("deaf", 1).await.parse().unwrap();
        let begun = Instant::now();
        stop(&supervisor, "deaf", Duration::from_millis(400)).await;
        let mut events = all_events(&supervisor).await;
        let exit = exit_of(&mut events, &TaskId::new("deaf").unwrap()).await;
        assert_eq!(
            (exit.status, exit.code()),
            (ExitStatus::Signal(9), Some(137))
        );
        assert!(!exit.oom);
        assert!(
            begun.elapsed() >= Duration::from_millis(400),
            "it had its time"
        );
        assert!(!is_alive(first) && !is_alive(second));
    });
}

fn what_the_first_process_leaves_behind_is_killed_with_it() {
    for stage in [Stage::new(), Stage::sampling()] {
        block_on(async {
            let supervisor = stage.supervisor().await;
            let script = "(trap '' TERM HUP; sleep 1000 & echo $!; wait) & sleep 0.2; exit 0";
            let exit = run_to_end(&supervisor, stage.script("parent", script)).await;
            assert_eq!(exit.status, ExitStatus::Code(0));
            let child: i32 = stage.line("parent", 0).await.parse().unwrap();
            assert!(!is_alive(child), "gone by the time the exit is reported");
        });
    }
}

fn a_process_that_left_session_and_parent_is_killed_too() {
    for stage in [Stage::new(), Stage::sampling()] {
        block_on(async {
            let supervisor = stage.supervisor().await;
            let script = "(setsid sh -c 'sleep 1000 & echo $!; wait' &); exec sleep 1000";
            supervisor
                .start(stage.script("daemon", script))
                .await
                .unwrap();
            let child: i32 = stage.line("daemon", 0).await.parse().unwrap();
            assert!(is_alive(child));
            stop(&supervisor, "daemon", PATIENCE).await;
            let mut events = all_events(&supervisor).await;
            exit_of(&mut events, &TaskId::new("daemon").unwrap()).await;
            assert!(!is_alive(child));
        });
    }
}

fn the_given_signal_is_sent() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let script = "trap 'echo quit; exit 9' QUIT; echo ready; while :; do sleep 0.05; done";
        supervisor
            .start(stage.script("quit", script))
            .await
            .unwrap();
        stage.line("quit", 0).await;
        let signal: StopSignal = "SIGQUIT".parse().unwrap();
        let id = TaskId::new("quit").unwrap();
        supervisor.stop(&id, signal, PATIENCE).await.unwrap();
        let mut events = all_events(&supervisor).await;
        assert_eq!(exit_of(&mut events, &id).await.status, ExitStatus::Code(9));
        supervisor.stop(&id, signal, PATIENCE).await.unwrap();
    });
}

fn a_signal_that_was_ignored_further_up_is_heeded() {
    // As where a script starts the platform in the background.
    let stage = Stage::new().ignoring("INT QUIT HUP");
    block_on(async {
        let supervisor = stage.supervisor().await;
        let script = "exec grep SigIgn /proc/self/status";
        supervisor
            .start(stage.script("ignores", script))
            .await
            .unwrap();
        let line = stage.line("ignores", 0).await;
        let mask = u64::from_str_radix(line.trim_start_matches("SigIgn:\t"), 16).unwrap();
        // Behind the standard signals are those of the C library, which nobody can change.
        assert_eq!(mask & 0x7fff_ffff, 0, "{line}");
    });
}

fn a_command_that_cannot_run_is_explained() {
    let stage = Stage::new();
    stage.file("app/text", 0o644, b"hello");
    stage.file("app/garbage", 0o755, b"neither program nor script");
    stage.file("app/orphan", 0o755, b"#!/nonexistent/interpreter\n");
    block_on(async {
        let supervisor = stage.supervisor().await;
        let cases: [(&str, StartFailureReason, &str); 7] = [
            (
                "./api",
                StartFailureReason::CommandNotFound,
                "command `./api` not found",
            ),
            (
                "no-such-program",
                StartFailureReason::CommandNotFound,
                "not found",
            ),
            (
                "/app/nothing",
                StartFailureReason::CommandNotFound,
                "not found",
            ),
            (
                "./text",
                StartFailureReason::PermissionDenied,
                "not executable",
            ),
            ("/app", StartFailureReason::PermissionDenied, "not a file"),
            (
                "./garbage",
                StartFailureReason::NotExecutable,
                "neither a program nor",
            ),
            (
                "./orphan",
                StartFailureReason::CommandNotFound,
                "interpreter",
            ),
        ];
        for (number, (command, reason, text)) in cases.into_iter().enumerate() {
            let spec = stage.task(&format!("bad-{number}"), &[command]);
            let failure = start_failure(&supervisor, spec).await;
            assert_eq!(failure.reason, reason, "{command}: {failure:?}");
            assert!(failure.message.contains(text), "{command}: {failure:?}");
        }

        let mut spec = stage.task("workdir", &["/bin/true"]);
        spec.containers[0].workdir = "/srv".into();
        let failure = start_failure(&supervisor, spec).await;
        assert_eq!(
            failure.reason,
            StartFailureReason::WorkdirNotFound,
            "{failure:?}"
        );

        let mut spec = stage.task("nul", &["/bin/true"]);
        let variables = vec![("TOKEN".to_owned(), "sec\0ret".to_owned())];
        spec.containers[0].env = Environment::new(variables);
        let failure = start_failure(&supervisor, spec).await;
        assert_eq!(failure.reason, StartFailureReason::InvalidSpec);
        assert!(failure.message.contains("TOKEN") && !failure.message.contains("sec"));

        let failure = start_failure(&supervisor, stage.task("empty", &[])).await;
        assert_eq!(failure.reason, StartFailureReason::InvalidSpec);
    });
}

fn a_command_is_found_in_the_image_first() {
    let stage = Stage::new();
    stage.file("app/api", 0o755, b"#!/bin/sh\necho \"image $0 $1\"\n");
    stage.file("bin/true", 0o755, b"#!/bin/sh\necho \"the image's own\"\n");
    block_on(async {
        let supervisor = stage.supervisor().await;
        run_to_end(&supervisor, stage.task("relative", &["./api", "serve"])).await;
        assert_eq!(stage.stdout("relative").len(), 1);
        assert!(stage.stdout("relative")[0].ends_with("app/./api serve"));
        run_to_end(&supervisor, stage.task("absolute", &["/app/api"])).await;
        assert!(stage.stdout("absolute")[0].contains("image/app/api"));
        run_to_end(&supervisor, stage.task("bare", &["true"])).await;
        assert_eq!(stage.stdout("bare"), ["the image's own"]);
        run_to_end(&supervisor, stage.task("host", &["echo", "host"])).await;
        assert_eq!(stage.stdout("host"), ["host"]);
    });
}

fn several_containers_live_side_by_side() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let mut spec = stage.script("pair", "exit 1");
        let mut other = stage.script("pair", "sleep 1000").containers.remove(0);
        other.name = ContainerName::new("sidecar").unwrap();
        spec.containers.push(other);
        let id = spec.id.clone();
        supervisor.start(spec).await.unwrap();
        let mut events = all_events(&supervisor).await;
        assert_eq!(exit_of(&mut events, &id).await.status, ExitStatus::Code(1));
        // What follows from the first exit is the platform's business.
        loop {
            let task = supervisor.list().await.unwrap().remove(0);
            match &task.containers[1].state {
                ContainerState::Starting => tokio::time::sleep(Duration::from_millis(5)).await,
                ContainerState::Running { .. } => break,
                ended => panic!("{ended:?}"),
            }
        }
        stop(&supervisor, "pair", PATIENCE).await;
        assert_eq!(
            exit_of(&mut events, &id).await.status,
            ExitStatus::Signal(15)
        );
    });
}

fn a_task_is_forgotten_only_when_it_has_ended() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let spec = stage.script("forget", "echo > $HOME/file; echo $HOME; exec sleep 1000");
        let id = spec.id.clone();
        supervisor.start(spec).await.unwrap();
        let home = stage.line("forget", 0).await;
        let error = supervisor.forget(&id).await.unwrap_err();
        assert!(
            matches!(error, ClientError::Refused(Refusal::StillRunning { .. })),
            "{error:?}"
        );
        stop(&supervisor, "forget", PATIENCE).await;
        exit_of(&mut all_events(&supervisor).await, &id).await;
        supervisor.forget(&id).await.unwrap();
        assert!(!Path::new(&home).exists());
        assert!(supervisor.list().await.unwrap().is_empty());
        let error = supervisor.forget(&id).await.unwrap_err();
        assert!(
            matches!(error, ClientError::Refused(Refusal::NoSuchTask { .. })),
            "{error:?}"
        );
    });
}

fn a_task_that_makes_no_sense_is_refused() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let mut none = stage.script("none", "");
        none.containers.clear();
        let mut double = stage.script("double", "");
        double.containers.push(double.containers[0].clone());
        let mut relative = stage.script("relative", "");
        relative.log_dir = "logs".into();
        for spec in [none, double, relative] {
            let error = supervisor.start(spec).await.unwrap_err();
            let refused = matches!(error, ClientError::Refused(Refusal::InvalidTask { .. }));
            assert!(refused, "{error:?}");
        }
        assert!(supervisor.list().await.unwrap().is_empty());
    });
}

fn a_supervisor_in_a_very_long_directory_answers() {
    let stage = Stage::new().deep();
    block_on(async {
        let supervisor = stage.supervisor().await;
        assert!(stage.directory().as_os_str().len() > 200);
        let exit = run_to_end(&supervisor, stage.script("deep", "exit 4")).await;
        assert_eq!(exit.status, ExitStatus::Code(4));
    });
}

fn shutdown_stops_every_task() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let mut pids = Vec::new();
        for number in 0..5 {
            let id = format!("task-{number}");
            supervisor
                .start(stage.script(&id, "echo $$; exec sleep 1000"))
                .await
                .unwrap();
            pids.push(stage.line(&id, 0).await.parse().unwrap());
        }
        supervisor.shutdown(PATIENCE).await.unwrap();
        assert!(pids.into_iter().all(|pid| !is_alive(pid)));
        let error = Supervisor::connect(stage.directory()).await.unwrap_err();
        assert!(matches!(error, ClientError::NotRunning { .. }), "{error:?}");
        let mut events = all_events(&stage.supervisor().await).await;
        for _ in 0..10 {
            next(&mut events).await;
        }
    });
}

fn a_shutdown_returns_when_the_process_is_gone() {
    let stage = Stage::new();
    block_on(async {
        for round in 0..20 {
            let supervisor = stage.supervisor().await;
            let process = i32::try_from(supervisor.pid()).unwrap();
            supervisor.shutdown(PATIENCE).await.unwrap();
            assert!(!is_alive(process), "round {round}");
        }
    });
}

fn two_platforms_at_once_share_one_supervisor() {
    let stage = Stage::new();
    block_on(async {
        for _ in 0..5 {
            let launch = stage.launch();
            let (first, second) = tokio::join!(
                Supervisor::connect_or_start(&launch),
                Supervisor::connect_or_start(&launch),
            );
            let supervisor = first.unwrap();
            assert_eq!(supervisor.pid(), second.unwrap().pid());
            supervisor.shutdown(PATIENCE).await.unwrap();
            // Whoever came second must not take over now.
            eventually(|| running_in(stage.directory()).is_empty().then_some(())).await;
        }
    });
}

/// The processes that were started with a directory as argument.
fn running_in(directory: &Path) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let directory = directory.as_os_str().as_encoded_bytes();
    processes
        .filter(|process| {
            let line = fs::read(process.join("cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0)
                .any(|argument| argument == directory)
        })
        .collect()
}

fn a_binary_that_is_no_supervisor_is_reported() {
    let stage = Stage::new();
    block_on(async {
        let mut launch = stage.launch();
        launch.executable = "/bin/sh".into();
        launch.arguments = vec!["-c".into(), "echo cannot go on >&2; exit 3".into()];
        let error = Supervisor::connect_or_start(&launch).await.unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("exit status: 3") && text.contains("cannot go on"),
            "{text}"
        );
        launch.executable = "/nonexistent".into();
        let error = Supervisor::connect_or_start(&launch).await.unwrap_err();
        assert!(matches!(error, ClientError::Spawn { .. }), "{error:?}");
    });
}

fn many_tasks_at_once_all_start_and_all_stop() {
    const TASKS: usize = 100;
    for stage in [Stage::new(), Stage::sampling()] {
        block_on(async {
            let supervisor = stage.supervisor().await;
            let mut events = all_events(&supervisor).await;
            let begun = Instant::now();
            for number in 0..TASKS {
                let spec = stage.task(&format!("many-{number}"), &["sleep", "1000"]);
                supervisor.start(spec).await.unwrap();
            }
            for _ in 0..TASKS {
                let event = next(&mut events).await;
                assert!(matches!(event.kind, EventKind::Started { .. }), "{event:?}");
            }
            let started = begun.elapsed();
            for number in 0..TASKS {
                stop(&supervisor, &format!("many-{number}"), PATIENCE).await;
            }
            for _ in 0..TASKS {
                let event = next(&mut events).await;
                assert!(matches!(event.kind, EventKind::Exited { .. }), "{event:?}");
            }
            let stopped = begun.elapsed() - started;
            println!("{TASKS} tasks: started in {started:?}, stopped in {stopped:?}");
        });
    }
}
