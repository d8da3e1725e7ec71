//! Fields of a task definition in the words of the manifest.

/// What changed, as the manifest names it: `env LOG_LEVEL`, `secret DATABASE_URL`, `command`. A
/// field the manifest has no word for keeps its own name.
pub(crate) fn in_words(fields: &[String]) -> String {
    let mut words: Vec<String> = Vec::new();
    for field in fields {
        let word = in_word(field);
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(", ")
}

fn in_word(field: &str) -> String {
    let mut parts: Vec<&str> = field.split('.').collect();
    if parts.first() == Some(&"containerDefinitions") && parts.len() > 2 {
        parts.drain(..2);
    }
    match parts.as_slice() {
        ["environment", name, ..] => format!("env {name}"),
        ["secrets", name, ..] => format!("secret {name}"),
        ["command", ..] => "command".into(),
        ["portMappings", ..] => "port".into(),
        ["mountPoints" | "volumes", ..] => "volumes".into(),
        ["stopTimeout"] => "stop_timeout".into(),
        ["logConfiguration", ..] => "logging".into(),
        rest => rest.join("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_as_in_the_manifest_and_once() {
        let fields = [
            "containerDefinitions.api.environment.LOG_LEVEL.name",
            "containerDefinitions.api.environment.LOG_LEVEL.value",
            "containerDefinitions.api.secrets.URL.valueFrom",
            "containerDefinitions.api.command.0",
            "containerDefinitions.api.command.1",
            "memory",
            "runtimePlatform.cpuArchitecture",
        ]
        .map(str::to_owned);
        assert_eq!(
            in_words(&fields),
            "env LOG_LEVEL, secret URL, command, memory, runtimePlatform.cpuArchitecture"
        );
    }
}
