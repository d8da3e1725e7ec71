//! Actions of listeners and rules: forward, redirect and fixed response.

use seaway_aws_wire::elbv2::{self as wire, ActionTypeEnum};

use super::error::ElbError;
use super::names::Kind;
use crate::balancing::{
    Action, Documents, FixedResponse, Forward, ForwardTarget, GroupStickiness, Redirect,
};

/// Target groups that one forward action may name.
const MOST_TARGET_GROUPS: usize = 5;
const HEAVIEST: i32 = 999;
/// The longest stickiness: a week.
const LONGEST: i32 = 604_800;
const CONTENT_TYPES: [&str; 5] = [
    "text/plain",
    "text/css",
    "text/html",
    "application/javascript",
    "application/json",
];

/// Reads the actions of a listener or a rule: exactly one, since authentication is not offered.
pub(super) fn from_wire(mut actions: Vec<wire::Action>) -> Result<Action, ElbError> {
    let action = match (actions.pop(), actions.is_empty()) {
        (Some(action), true) => action,
        (None, _) => {
            return Err(ElbError::validation(
                "At least one action must be specified",
            ));
        }
        (Some(_), false) => return Err(ElbError::TooManyActions),
    };
    match action.r#type {
        ActionTypeEnum::Forward => forward(action),
        ActionTypeEnum::Redirect => redirect(action),
        ActionTypeEnum::FixedResponse => fixed_response(action),
        other => Err(ElbError::not_offered(format_args!(
            "actions of the type '{other}'"
        ))),
    }
}

/// Refuses an action whose target groups do not exist. Unlike in Elastic Load Balancing, a group may
/// be behind several load balancers: a service has one for the public and one for other services.
pub(super) fn check_target_groups(documents: &Documents, action: &Action) -> Result<(), ElbError> {
    for arn in action.target_groups() {
        Kind::TargetGroup.check(arn)?;
        if !documents.target_groups.contains_key(arn) {
            return Err(ElbError::TargetGroupNotFound);
        }
    }
    Ok(())
}

/// An action as the API describes it, defaults filled in.
pub(super) fn to_wire(action: &Action) -> wire::Action {
    match action {
        Action::Forward(forward) => wire::Action {
            forward_config: Some(forward_config(forward)),
            target_group_arn: match forward.targets.as_slice() {
                [only] => Some(only.target_group.clone()),
                _ => None,
            },
            ..of_type(ActionTypeEnum::Forward)
        },
        Action::Redirect(redirect) => wire::Action {
            redirect_config: Some(redirect_config(redirect)),
            ..of_type(ActionTypeEnum::Redirect)
        },
        Action::FixedResponse(fixed) => wire::Action {
            fixed_response_config: Some(wire::FixedResponseActionConfig {
                content_type: fixed.content_type.clone(),
                message_body: fixed.body.clone(),
                status_code: fixed.status.to_string(),
            }),
            ..of_type(ActionTypeEnum::FixedResponse)
        },
    }
}

fn forward(action: wire::Action) -> Result<Action, ElbError> {
    let config = action.forward_config.unwrap_or_default();
    let stickiness = stickiness(config.target_group_stickiness_config.unwrap_or_default())?;
    let mut targets = config
        .target_groups
        .unwrap_or_default()
        .into_iter()
        .map(forward_target)
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(arn) = action.target_group_arn {
        match targets.as_slice() {
            [] => targets.push(ForwardTarget {
                target_group: arn,
                weight: 1,
            }),
            [only] if only.target_group == arn => {}
            _ => {
                return Err(ElbError::validation(
                    "You cannot specify both a target group ARN and a forward config with other \
                     target groups",
                ));
            }
        }
    }
    if targets.is_empty() {
        return Err(ElbError::validation("A target group ARN must be specified"));
    }
    if targets.len() > MOST_TARGET_GROUPS {
        return Err(ElbError::Validation(format!(
            "A forward action can have at most '{MOST_TARGET_GROUPS}' target groups"
        )));
    }
    Ok(Action::Forward(Forward {
        targets,
        stickiness,
    }))
}

fn stickiness(config: wire::TargetGroupStickinessConfig) -> Result<GroupStickiness, ElbError> {
    let enabled = config.enabled.unwrap_or_default();
    let seconds = match config.duration_seconds {
        Some(seconds) if (1..=LONGEST).contains(&seconds) => u32::try_from(seconds).ok(),
        None if !enabled => None,
        given => {
            let given = given.map_or_else(String::new, |seconds| seconds.to_string());
            return Err(ElbError::Validation(format!(
                "The stickiness duration '{given}' must be between 1 and {LONGEST} seconds"
            )));
        }
    };
    Ok(GroupStickiness { enabled, seconds })
}

fn forward_target(tuple: wire::TargetGroupTuple) -> Result<ForwardTarget, ElbError> {
    let target_group = tuple
        .target_group_arn
        .ok_or_else(|| ElbError::validation("A target group ARN must be specified"))?;
    let weight = tuple.weight.unwrap_or(1);
    let weight = u32::try_from(weight)
        .ok()
        .filter(|_| weight <= HEAVIEST)
        .ok_or_else(|| {
            ElbError::Validation(format!(
                "The weight '{weight}' must be between 0 and {HEAVIEST}"
            ))
        })?;
    Ok(ForwardTarget {
        target_group,
        weight,
    })
}

fn forward_config(forward: &Forward) -> wire::ForwardActionConfig {
    let tuple = |target: &ForwardTarget| wire::TargetGroupTuple {
        target_group_arn: Some(target.target_group.clone()),
        weight: i32::try_from(target.weight).ok(),
    };
    wire::ForwardActionConfig {
        target_groups: Some(forward.targets.iter().map(tuple).collect()),
        target_group_stickiness_config: Some(wire::TargetGroupStickinessConfig {
            enabled: Some(forward.stickiness.enabled),
            duration_seconds: forward
                .stickiness
                .seconds
                .and_then(|seconds| i32::try_from(seconds).ok()),
        }),
    }
}

fn redirect(action: wire::Action) -> Result<Action, ElbError> {
    let config = action
        .redirect_config
        .ok_or_else(|| ElbError::validation("A redirect action needs a redirect config"))?;
    let redirect = Redirect {
        protocol: config.protocol.filter(|part| part != "#{protocol}"),
        host: config.host.filter(|part| part != "#{host}"),
        port: config.port.filter(|part| part != "#{port}"),
        path: config.path.filter(|part| part != "/#{path}"),
        query: config.query.filter(|part| part != "#{query}"),
        permanent: config.status_code == wire::RedirectActionStatusCodeEnum::Http301,
    };
    if redirect
        .path
        .as_ref()
        .is_some_and(|path| !path.starts_with('/'))
    {
        return Err(ElbError::validation(
            "The redirect path must start with '/'",
        ));
    }
    let port_is_valid = |port: &String| port.parse::<u16>().is_ok_and(|port| port > 0);
    if redirect
        .port
        .as_ref()
        .is_some_and(|port| !port_is_valid(port))
    {
        return Err(ElbError::validation(
            "The redirect port must be between 1 and 65535",
        ));
    }
    let parts = [
        &redirect.protocol,
        &redirect.host,
        &redirect.port,
        &redirect.path,
    ];
    if parts.iter().all(|part| part.is_none()) {
        return Err(ElbError::validation(
            "A redirect must change the protocol, the port, the host or the path, or it would \
             never end",
        ));
    }
    Ok(Action::Redirect(redirect))
}

fn redirect_config(redirect: &Redirect) -> wire::RedirectActionConfig {
    let part = |part: &Option<String>, kept: &str| Some(part.as_deref().unwrap_or(kept).to_owned());
    wire::RedirectActionConfig {
        protocol: part(&redirect.protocol, "#{protocol}"),
        host: part(&redirect.host, "#{host}"),
        port: part(&redirect.port, "#{port}"),
        path: part(&redirect.path, "/#{path}"),
        query: part(&redirect.query, "#{query}"),
        status_code: if redirect.permanent {
            wire::RedirectActionStatusCodeEnum::Http301
        } else {
            wire::RedirectActionStatusCodeEnum::Http302
        },
    }
}

fn fixed_response(action: wire::Action) -> Result<Action, ElbError> {
    let config = action.fixed_response_config.ok_or_else(|| {
        ElbError::validation("A fixed response action needs a fixed response config")
    })?;
    let status = config.status_code.parse().map_err(|_| {
        ElbError::Validation(format!(
            "'{}' is not a valid status code",
            config.status_code
        ))
    })?;
    let content_type = config.content_type.filter(|text| !text.is_empty());
    if let Some(other) = content_type
        .as_deref()
        .filter(|text| !CONTENT_TYPES.contains(text))
    {
        return Err(ElbError::Validation(format!(
            "'{other}' is not a valid content type"
        )));
    }
    Ok(Action::FixedResponse(FixedResponse {
        status,
        content_type,
        body: config.message_body,
    }))
}

fn of_type(r#type: ActionTypeEnum) -> wire::Action {
    wire::Action {
        authenticate_cognito_config: None,
        authenticate_oidc_config: None,
        fixed_response_config: None,
        forward_config: None,
        jwt_validation_config: None,
        order: None,
        redirect_config: None,
        target_group_arn: None,
        r#type,
    }
}
