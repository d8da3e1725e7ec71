//! Deployment configurations: from the wire to the scheduler, with ECS's defaults.

use std::time::Duration;

use seaway_aws_wire::ecs as wire;
use seaway_scheduler::{
    CircuitBreaker, DeploymentConfiguration, Percent, Threshold, ThresholdKind,
};

use super::error::EcsError;

/// What a request asks for, over what holds already; read back, every default is filled in.
pub(super) fn merged(
    before: &wire::DeploymentConfiguration,
    given: Option<wire::DeploymentConfiguration>,
) -> Result<wire::DeploymentConfiguration, EcsError> {
    let given = given.unwrap_or_default();
    refuse_later_features(&given)?;
    let breaker = given
        .deployment_circuit_breaker
        .or_else(|| before.deployment_circuit_breaker.clone())
        .unwrap_or_default();
    let threshold = wire::ThresholdConfiguration {
        r#type: wire::ThresholdType::BoundedPercent,
        value: 50,
    };
    let merged = wire::DeploymentConfiguration {
        strategy: Some(wire::DeploymentStrategy::Rolling),
        bake_time_in_minutes: Some(0),
        maximum_percent: given
            .maximum_percent
            .or(before.maximum_percent)
            .or(Some(200)),
        minimum_healthy_percent: given
            .minimum_healthy_percent
            .or(before.minimum_healthy_percent)
            .or(Some(100)),
        deployment_circuit_breaker: Some(wire::DeploymentCircuitBreaker {
            reset_on_healthy_task: Some(breaker.reset_on_healthy_task.unwrap_or(true)),
            threshold_configuration: Some(breaker.threshold_configuration.unwrap_or(threshold)),
            ..breaker
        }),
        alarms: Some(wire::DeploymentAlarms::default()),
        ..wire::DeploymentConfiguration::default()
    };
    check(&merged)?;
    Ok(merged)
}

/// The same in the scheduler's terms. `configuration` is one that [`merged`] returned.
pub(super) fn for_scheduler(
    configuration: &wire::DeploymentConfiguration,
    grace_seconds: Option<i32>,
) -> DeploymentConfiguration {
    let percent = |value: Option<i32>, default: u32| {
        Percent(
            value
                .and_then(|value| u32::try_from(value).ok())
                .unwrap_or(default),
        )
    };
    let breaker = configuration
        .deployment_circuit_breaker
        .clone()
        .unwrap_or_default();
    let grace = grace_seconds
        .and_then(|seconds| u64::try_from(seconds).ok())
        .unwrap_or(0);
    DeploymentConfiguration {
        minimum_healthy: percent(configuration.minimum_healthy_percent, 100),
        maximum: percent(configuration.maximum_percent, 200),
        circuit_breaker: CircuitBreaker {
            enable: breaker.enable,
            rollback: breaker.rollback,
            threshold: threshold(breaker.threshold_configuration),
            reset_on_healthy_task: breaker.reset_on_healthy_task.unwrap_or(true),
        },
        health_check_grace: Duration::from_secs(grace),
    }
}

fn threshold(given: Option<wire::ThresholdConfiguration>) -> Threshold {
    let Some(given) = given else {
        return Threshold {
            kind: ThresholdKind::BoundedPercent,
            value: 50,
        };
    };
    let kind = match given.r#type {
        wire::ThresholdType::Count => ThresholdKind::Count,
        wire::ThresholdType::UnboundedPercent => ThresholdKind::UnboundedPercent,
        _ => ThresholdKind::BoundedPercent,
    };
    Threshold {
        kind,
        value: u32::try_from(given.value).unwrap_or_default(),
    }
}

fn check(configuration: &wire::DeploymentConfiguration) -> Result<(), EcsError> {
    let minimum = configuration.minimum_healthy_percent.unwrap_or(100);
    let maximum = configuration.maximum_percent.unwrap_or(200);
    if !(0..=100).contains(&minimum) {
        return Err(EcsError::Parameter(
            "The minimumHealthyPercent must be between 0 and 100.".into(),
        ));
    }
    if !(100..=200).contains(&maximum) {
        return Err(EcsError::Parameter(
            "The maximumPercent must be between 100 and 200.".into(),
        ));
    }
    if minimum == 100 && maximum == 100 {
        return Err(EcsError::Parameter(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block \
             deployments."
                .into(),
        ));
    }
    Ok(())
}

/// What this version of the platform does not do is refused, never ignored.
fn refuse_later_features(given: &wire::DeploymentConfiguration) -> Result<(), EcsError> {
    let rolling = given
        .strategy
        .as_ref()
        .is_none_or(|s| *s == wire::DeploymentStrategy::Rolling);
    let alarms = given.alarms.as_ref().is_some_and(|alarms| alarms.enable);
    let early = given
        .early_success_criteria
        .as_ref()
        .is_some_and(|early| early.enable);
    let baking = given.bake_time_in_minutes.unwrap_or(0) > 0;
    let hooks = given
        .lifecycle_hooks
        .as_ref()
        .is_some_and(|hooks| !hooks.is_empty());
    for (asked, what) in [
        (!rolling, "a deployment strategy other than ROLLING"),
        (alarms, "deployment alarms"),
        (early, "early success criteria"),
        (baking, "a bake time"),
        (hooks, "lifecycle hooks"),
    ] {
        if asked {
            return Err(EcsError::Unsupported(format!(
                "The embedded platform does not have {what}."
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_left_out_is_read_back_as_ecs_says_it() {
        let merged = merged(&wire::DeploymentConfiguration::default(), None).unwrap();
        assert_eq!(merged.maximum_percent, Some(200));
        assert_eq!(merged.minimum_healthy_percent, Some(100));
        let breaker = merged.deployment_circuit_breaker.unwrap();
        assert!(!breaker.enable && !breaker.rollback);
        assert_eq!(breaker.threshold_configuration.unwrap().value, 50);
    }

    #[test]
    fn an_update_keeps_what_it_does_not_name() {
        let singleton = wire::DeploymentConfiguration {
            maximum_percent: Some(100),
            minimum_healthy_percent: Some(0),
            ..wire::DeploymentConfiguration::default()
        };
        let before = merged(&wire::DeploymentConfiguration::default(), Some(singleton)).unwrap();
        let after = merged(&before, None).unwrap();
        assert_eq!(after, before);
    }

    #[test]
    fn what_would_block_every_deployment_is_refused() {
        let deadlock = wire::DeploymentConfiguration {
            maximum_percent: Some(100),
            minimum_healthy_percent: Some(100),
            ..wire::DeploymentConfiguration::default()
        };
        assert!(merged(&wire::DeploymentConfiguration::default(), Some(deadlock)).is_err());
    }
}
