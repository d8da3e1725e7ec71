//! Tasks: run, stop, list, and what their ends say.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::api::{PARAMETERS, SECRETS};
use crate::harness::{run, tests};
use crate::stage::{Stage, id_of, text};

tests![
    a_task_runs_with_its_overrides_and_ends,
    the_same_token_starts_one_task,
    a_stopped_task_says_who_stopped_it,
    a_task_that_cannot_start_says_why,
    a_task_that_needs_too_much_memory_is_killed_for_it,
    the_end_of_an_essential_container_ends_the_others,
    a_secret_reaches_the_task,
    parameters_reach_the_task,
    tasks_are_found_by_what_they_are,
    a_task_stopped_while_it_starts_leaves_nothing,
    what_the_platform_writes_is_its_owners_alone,
    a_command_in_a_task_is_refused_for_want_of_an_agent,
];

fn a_task_runs_with_its_overrides_and_ends() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("job", "echo \"$WHO\"; exit 4").await;
        let overrides = json!({ "containerOverrides": [{ "name": "main",
            "environment": [{ "name": "WHO", "value": "you" }] }] });
        let started = stage
            .run_task(
                &definition,
                json!({ "overrides": overrides, "startedBy": "me" }),
            )
            .await;
        let task = stage.task_when(&started["taskArn"], "STOPPED").await;
        assert_eq!(task["containers"][0]["exitCode"], 4);
        assert_eq!(task["stoppedReason"], "Essential container in task exited");
        assert_eq!(task["stopCode"], "EssentialContainerExited");
        assert_eq!(task["startedBy"], "me");
        assert_eq!(task["overrides"], overrides_as_shown());
        let stream = format!("job/main/{}", id_of(&started["taskArn"]));
        assert_eq!(stage.log(&stream).await, ["you"]);
        let other = json!({ "containerOverrides": [{ "name": "main",
            "command": ["/bin/sh", "-c", "echo other"] }] });
        let started = stage
            .run_task(&definition, json!({ "overrides": other }))
            .await;
        let task = stage.task_when(&started["taskArn"], "STOPPED").await;
        assert_eq!(task["containers"][0]["exitCode"], 0);
    });
}

fn overrides_as_shown() -> serde_json::Value {
    json!({ "inferenceAcceleratorOverrides": [], "containerOverrides": [{ "name": "main",
        "environment": [{ "name": "WHO", "value": "you" }] }] })
}

fn the_same_token_starts_one_task() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("job", "exit 0").await;
        let more = json!({ "clientToken": "once", "count": 2 });
        let mut body = more.clone();
        body["taskDefinition"] = definition.clone().into();
        let arns = |answer: &serde_json::Value| {
            let tasks = answer["tasks"].as_array().unwrap();
            let mut arns: Vec<String> = tasks.iter().map(|t| text(&t["taskArn"])).collect();
            arns.sort();
            arns
        };
        let first = arns(&stage.ecs("RunTask", body.clone()).await);
        assert_eq!(first.len(), 2);
        assert_eq!(arns(&stage.ecs("RunTask", body.clone()).await), first);
        for arn in &first {
            stage.task_when(&json!(arn), "STOPPED").await;
        }
        assert_eq!(
            arns(&stage.ecs("RunTask", body.clone()).await),
            first,
            "also later"
        );
        body["count"] = 3.into();
        let refused = stage.refused("RunTask", body).await;
        assert_eq!(refused.0, "ConflictException", "{}", refused.1);
    });
}

fn a_stopped_task_says_who_stopped_it() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("job", "exec sleep 600").await;
        let started = stage.run_task(&definition, json!({})).await;
        stage.task_when(&started["taskArn"], "RUNNING").await;
        let body = json!({ "task": started["taskArn"], "reason": "enough" });
        let stopping = stage.ecs("StopTask", body).await;
        assert_eq!(stopping["task"]["desiredStatus"], "STOPPED");
        let task = stage.task_when(&started["taskArn"], "STOPPED").await;
        assert_eq!(task["stoppedReason"], "enough");
        assert_eq!(task["stopCode"], "UserInitiated");
        assert_eq!(task["containers"][0]["exitCode"], 143);
        let again = stage
            .ecs("StopTask", json!({ "task": started["taskArn"] }))
            .await;
        assert_eq!(again["task"]["stoppedReason"], "enough");

        // One that does not listen is killed after its time-out of two seconds.
        let stubborn = stage.define("stubborn", "trap '' TERM; while :; do sleep 0.1; done");
        let started = stage.run_task(&stubborn.await, json!({})).await;
        stage.task_when(&started["taskArn"], "RUNNING").await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        stage
            .ecs("StopTask", json!({ "task": started["taskArn"] }))
            .await;
        let task = stage.task_when(&started["taskArn"], "STOPPED").await;
        assert_eq!(task["containers"][0]["exitCode"], 137);
    });
}

fn a_task_that_cannot_start_says_why() {
    run(async {
        let stage = Stage::start().await;
        let absent = format!("{}0", &stage.image[..stage.image.len() - 1]);
        let absent = if absent == stage.image {
            absent.replace("empty", "other")
        } else {
            absent
        };
        let no_image = stage.define_with("a", "", json!({ "image": absent })).await;
        let lacks = |from: &str| json!({ "secrets": [{ "name": "X", "valueFrom": from }] });
        let no_secret = lacks("arn:aws:secretsmanager:us-east-1:000000000000:secret:nothing");
        let no_secret = stage.define_with("b", "exit 0", no_secret).await;
        let no_parameter = lacks("/shop/nothing");
        let no_parameter = stage.define_with("d", "exit 0", no_parameter).await;
        let no_command = json!({ "command": ["/no/such/program"] });
        let no_command = stage.define_with("c", "", no_command).await;
        let cases = [
            (no_image, "CannotPullContainerError: "),
            (
                no_secret,
                "ResourceInitializationError: unable to pull secrets or registry auth: execution \
                 resource retrieval failed: unable to retrieve secret from asm: failed to fetch ",
            ),
            (
                no_parameter,
                "ResourceInitializationError: unable to pull secrets or registry auth: execution \
                 resource retrieval failed: unable to retrieve secrets from ssm: invalid ssm \
                 parameters: /shop/nothing",
            ),
            (
                no_command,
                "CannotStartContainerError: command `/no/such/program` not found",
            ),
        ];
        for (definition, words) in cases {
            let task = stage.finished(&definition).await;
            let reason = text(&task["stoppedReason"]);
            assert!(reason.starts_with(words), "{reason}");
            // What kept a container from starting is its reason, too.
            let of_container = &task["containers"][0]["reason"];
            match words.starts_with("ResourceInitializationError") {
                true => assert!(of_container.is_null(), "{of_container}"),
                false => assert_eq!(*of_container, task["stoppedReason"]),
            }
            assert_eq!(task["stopCode"], "TaskFailedToStart");
            assert!(task["containers"][0]["exitCode"].is_null());
            assert!(task["startedAt"].is_null());
        }
    });
}

fn a_task_that_needs_too_much_memory_is_killed_for_it() {
    run(async {
        let stage = Stage::start().await;
        // A shell that doubles a variable until it is 64 MiB long, and waits to be caught.
        let script = "x=0123456789abcdef; while [ ${#x} -lt 67108864 ]; do x=$x$x; done; sleep 30";
        let definition = stage
            .define_with("big", script, json!({ "memory": 24 }))
            .await;
        let task = stage.finished(&definition).await;
        assert_eq!(task["containers"][0]["exitCode"], 137);
        let reason = "OutOfMemoryError: Container killed due to memory usage";
        assert_eq!(task["containers"][0]["reason"], reason);
    });
}

fn the_end_of_an_essential_container_ends_the_others() {
    run(async {
        let stage = Stage::start().await;
        let container = |name: &str, script: &str| {
            json!({ "name": name, "image": stage.image, "stopTimeout": 2, "memoryReservation": 16,
                "command": ["/bin/sh", "-c", script],
                "environment": [{ "name": "MARK", "value": stage.mark() }] })
        };
        let mut helper = container("helper", "exit 0");
        helper["essential"] = false.into();
        let containers = json!([
            container("main", "sleep 0.5; exit 7"),
            container("side", "exec sleep 600"),
            helper
        ]);
        let definition = stage
            .register(json!({ "family": "pair", "containerDefinitions": containers }))
            .await;
        let started = stage.run_task(&definition, json!({})).await;
        let task = stage.task_when(&started["taskArn"], "STOPPED").await;
        assert_eq!(task["stoppedReason"], "Essential container in task exited");
        let code = |name: &str| {
            let containers = task["containers"].as_array().unwrap();
            let found = containers.iter().find(|c| c["name"] == name).unwrap();
            found["exitCode"].clone()
        };
        assert_eq!(
            [code("main"), code("side"), code("helper")],
            [json!(7), json!(143), json!(0)]
        );
        stage.until_marked(0).await;
    });
}

fn a_secret_reaches_the_task() {
    run(async {
        let stage = Stage::start().await;
        let body = json!({ "Name": "database", "SecretString": "{\"url\":\"there\"}",
            "ClientRequestToken": "0123456789abcdef0123456789abcdef" });
        let secret = stage.call(SECRETS, "CreateSecret", body).await;
        let from = format!("{}:url::", text(&secret["ARN"]));
        let more = json!({ "secrets": [{ "name": "URL", "valueFrom": from }] });
        let definition = stage.define_with("job", "[ \"$URL\" = there ]", more).await;
        let task = stage.finished(&definition).await;
        assert_eq!(task["containers"][0]["exitCode"], 0);
    });
}

fn parameters_reach_the_task() {
    run(async {
        let stage = Stage::start().await;
        for (name, kind, value) in [
            ("plain", "String", "one"),
            ("/shop/url", "SecureString", "two"),
        ] {
            let body = json!({ "Name": name, "Type": kind, "Value": value });
            stage.call(PARAMETERS, "PutParameter", body).await;
        }
        let arn = "arn:aws:ssm:us-east-1:000000000000:parameter/shop/url";
        let more = json!({ "secrets": [
            { "name": "PLAIN", "valueFrom": "plain" },
            { "name": "URL", "valueFrom": "/shop/url" },
            { "name": "BY_ARN", "valueFrom": arn },
        ] });
        let script = "[ \"$PLAIN $URL $BY_ARN\" = 'one two two' ]";
        let definition = stage.define_with("job", script, more).await;
        let task = stage.finished(&definition).await;
        assert_eq!(task["containers"][0]["exitCode"], 0);
    });
}

fn tasks_are_found_by_what_they_are() {
    run(async {
        let stage = Stage::start().await;
        let api = stage.define("api", "exec sleep 600").await;
        let job = stage.define("job", "exec sleep 600").await;
        stage
            .create("api", &api, json!({ "desiredCount": 2 }))
            .await;
        stage.steady("api").await;
        let by_me = stage.run_task(&job, json!({ "startedBy": "me" })).await;
        let other = stage.run_task(&job, json!({})).await;
        let count = async |body: serde_json::Value| {
            let answer = stage.ecs("ListTasks", body).await;
            answer["taskArns"].as_array().unwrap().len()
        };
        assert_eq!(count(json!({})).await, 4);
        assert_eq!(count(json!({ "serviceName": "api" })).await, 2);
        assert_eq!(count(json!({ "family": "job" })).await, 2);
        assert_eq!(count(json!({ "startedBy": "me" })).await, 1);
        assert_eq!(count(json!({ "desiredStatus": "STOPPED" })).await, 0);
        assert_eq!(count(json!({ "maxResults": 3 })).await, 3);
        assert_eq!(count(json!({ "launchType": "FARGATE" })).await, 4);
        assert_eq!(count(json!({ "launchType": "EC2" })).await, 0);
        assert_eq!(count(json!({ "desiredStatus": "PENDING" })).await, 0);
        assert_eq!(count(json!({ "containerInstance": "i" })).await, 0);
        stage
            .ecs("StopTask", json!({ "task": by_me["taskArn"] }))
            .await;
        stage.task_when(&by_me["taskArn"], "STOPPED").await;
        assert_eq!(count(json!({ "family": "job" })).await, 1);
        let stopped = json!({ "family": "job", "desiredStatus": "STOPPED" });
        assert_eq!(count(stopped).await, 1);
        let refused = stage
            .refused("ListTasks", json!({ "serviceName": "none" }))
            .await;
        assert_eq!(refused.0, "ServiceNotFoundException");
        let body = json!({ "tasks": [other["taskArn"], "missing"] });
        let described = stage.ecs("DescribeTasks", body).await;
        assert_eq!(described["tasks"].as_array().unwrap().len(), 1);
        assert_eq!(described["failures"][0]["reason"], "MISSING");
    });
}

fn a_task_stopped_while_it_starts_leaves_nothing() {
    run(async {
        let stage = Stage::start().await;
        let more = json!({ "environment": [{ "name": "MARK", "value": stage.mark() }] });
        let definition = stage.define_with("job", "exec sleep 600", more).await;
        // At every stage of its way to the first process.
        for wait in 0..24 {
            let started = stage.run_task(&definition, json!({})).await;
            tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
            stage
                .ecs("StopTask", json!({ "task": started["taskArn"] }))
                .await;
            let task = stage.task_when(&started["taskArn"], "STOPPED").await;
            assert_eq!(task["stopCode"], "UserInitiated");
        }
        stage.until_marked(0).await;
    });
}

fn what_the_platform_writes_is_its_owners_alone() {
    run(async {
        let stage = Stage::start().await;
        let container = json!({
            "name": "main", "image": stage.image, "memoryReservation": 16,
            "command": ["/bin/sh", "-c", "umask 0; echo hello; echo x > $SEAWAY_VOLUME_DATA/x"],
            "mountPoints": [{ "sourceVolume": "data", "containerPath": "/data" }],
        });
        let definition = stage
            .register(json!({
                "family": "job", "containerDefinitions": [container],
                "volumes": [{ "name": "data" }],
            }))
            .await;
        let task = stage.finished(&definition).await;
        assert_eq!(task["containers"][0]["exitCode"], 0);
        let state = stage.state.root();
        let mut open = Vec::new();
        let mut seen = 0;
        walk(state, &mut |path, mode| {
            seen += 1;
            if mode & 0o077 != 0 {
                open.push(format!("{} {mode:o}", path.display()));
            }
        });
        assert!(open.is_empty(), "{open:#?}");
        assert!(seen > 25, "{seen}");
        for name in [
            "store.db-wal",
            "authority.pem",
            "images",
            "registry",
            "tasks",
            "volumes",
        ] {
            assert!(state.join(name).exists(), "{name}");
        }
    });
}

fn a_command_in_a_task_is_refused_for_want_of_an_agent() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("job", "exec sleep 600").await;
        let task = stage.run_task(&definition, json!({})).await;
        let execute = |task: &Value, interactive: bool| {
            json!({
                "cluster": "shop", "task": task, "command": "sh", "interactive": interactive,
            })
        };
        for (body, words) in [
            (
                execute(&task["taskArn"], true),
                "was not enabled when the task was run",
            ),
            (
                execute(&task["taskArn"], false),
                "Interactive is the only mode",
            ),
            (
                execute(&json!("nobody"), true),
                "The referenced task was not found.",
            ),
        ] {
            let (code, message) = stage.refused("ExecuteCommand", body).await;
            assert_eq!(code, "InvalidParameterException");
            assert!(message.contains(words), "{message}");
        }
    });
}

/// Visits everything but the content of images and volumes, which has modes of its own: the
/// directories above are closed.
fn walk(directory: &Path, visit: &mut dyn FnMut(&Path, u32)) {
    let names = fs::read_dir(directory).unwrap();
    let mut paths: Vec<PathBuf> = names.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let found = fs::symlink_metadata(&path).unwrap();
        if found.is_symlink() {
            continue;
        }
        let is_image = found.is_dir() && directory.ends_with("images");
        if is_image {
            continue;
        }
        visit(&path, found.mode() & 0o777);
        let is_volume = path.ends_with("data");
        if found.is_dir() && !is_volume {
            walk(&path, visit);
        }
    }
}
