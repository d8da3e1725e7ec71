//! Deployment configurations: from the wire to the scheduler, with ECS's defaults.

use std::time::Duration;

use seaway_aws_wire::ecs as wire;
use seaway_scheduler::{
    AlarmConfiguration, CircuitBreaker, DeploymentConfiguration, EarlySuccess, Percent,
    SourceCleanup, Threshold, ThresholdKind,
};

use super::error::EcsError;

/// The longest bake time, in minutes: a day.
const LONGEST_BAKE_TIME: i32 = 1_440;

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
        bake_time_in_minutes: given
            .bake_time_in_minutes
            .or(before.bake_time_in_minutes)
            .or(Some(0)),
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
        alarms: Some(
            given
                .alarms
                .or_else(|| before.alarms.clone())
                .unwrap_or_default(),
        ),
        early_success_criteria: given
            .early_success_criteria
            .or_else(|| before.early_success_criteria.clone()),
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
        alarms: alarms(configuration.alarms.as_ref()),
        bake_time: Duration::from_secs(60 * minutes(configuration.bake_time_in_minutes)),
        early_success: early_success(configuration.early_success_criteria.as_ref()),
    }
}

fn alarms(given: Option<&wire::DeploymentAlarms>) -> AlarmConfiguration {
    let Some(given) = given else {
        return AlarmConfiguration::default();
    };
    AlarmConfiguration {
        enable: given.enable,
        rollback: given.rollback,
        names: given.alarm_names.clone(),
    }
}

fn minutes(given: Option<i32>) -> u64 {
    given
        .and_then(|minutes| minutes.try_into().ok())
        .unwrap_or_default()
}

fn early_success(given: Option<&wire::DeploymentEarlySuccessCriteria>) -> Option<EarlySuccess> {
    let given = given.filter(|given| given.enable)?;
    let healthy = u32::try_from(given.healthy_percent?).ok()?;
    let deferred =
        given.source_service_revision_cleanup == Some(wire::ServiceRevisionCleanup::Deferred);
    Some(EarlySuccess {
        healthy: Percent(healthy),
        cleanup: match deferred {
            true => SourceCleanup::Deferred,
            false => SourceCleanup::Blocking,
        },
    })
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
    let baking = configuration.bake_time_in_minutes.unwrap_or(0);
    if !(0..=LONGEST_BAKE_TIME).contains(&baking) {
        return Err(EcsError::Parameter(format!(
            "The bakeTimeInMinutes must be between 0 and {LONGEST_BAKE_TIME}."
        )));
    }
    check_threshold(configuration.deployment_circuit_breaker.as_ref())?;
    check_early_success(configuration.early_success_criteria.as_ref(), minimum)
}

fn check_threshold(breaker: Option<&wire::DeploymentCircuitBreaker>) -> Result<(), EcsError> {
    let threshold = breaker.and_then(|breaker| breaker.threshold_configuration.as_ref());
    let valid = threshold.is_none_or(|threshold| match threshold.r#type {
        wire::ThresholdType::Count => threshold.value >= 1,
        _ => (1..=100).contains(&threshold.value),
    });
    match valid {
        true => Ok(()),
        false => Err(EcsError::Parameter(
            "The value of the thresholdConfiguration must be at least 1, and a percentage at \
             most 100."
                .into(),
        )),
    }
}

/// Enabled criteria are complete, and ask for no less than the floor (API reference,
/// `DeploymentEarlySuccessCriteria`).
fn check_early_success(
    given: Option<&wire::DeploymentEarlySuccessCriteria>,
    minimum: i32,
) -> Result<(), EcsError> {
    let Some(given) = given.filter(|given| given.enable) else {
        return Ok(());
    };
    let refuse = |text: &str| Err(EcsError::Parameter(text.into()));
    let Some(healthy) = given.healthy_percent else {
        return refuse("The healthyPercent is required when earlySuccessCriteria is enabled.");
    };
    if given.source_service_revision_cleanup.is_none() {
        return refuse(
            "The sourceServiceRevisionCleanup is required when earlySuccessCriteria is enabled.",
        );
    }
    if !(0..=100).contains(&healthy) {
        return refuse("The healthyPercent must be between 0 and 100.");
    }
    if healthy < minimum {
        return refuse(
            "The healthyPercent must be greater than or equal to the minimumHealthyPercent.",
        );
    }
    Ok(())
}

/// What this version of the platform does not do is refused, never ignored.
fn refuse_later_features(given: &wire::DeploymentConfiguration) -> Result<(), EcsError> {
    let rolling = given
        .strategy
        .as_ref()
        .is_none_or(|s| *s == wire::DeploymentStrategy::Rolling);
    let hooks = given
        .lifecycle_hooks
        .as_ref()
        .is_some_and(|hooks| !hooks.is_empty());
    for (asked, what) in [
        (!rolling, "a deployment strategy other than ROLLING"),
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

    fn early(healthy: Option<i32>) -> wire::DeploymentConfiguration {
        wire::DeploymentConfiguration {
            minimum_healthy_percent: Some(50),
            early_success_criteria: Some(wire::DeploymentEarlySuccessCriteria {
                enable: true,
                healthy_percent: healthy,
                source_service_revision_cleanup: Some(wire::ServiceRevisionCleanup::Deferred),
            }),
            ..wire::DeploymentConfiguration::default()
        }
    }

    #[test]
    fn an_early_success_asks_for_no_less_than_the_floor() {
        let nothing = wire::DeploymentConfiguration::default();
        let taken = merged(&nothing, Some(early(Some(50)))).unwrap();
        let scheduled = for_scheduler(&taken, None).early_success.unwrap();
        assert_eq!(scheduled.healthy, Percent(50));
        assert_eq!(scheduled.cleanup, SourceCleanup::Deferred);
        for wrong in [Some(49), Some(101), None] {
            assert!(merged(&nothing, Some(early(wrong))).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_bake_time_is_kept_and_reaches_the_scheduler() {
        let nothing = wire::DeploymentConfiguration::default();
        let baking = |minutes| wire::DeploymentConfiguration {
            bake_time_in_minutes: Some(minutes),
            ..wire::DeploymentConfiguration::default()
        };
        let taken = merged(&nothing, Some(baking(2))).unwrap();
        let kept = merged(&taken, None).unwrap();
        assert_eq!(for_scheduler(&kept, None).bake_time.as_secs(), 120);
        assert!(merged(&nothing, Some(baking(1_441))).is_err());
    }

    #[test]
    fn a_threshold_counts_something() {
        let nothing = wire::DeploymentConfiguration::default();
        let breaker = |r#type, value| wire::DeploymentConfiguration {
            deployment_circuit_breaker: Some(wire::DeploymentCircuitBreaker {
                enable: true,
                threshold_configuration: Some(wire::ThresholdConfiguration { r#type, value }),
                ..wire::DeploymentCircuitBreaker::default()
            }),
            ..wire::DeploymentConfiguration::default()
        };
        use wire::ThresholdType::{BoundedPercent, Count};
        assert!(merged(&nothing, Some(breaker(Count, 500))).is_ok());
        assert!(merged(&nothing, Some(breaker(Count, 0))).is_err());
        assert!(merged(&nothing, Some(breaker(BoundedPercent, 101))).is_err());
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
