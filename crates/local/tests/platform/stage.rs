//! A platform of its own for a test, with a cluster and an image, and what tests ask of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use seaway_local::launch::{
    Connection, LaunchOptions, PlatformClient, ProcessIdentity, ensure_running, stop,
};
use seaway_local::layout::StateDir;
use serde_json::{Value, json};

use crate::api::{self, Api, ECS};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// A running platform; everything of it is gone when this is.
pub(crate) struct Stage {
    pub(crate) state: StateDir,
    pub(crate) connection: Connection,
    pub(crate) image: String,
    pub(crate) dir: tempfile::TempDir,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().join("state"), dir.path().join("keys"));
        let connection = ensure_running(&state, &options(&own_binary()))
            .await
            .unwrap();
        let image = api::push_image(&connection, json!({})).await;
        let stage = Self {
            state,
            connection,
            image,
            dir,
        };
        stage
            .ecs("CreateCluster", json!({ "clusterName": "shop" }))
            .await;
        stage
    }

    /// Starts the platform again, after it was killed.
    pub(crate) async fn restart(&mut self) {
        self.connection = ensure_running(&self.state, &options(&own_binary()))
            .await
            .unwrap();
    }

    /// Kills the platform and waits until it is gone.
    pub(crate) async fn kill_platform(&self) {
        end(&self.platform().await).await;
    }

    /// Kills the supervisor and waits until it is gone. A platform that runs starts another.
    pub(crate) async fn kill_supervisor(&self) {
        end(&self.supervisor().await).await;
    }

    pub(crate) async fn platform(&self) -> ProcessIdentity {
        let client = PlatformClient::new(self.connection.clone());
        process(client.ping().await.unwrap().pid)
    }

    /// The supervisor of the moment; one that is being replaced is waited for.
    pub(crate) async fn supervisor(&self) -> ProcessIdentity {
        let client = PlatformClient::new(self.connection.clone());
        loop {
            let pid = client.status().await.unwrap()["supervisor_pid"].as_u64();
            let pid = pid.and_then(|pid| u32::try_from(pid).ok());
            if let Some(found) = pid.and_then(|pid| ProcessIdentity::of(pid).unwrap()) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Calls an operation of ECS that must succeed, in the cluster.
    pub(crate) async fn ecs(&self, operation: &str, body: Value) -> Value {
        self.call(ECS, operation, body).await
    }

    /// Calls an operation of ECS that must fail, and returns the error's code and message.
    pub(crate) async fn refused(&self, operation: &str, body: Value) -> (String, String) {
        let body = in_cluster(operation, body);
        let answer = api::call(&self.connection, ECS, operation, &body).await;
        answer.unwrap_err()
    }

    /// Calls an operation that must succeed.
    pub(crate) async fn call(&self, api: Api, operation: &str, body: Value) -> Value {
        let body = in_cluster(operation, body);
        match api::call(&self.connection, api, operation, &body).await {
            Ok(answer) => answer,
            Err((code, message)) => panic!("{operation} {body}: {code}: {message}"),
        }
    }

    /// Registers a task definition of one container that runs a shell script, with more members.
    pub(crate) async fn define_with(&self, family: &str, script: &str, more: Value) -> String {
        let container = self.container(family, script, more);
        self.register(json!({ "family": family, "containerDefinitions": [container] }))
            .await
    }

    /// The same for tasks with network interfaces of their own, which Fargate could run: they are
    /// started with [`network`].
    pub(crate) async fn define_for_fargate(
        &self,
        family: &str,
        script: &str,
        more: Value,
    ) -> String {
        let container = self.container(family, script, more);
        self.register(json!({
            "family": family, "networkMode": "awsvpc", "cpu": "256", "memory": "512",
            "containerDefinitions": [container],
        }))
        .await
    }

    fn container(&self, family: &str, script: &str, more: Value) -> Value {
        let mut container = json!({
            "name": "main", "image": self.image, "stopTimeout": 2, "memoryReservation": 16,
            "command": ["/bin/sh", "-c", script],
            "logConfiguration": { "logDriver": "awslogs", "options": {
                "awslogs-group": "/shop", "awslogs-region": "us-east-1",
                "awslogs-stream-prefix": family, "awslogs-create-group": "true",
            } },
        });
        merge(&mut container, more);
        container
    }

    pub(crate) async fn define(&self, family: &str, script: &str) -> String {
        self.define_with(family, script, json!({})).await
    }

    pub(crate) async fn register(&self, body: Value) -> String {
        let answer = self.ecs("RegisterTaskDefinition", body).await;
        text(&answer["taskDefinition"]["taskDefinitionArn"])
    }

    /// Creates a service and waits until it is steady.
    pub(crate) async fn create(&self, name: &str, definition: &str, more: Value) -> Value {
        let mut body = json!({
            "serviceName": name, "taskDefinition": definition, "desiredCount": 1,
            "deploymentConfiguration": { "deploymentCircuitBreaker":
                { "enable": true, "rollback": true } },
        });
        merge(&mut body, more);
        self.ecs("CreateService", body).await["service"].clone()
    }

    pub(crate) async fn update(&self, name: &str, more: Value) -> Value {
        let mut body = json!({ "service": name });
        merge(&mut body, more);
        self.ecs("UpdateService", body).await["service"].clone()
    }

    pub(crate) async fn service(&self, name: &str) -> Value {
        let answer = self
            .ecs("DescribeServices", json!({ "services": [name] }))
            .await;
        answer["services"][0].clone()
    }

    /// The messages of a service's events, oldest first.
    pub(crate) async fn events(&self, name: &str) -> Vec<String> {
        let service = self.service(name).await;
        let events = service["events"].as_array().unwrap();
        events.iter().rev().map(|e| text(&e["message"])).collect()
    }

    /// Waits until a service has one deployment, completed.
    pub(crate) async fn steady(&self, name: &str) -> Value {
        self.service_when(name, "steady", |service| {
            service["deployments"].as_array().unwrap().len() == 1
                && service["deployments"][0]["rolloutState"] == "COMPLETED"
                && service["runningCount"] == service["desiredCount"]
        })
        .await
    }

    pub(crate) async fn service_when(
        &self,
        name: &str,
        what: &str,
        is: impl Fn(&Value) -> bool,
    ) -> Value {
        let begun = Instant::now();
        loop {
            let service = self.service(name).await;
            if is(&service) {
                return service;
            }
            assert!(begun.elapsed() < PATIENCE, "not {what}: {service:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Descriptions of a service's tasks that are to run.
    pub(crate) async fn tasks(&self, service: &str) -> Vec<Value> {
        let listed = self.ecs("ListTasks", json!({ "serviceName": service }));
        let arns = listed.await["taskArns"].clone();
        if arns.as_array().unwrap().is_empty() {
            return vec![];
        }
        let described = self.described(arns).await;
        described.as_array().unwrap().clone()
    }

    pub(crate) async fn run_task(&self, definition: &str, more: Value) -> Value {
        let mut body = json!({ "taskDefinition": definition });
        merge(&mut body, more);
        self.ecs("RunTask", body).await["tasks"][0].clone()
    }

    pub(crate) async fn task(&self, arn: &Value) -> Value {
        self.described(json!([arn])).await[0].clone()
    }

    async fn described(&self, tasks: Value) -> Value {
        let body = json!({ "tasks": tasks, "include": ["TAGS"] });
        self.ecs("DescribeTasks", body).await["tasks"].clone()
    }

    /// Waits until a task has this `lastStatus`.
    pub(crate) async fn task_when(&self, arn: &Value, status: &str) -> Value {
        let begun = Instant::now();
        loop {
            let task = self.task(arn).await;
            if task["lastStatus"] == status {
                return task;
            }
            assert!(begun.elapsed() < PATIENCE, "not {status}: {task:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs a task to its end.
    pub(crate) async fn finished(&self, definition: &str) -> Value {
        let task = self.run_task(definition, json!({})).await;
        self.task_when(&task["taskArn"], "STOPPED").await
    }

    /// The messages of a log stream, in order.
    pub(crate) async fn log(&self, stream: &str) -> Vec<String> {
        let mut messages = Vec::new();
        let mut token = Value::Null;
        loop {
            let mut body =
                json!({ "logGroupName": "/shop", "logStreamName": stream, "startFromHead": true });
            if !token.is_null() {
                body["nextToken"] = token.clone();
            }
            let answer = self.call(api::LOGS, "GetLogEvents", body).await;
            let events = answer["events"].as_array().unwrap();
            messages.extend(events.iter().map(|event| text(&event["message"])));
            if answer["nextForwardToken"] == token {
                return messages;
            }
            token = answer["nextForwardToken"].clone();
        }
    }

    /// Processes whose environment has the mark.
    pub(crate) fn processes_with(&self, mark: &str) -> Vec<u32> {
        let wanted = format!("MARK={mark}");
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
                continue;
            };
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            let mut variables = environment.split(|byte| *byte == 0);
            if variables.any(|variable| variable == wanted.as_bytes()) {
                found.push(pid);
            }
        }
        found
    }

    /// Registers a task definition with the mark.
    pub(crate) async fn define_marked(&self, family: &str, script: &str) -> String {
        let more = json!({ "environment": [{ "name": "MARK", "value": self.mark() }] });
        self.define_with(family, script, more).await
    }

    /// A mark that no other test has; given to tasks as `MARK`.
    pub(crate) fn mark(&self) -> String {
        self.dir.path().display().to_string()
    }

    /// Waits until as many processes have the mark.
    pub(crate) async fn until_marked(&self, count: usize) {
        let begun = Instant::now();
        loop {
            let found = self.processes_with(&self.mark());
            if found.len() == count {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{found:?} run, not {count}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let state = self.state.clone();
        let stopping = std::thread::spawn(move || {
            crate::harness::run(async move {
                if let Err(error) = stop(&state).await {
                    eprintln!("left behind: {error}");
                }
            })
        });
        drop(stopping.join());
    }
}

pub(crate) fn own_binary() -> PathBuf {
    std::env::current_exe().unwrap()
}

pub(crate) fn options(exe: &Path) -> LaunchOptions {
    LaunchOptions {
        exe: exe.to_owned(),
        args: vec![crate::PLATFORM.into()],
    }
}

pub(crate) fn process(pid: u32) -> ProcessIdentity {
    ProcessIdentity::of(pid).unwrap().unwrap()
}

/// Kills a process and waits until it is gone.
pub(crate) async fn end(process: &ProcessIdentity) {
    process.kill().unwrap();
    wait_for_end(process).await;
}

pub(crate) async fn wait_for_end(process: &ProcessIdentity) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while process.is_alive() {
        assert!(
            Instant::now() < deadline,
            "process {} still runs",
            process.pid
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The id at the end of an ARN.
pub(crate) fn id_of(arn: &Value) -> String {
    text(arn).rsplit('/').next().unwrap().to_owned()
}

fn merge(into: &mut Value, more: Value) {
    let (Value::Object(into), Value::Object(more)) = (into, more) else {
        return;
    };
    into.extend(more);
}

/// Operations that take a cluster get the one of all tests, unless they name one.
fn in_cluster(operation: &str, mut body: Value) -> Value {
    const ALONE: [&str; 6] = [
        "Register",
        "TaskDefinition",
        "DescribeService",
        "StopServiceDeployment",
        "Secret",
        "Log",
    ];
    let takes = operation == "DescribeServices"
        || (operation.contains("Service") || operation.contains("Task"))
            && !ALONE.iter().any(|word| operation.contains(word));
    if takes && body.get("cluster").is_none() {
        body["cluster"] = "shop".into();
    }
    body
}

/// Where tasks with network interfaces of their own get them.
pub(crate) fn network() -> Value {
    json!({ "awsvpcConfiguration": { "subnets": ["subnet-a"] } })
}
