//! Services created by bare calls, without a command that follows them.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::api::{Api, Client};
use super::stage::COMMAND;
use super::{During as _, ProofError, claim};

/// Calls that are made side by side, as the command does.
const SIDE_BY_SIDE: usize = 8;
/// Services that one DescribeServices names at most.
const PAGE: usize = 10;
/// Between two looks whether all are there.
const POLL: Duration = Duration::from_millis(100);

/// What is read from a task definition to register it again.
const DEFINITION: &[&str] = &[
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "runtimePlatform",
];

/// What is read from a service to create it again.
const SERVICE: &[&str] = &[
    "serviceName",
    "loadBalancers",
    "desiredCount",
    "launchType",
    "deploymentConfiguration",
    "networkConfiguration",
    "healthCheckGracePeriodSeconds",
    "tags",
];

/// Services as they would be created by hand.
#[derive(Debug)]
pub(crate) struct Documents {
    pub(crate) cluster: String,
    /// A task definition and the service that runs it.
    pub(crate) pairs: Vec<(Value, Value)>,
}

impl Documents {
    pub(crate) fn names(&self) -> Vec<&str> {
        self.pairs
            .iter()
            .filter_map(|(_, service)| service["serviceName"].as_str())
            .collect()
    }
}

/// Reads every service and its task definition.
pub(crate) async fn documents(api: &Api) -> Result<Documents, ProofError> {
    let mut client = api.connect().await?;
    let clusters = client.ecs("ListClusters", json!({})).await?;
    let cluster = clusters["clusterArns"][0]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut arns = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut ask = json!({ "cluster": cluster, "maxResults": 100 });
        if !token.is_null() {
            ask["nextToken"] = token;
        }
        let page = client.ecs("ListServices", ask).await?;
        arns.extend(
            page["serviceArns"]
                .as_array()
                .into_iter()
                .flatten()
                .cloned(),
        );
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    let mut pairs = Vec::new();
    for page in arns.chunks(PAGE) {
        let ask = json!({ "cluster": cluster, "services": page, "include": ["TAGS"] });
        let answer = client.ecs("DescribeServices", ask).await?;
        for service in answer["services"].as_array().into_iter().flatten() {
            let ask = json!({ "taskDefinition": service["taskDefinition"] });
            let described = client.ecs("DescribeTaskDefinition", ask).await?;
            let mut created = only(service, SERVICE);
            created["cluster"] = cluster.clone().into();
            pairs.push((only(&described["taskDefinition"], DEFINITION), created));
        }
    }
    Ok(Documents { cluster, pairs })
}

/// An object's members of these names, empty lists left out.
fn only(object: &Value, names: &[&str]) -> Value {
    let given = names.iter().filter_map(|name| {
        let value = object.get(*name)?;
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        (!empty).then(|| ((*name).to_owned(), value.clone()))
    });
    Value::Object(given.collect::<Map<_, _>>())
}

/// Registers, creates, and waits until every service has completed its first rollout.
pub(crate) async fn create(api: &Api, documents: &Documents) -> Result<Duration, ProofError> {
    let began = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    let share = documents.pairs.len().div_ceil(SIDE_BY_SIDE).max(1);
    for pairs in documents.pairs.chunks(share) {
        let (api, pairs) = (api.clone(), pairs.to_vec());
        workers.spawn(async move {
            let mut client = api.connect().await?;
            for (definition, mut service) in pairs {
                let registered = client.ecs("RegisterTaskDefinition", definition).await?;
                service["taskDefinition"] =
                    registered["taskDefinition"]["taskDefinitionArn"].clone();
                client.ecs("CreateService", service).await?;
            }
            Ok::<(), ProofError>(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.during("create services")??;
    }
    wait(api, documents, completed).await?;
    Ok(began.elapsed())
}

/// Deletes every service and waits until its tasks are gone.
pub(crate) async fn remove(api: &Api, documents: &Documents) -> Result<(), ProofError> {
    let mut client = api.connect().await?;
    for name in documents.names() {
        let ask = json!({ "cluster": documents.cluster, "service": name, "force": true });
        client.ecs("DeleteService", ask).await?;
    }
    wait(api, documents, |service| service["status"] == "INACTIVE").await
}

fn completed(service: &Value) -> bool {
    service["deployments"]
        .as_array()
        .is_some_and(|deployments| {
            deployments.len() == 1 && deployments[0]["rolloutState"] == "COMPLETED"
        })
}

/// Waits until all services are as they should be.
async fn wait(
    api: &Api,
    documents: &Documents,
    good: impl Fn(&Value) -> bool,
) -> Result<(), ProofError> {
    let mut client = api.connect().await?;
    let deadline = Instant::now() + COMMAND;
    let mut open = documents.names();
    while !open.is_empty() {
        claim!(
            Instant::now() < deadline,
            "{} services do not get there: {open:?}",
            open.len()
        );
        let mut left = Vec::new();
        for page in open.chunks(PAGE) {
            let there = there(&mut client, &documents.cluster, page, &good).await?;
            left.extend(
                page.iter()
                    .filter(|name| !there.iter().any(|done| done == *name)),
            );
        }
        open = left;
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Those of the named services that are as they should be.
async fn there(
    client: &mut Client,
    cluster: &str,
    names: &[&str],
    good: impl Fn(&Value) -> bool,
) -> Result<Vec<String>, ProofError> {
    let ask = json!({ "cluster": cluster, "services": names });
    let answer = client.ecs("DescribeServices", ask).await?;
    let services = answer["services"].as_array().into_iter().flatten();
    let there = services.filter(|service| good(service));
    Ok(there
        .filter_map(|service| service["serviceName"].as_str().map(str::to_owned))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_becomes_what_is_sent() {
        let described = json!({
            "serviceName": "unit", "status": "ACTIVE", "desiredCount": 1, "loadBalancers": [],
            "events": [{"message": "x"}], "launchType": "FARGATE"
        });
        assert_eq!(
            only(&described, SERVICE),
            json!({ "serviceName": "unit", "desiredCount": 1, "launchType": "FARGATE" })
        );
    }

    #[test]
    fn a_rollout_is_complete_when_it_is_alone_and_says_so() {
        let deployments = |states: &[&str]| {
            let states = states.iter().map(|state| json!({ "rolloutState": state }));
            json!({ "deployments": states.collect::<Vec<_>>() })
        };
        assert!(completed(&deployments(&["COMPLETED"])));
        assert!(!completed(&deployments(&["IN_PROGRESS"])));
        assert!(!completed(&deployments(&["COMPLETED", "IN_PROGRESS"])));
        assert!(!completed(&json!({})));
    }
}
