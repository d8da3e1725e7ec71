//! `kill -9` of platform and supervisor: nothing is lost, doubled or left behind.

use std::collections::BTreeSet;
use std::time::Duration;

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use seaway_local::launch::{Stopped, ensure_running, stop};
use serde_json::{Value, json};

use crate::api::push_image;
use crate::harness::{run, tests};
use crate::services::{server, target_group};
use crate::stage::{Stage, end, id_of, network, options, own_binary, text, wait_for_end};

tests![
    a_killed_platform_adopts_its_tasks,
    a_platform_killed_in_the_middle_of_a_roll_goes_on_with_it,
    a_platform_killed_while_tasks_start_and_stop_loses_none,
    an_adopted_task_is_stopped_by_the_signal_of_its_image,
    a_killed_platform_finds_its_targets_healthy_again,
    a_killed_supervisor_is_replaced_and_so_are_its_tasks,
    a_supervisor_killed_while_tasks_start_leaves_none_behind,
    a_supervisor_that_does_not_answer_is_named,
    platform_and_supervisor_killed_together_come_back,
    another_build_of_the_platform_keeps_the_tasks,
    a_stop_leaves_no_process_and_services_come_back,
    a_state_directory_that_vanished_takes_every_process_along,
    logs_are_whole_after_a_kill,
];

/// A stage whose service `api` has so many tasks, each a process with the mark.
async fn with_tasks(count: usize) -> Stage {
    let stage = Stage::start().await;
    let definition = sleeper(&stage).await;
    stage
        .create("api", &definition, json!({ "desiredCount": count }))
        .await;
    stage.steady("api").await;
    stage
}

/// Another revision of `api`.
async fn sleeper(stage: &Stage) -> String {
    stage.define_marked("api", "exec sleep 600").await
}

#[derive(Clone, Copy)]
enum Victim {
    Platform,
    Supervisor,
}

impl Victim {
    /// Kills it, and brings back what does not come back by itself.
    async fn kill(self, stage: &mut Stage) {
        match self {
            Self::Platform => {
                stage.kill_platform().await;
                stage.restart().await;
            }
            Self::Supervisor => stage.kill_supervisor().await,
        }
    }
}

/// Scales `api` up and down, and kills the victim so many milliseconds into each time.
async fn kill_while_scaling(victim: Victim, waits: [u64; 6]) {
    let mut stage = with_tasks(0).await;
    for (round, wait) in waits.into_iter().enumerate() {
        let desired = if round % 2 == 0 { 6 } else { 0 };
        stage
            .update("api", json!({ "desiredCount": desired }))
            .await;
        tokio::time::sleep(Duration::from_millis(wait)).await;
        victim.kill(&mut stage).await;
        stage
            .service_when("api", "scaled", |service| {
                service["runningCount"] == desired && service["pendingCount"] == 0
            })
            .await;
        stage.until_marked(desired).await;
    }
}

fn pids(stage: &Stage) -> BTreeSet<u32> {
    stage.processes_with(&stage.mark()).into_iter().collect()
}

fn a_killed_platform_adopts_its_tasks() {
    run(async {
        let mut stage = with_tasks(3).await;
        let definition = sleeper(&stage).await;
        let alone = stage.run_task(&definition, json!({})).await;
        stage.task_when(&alone["taskArn"], "RUNNING").await;
        let (before, tasks) = (pids(&stage), names(&stage.tasks("api").await));
        assert_eq!(before.len(), 4);
        let events = stage.events("api").await;
        stage.kill_platform().await;
        assert_eq!(pids(&stage), before, "tasks do not need it");
        stage.restart().await;
        let service = stage.steady("api").await;
        assert_eq!(service["runningCount"], 3);
        assert_eq!(names(&stage.tasks("api").await), tasks);
        assert_eq!(stage.events("api").await, events, "nothing happened");
        assert_eq!(pids(&stage), before);
        // It is their platform: it can stop them.
        stage.update("api", json!({ "desiredCount": 0 })).await;
        stage
            .ecs("StopTask", json!({ "task": alone["taskArn"] }))
            .await;
        let task = stage.task_when(&alone["taskArn"], "STOPPED").await;
        assert_eq!(task["containers"][0]["exitCode"], 143);
        stage.until_marked(0).await;
    });
}

fn names(tasks: &[Value]) -> BTreeSet<String> {
    tasks.iter().map(|task| id_of(&task["taskArn"])).collect()
}

fn a_platform_killed_in_the_middle_of_a_roll_goes_on_with_it() {
    run(async {
        let mut stage = with_tasks(2).await;
        for wait in [0, 30, 120, 700, 1300] {
            let next = sleeper(&stage).await;
            let updated = stage.update("api", json!({ "taskDefinition": next })).await;
            let deployment = text(&updated["deployments"][0]["id"]);
            tokio::time::sleep(Duration::from_millis(wait)).await;
            stage.kill_platform().await;
            stage.restart().await;
            let steady = stage.steady("api").await;
            assert_eq!(steady["deployments"][0]["id"], deployment.as_str());
            assert_eq!(steady["taskDefinition"], next.as_str());
            stage.until_marked(2).await;
        }
    });
}

fn a_platform_killed_while_tasks_start_and_stop_loses_none() {
    run(kill_while_scaling(Victim::Platform, [0, 5, 10, 20, 40, 80]));
}

fn a_killed_supervisor_is_replaced_and_so_are_its_tasks() {
    run(async {
        let stage = with_tasks(2).await;
        let (before, tasks) = (pids(&stage), names(&stage.tasks("api").await));
        stage.kill_supervisor().await;
        stage
            .service_when("api", "replaced", |service| {
                service["runningCount"] == 2 && service["events"].as_array().unwrap().len() > 4
            })
            .await;
        stage.until_marked(2).await;
        assert!(pids(&stage).is_disjoint(&before));
        assert!(names(&stage.tasks("api").await).is_disjoint(&tasks));
        for task in &tasks {
            let task = stage.task_when(&json!(task), "STOPPED").await;
            assert_eq!(task["stopCode"], "InfrastructureHealth");
            assert_eq!(task["stoppedReason"], "The task was lost by its host");
        }
    });
}

fn a_supervisor_killed_while_tasks_start_leaves_none_behind() {
    run(kill_while_scaling(
        Victim::Supervisor,
        [0, 5, 15, 30, 50, 80],
    ));
}

fn a_supervisor_that_does_not_answer_is_named() {
    run(async {
        let mut stage = with_tasks(1).await;
        let before = pids(&stage);
        let supervisor = Pid::from_raw(i32::try_from(stage.supervisor().await.pid).unwrap());
        signal::kill(supervisor, Signal::SIGSTOP).unwrap();
        stage.kill_platform().await;
        let refused = ensure_running(&stage.state, &options(&own_binary())).await;
        let stopped = stop(&stage.state).await;
        signal::kill(supervisor, Signal::SIGCONT).unwrap();
        let next_step = format!("`kill -9 {supervisor}` ends it");
        let refused = chain(&refused.unwrap_err());
        assert!(refused.contains(&next_step), "{refused}");
        let stopped = chain(&stopped.unwrap_err());
        assert!(stopped.contains(&next_step), "{stopped}");
        stage.restart().await;
        assert_eq!(stage.steady("api").await["runningCount"], 1);
        assert_eq!(pids(&stage), before, "when it goes on, so does everything");
    });
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(|error| format!("{error}; ")).collect()
}

fn an_adopted_task_is_stopped_by_the_signal_of_its_image() {
    run(async {
        let mut stage = Stage::start().await;
        let run = json!({ "StopSignal": "SIGUSR1" });
        let image = push_image(&stage.connection, run).await;
        let script = "trap 'exit 9' USR1; while :; do sleep 0.05; done";
        let definition = stage
            .define_with("job", script, json!({ "image": image }))
            .await;
        let task = stage.run_task(&definition, json!({})).await;
        stage.task_when(&task["taskArn"], "RUNNING").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        stage.kill_platform().await;
        stage.restart().await;
        stage
            .ecs("StopTask", json!({ "task": task["taskArn"] }))
            .await;
        let task = stage.task_when(&task["taskArn"], "STOPPED").await;
        assert_eq!(task["containers"][0]["exitCode"], 9);
    });
}

fn a_killed_platform_finds_its_targets_healthy_again() {
    run(async {
        let mut stage = Stage::start().await;
        let group = target_group(&stage).await;
        let balancers = json!([{ "targetGroupArn": group, "containerName": "main",
            "containerPort": 8000 }]);
        let definition = server(&stage, "200").await;
        let more = json!({ "loadBalancers": balancers, "desiredCount": 2,
            "networkConfiguration": network() });
        stage.create("web", &definition, more).await;
        stage.steady("web").await;
        let (tasks, events) = (names(&stage.tasks("web").await), stage.events("web").await);
        stage.kill_platform().await;
        stage.restart().await;
        assert_eq!(names(&stage.tasks("web").await), tasks);
        // A roll completes only with targets that the load balancer finds healthy.
        let forced = stage
            .update("web", json!({ "forceNewDeployment": true }))
            .await;
        assert_eq!(forced["runningCount"], 2);
        stage.steady("web").await;
        let now = stage.events("web").await;
        assert_eq!(now[..events.len()], events);
        assert!(names(&stage.tasks("web").await).is_disjoint(&tasks));
    });
}

fn platform_and_supervisor_killed_together_come_back() {
    run(async {
        let mut stage = with_tasks(2).await;
        let before = pids(&stage);
        let next = sleeper(&stage).await;
        stage.update("api", json!({ "taskDefinition": next })).await;
        let supervisor = stage.supervisor().await;
        stage.kill_platform().await;
        end(&supervisor).await;
        stage.restart().await;
        let steady = stage.steady("api").await;
        assert_eq!(steady["taskDefinition"], next.as_str());
        stage.until_marked(2).await;
        assert!(pids(&stage).is_disjoint(&before));
    });
}

fn another_build_of_the_platform_keeps_the_tasks() {
    run(async {
        let mut stage = with_tasks(1).await;
        let (before, old) = (pids(&stage), stage.platform().await);
        let rebuilt = stage.dir.path().join("rebuilt");
        std::fs::copy(own_binary(), &rebuilt).unwrap();
        stage.connection = ensure_running(&stage.state, &options(&rebuilt))
            .await
            .unwrap();
        assert_ne!(stage.platform().await, old);
        assert_eq!(stage.steady("api").await["runningCount"], 1);
        assert_eq!(pids(&stage), before);
    });
}

fn a_stop_leaves_no_process_and_services_come_back() {
    run(async {
        let mut stage = with_tasks(2).await;
        // In the middle of launches, too.
        stage.update("api", json!({ "desiredCount": 8 })).await;
        let supervisor = stage.supervisor().await;
        assert_eq!(stop(&stage.state).await.unwrap(), Stopped::Ended);
        assert!(pids(&stage).is_empty());
        assert!(!supervisor.is_alive());
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(pids(&stage).is_empty(), "nothing is started late");
        stage.restart().await;
        stage
            .service_when("api", "back", |service| service["runningCount"] == 8)
            .await;
        stage.until_marked(8).await;
    });
}

fn a_state_directory_that_vanished_takes_every_process_along() {
    run(async {
        let stage = with_tasks(2).await;
        let (platform, supervisor) = (stage.platform().await, stage.supervisor().await);
        std::fs::remove_dir_all(stage.state.root()).unwrap();
        wait_for_end(&platform).await;
        wait_for_end(&supervisor).await;
        assert!(pids(&stage).is_empty());
    });
}

fn logs_are_whole_after_a_kill() {
    run(async {
        let mut stage = Stage::start().await;
        let script = "i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); sleep 0.01; done";
        let definition = stage.define("job", script).await;
        let task = stage.run_task(&definition, json!({})).await;
        stage.task_when(&task["taskArn"], "RUNNING").await;
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            stage.kill_platform().await;
            tokio::time::sleep(Duration::from_millis(300)).await;
            stage.restart().await;
        }
        stage.task_when(&task["taskArn"], "STOPPED").await;
        let stream = format!("job/main/{}", id_of(&task["taskArn"]));
        let expected: Vec<String> = (0..400).map(|number| format!("line {number}")).collect();
        assert_eq!(stage.log(&stream).await, expected);
    });
}
