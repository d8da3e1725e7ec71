//! What a task may be started with instead of what its definition says.

use seaway_aws_wire::ecs as wire;

use crate::platform::size::{cpu_units, memory_mib};

/// Characters of the overrides, their JSON included (API reference, `TaskOverride`).
const LONGEST: usize = 8192;

/// The error is a sentence for the client.
pub(super) fn check_overrides(
    overrides: &wire::TaskOverride,
    definition: &wire::TaskDefinition,
) -> Result<(), String> {
    let length = serde_json::to_string(overrides).map_or(0, |text| text.chars().count());
    if length > LONGEST {
        return Err(format!(
            "Container Overrides length must be at most {LONGEST}"
        ));
    }
    let is_wrong = |text: &Option<String>, is_amount: fn(&str) -> bool| {
        text.as_deref().is_some_and(|text| !is_amount(text))
    };
    if is_wrong(&overrides.cpu, |text| cpu_units(text).is_some()) {
        return Err("Invalid 'cpu' setting for task.".into());
    }
    if is_wrong(&overrides.memory, |text| memory_mib(text).is_some()) {
        return Err("Invalid 'memory' setting for task.".into());
    }
    for container in overrides.container_overrides.iter().flatten() {
        let name = container.name.as_deref().unwrap_or_default();
        let mut defined = definition.container_definitions.iter().flatten();
        if !defined.any(|one| one.name.as_deref() == Some(name)) {
            return Err(format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(overrides: Value) -> Result<(), String> {
        let definition = json!({ "containerDefinitions": [{ "name": "api", "image": "i" }] });
        let definition = serde_json::from_value(definition).unwrap();
        check_overrides(&serde_json::from_value(overrides).unwrap(), &definition)
    }

    #[test]
    fn overrides_are_amounts_of_containers_that_exist() {
        let good = json!({ "cpu": "512", "memory": "1 GB",
            "containerOverrides": [{ "name": "api", "memory": 64 }] });
        assert_eq!(check(good), Ok(()));
        for (overrides, words) in [
            (json!({ "cpu": "much" }), "'cpu' setting"),
            (json!({ "memory": "-1" }), "'memory' setting"),
            (
                json!({ "containerOverrides": [{ "name": "api", "environment": [
                    { "name": "A", "value": "x".repeat(LONGEST) }] }] }),
                "at most 8192",
            ),
            (
                json!({ "containerOverrides": [{ "name": "db" }] }),
                "named db is not a container in the TaskDefinition.",
            ),
        ] {
            let text = check(overrides).unwrap_err();
            assert!(text.contains(words), "{text}");
        }
    }
}
