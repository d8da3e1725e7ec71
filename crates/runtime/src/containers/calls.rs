//! What an actor asks of the engine.

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptionsBuilder, RemoveContainerOptionsBuilder,
};
use nix::sys::signal::Signal;

use super::body;
use super::error::{EngineError, is_absent, is_settled, said};
use super::holder;
use super::images::ensure_holder;
use super::labels::Part;
use super::order;
use super::shared::Shared;
use super::volumes;
use crate::event::{Exit, ExitStatus, StartFailure, StartFailureReason};
use crate::task::{ContainerName, TaskId, TaskSpec};

/// An engine says this for as long as it runs after somebody has removed its bridge: another engine
/// that ended, for one.
const LOST_NETWORK: &str = "could not find bridge";
const NETWORK_HINT: &str = " (hint: the engine has lost its network; restart it)";
/// The exit code of a container that the kernel killed.
const KILLED: i32 = 137;
/// Makes the containers of a task in their order, the holder first and started.
pub(super) async fn make<'a>(
    shared: &Shared,
    spec: &TaskSpec,
    parts: impl Iterator<Item = &'a Part>,
) -> Result<(), StartFailure> {
    // Each time: somebody may have cleaned up.
    let ensured = ensure_holder(&shared.docker).await;
    ensured.map_err(|error| system(error.to_string()))?;
    let holder = body::name(&shared.namespace, &spec.id, holder::NAME);
    let network = body::of_holder_container(&shared.namespace, spec);
    create(shared, &holder, network).await?;
    start(shared, &holder).await?;
    let parts: Vec<&Part> = parts.collect();
    for index in order::of_making(&sources(spec)) {
        let (container, part) = (&spec.containers[index], parts[index]);
        let Some(root) = body::image_root(container) else {
            continue;
        };
        for volume in &container.volumes {
            let ensured = volumes::ensure(shared, volume).await;
            ensured.map_err(|error| system(with_cause(&error)))?;
        }
        let name = body::name(&shared.namespace, &spec.id, container.name.as_str());
        let body = body::of_member_container(&shared.namespace, spec, container, root, part);
        create(shared, &name, body).await?;
    }
    Ok(())
}

/// For each container the places of those whose volumes it has.
fn sources(spec: &TaskSpec) -> Vec<Vec<usize>> {
    let place = |name: &ContainerName| {
        let mut containers = spec.containers.iter();
        containers.position(|container| container.name == *name)
    };
    let containers = spec.containers.iter().map(|container| {
        let root = body::image_root(container);
        let from = root.into_iter().flat_map(|root| &root.volumes_from);
        from.filter_map(|from| place(&from.container)).collect()
    });
    containers.collect()
}

fn with_cause(error: &EngineError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

async fn create(
    shared: &Shared,
    name: &str,
    body: ContainerCreateBody,
) -> Result<(), StartFailure> {
    let options = CreateContainerOptionsBuilder::default().name(name).build();
    let created = shared.docker.create_container(Some(options), body).await;
    created.map(drop).map_err(|error| failure(said(&error)))
}

/// Starts a container that was made.
pub(super) async fn start(shared: &Shared, container: &str) -> Result<(), StartFailure> {
    let started = shared.docker.start_container(container, None).await;
    started.map_err(|error| failure(said(&error)))
}

/// Sends a signal; a container that has ended meanwhile needs none.
pub(super) async fn kill(shared: &Shared, container: &str, signal: Signal) {
    let options = KillContainerOptionsBuilder::default()
        .signal(signal.as_str())
        .build();
    match shared.docker.kill_container(container, Some(options)).await {
        Err(error) if !is_settled(&error) => {
            tracing::warn!(container, %error, "no signal could be sent");
        }
        _ => {}
    }
}

/// The end of a container.
pub(super) enum End {
    Certain(Exit),
    /// It has a limit of memory and was killed: the engine may still have to say that this is why.
    Killed(Exit),
}

/// How a container ended, as far as the engine knows by now; none while it runs.
pub(super) async fn end_of(shared: &Shared, container: &str) -> Option<End> {
    let lost = End::Certain(Exit {
        status: ExitStatus::SupervisorLost,
        oom: false,
    });
    match shared.docker.inspect_container(container, None).await {
        Ok(found) => {
            let limit = found.host_config.and_then(|config| config.memory);
            match found.state {
                Some(state) if state.running == Some(true) => None,
                Some(state) => {
                    let exit = exit(&state);
                    let is_killed = exit.code() == Some(KILLED) && !exit.oom;
                    Some(match limit {
                        Some(1..) if is_killed => End::Killed(exit),
                        _ => End::Certain(exit),
                    })
                }
                None => Some(lost),
            }
        }
        Err(error) if is_absent(&error) => Some(lost),
        Err(error) => {
            tracing::warn!(container, %error, "how it ended is not known");
            Some(lost)
        }
    }
}

/// How a container ended that is not running.
pub(super) fn exit(state: &bollard::models::ContainerState) -> Exit {
    let code = state.exit_code.and_then(|code| i32::try_from(code).ok());
    Exit {
        status: code.map_or(ExitStatus::SupervisorLost, ExitStatus::Code),
        oom: state.oom_killed == Some(true) && code != Some(0),
    }
}

/// Gives back the network of a task and its ports. Podman keeps what holds them for as long as
/// there is one of the task's containers: there it ends and is removed with them.
pub(super) async fn release_network(shared: &Shared, task: &TaskId) {
    let name = holder_of(shared, task);
    if let Err(error) = remove(shared, vec![name.clone()]).await {
        tracing::debug!(%task, %error, "what holds its network is kept, ended");
        kill(shared, &name, Signal::SIGKILL).await;
    }
}

/// The container that holds the network of a task.
pub(super) fn holder_of(shared: &Shared, task: &TaskId) -> String {
    body::name(&shared.namespace, task, holder::NAME)
}

/// Removes containers in this order, running or not; those that are gone are fine.
pub(super) async fn remove(shared: &Shared, names: Vec<String>) -> Result<(), EngineError> {
    for name in names {
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        match shared.docker.remove_container(&name, Some(options)).await {
            Err(error) if !is_settled(&error) => {
                return Err(EngineError::call("remove a container")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the engine says about a start that failed, in its own words.
pub(super) fn failure(mut message: String) -> StartFailure {
    if message.contains(LOST_NETWORK) {
        message.push_str(NETWORK_HINT);
    }
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let reason = if says(&["chdir to cwd"]) {
        StartFailureReason::WorkdirNotFound
    } else if says(&["executable file not found", "no such file or directory"]) {
        StartFailureReason::CommandNotFound
    } else if says(&["permission denied"]) {
        StartFailureReason::PermissionDenied
    } else if says(&["exec format error"]) {
        StartFailureReason::NotExecutable
    } else {
        StartFailureReason::System
    };
    StartFailure { reason, message }
}

fn system(message: String) -> StartFailure {
    StartFailure {
        reason: StartFailureReason::System,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_words_are_understood_as_far_as_they_matter() {
        let runc = "Error response from daemon: OCI runtime create failed: runc create failed: \
                    unable to start container process: ";
        let cases = [
            (
                "exec: \"nope\": executable file not found in $PATH",
                StartFailureReason::CommandNotFound,
            ),
            (
                "exec: \"/app/text\": permission denied",
                StartFailureReason::PermissionDenied,
            ),
            (
                "exec /app/x: exec format error",
                StartFailureReason::NotExecutable,
            ),
            (
                "chdir to cwd (\"/srv\") set in config.json failed: no such file or directory",
                StartFailureReason::WorkdirNotFound,
            ),
            ("port is already allocated", StartFailureReason::System),
        ];
        for (text, reason) in cases {
            let failure = failure(format!("{runc}{text}: unknown"));
            assert_eq!(failure.reason, reason, "{text}");
            assert!(failure.message.ends_with(&format!("{text}: unknown")));
        }
    }

    #[test]
    fn an_engine_without_its_bridge_is_to_be_restarted() {
        let lost = failure("failed to create endpoint: could not find bridge docker0".into());
        assert_eq!(lost.reason, StartFailureReason::System);
        assert!(lost.message.ends_with("lost its network; restart it)"));
    }
}
