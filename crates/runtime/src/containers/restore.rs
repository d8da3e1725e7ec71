//! Finds the tasks that an earlier connection has started, by the labels of their containers.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{ContainerState, ContainerStateStatusEnum, HealthStatusEnum};
use bollard::query_parameters::ListContainersOptionsBuilder;
use tokio::time::Instant;

use super::calls;
use super::error::{EngineError, is_absent};
use super::labels::{Owner, PLATFORM};
use super::member::{Member, Phase};
use super::order::Health;
use super::shared::Shared;
use super::volumes;
use crate::task::TaskId;

/// The containers of a task that were found.
#[derive(Default)]
struct Found {
    /// Their names in the engine, the holder's included.
    names: Vec<String>,
    members: Vec<Member>,
}

/// The tasks that are whole. Halves, which nobody was told about, are removed.
pub(super) async fn tasks(shared: &Shared) -> Result<Vec<(TaskId, Vec<Member>)>, EngineError> {
    let mut whole = Vec::new();
    let (found, strangers) = find(shared).await?;
    calls::remove(shared, strangers).await?;
    for (id, mut found) in found {
        found.members.sort_by_key(|member| member.part.index);
        let of = found.members.first().map(|member| member.part.of);
        if of == Some(found.members.len()) {
            whole.push((id, found.members));
        } else {
            tracing::info!(task = %id, "half a task is removed");
            calls::remove(shared, found.names).await?;
        }
    }
    Ok(whole)
}

/// Removes every container of the namespace, and the names of its volumes.
pub(super) async fn remove_all(shared: &Shared) -> Result<(), EngineError> {
    let names = list(shared).await?.into_iter().map(|(name, _)| name);
    calls::remove(shared, names.collect()).await?;
    volumes::remove_all(shared).await
}

/// What is there by task, and containers of the namespace that no task has.
async fn find(shared: &Shared) -> Result<(BTreeMap<TaskId, Found>, Vec<String>), EngineError> {
    let mut tasks: BTreeMap<TaskId, Found> = BTreeMap::new();
    let mut strangers = Vec::new();
    for (name, labels) in list(shared).await? {
        let Some(owner) = Owner::read(&labels) else {
            strangers.push(name);
            continue;
        };
        let found = tasks.entry(owner.task().clone()).or_default();
        found.names.push(name.clone());
        if let Owner::Member(_, container, part) = owner {
            match shared.docker.inspect_container(&name, None).await {
                Ok(seen) => {
                    let phase = phase(seen.state.unwrap_or_default());
                    found.members.push(Member::new(container, *part, phase));
                }
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(EngineError::call("look at a container")(error)),
            }
        }
    }
    Ok((tasks, strangers))
}

/// Names and labels of every container of the namespace, running or not; those that others need
/// come last.
async fn list(shared: &Shared) -> Result<Vec<(String, HashMap<String, String>)>, EngineError> {
    let own = format!("{PLATFORM}={}", shared.namespace);
    let filters = HashMap::from([("label", vec![own.as_str()])]);
    let options = ListContainersOptionsBuilder::default()
        .all(true)
        .filters(&filters)
        .build();
    let listed = shared.docker.list_containers(Some(options)).await;
    let listed = listed.map_err(EngineError::call("list its containers"))?;
    let named = listed.into_iter().filter_map(|found| {
        let labels = found.labels.unwrap_or_default();
        Some((found.id?, labels))
    });
    let mut named: Vec<_> = named.collect();
    named.sort_by_key(|(_, labels)| matches!(Owner::read(labels), Some(Owner::Holder(_))));
    Ok(named)
}

fn phase(state: ContainerState) -> Phase {
    let words = state.error.clone().unwrap_or_default();
    match state.status {
        Some(ContainerStateStatusEnum::CREATED) if words.is_empty() => Phase::Waiting,
        Some(ContainerStateStatusEnum::CREATED) => {
            let words = format!("Error response from daemon: {words}");
            Phase::StartFailed(calls::failure(words))
        }
        _ if state.running == Some(true) => Phase::Running {
            since: Instant::now(),
            health: state.health.as_ref().and_then(|seen| health(seen.status?)),
        },
        _ => Phase::Exited(calls::exit(&state)),
    }
}

fn health(status: HealthStatusEnum) -> Option<Health> {
    match status {
        HealthStatusEnum::HEALTHY => Some(Health::Healthy),
        HealthStatusEnum::UNHEALTHY => Some(Health::Unhealthy),
        HealthStatusEnum::STARTING => Some(Health::Starting),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: ContainerStateStatusEnum, code: i64, error: &str) -> ContainerState {
        ContainerState {
            running: Some(status == ContainerStateStatusEnum::RUNNING),
            status: Some(status),
            exit_code: Some(code),
            error: Some(error.to_owned()),
            ..ContainerState::default()
        }
    }

    #[test]
    fn a_container_that_never_ran_waits_or_could_not_start() {
        use ContainerStateStatusEnum::{CREATED, EXITED, RUNNING};
        assert!(matches!(phase(state(CREATED, 0, "")), Phase::Waiting));
        let refused = phase(state(
            CREATED,
            127,
            "exec: \"x\": executable file not found",
        ));
        assert!(matches!(refused, Phase::StartFailed(_)));
        assert!(matches!(
            phase(state(RUNNING, 0, "")),
            Phase::Running { .. }
        ));
        assert!(
            matches!(phase(state(EXITED, 3, "")), Phase::Exited(exit) if exit.code() == Some(3))
        );
    }
}
