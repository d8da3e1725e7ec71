//! What ECS has and the embedded platform has not: refused, so that nothing is dropped without a word.

use seaway_aws_wire::ecs as wire;

use super::capacity_providers::needs_instances;
use super::container_settings::some;
use super::error::EcsError;

/// Of a new service.
pub(super) fn check_new(request: &wire::CreateServiceRequest) -> Result<(), EcsError> {
    let lacks = |what: &str| {
        let text = format!("The embedded platform has no container instances for {what}.");
        Err(EcsError::Unsupported(text))
    };
    if request.scheduling_strategy == Some(wire::SchedulingStrategy::Daemon) {
        return lacks("DAEMON services");
    }
    if let Some(launch_type) = &request.launch_type
        && needs_instances(Some(launch_type))
    {
        return lacks(&format!("the launch type {}", launch_type.as_str()));
    }
    check_controller(request.deployment_controller.as_ref())?;
    check_placement(&request.placement_constraints, &request.placement_strategy)?;
    has_no("service discovery", &request.service_registries)?;
    has_no("volumes of EBS", &request.volume_configurations)
}

/// Of a service that is changed.
pub(super) fn check_changed(request: &wire::UpdateServiceRequest) -> Result<(), EcsError> {
    check_controller(request.deployment_controller.as_ref())?;
    check_placement(&request.placement_constraints, &request.placement_strategy)?;
    has_no("service discovery", &request.service_registries)?;
    has_no("volumes of EBS", &request.volume_configurations)
}

/// Of tasks that are run.
pub(super) fn check_run(request: &wire::RunTaskRequest) -> Result<(), EcsError> {
    check_placement(&request.placement_constraints, &request.placement_strategy)?;
    has_no("volumes of EBS", &request.volume_configurations)
}

/// Rolling updates are ECS's own.
fn check_controller(controller: Option<&wire::DeploymentController>) -> Result<(), EcsError> {
    match controller.map(|controller| &controller.r#type) {
        None | Some(wire::DeploymentControllerType::Ecs) => Ok(()),
        Some(other) => Err(EcsError::Unsupported(format!(
            "The embedded platform has no deployment controller {}.",
            other.as_str()
        ))),
    }
}

fn check_placement(
    constraints: &Option<Vec<wire::PlacementConstraint>>,
    strategy: &Option<Vec<wire::PlacementStrategy>>,
) -> Result<(), EcsError> {
    let refuse = |what: &str| {
        let text = format!("Placement {what} are not supported with FARGATE launch type.");
        Err(EcsError::Parameter(text))
    };
    if some(constraints) {
        return refuse("constraints");
    }
    if some(strategy) {
        return refuse("strategies");
    }
    Ok(())
}

fn has_no<T>(what: &str, asked: &Option<Vec<T>>) -> Result<(), EcsError> {
    if some(asked) {
        let text = format!("The embedded platform has no {what}.");
        return Err(EcsError::Unsupported(text));
    }
    Ok(())
}
