//! Whether the containers of a task definition can come to run at all: their order and their health
//! checks.

use std::collections::BTreeMap;

use seaway_aws_wire::ecs as wire;

/// What a health check's command begins with.
const CHECKS: [&str; 3] = ["NONE", "CMD", "CMD-SHELL"];

/// The error is a sentence for the client.
pub(super) fn check_dependencies(containers: &[wire::ContainerDefinition]) -> Result<(), String> {
    let named: BTreeMap<&str, &wire::ContainerDefinition> = containers
        .iter()
        .map(|container| (name_of(container), container))
        .collect();
    for container in containers {
        let name = name_of(container);
        if let Some(check) = &container.health_check
            && !check
                .command
                .first()
                .is_some_and(|word| CHECKS.contains(&word.as_str()))
        {
            return Err(format!(
                "The health check command of container {name} must begin with {}.",
                CHECKS.join(", ")
            ));
        }
        for dependency in container.depends_on.iter().flatten() {
            let on = dependency.container_name.as_str();
            let Some(other) = named.get(on) else {
                return Err(format!(
                    "Container {name} depends on container {on}, which does not exist."
                ));
            };
            check_condition(name, other, &dependency.condition)?;
        }
    }
    match containers.iter().find(|one| is_on_a_circle(one, &named)) {
        Some(container) => Err(format!(
            "The dependencies of container {} lead back to it.",
            name_of(container)
        )),
        None => Ok(()),
    }
}

/// An essential container takes the task with it when it ends (ECS: "This condition can't be set
/// on an essential container").
fn check_condition(
    name: &str,
    other: &wire::ContainerDefinition,
    condition: &wire::ContainerCondition,
) -> Result<(), String> {
    let on = name_of(other);
    match condition {
        wire::ContainerCondition::Start => Ok(()),
        wire::ContainerCondition::Complete | wire::ContainerCondition::Success
            if other.essential != Some(false) =>
        {
            Err(
                "A dependency container with SUCCESS or COMPLETE condition cannot be an essential \
                 container"
                    .into(),
            )
        }
        wire::ContainerCondition::Complete | wire::ContainerCondition::Success => Ok(()),
        wire::ContainerCondition::Healthy if other.health_check.is_none() => Err(format!(
            "Container {name} depends on the health of container {on}, which has no health check."
        )),
        wire::ContainerCondition::Healthy => Ok(()),
        unknown => Err(format!(
            "Container {name} depends on container {on} with the unknown condition {}.",
            unknown.as_str()
        )),
    }
}

fn is_on_a_circle(
    container: &wire::ContainerDefinition,
    named: &BTreeMap<&str, &wire::ContainerDefinition>,
) -> bool {
    let mut seen = Vec::new();
    let mut next: Vec<&str> = dependencies(container).collect();
    while let Some(name) = next.pop() {
        if name == name_of(container) {
            return true;
        }
        if !seen.contains(&name) {
            seen.push(name);
            next.extend(
                named
                    .get(name)
                    .into_iter()
                    .flat_map(|one| dependencies(one)),
            );
        }
    }
    false
}

fn dependencies(container: &wire::ContainerDefinition) -> impl Iterator<Item = &str> {
    let all = container.depends_on.iter().flatten();
    all.map(|dependency| dependency.container_name.as_str())
}

fn name_of(container: &wire::ContainerDefinition) -> &str {
    container.name.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::ContainerCondition::{Complete, Healthy, Start, Success};

    fn container(
        name: &str,
        essential: bool,
        on: &[(&str, wire::ContainerCondition)],
    ) -> wire::ContainerDefinition {
        let dependency =
            |(name, condition): &(&str, wire::ContainerCondition)| wire::ContainerDependency {
                container_name: (*name).into(),
                condition: condition.clone(),
            };
        wire::ContainerDefinition {
            name: Some(name.into()),
            essential: Some(essential),
            depends_on: Some(on.iter().map(dependency).collect()),
            ..wire::ContainerDefinition::default()
        }
    }

    #[test]
    fn an_order_that_can_come_true_is_accepted() {
        let all = [
            container("app", true, &[("db", Start), ("setup", Success)]),
            container("setup", false, &[("db", Start)]),
            container("db", true, &[]),
        ];
        assert_eq!(check_dependencies(&all), Ok(()));
    }

    #[test]
    fn an_order_that_cannot_come_true_is_explained() {
        let app = |on, condition| container("app", true, &[(on, condition)]);
        let cases = [
            (vec![app("no", Start)], "which does not exist"),
            (
                vec![app("db", Complete), container("db", true, &[])],
                "cannot be an essential container",
            ),
            (
                vec![app("db", Healthy), container("db", true, &[])],
                "no health check",
            ),
            (vec![app("app", Start)], "lead back to it"),
            (
                vec![app("db", Start), container("db", true, &[("app", Start)])],
                "lead back to it",
            ),
        ];
        for (containers, words) in cases {
            let error = check_dependencies(&containers).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_health_check_says_how_its_command_is_run() {
        let with = |command: &[&str]| wire::ContainerDefinition {
            health_check: Some(wire::HealthCheck {
                command: command.iter().map(|word| (*word).to_owned()).collect(),
                ..wire::HealthCheck::default()
            }),
            ..container("app", true, &[])
        };
        assert_eq!(check_dependencies(&[with(&["CMD-SHELL", "true"])]), Ok(()));
        assert!(check_dependencies(&[with(&["true"])]).is_err());
        assert!(check_dependencies(&[with(&[])]).is_err());
    }
}
