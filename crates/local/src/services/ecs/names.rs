//! ARNs of ECS, and the short names that the API takes in their place.

use super::error::EcsError;
use crate::identity::arn;
use crate::platform::records::ServiceKey;

const DEFAULT_CLUSTER: &str = "default";

/// Whether ECS takes it as the name of a cluster, service or family (API reference: up to 255
/// letters, digits, underscores and hyphens). Names are parts of ARNs, keys and paths.
pub(super) fn is_identifier(name: &str) -> bool {
    let taken = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=255).contains(&name.len()) && name.chars().all(taken)
}

/// The cluster a request names: by name, by ARN, or not at all.
pub(super) fn cluster_name(given: Option<&str>) -> &str {
    match given {
        None | Some("") => DEFAULT_CLUSTER,
        Some(name) => name.rsplit('/').next().unwrap_or(name),
    }
}

/// The service a request names: by name within `cluster`, or by ARN.
pub(super) fn service_key(cluster: Option<&str>, given: &str) -> ServiceKey {
    let by_arn = resource(given, "service").and_then(|rest| rest.split_once('/'));
    match by_arn {
        Some((cluster, name)) => ServiceKey {
            cluster: cluster.into(),
            name: name.into(),
        },
        None => ServiceKey {
            cluster: cluster_name(cluster).into(),
            name: given.into(),
        },
    }
}

/// The service that a request on `cluster` names; an error where its ARN is of another cluster.
pub(super) fn service_in(cluster: &str, given: &str) -> Result<ServiceKey, EcsError> {
    let key = service_key(Some(cluster), given);
    if key.cluster != cluster {
        return Err(EcsError::Parameter(format!(
            "Invalid identifier: Identifier is for cluster {}. Your cluster is {cluster}",
            key.cluster
        )));
    }
    Ok(key)
}

/// Cluster, service and id of a service deployment's or a service revision's ARN.
pub(super) fn service_part<'a>(given: &'a str, kind: &str) -> Option<(ServiceKey, &'a str)> {
    let mut parts = resource(given, kind)?.splitn(3, '/');
    let (cluster, name, id) = (parts.next()?, parts.next()?, parts.next()?);
    Some((
        ServiceKey {
            cluster: cluster.into(),
            name: name.into(),
        },
        id,
    ))
}

/// The id of a task given by id or ARN.
pub(super) fn task_id(given: &str) -> &str {
    given.rsplit('/').next().unwrap_or(given)
}

/// What follows `KIND/` in an ECS ARN.
pub(super) fn resource<'a>(given: &'a str, kind: &str) -> Option<&'a str> {
    let resource = given.strip_prefix("arn:aws:ecs:")?.splitn(3, ':').nth(2)?;
    resource.strip_prefix(kind)?.strip_prefix('/')
}

pub(super) fn cluster_arn(name: &str) -> String {
    arn("ecs", &format!("cluster/{name}"))
}

pub(super) fn task_arn(cluster: &str, id: &str) -> String {
    arn("ecs", &format!("task/{cluster}/{id}"))
}

pub(super) fn revision_arn(key: &ServiceKey, number: u64) -> String {
    arn("ecs", &format!("service-revision/{key}/{number}"))
}

pub(super) fn service_deployment_arn(key: &ServiceKey, id: &str) -> String {
    arn("ecs", &format!("service-deployment/{key}/{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_never_a_part_of_a_path() {
        assert!(is_identifier("shop_local-2"));
        for name in ["", "a/b", "..", "a:1", "ü", &"x".repeat(256)] {
            assert!(!is_identifier(name), "{name}");
        }
    }

    #[test]
    fn a_service_is_named_by_name_or_arn() {
        let key = ServiceKey {
            cluster: "shop-local".into(),
            name: "api".into(),
        };
        assert_eq!(service_key(Some("shop-local"), "api"), key);
        assert_eq!(service_key(Some(&cluster_arn("shop-local")), "api"), key);
        assert_eq!(service_key(None, &key.arn()), key);
        assert_eq!(service_key(None, "api").cluster, DEFAULT_CLUSTER);
        assert_eq!(service_in("shop-local", &key.arn()).unwrap(), key);
        let refused = service_in("default", &key.arn()).unwrap_err().to_string();
        assert!(refused.ends_with("for cluster shop-local. Your cluster is default"));
    }

    #[test]
    fn parts_of_a_service_are_found_in_their_arns() {
        let key = ServiceKey {
            cluster: "c".into(),
            name: "api".into(),
        };
        let arn = revision_arn(&key, 42);
        assert_eq!(
            service_part(&arn, "service-revision"),
            Some((key.clone(), "42"))
        );
        assert_eq!(service_part(&arn, "service-deployment"), None);
    }
}
