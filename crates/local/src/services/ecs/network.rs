//! What ECS refuses of the place where tasks are to run: their subnets and Fargate's version.
//!
//! Nothing of it is in force: the machine has one network, and the platform is what it is.

use seaway_aws_wire::ecs as wire;

use super::error::EcsError;

/// API reference, `AwsVpcConfiguration`.
const MOST_SUBNETS: usize = 16;
/// API reference, `AwsVpcConfiguration`.
const MOST_SECURITY_GROUPS: usize = 5;
/// Developer guide, "Fargate platform versions for Amazon ECS": those of Linux that tasks start on.
const PLATFORM_VERSIONS: [&str; 3] = ["LATEST", "1.4.0", "1.3.0"];

/// Tasks with network interfaces of their own need subnets for them; others have no use for any.
pub(super) fn check_network(
    definition: &wire::TaskDefinition,
    network: Option<&wire::NetworkConfiguration>,
) -> Result<(), EcsError> {
    let refuse = |text: String| Err(EcsError::Parameter(text));
    let of_their_own = definition.network_mode == Some(wire::NetworkMode::Awsvpc);
    let vpc = match network {
        None if of_their_own => {
            return refuse(
                "Network Configuration must be provided when networkMode 'awsvpc' is specified."
                    .into(),
            );
        }
        Some(_) if !of_their_own => {
            return refuse(
                "Network Configuration is not valid for the given networkMode of this task \
                 definition."
                    .into(),
            );
        }
        network => network.and_then(|network| network.awsvpc_configuration.as_ref()),
    };
    let subnets = vpc.map_or(0, |vpc| vpc.subnets.len());
    let groups = vpc.and_then(|vpc| vpc.security_groups.as_ref());
    if of_their_own && subnets == 0 {
        return refuse("subnets can not be empty.".into());
    }
    for (what, count, most) in [
        ("subnets", subnets, MOST_SUBNETS),
        (
            "securityGroups",
            groups.map_or(0, Vec::len),
            MOST_SECURITY_GROUPS,
        ),
    ] {
        if count > most {
            return refuse(format!("{what} can have at most {most} items."));
        }
    }
    Ok(())
}

/// Fargate has not every version of itself.
pub(super) fn check_platform_version(version: Option<&String>) -> Result<(), EcsError> {
    match version {
        Some(version) if !PLATFORM_VERSIONS.contains(&version.as_str()) => {
            Err(EcsError::PlatformUnknown)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn checked(mode: &str, network: Value) -> Option<String> {
        let definition = serde_json::from_value(json!({ "networkMode": mode })).unwrap();
        let network: Option<_> = serde_json::from_value(network).unwrap();
        let checked = check_network(&definition, network.as_ref());
        checked.err().map(|error| error.to_string())
    }

    fn vpc(subnets: usize, groups: usize) -> Value {
        json!({ "awsvpcConfiguration": {
            "subnets": vec!["subnet-1"; subnets], "securityGroups": vec!["sg-1"; groups] } })
    }

    #[test]
    fn interfaces_need_subnets_and_others_have_none() {
        for (mode, network, refused) in [
            ("awsvpc", vpc(1, 0), None),
            ("awsvpc", vpc(16, 5), None),
            ("bridge", Value::Null, None),
            ("awsvpc", Value::Null, Some("must be provided")),
            ("awsvpc", json!({}), Some("subnets can not be empty.")),
            ("awsvpc", vpc(0, 0), Some("subnets can not be empty.")),
            ("awsvpc", vpc(17, 0), Some("subnets can have at most 16")),
            (
                "awsvpc",
                vpc(1, 6),
                Some("securityGroups can have at most 5"),
            ),
            (
                "bridge",
                vpc(1, 0),
                Some("not valid for the given networkMode"),
            ),
        ] {
            let said = checked(mode, network.clone());
            let as_expected = match refused {
                None => said.is_none(),
                Some(part) => said.as_ref().is_some_and(|text| text.contains(part)),
            };
            assert!(as_expected, "{mode} {network}: {said:?}");
        }
    }

    #[test]
    fn only_versions_of_fargate_are_taken() {
        assert!(check_platform_version(None).is_ok());
        assert!(check_platform_version(Some(&"LATEST".into())).is_ok());
        assert!(check_platform_version(Some(&"1.5.0".into())).is_err());
    }
}
