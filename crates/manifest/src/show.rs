//! A resolved environment as people read it: nothing left out.

use seaway_core::environment::Environment;

use crate::resolve::names::short_names;

/// The environment as TOML, defaults filled in and references resolved. Comments at the top name
/// the units and the names that a platform gets in short.
pub fn resolved_toml(environment: &Environment) -> String {
    let mut text =
        "# durations in seconds, memory in MiB, 1024 units of cpu are one virtual CPU\n".to_owned();
    for name in short_names(environment) {
        text.push_str(&format!(
            "# {} is shortened to {}\n",
            name.whole, name.short
        ));
    }
    // Every field of an environment is a string, number, boolean, list or map of these, all of
    // which TOML can hold; what it could not would be shown as the reason.
    match toml::to_string_pretty(environment) {
        Ok(document) => text.push_str(&document),
        Err(reason) => text.push_str(&format!("# cannot be shown as TOML: {reason}\n")),
    }
    text
}
