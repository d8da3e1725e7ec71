//! Tasks that run as containers: images from the registry and from elsewhere, and what ECS says of
//! them.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use seaway_local::launch::{PlatformClient, stop};
use serde_json::{Value, json};

use crate::api;
use crate::harness::{run, tests};
use crate::stage::{Stage, id_of, text};

tests![
    an_image_of_the_registry_runs_as_a_container,
    a_bundle_stays_a_process,
    an_image_of_nobody_cannot_be_pulled,
    a_port_is_reached_where_the_task_says,
    a_health_check_and_an_order_are_kept,
    too_much_memory_reads_as_on_ecs,
    an_internal_name_is_reached_from_a_container,
    the_platform_is_reached_from_a_container_and_lets_nobody_in_unsigned,
    an_image_that_the_registry_let_go_of_leaves_the_engine,
    containers_are_adopted_and_replaced,
    nothing_is_left_when_the_platform_stops,
    a_reset_leaves_no_container_and_the_platform_works_on,
    tasks_of_a_deployment_never_mix_two_images,
    a_volume_begins_as_the_image_has_it_and_is_shared,
];

/// A program of this machine that runs without any library.
fn busybox() -> Option<PathBuf> {
    let is_static = |path: &PathBuf| {
        let program = std::fs::read(path).unwrap_or_default();
        let interpreter = b"/ld-linux";
        !program.is_empty()
            && !program
                .windows(interpreter.len())
                .any(|text| text == interpreter)
    };
    let places = ["/bin/busybox", "/usr/bin/busybox"].map(PathBuf::from);
    places.into_iter().find(is_static)
}

/// The engine's own command, which looks at what the platform did behind its back.
pub(crate) fn docker(arguments: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// The containers of a platform, running or not.
pub(crate) fn containers(stage: &Stage) -> Vec<String> {
    let id = std::fs::read_to_string(stage.state.platform_id()).unwrap();
    let label = format!("label=seaway.platform={}", &id.trim()[..12]);
    let listed = docker(&["ps", "-aq", "--filter", &label]).unwrap();
    listed.lines().map(str::to_owned).collect()
}

/// A stage with an image that needs an engine, or the reason why there is none.
pub(crate) async fn stage() -> Option<(Stage, String)> {
    if docker(&["info"]).is_none() {
        println!("skipped: docker does not answer");
        return None;
    }
    let Some(busybox) = busybox() else {
        println!("skipped: there is no static busybox to make an image of");
        return None;
    };
    let stage = Stage::start().await;
    let image = api::push_image_with(&stage.connection, &layer(&busybox)).await;
    Some((stage, image))
}

fn layer(busybox: &PathBuf) -> Vec<u8> {
    let mut layer = tar::Builder::new(Vec::new());
    let program = std::fs::read(busybox).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    let path = "bin/busybox";
    layer.append_data(&mut header, path, &program[..]).unwrap();
    for name in [
        "sh", "sleep", "nc", "tail", "test", "touch", "wget", "printf", "head",
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        let path = format!("bin/{name}");
        layer.append_link(&mut header, path, "busybox").unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(0);
    header.set_mode(0o750);
    header.set_uid(1234);
    header.set_gid(1234);
    layer.append_data(&mut header, "data", &[][..]).unwrap();
    layer.into_inner().unwrap()
}

/// Asks to be stopped, and stops.
const SERVER: &str = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done";

fn an_image_of_the_registry_runs_as_a_container() {
    run(async {
        let Some((stage, image)) = stage().await else {
            return;
        };
        let more = json!({ "image": image, "user": "1000",
            "environment": [{ "name": "WHO", "value": "you" }] });
        let script = "echo \"$WHO $FROM_IMAGE\"; [ -e /proc/1/root/bin/busybox ]; exit 4";
        let definition = stage.define_with("job", script, more).await;
        let task = stage.finished(&definition).await;
        assert_eq!(task["containers"][0]["exitCode"], 4, "{task:#}");
        assert_eq!(task["stoppedReason"], "Essential container in task exited");
        let digest = image.rsplit('@').next().unwrap();
        assert_eq!(task["containers"][0]["imageDigest"], digest);
        let stream = format!("job/main/{}", id_of(&task["taskArn"]));
        assert_eq!(stage.log(&stream).await, ["you yes"]);
        let overrides = json!({ "containerOverrides": [{ "name": "main",
            "command": ["/bin/sh", "-c", "exit 9"] }] });
        let more = json!({ "overrides": overrides });
        let started = stage.run_task(&definition, more).await;
        let task = stage.task_when(&started["taskArn"], "STOPPED").await;
        assert_eq!(task["containers"][0]["exitCode"], 9);
        until_gone(&stage).await;
    });
}

/// What was forgotten leaves no container; that takes a moment.
async fn until_gone(stage: &Stage) {
    for _ in 0..200 {
        if containers(stage).is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?} are left", containers(stage));
}

fn a_bundle_stays_a_process() {
    run(async {
        let Some((stage, _)) = stage().await else {
            return;
        };
        let definition = stage.define_marked("job", SERVER).await;
        let started = stage.run_task(&definition, json!({})).await;
        stage.task_when(&started["taskArn"], "RUNNING").await;
        assert!(containers(&stage).is_empty());
        assert!(!stage.processes_with(&stage.mark()).is_empty());
    });
}

fn an_image_of_nobody_cannot_be_pulled() {
    run(async {
        let Some((stage, _)) = stage().await else {
            return;
        };
        for (image, words) in [
            (
                "127.0.0.1:1/nobody/nothing:v1",
                "Error response from daemon: ",
            ),
            (
                "http://127.0.0.1:1/nobody/nothing:v1",
                "invalid reference format",
            ),
        ] {
            let more = json!({ "image": image });
            let definition = stage.define_with("none", "exit 0", more).await;
            let task = stage.finished(&definition).await;
            let reason = text(&task["stoppedReason"]);
            let words = format!("CannotPullContainerError: {words}");
            assert!(reason.starts_with(&words), "{reason}");
            assert_eq!(task["stopCode"], "TaskFailedToStart");
        }
    });
}

fn a_port_is_reached_where_the_task_says() {
    run(async {
        let Some((stage, image)) = stage().await else {
            return;
        };
        let more = json!({ "image": image, "portMappings": [{ "containerPort": 8000 }] });
        let script = "echo $PORT; while :; do echo hello | nc -l -p 8000; done";
        let definition = stage.define_with("server", script, more).await;
        let started = stage.run_task(&definition, json!({})).await;
        let task = stage.task_when(&started["taskArn"], "RUNNING").await;
        let binding = &task["containers"][0]["networkBindings"][0];
        assert_eq!(binding["containerPort"], 8000);
        let port = u16::try_from(binding["hostPort"].as_u64().unwrap()).unwrap();
        let mut answer = String::new();
        for _ in 0..100 {
            let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else {
                continue;
            };
            stream
                .set_read_timeout(Some(Duration::from_secs(1)))
                .unwrap();
            drop(stream.write_all(b"\n"));
            drop(stream.read_to_string(&mut answer));
            if !answer.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(answer, "hello\n");
    });
}

fn a_health_check_and_an_order_are_kept() {
    run(async {
        let Some((stage, image)) = stage().await else {
            return;
        };
        let container = |name: &str, script: &str| {
            json!({ "name": name, "image": image, "stopTimeout": 2, "memoryReservation": 16,
                "command": ["/bin/sh", "-c", script] })
        };
        let mut db = container("db", &format!("touch /ready; {SERVER}"));
        db["healthCheck"] = json!({ "command": ["CMD-SHELL", "test -e /ready"], "interval": 5,
            "timeout": 2, "retries": 1 });
        let mut setup = container("setup", "exit 0");
        setup["essential"] = false.into();
        setup["dependsOn"] = json!([{ "containerName": "db", "condition": "START" }]);
        let mut main = container("main", SERVER);
        main["dependsOn"] = json!([{ "containerName": "setup", "condition": "SUCCESS" },
            { "containerName": "db", "condition": "HEALTHY" }]);
        let body = json!({ "family": "order", "containerDefinitions": [main, setup, db] });
        let definition = stage.register(body).await;
        let service = stage.create("order", &definition, json!({})).await;
        assert_eq!(service["status"], "ACTIVE");
        stage.steady("order").await;
        let tasks = stage.tasks("order").await;
        assert_eq!(tasks[0]["healthStatus"], "HEALTHY", "{tasks:#?}");
        let of = |name: &str| -> Value {
            let all = tasks[0]["containers"].as_array().unwrap();
            all.iter().find(|one| one["name"] == name).unwrap().clone()
        };
        assert_eq!(of("db")["healthStatus"], "HEALTHY");
        assert_eq!(
            (&of("setup")["exitCode"], &of("setup")["lastStatus"]),
            (&json!(0), &json!("STOPPED"))
        );
        let hopeless = json!([{ "containerName": "db", "condition": "COMPLETE" }]);
        let mut broken = container("app", "exit 0");
        broken["dependsOn"] = hopeless;
        let body = json!({ "family": "x", "containerDefinitions": [broken] });
        let refused = stage.refused("RegisterTaskDefinition", body).await;
        assert_eq!(refused.0, "ClientException");
    });
}

fn too_much_memory_reads_as_on_ecs() {
    run(async {
        let Some((stage, image)) = stage().await else {
            return;
        };
        let more = json!({ "image": image, "memory": 32 });
        let definition = stage.define_with("big", "exec tail /dev/zero", more).await;
        let task = stage.finished(&definition).await;
        assert_eq!(task["containers"][0]["exitCode"], 137, "{task:#}");
        let reason = "OutOfMemoryError: Container killed due to memory usage";
        assert_eq!(task["containers"][0]["reason"], reason);
    });
}

fn an_internal_name_is_reached_from_a_container() {
    run(async {
        let Some((mut stage, image)) = stage().await else {
            return;
        };
        let to = &stage.connection;
        let form = "CreateLoadBalancer&Name=inside&Scheme=internal\
                    &Subnets.member.1=subnet-a&Subnets.member.2=subnet-b";
        let balancer = api::elb(to, form, "LoadBalancerArn").await;
        let form = format!(
            "CreateListener&LoadBalancerArn={balancer}&Port=80&Protocol=HTTP\
             &DefaultActions.member.1.Type=fixed-response\
             &DefaultActions.member.1.FixedResponseConfig.StatusCode=404"
        );
        let listener = api::elb(to, &form, "ListenerArn").await;
        let form = format!(
            "CreateRule&ListenerArn={listener}&Priority=1&Conditions.member.1.Field=host-header\
             &Conditions.member.1.HostHeaderConfig.Values.member.1=catalog.shop.internal\
             &Actions.member.1.Type=fixed-response\
             &Actions.member.1.FixedResponseConfig.StatusCode=200\
             &Actions.member.1.FixedResponseConfig.ContentType=text%2Fplain\
             &Actions.member.1.FixedResponseConfig.MessageBody=catalog"
        );
        api::elb(to, &form, "RuleArn").await;
        let more = json!({ "image": image, "environment": [
            { "name": "CATALOG_URL", "value": "http://catalog.shop.internal" }] });
        let script = "wget -q -O - $CATALOG_URL; echo";
        let definition = stage.define_with("asks", script, more.clone()).await;
        let task = stage.finished(&definition).await;
        let stream = format!("asks/main/{}", id_of(&task["taskArn"]));
        assert_eq!(stage.log(&stream).await, ["catalog"]);
        until_gone(&stage).await;
        let definition = stage.define_with("stays", SERVER, more).await;
        let started = stage.run_task(&definition, json!({})).await;
        stage.task_when(&started["taskArn"], "RUNNING").await;
        // The name is where it was for a container that outlives the platform.
        // The newest comes first: the one that holds the network is the oldest.
        let name = containers(&stage)[0].clone();
        stage.kill_platform().await;
        stage.restart().await;
        let again = ["exec", &name, "/bin/sh", "-c", "wget -q -O - $CATALOG_URL"];
        let mut answer = None;
        for _ in 0..100 {
            answer = docker(&again);
            if answer.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(answer.as_deref(), Some("catalog"));
    });
}

fn the_platform_is_reached_from_a_container_and_lets_nobody_in_unsigned() {
    run(async {
        let Some((stage, image)) = stage().await else {
            return;
        };
        let gateway = "$(route -n | awk '$1 == \"0.0.0.0\" { print $2 }')";
        let port = stage.connection.port;
        let ask = |host: &str| {
            // Whoever hangs up before the answer gets none.
            format!(
                "(printf \"GET /v2/ HTTP/1.0\\r\\nHost: {host}\\r\\n\\r\\n\"; sleep 1) | \
                nc $gateway {port} | head -n 1"
            )
        };
        let script = format!(
            "gateway={gateway}; {}; {}",
            ask(&format!("$gateway:{port}")),
            ask("evil:80")
        );
        let definition = stage
            .define_with("asks", &script, json!({ "image": image }))
            .await;
        let task = stage.finished(&definition).await;
        let lines = stage
            .log(&format!("asks/main/{}", id_of(&task["taskArn"])))
            .await;
        assert!(
            lines[0].contains(" 401 "),
            "asked for a password: {lines:?}"
        );
        assert!(
            lines[1].contains(" 403 ") || lines[1].contains(" 404 "),
            "{lines:?}"
        );
    });
}

fn an_image_that_the_registry_let_go_of_leaves_the_engine() {
    run(async {
        let Some((mut stage, image)) = stage().await else {
            return;
        };
        let definition = stage
            .define_with("job", "exit 0", json!({ "image": image }))
            .await;
        stage.finished(&definition).await;
        until_gone(&stage).await;
        let id = std::fs::read_to_string(stage.state.platform_id()).unwrap();
        let below = format!("seaway.internal/{}/test", &id.trim()[..12]);
        let tag = image.rsplit('@').next().unwrap().replace(':', "-");
        let known = format!("{below}/busybox:{tag}");
        let gone = format!("{below}/busybox:sha256-{}", "0".repeat(64));
        docker(&["tag", &known, &gone]).unwrap();
        stage.kill_platform().await;
        stage.restart().await;
        assert!(docker(&["image", "inspect", &gone]).is_none());
        assert!(
            docker(&["image", "inspect", &known]).is_some(),
            "the registry has it"
        );
        docker(&["image", "rm", &known]).unwrap();
    });
}

fn containers_are_adopted_and_replaced() {
    run(async {
        let Some((mut stage, image)) = stage().await else {
            return;
        };
        let more = json!({ "image": image });
        let definition = stage.define_with("api", SERVER, more).await;
        stage.create("api", &definition, json!({})).await;
        stage.steady("api").await;
        let (task, before) = (stage.tasks("api").await, containers(&stage));
        stage.kill_platform().await;
        assert_eq!(containers(&stage), before, "they run on");
        stage.restart().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        stage.steady("api").await;
        let now = stage.tasks("api").await;
        assert_eq!(now[0]["taskArn"], task[0]["taskArn"], "adopted");
        assert_eq!(containers(&stage), before);
        // One that dies while nobody looks is replaced.
        stage.kill_platform().await;
        let mut arguments = vec!["rm", "-f"];
        arguments.extend(before.iter().map(String::as_str));
        docker(&arguments).unwrap();
        stage.restart().await;
        let old = task[0]["taskArn"].clone();
        let stopped = stage.task_when(&old, "STOPPED").await;
        assert_eq!(stopped["stopCode"], "InfrastructureHealth");
        stage.steady("api").await;
        assert_ne!(stage.tasks("api").await[0]["taskArn"], old);
    });
}

fn nothing_is_left_when_the_platform_stops() {
    run(async {
        let Some((mut stage, image)) = stage().await else {
            return;
        };
        let definition = stage
            .define_with("api", SERVER, json!({ "image": image }))
            .await;
        stage
            .create("api", &definition, json!({ "desiredCount": 2 }))
            .await;
        stage.steady("api").await;
        assert!(!containers(&stage).is_empty());
        stop(&stage.state).await.unwrap();
        assert!(containers(&stage).is_empty(), "stopped in order");
        stage.restart().await;
        stage.steady("api").await;
        stage.kill_platform().await;
        stop(&stage.state).await.unwrap();
        assert!(containers(&stage).is_empty(), "stopped after it was killed");
    });
}

fn a_reset_leaves_no_container_and_the_platform_works_on() {
    run(async {
        let Some((stage, image)) = stage().await else {
            return;
        };
        let more = json!({ "image": image });
        let definition = stage.define_with("api", SERVER, more.clone()).await;
        let two = json!({ "desiredCount": 2 });
        stage.create("api", &definition, two).await;
        stage.steady("api").await;
        let alone = stage.define_with("alone", SERVER, more).await;
        let started = stage.run_task(&alone, json!({})).await;
        stage.task_when(&started["taskArn"], "RUNNING").await;
        let before = containers(&stage);
        assert_eq!(before.len(), 6, "three tasks, each with its holder");
        let client = PlatformClient::new(stage.connection.clone());
        client.reset().await.unwrap();
        assert!(containers(&stage).is_empty());
        // What the engine was given is still there; what the registry had is not.
        let busybox = busybox().unwrap();
        let image = api::push_image_with(&stage.connection, &layer(&busybox)).await;
        let cluster = json!({ "clusterName": "shop" });
        stage.ecs("CreateCluster", cluster).await;
        let more = json!({ "image": image });
        let definition = stage.define_with("api", SERVER, more).await;
        stage.create("api", &definition, json!({})).await;
        stage.steady("api").await;
        let now = containers(&stage);
        assert_eq!(now.len(), 2);
        assert!(now.iter().all(|one| !before.contains(one)));
    });
}

/// An image of another registry that the engine has by this name: its file `/version` has the
/// number.
fn build(name: &str, version: &str) {
    let busybox = busybox().unwrap();
    let mut layer = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(version.len() as u64);
    header.set_mode(0o644);
    let text = version.as_bytes();
    layer.append_data(&mut header, "version", text).unwrap();
    let program = std::fs::read(busybox).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    layer
        .append_data(&mut header, "bin/sh", &program[..])
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let archive = directory.path().join("layer.tar");
    std::fs::write(&archive, layer.into_inner().unwrap()).unwrap();
    docker(&["import", archive.to_str().unwrap(), name]).unwrap();
}

fn tasks_of_a_deployment_never_mix_two_images() {
    run(async {
        let Some((stage, _)) = stage().await else {
            return;
        };
        let name = format!("127.0.0.1:1/shop/moving:v{}", std::process::id());
        build(&name, "1");
        let script = "trap 'exit 0' TERM; while :; do sleep 0.05; done";
        let more = json!({ "image": name });
        let definition = stage.define_with("moving", script, more).await;
        stage.create("moving", &definition, json!({})).await;
        stage.steady("moving").await;
        let images = async || -> Vec<String> {
            let tasks = stage.tasks("moving").await;
            let digests = tasks.iter();
            digests
                .map(|task| text(&task["containers"][0]["imageDigest"]))
                .collect()
        };
        let first = images().await;
        build(&name, "2");
        stage.update("moving", json!({ "desiredCount": 2 })).await;
        stage.steady("moving").await;
        assert!(images().await.iter().all(|image| *image == first[0]));
        let versions = |stage: &Stage| -> Vec<String> {
            // The holder has no shell.
            let all = containers(stage);
            let read = ["/bin/sh", "-c", "read v </version || echo $v"];
            let read = |one: &String| docker(&[&["exec", one], &read[..]].concat());
            all.iter().filter_map(read).collect()
        };
        assert_eq!(versions(&stage), ["1", "1"]);
        let anew = json!({ "forceNewDeployment": true });
        stage.update("moving", anew).await;
        stage.steady("moving").await;
        let second = images().await;
        assert!(second[0] == second[1] && second[0] != first[0]);
        for image in [&first[0], &second[0]] {
            assert!(image.starts_with("sha256:"), "{image}");
        }
        until_only(&stage, 2).await;
        assert_eq!(versions(&stage), ["2", "2"]);
        docker(&["image", "rm", "-f", &name]).unwrap();
    });
}

/// Waits until as many tasks have containers.
async fn until_only(stage: &Stage, tasks: usize) {
    for _ in 0..400 {
        if containers(stage).len() == 2 * tasks {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?} are left", containers(stage));
}

fn a_volume_begins_as_the_image_has_it_and_is_shared() {
    run(async {
        let Some((stage, image)) = stage().await else {
            return;
        };
        let container = |name: &str, script: &str| {
            json!({ "name": name, "image": image, "stopTimeout": 2, "memoryReservation": 16, "essential": name == "main",
                "command": ["/bin/sh", "-c", script],
                "logConfiguration": { "logDriver": "awslogs", "options": {
                    "awslogs-group": "/shop", "awslogs-region": "us-east-1",
                    "awslogs-stream-prefix": "shared", "awslogs-create-group": "true" } } })
        };
        let mut writer = container(
            "writer",
            "id -u; echo kept > /data/file; stat -c '%u %a' /data",
        );
        writer["user"] = "1234".into();
        writer["mountPoints"] = json!([{ "sourceVolume": "data", "containerPath": "/data" }]);
        let mut main = container(
            "main",
            "cat /data/file; echo no > /data/file || echo refused",
        );
        main["volumesFrom"] = json!([{ "sourceContainer": "writer", "readOnly": true }]);
        main["dependsOn"] = json!([{ "containerName": "writer", "condition": "SUCCESS" }]);
        let body = json!({ "family": "shared", "volumes": [{ "name": "data" }],
            "containerDefinitions": [main, writer] });
        let definition = stage.register(body).await;
        let task = stage.finished(&definition).await;
        let id = id_of(&task["taskArn"]);
        let writer = stage.log(&format!("shared/writer/{id}")).await;
        assert_eq!(writer, ["1234", "1234 750"]);
        let main = stage.log(&format!("shared/main/{id}")).await;
        let has = |line: &str| main.iter().any(|one| one == line);
        assert!(has("kept") && has("refused"), "{main:?}");
        stop(&stage.state).await.unwrap();
        let id = std::fs::read_to_string(stage.state.platform_id()).unwrap();
        let own = format!("label=seaway.platform={}", &id.trim()[..12]);
        let names = docker(&["volume", "ls", "-q", "--filter", &own]).unwrap();
        assert_eq!(names, "", "the engine's name for it is gone");
        let file = stage.state.volumes().join("shop/family-shared/data/file");
        assert_eq!(std::fs::read_to_string(file).unwrap(), "kept\n");
    });
}
