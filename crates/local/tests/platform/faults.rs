//! Faults on request, and what they look like from outside.

use seaway_local::faults::{FaultKind, Injected, Injection};
use seaway_local::launch::PlatformClient;
use serde_json::{Value, json};

use crate::api::{self, ECS};
use crate::harness::{run, tests};
use crate::services;
use crate::stage::{Stage, network, text};

tests![
    tasks_that_cannot_start_say_why_in_the_words_of_ecs,
    a_crash_loop_ends_tasks_that_ran_until_it_is_taken_back,
    a_task_out_of_memory_is_told_as_one,
    a_task_that_ignores_sigterm_is_killed,
    failing_checks_and_a_cut_replace_the_tasks_of_a_service,
    calls_are_throttled_and_fail,
    a_fault_of_a_service_to_come_waits_for_it,
    nonsense_is_refused_with_the_reason,
];

fn of_service(fault: FaultKind) -> Injection {
    Injection {
        fault,
        service: Some("shop/api".to_owned()),
        operation: None,
        seconds: None,
        times: None,
        for_seconds: None,
    }
}

fn client(stage: &Stage) -> PlatformClient {
    PlatformClient::new(stage.connection.clone())
}

async fn inject(stage: &Stage, injection: Injection) -> Injected {
    client(stage).inject(&injection).await.unwrap()
}

/// A stopped task of the service, as soon as there is one.
async fn stopped(stage: &Stage) -> Value {
    loop {
        let asked = json!({ "serviceName": "api", "desiredStatus": "STOPPED" });
        let listed = stage.ecs("ListTasks", asked).await;
        if let Some(arn) = listed["taskArns"].as_array().unwrap().first() {
            return stage.task_when(arn, "STOPPED").await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn tasks_that_cannot_start_say_why_in_the_words_of_ecs() {
    run(async {
        for (fault, start) in [
            (
                FaultKind::ImageNotFound,
                "CannotPullContainerError: failed to resolve ref ",
            ),
            (
                FaultKind::PullDenied,
                "CannotPullContainerError: pull access denied for ",
            ),
            (
                FaultKind::DiskFull,
                "CannotPullContainerError: failed to extract layer ",
            ),
            (
                FaultKind::SecretMissing,
                "ResourceInitializationError: unable to pull secrets ",
            ),
            (
                FaultKind::PlacementFailure,
                "Capacity is unavailable at this time.",
            ),
        ] {
            let stage = Stage::start().await;
            let secret = json!({ "Name": "db", "SecretString": "x" });
            let secret = stage.call(api::SECRETS, "CreateSecret", secret).await;
            let more = json!({ "secrets": [{ "name": "DB", "valueFrom": secret["ARN"] }] });
            let definition = stage.define_with("api", "exec sleep 600", more).await;
            let once = Injection {
                times: Some(1),
                ..of_service(fault)
            };
            let injected = inject(&stage, once).await;
            stage.create("api", &definition, json!({})).await;
            let reason = text(&stopped(&stage).await["stoppedReason"]);
            assert!(reason.starts_with(start), "{fault}: {reason}");
            // The fault is over: the next task runs.
            stage.steady("api").await;
            assert_eq!(client(&stage).faults().await.unwrap(), []);
            assert_eq!(injected.struck, 0);
        }
    });
}

fn a_crash_loop_ends_tasks_that_ran_until_it_is_taken_back() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", "exec sleep 600").await;
        let id = inject(&stage, of_service(FaultKind::CrashLoop)).await.id;
        let patient = json!({ "deploymentConfiguration": {} });
        stage.create("api", &definition, patient).await;
        let ended = stopped(&stage).await;
        assert_eq!(ended["stopCode"], "EssentialContainerExited");
        // The circuit breaker does not see a task that ran.
        assert!(ended["startedAt"].is_number(), "{ended:#}");
        assert_eq!(ended["containers"][0]["exitCode"], 137);
        let taken = client(&stage).take_back(id).await.unwrap();
        assert!(taken.struck > 0);
        stage.steady("api").await;
    });
}

fn a_task_out_of_memory_is_told_as_one() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage
            .define_with("api", "exec sleep 600", json!({ "memory": 64 }))
            .await;
        inject(&stage, of_service(FaultKind::OutOfMemory)).await;
        stage.create("api", &definition, json!({})).await;
        let ended = stopped(&stage).await;
        let container = &ended["containers"][0];
        assert_eq!(container["exitCode"], 137, "{ended:#}");
        let reason = text(&container["reason"]);
        assert!(reason.starts_with("OutOfMemoryError"), "{reason}");
    });
}

fn a_task_that_ignores_sigterm_is_killed() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", "exec sleep 600").await;
        inject(&stage, of_service(FaultKind::IgnoredSigterm)).await;
        stage.create("api", &definition, json!({})).await;
        stage.steady("api").await;
        let task = stage.tasks("api").await[0]["taskArn"].clone();
        stage.update("api", json!({ "desiredCount": 0 })).await;
        let ended = stage.task_when(&task, "STOPPED").await;
        // SIGTERM would have been 143.
        assert_eq!(ended["containers"][0]["exitCode"], 137);
    });
}

fn failing_checks_and_a_cut_replace_the_tasks_of_a_service() {
    run(async {
        for (fault, why) in [
            (
                FaultKind::FailingHealthChecks,
                "Health checks failed with these codes: [503]",
            ),
            (FaultKind::NetworkCut, "Request timed out"),
        ] {
            let stage = Stage::start().await;
            let group = services::target_group(&stage).await;
            let definition = services::server(&stage, "200").await;
            let balanced = json!({ "loadBalancers": [{
                "targetGroupArn": group, "containerName": "main", "containerPort": 8000 }],
                "networkConfiguration": network() });
            stage.create("api", &definition, balanced).await;
            stage.steady("api").await;
            inject(&stage, of_service(fault)).await;
            let begun = std::time::Instant::now();
            while !stage
                .events("api")
                .await
                .iter()
                .any(|event| event.contains(why))
            {
                let waited = begun.elapsed().as_secs();
                assert!(waited < 40, "{fault}: {:#?}", stage.events("api").await);
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            client(&stage).take_all_back().await.unwrap();
            stage.steady("api").await;
        }
    });
}

fn calls_are_throttled_and_fail() {
    run(async {
        let stage = Stage::start().await;
        let of_call = |fault, operation: &str| Injection {
            service: None,
            operation: Some(operation.to_owned()),
            times: Some(1),
            ..of_service(fault)
        };
        inject(&stage, of_call(FaultKind::Throttling, "ecs:ListServices")).await;
        inject(&stage, of_call(FaultKind::ServerError, "ecs:*")).await;
        let list = || stage.refused("ListServices", json!({}));
        let throttled = ("ThrottlingException".to_owned(), "Rate exceeded".to_owned());
        assert_eq!(list().await, throttled);
        assert_eq!(list().await.0, "InternalFailure");
        stage.ecs("ListServices", json!({})).await;
        let late = Injection {
            seconds: Some(1),
            ..of_call(FaultKind::TimeOut, "*")
        };
        inject(&stage, late).await;
        let begun = std::time::Instant::now();
        let answer = api::call(&stage.connection, ECS, "ListClusters", &json!({})).await;
        assert_eq!(answer.unwrap_err().0, "ServiceUnavailable");
        assert!(begun.elapsed().as_millis() >= 1000);
    });
}

fn a_fault_of_a_service_to_come_waits_for_it() {
    run(async {
        let stage = Stage::start().await;
        let early = inject(&stage, of_service(FaultKind::SlowStart)).await;
        assert!(early.awaits_service);
        let definition = stage.define("api", "exec sleep 600").await;
        stage.create("api", &definition, json!({})).await;
        let late = inject(&stage, of_service(FaultKind::SlowStart)).await;
        assert!(!late.awaits_service);
        let throttled = Injection {
            service: None,
            operation: Some("elbv2:*".to_owned()),
            ..of_service(FaultKind::Throttling)
        };
        assert!(!inject(&stage, throttled).await.awaits_service);
    });
}

fn nonsense_is_refused_with_the_reason() {
    run(async {
        let stage = Stage::start().await;
        let nowhere = Injection {
            service: None,
            ..of_service(FaultKind::NetworkCut)
        };
        let refused = client(&stage).inject(&nowhere).await.unwrap_err();
        let reason = "network-cut happens to a service: name one";
        assert_eq!(refused.to_string(), reason);
        let refused = client(&stage).take_back(7).await.unwrap_err();
        assert_eq!(refused.to_string(), "no fault has the number 7");
    });
}
