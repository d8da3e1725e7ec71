//! Conditions of rules: path pattern and host header.

use seaway_aws_wire::elbv2 as wire;

use super::error::ElbError;
use crate::balancing::Condition;

const PATH: &str = "path-pattern";
const HOST: &str = "host-header";
/// Values that all conditions of a rule may have together.
const MOST_VALUES: usize = 5;
const LONGEST: usize = 128;

/// Reads the conditions of a rule.
pub(super) fn from_wire(conditions: Vec<wire::RuleCondition>) -> Result<Vec<Condition>, ElbError> {
    if conditions.is_empty() {
        return Err(ElbError::validation("A condition must be specified"));
    }
    let mut read = Vec::new();
    for condition in conditions {
        let condition = self::condition(condition)?;
        let same = |other: &Condition| field(other) == field(&condition);
        if read.iter().any(same) {
            return Err(ElbError::Validation(format!(
                "A rule can only have one '{}' condition",
                field(&condition)
            )));
        }
        read.push(condition);
    }
    if read
        .iter()
        .map(|condition| values(condition).len())
        .sum::<usize>()
        > MOST_VALUES
    {
        return Err(ElbError::Validation(format!(
            "A rule can only have '{MOST_VALUES}' condition values"
        )));
    }
    Ok(read)
}

/// A condition as the API describes it: the values in both of their places.
pub(super) fn to_wire(condition: &Condition) -> wire::RuleCondition {
    let values = Some(values(condition).to_vec());
    let described = wire::RuleCondition {
        field: Some(field(condition).to_owned()),
        values: values.clone(),
        ..wire::RuleCondition::default()
    };
    match condition {
        Condition::Path(_) => wire::RuleCondition {
            path_pattern_config: Some(wire::PathPatternConditionConfig {
                values,
                regex_values: None,
            }),
            ..described
        },
        Condition::Host(_) => wire::RuleCondition {
            host_header_config: Some(wire::HostHeaderConditionConfig {
                values,
                regex_values: None,
            }),
            ..described
        },
    }
}

fn condition(condition: wire::RuleCondition) -> Result<Condition, ElbError> {
    let field = condition.field.unwrap_or_default();
    let (values, patterns) = match field.as_str() {
        PATH => {
            let config = condition.path_pattern_config.unwrap_or_default();
            (config.values, config.regex_values)
        }
        HOST => {
            let config = condition.host_header_config.unwrap_or_default();
            (config.values, config.regex_values)
        }
        "" => return Err(ElbError::validation("A condition field must be specified")),
        other => return Err(ElbError::not_offered(format_args!("'{other}' conditions"))),
    };
    let patterns = patterns.or(condition.regex_values).unwrap_or_default();
    if !patterns.is_empty() {
        return Err(ElbError::not_offered("conditions with regular expressions"));
    }
    let values = values.or(condition.values).unwrap_or_default();
    if values.is_empty() {
        return Err(ElbError::validation("A condition value must be specified"));
    }
    let allowed: fn(char) -> bool = if field == PATH { in_path } else { in_host };
    if let Some(value) = values.iter().find(|value| !is_valid(value, allowed)) {
        return Err(ElbError::Validation(format!(
            "The '{field}' value '{value}' is not valid"
        )));
    }
    Ok(if field == PATH {
        Condition::Path(values)
    } else {
        Condition::Host(values)
    })
}

fn is_valid(value: &str, allowed: fn(char) -> bool) -> bool {
    !value.is_empty() && value.len() <= LONGEST && value.chars().all(allowed)
}

fn in_path(one: char) -> bool {
    one.is_ascii_alphanumeric() || "_-.$/~\"'@:+&*?!,;=%".contains(one)
}

fn in_host(one: char) -> bool {
    one.is_ascii_alphanumeric() || "-.*?".contains(one)
}

fn field(condition: &Condition) -> &'static str {
    match condition {
        Condition::Path(_) => PATH,
        Condition::Host(_) => HOST,
    }
}

fn values(condition: &Condition) -> &[String] {
    match condition {
        Condition::Path(values) | Condition::Host(values) => values,
    }
}
