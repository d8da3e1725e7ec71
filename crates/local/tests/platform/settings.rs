//! What a task definition says of its containers' surroundings, and what a task is started with
//! instead.

use serde_json::{Value, json};

use crate::containers::{containers, docker, stage};
use crate::harness::{run, tests};
use crate::stage::{Stage, id_of, text};

tests![
    settings_reach_the_kernel,
    a_terminal_is_one_stream,
    a_task_of_containers_gets_what_it_was_started_with,
    a_task_of_processes_gets_the_memory_it_was_started_with,
    an_override_of_nobody_is_refused,
];

/// Waits to be stopped.
const WAITS: &str = "trap 'exit 0' TERM; while :; do sleep 0.05; done";

fn settings_reach_the_kernel() {
    run(async {
        let Some((stage, image)) = stage().await else {
            return;
        };
        let more = json!({
            "image": image, "hostname": "shop-api", "workingDirectory": "/etc",
            "dnsServers": ["10.0.0.2"], "dnsSearchDomains": ["shop.example"],
            "extraHosts": [{ "hostname": "db.shop", "ipAddress": "10.0.0.3" }],
            "ulimits": [{ "name": "nofile", "softLimit": 123, "hardLimit": 456 }],
            "dockerLabels": { "team": "shop", "seaway.platform": "none" },
            "systemControls": [
                { "namespace": "net.ipv4.ip_local_port_range", "value": "40000 40100" },
                { "namespace": "kernel.msgmax", "value": "4096" }],
            "linuxParameters": {
                "initProcessEnabled": true, "sharedMemorySize": 7,
                "capabilities": { "add": ["SYS_PTRACE"], "drop": ["NET_RAW"] },
                "tmpfs": [{ "containerPath": "/scratch", "size": 3, "mountOptions": ["noexec"] }],
            },
        });
        let script = "ulimit -n; ulimit -Hn; hostname; pwd; \
            cat /proc/sys/net/ipv4/ip_local_port_range /proc/sys/kernel/msgmax; \
            grep -E 'scratch|shm' /proc/mounts; grep db.shop hosts; cat resolv.conf; \
            grep CapBnd /proc/self/status";
        let definition = stage.define_with("set", script, more).await;
        let started = stage.run_task(&definition, json!({})).await;
        let task = stage.task_when(&started["taskArn"], "STOPPED").await;
        assert_eq!(task["containers"][0]["exitCode"], 0, "{task:#}");
        let stream = format!("set/main/{}", id_of(&task["taskArn"]));
        let lines = stage.log(&stream).await;
        assert_eq!(lines[..4], ["123", "456", "shop-api", "/etc"]);
        assert_eq!(lines[4..6], ["40000\t40100", "4096"]);
        let has = |words: &[&str]| {
            let mut lines = lines.iter();
            let found = lines.any(|line| words.iter().all(|word| line.contains(word)));
            assert!(found, "{words:?} {lines:#?}");
        };
        has(&["/scratch", "size=3072k", "noexec"]);
        has(&["/dev/shm", "size=7168k"]);
        has(&["10.0.0.3", "db.shop"]);
        has(&["nameserver 10.0.0.2"]);
        has(&["search shop.example"]);
        // Docker's own capabilities without NET_RAW (bit 13) and with SYS_PTRACE (bit 19).
        let bound = lines.iter().find_map(|line| line.strip_prefix("CapBnd:"));
        let bound = u64::from_str_radix(bound.unwrap().trim(), 16).unwrap();
        assert_eq!((bound >> 13 & 1, bound >> 19 & 1), (0, 1), "{bound:x}");
    });
}

fn a_terminal_is_one_stream() {
    run(async {
        let Some((stage, image)) = stage().await else {
            return;
        };
        let more = json!({ "image": image, "pseudoTerminal": true, "interactive": true,
            "dockerLabels": { "team": "shop", "seaway.platform": "none" } });
        let script = format!("test -t 0 && test -t 1 && echo terminal; echo error >&2; {WAITS}");
        let definition = stage.define_with("tty", &script, more).await;
        let started = stage.run_task(&definition, json!({})).await;
        stage.task_when(&started["taskArn"], "RUNNING").await;
        let labels = inspect(&stage, "{{json .Config.Labels}}");
        assert!(labels.contains("\"team\":\"shop\""), "{labels}");
        let stream = format!("tty/main/{}", id_of(&started["taskArn"]));
        let mut lines = Vec::new();
        for _ in 0..200 {
            lines = stage.log(&stream).await;
            if lines.len() > 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        assert_eq!(lines, ["terminal", "error"]);
    });
}

/// What the engine knows of the newest container: the one of the definition.
fn inspect(stage: &Stage, format: &str) -> String {
    docker(&["inspect", "--format", format, &containers(stage)[0]]).unwrap()
}

fn a_task_of_containers_gets_what_it_was_started_with() {
    run(async {
        let Some((stage, image)) = stage().await else {
            return;
        };
        let container = json!({ "name": "main", "image": image, "cpu": 10, "memory": 64,
            "memoryReservation": 32, "command": ["/bin/sh", "-c", WAITS], "stopTimeout": 2 });
        let definition = stage
            .register(
                json!({ "family": "sized", "cpu": ".5 vCPU", "memory": "0.5 GB",
                "containerDefinitions": [container] }),
            )
            .await;
        let limits = "{{.HostConfig.NanoCpus}} {{.HostConfig.CpuShares}} {{.HostConfig.Memory}} \
            {{.HostConfig.MemoryReservation}}";
        let shown = |task: &Value| {
            let of_task = ["cpu", "memory"].map(|name| text(&task[name]));
            let names = ["cpu", "memory", "memoryReservation"];
            (
                of_task,
                names.map(|name| text(&task["containers"][0][name])),
            )
        };
        let task = stage.run_task(&definition, json!({})).await;
        let task = stage.task_when(&task["taskArn"], "RUNNING").await;
        assert_eq!(inspect(&stage, limits), "500000000 10 67108864 33554432");
        let of_task = ["512", "512"].map(str::to_owned);
        assert_eq!(
            shown(&task),
            (of_task, ["10", "64", "32"].map(str::to_owned))
        );
        let overrides = json!({ "overrides": { "cpu": "256", "memory": "1 GB",
            "containerOverrides": [
                { "name": "main", "cpu": 20, "memory": 96, "memoryReservation": 48 }] } });
        let task = stage.run_task(&definition, overrides).await;
        let task = stage.task_when(&task["taskArn"], "RUNNING").await;
        assert_eq!(inspect(&stage, limits), "250000000 20 100663296 50331648");
        let of_task = ["256", "1024"].map(str::to_owned);
        assert_eq!(
            shown(&task),
            (of_task, ["20", "96", "48"].map(str::to_owned))
        );
    });
}

fn a_task_of_processes_gets_the_memory_it_was_started_with() {
    run(async {
        let stage = Stage::start().await;
        let script = "kept=$(head -c 100000000 /dev/zero | tr '\\0' x); sleep 2; exit 0";
        let definition = stage
            .define_with("hungry", script, json!({ "memory": 1024 }))
            .await;
        let task = stage.finished(&definition).await;
        assert_eq!(task["containers"][0]["exitCode"], 0, "{task:#}");
        for less in [
            json!({ "memory": "32" }),
            json!({ "containerOverrides": [{ "name": "main", "memory": 32 }] }),
        ] {
            let started = stage
                .run_task(&definition, json!({ "overrides": less }))
                .await;
            let task = stage.task_when(&started["taskArn"], "STOPPED").await;
            let container = &task["containers"][0];
            assert_eq!(container["exitCode"], 137, "{task:#}");
            assert!(text(&container["reason"]).starts_with("OutOfMemoryError"));
        }
    });
}

fn an_override_of_nobody_is_refused() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("job", "exit 0").await;
        let overrides = json!({ "containerOverrides": [{ "name": "side", "memory": 32 }] });
        let body = json!({ "taskDefinition": definition, "overrides": overrides });
        let (code, message) = stage.refused("RunTask", body).await;
        assert_eq!(code, "InvalidParameterException");
        assert_eq!(
            message,
            "Override for container named side is not a container in the TaskDefinition."
        );
        let container = json!({ "name": "a", "image": "i", "hostname": "a" });
        let body = json!({ "family": "f", "networkMode": "awsvpc",
            "containerDefinitions": [container] });
        let (code, message) = stage.refused("RegisterTaskDefinition", body).await;
        assert_eq!(code, "ClientException");
        assert_eq!(
            message,
            "hostname is not supported on container when networkMode=awsvpc."
        );
    });
}
