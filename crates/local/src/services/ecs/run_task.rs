//! RunTask: tasks of their own, started once for each client token.

use seaway_aws_wire::ecs as wire;
use seaway_runtime::unpack::Sha256Digest;
use seaway_scheduler::{Millis, NewTask, StandaloneTask};

use super::Ecs;
use super::capacity_providers::{Capacity, needs_instances};
use super::error::EcsError;
use super::fargate::check_launch;
use super::network::{check_network, check_platform_version};
use super::overrides::check_overrides;
use super::services::task_revision;
use super::{tags, unsupported};
use crate::clock::EpochMillis;
use crate::platform::capacity::choose;
use crate::platform::records::{
    Place, RunRecord, StandaloneRecord, Tags, TaskAbout, TaskDefinitionRecord,
};
use crate::platform::task_tags::in_cluster;

/// Most tasks that one call may start.
const STARTED_AT_ONCE: i32 = 10;

impl Ecs {
    pub(super) fn run_task(
        &self,
        request: wire::RunTaskRequest,
        now: EpochMillis,
    ) -> Result<wire::RunTaskResponse, EcsError> {
        let cluster = self.cluster(request.cluster.as_deref())?;
        if needs_instances(request.launch_type.as_ref()) {
            let text = "No Container Instances were found in your cluster.";
            return Err(EcsError::Parameter(text.into()));
        }
        unsupported::check_run(&request)?;
        let asked = digest_of(&request);
        let count = request.count.unwrap_or(1);
        if !(1..=STARTED_AT_ONCE).contains(&count) {
            let text = format!("count must be between 1 and {STARTED_AT_ONCE}.");
            return Err(EcsError::Parameter(text));
        }
        let found = self.active_definition_record(&request.task_definition)?;
        if let Some(overrides) = &request.overrides {
            check_overrides(overrides, &found.definition).map_err(EcsError::Parameter)?;
        }
        check_launch(
            &found.definition,
            request.launch_type.as_ref(),
            request.capacity_provider_strategy.as_deref(),
        )
        .map_err(EcsError::Parameter)?;
        check_network(&found.definition, request.network_configuration.as_ref())?;
        check_platform_version(request.platform_version.as_ref())?;
        let tags = tags_of(&request, &cluster.name, &found)?;
        let capacity = Capacity::asked_for(
            &cluster,
            request.launch_type,
            request.capacity_provider_strategy,
        )?;
        let cluster = cluster.name;
        let run = request
            .client_token
            .map(|token| format!("{cluster}/{token}"));
        let definition = found.definition;
        let family = definition.family.clone().unwrap_or_default();
        let about = TaskAbout {
            cluster,
            group: request.group.unwrap_or_else(|| format!("family:{family}")),
            started_by: request.started_by,
            overrides: request.overrides,
            tags,
            launch_type: capacity.launch_type,
        };
        let strategy = capacity.strategy.unwrap_or_default();
        let started = self.platform.change(|book| {
            if let Some(run) = &run
                && let Some(before) = self.store.read(|view| view.get::<RunRecord>(run))?
            {
                return before.again(asked.as_ref());
            }
            let (mut started, mut placed) = (Vec::new(), Vec::new());
            for _ in 0..count {
                let new = NewTask {
                    seed: rand::random(),
                    revision: task_revision(&definition),
                    profile: self.platform.profile().scheduler(),
                };
                let capacity = choose(&strategy, &placed);
                placed.extend(capacity.clone());
                let (scheduler, commands) = StandaloneTask::launch(Millis(now.0), new);
                let id = scheduler.id().as_str().to_owned();
                let record = StandaloneRecord {
                    about: about.clone(),
                    scheduler,
                    place: Place {
                        capacity_provider: capacity.clone(),
                        ..Place::default()
                    },
                };
                book.add_standalone(record, commands);
                started.push(id);
            }
            if let Some(run) = run {
                let record = RunRecord {
                    at: now,
                    tasks: started.clone(),
                    asked,
                };
                book.add_run(run, record);
            }
            Ok::<_, EcsError>(started)
        })?;
        let mut tasks = Vec::new();
        for id in started {
            if let Some(seen) = self.find(&id)? {
                tasks.push(self.view(&seen)?);
            }
        }
        Ok(wire::RunTaskResponse {
            tasks: Some(tasks),
            failures: Some(vec![]),
        })
    }
}

impl RunRecord {
    /// What the call started when it came first.
    fn again(self, asked: Option<&String>) -> Result<Vec<String>, EcsError> {
        match (&self.asked, asked) {
            (Some(before), Some(now)) if before != now => Err(EcsError::Conflict(
                "The client token is already in use with a different RunTask request.".into(),
            )),
            _ => Ok(self.tasks),
        }
    }
}

/// What tells a request from others with its token in its cluster.
fn digest_of(request: &wire::RunTaskRequest) -> Option<String> {
    let asked = wire::RunTaskRequest {
        cluster: None,
        client_token: None,
        ..request.clone()
    };
    let text = serde_json::to_vec(&asked).ok()?;
    Some(Sha256Digest::of(&text).hex())
}

/// The request's own tags come before those of the definition.
fn tags_of(
    request: &wire::RunTaskRequest,
    cluster: &str,
    found: &TaskDefinitionRecord,
) -> Result<Tags, EcsError> {
    let mut tags = match request.propagate_tags {
        Some(wire::PropagateTags::TaskDefinition) => found.tags.clone(),
        Some(wire::PropagateTags::Service) => {
            let text = "propagateTags cannot be SERVICE: a task that is run has no service.";
            return Err(EcsError::Parameter(text.into()));
        }
        _ => Tags::new(),
    };
    tags.extend(tags::from_wire(request.tags.clone())?);
    if request.enable_ecs_managed_tags == Some(true) {
        tags.extend([in_cluster(cluster)]);
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn request(more: Value) -> wire::RunTaskRequest {
        let mut request = json!({ "taskDefinition": "job:1" });
        let members = request.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        serde_json::from_value(request).unwrap()
    }

    #[test]
    fn a_token_stands_for_one_request() {
        let first = request(json!({ "clientToken": "a", "cluster": "shop", "count": 2 }));
        let record = || RunRecord {
            at: EpochMillis(0),
            tasks: vec!["x".into()],
            asked: digest_of(&first),
        };
        let same = request(json!({ "clientToken": "a", "count": 2 }));
        let again = record().again(digest_of(&same).as_ref());
        assert_eq!(again.unwrap(), ["x"]);
        let other = request(json!({ "clientToken": "a", "count": 3 }));
        let refused = record().again(digest_of(&other).as_ref());
        assert!(matches!(refused, Err(EcsError::Conflict(_))), "{refused:?}");
        let old = RunRecord {
            asked: None,
            ..record()
        };
        assert_eq!(old.again(digest_of(&other).as_ref()).unwrap(), ["x"]);
    }

    #[test]
    fn a_task_has_the_tags_that_were_asked_for() {
        let found = TaskDefinitionRecord {
            definition: wire::TaskDefinition::default(),
            tags: Tags::from([("a".into(), "1".into()), ("b".into(), "1".into())]),
        };
        let of = |more: Value| tags_of(&request(more), "shop", &found);
        assert_eq!(of(json!({})).unwrap(), Tags::new());
        let tags = of(json!({
            "propagateTags": "TASK_DEFINITION", "enableECSManagedTags": true,
            "tags": [{ "key": "b", "value": "2" }],
        }));
        let expected = [("a", "1"), ("aws:ecs:clusterName", "shop"), ("b", "2")];
        assert_eq!(
            tags.unwrap(),
            expected.map(|(k, v)| (k.into(), v.into())).into()
        );
        assert!(of(json!({ "propagateTags": "SERVICE" })).is_err());
    }
}
