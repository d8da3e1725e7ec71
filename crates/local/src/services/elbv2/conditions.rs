//! Conditions of rules.

use http::HeaderName;
use seaway_aws_wire::elbv2 as wire;
use seaway_router::SourceRange;

use super::error::ElbError;
use crate::balancing::{Condition, QueryPair};

const PATH: &str = "path-pattern";
const HOST: &str = "host-header";
const METHOD: &str = "http-request-method";
const QUERY: &str = "query-string";
const HEADER: &str = "http-header";
const SOURCE: &str = "source-ip";
/// Values that all conditions of a rule may have together.
const MOST_VALUES: usize = 5;
const LONGEST: usize = 128;
/// The longest method and the longest name of a header.
const LONGEST_NAME: usize = 40;

/// Reads the conditions of a rule. Of headers and query strings there may be several, of the
/// others one each.
pub(super) fn from_wire(conditions: Vec<wire::RuleCondition>) -> Result<Vec<Condition>, ElbError> {
    if conditions.is_empty() {
        return Err(ElbError::validation("A condition must be specified"));
    }
    let mut read = Vec::new();
    for condition in conditions {
        let condition = self::condition(condition)?;
        let same = |other: &Condition| field(other) == field(&condition);
        let repeats = ![QUERY, HEADER].contains(&field(&condition));
        if repeats && read.iter().any(same) {
            return Err(ElbError::Validation(format!(
                "A rule can only have one '{}' condition",
                field(&condition)
            )));
        }
        read.push(condition);
    }
    if read.iter().map(count).sum::<usize>() > MOST_VALUES {
        return Err(ElbError::Validation(format!(
            "A rule can only have '{MOST_VALUES}' condition values"
        )));
    }
    Ok(read)
}

/// A condition as the API describes it: the values of paths and hosts in both of their places.
pub(super) fn to_wire(condition: &Condition) -> wire::RuleCondition {
    let described = wire::RuleCondition {
        field: Some(field(condition).to_owned()),
        ..wire::RuleCondition::default()
    };
    match condition {
        Condition::Path(values) => wire::RuleCondition {
            values: Some(values.clone()),
            path_pattern_config: Some(wire::PathPatternConditionConfig {
                values: Some(values.clone()),
                regex_values: None,
            }),
            ..described
        },
        Condition::Host(values) => wire::RuleCondition {
            values: Some(values.clone()),
            host_header_config: Some(wire::HostHeaderConditionConfig {
                values: Some(values.clone()),
                regex_values: None,
            }),
            ..described
        },
        Condition::Method(values) => wire::RuleCondition {
            http_request_method_config: Some(wire::HttpRequestMethodConditionConfig {
                values: Some(values.clone()),
            }),
            ..described
        },
        Condition::Query(pairs) => wire::RuleCondition {
            query_string_config: Some(wire::QueryStringConditionConfig {
                values: Some(pairs.iter().map(pair_to_wire).collect()),
            }),
            ..described
        },
        Condition::Header { name, values } => wire::RuleCondition {
            http_header_config: Some(wire::HttpHeaderConditionConfig {
                http_header_name: Some(name.clone()),
                regex_values: None,
                values: Some(values.clone()),
            }),
            ..described
        },
        Condition::Source(values) => wire::RuleCondition {
            source_ip_config: Some(wire::SourceIpConditionConfig {
                ip_address_type: None,
                values: Some(values.clone()),
            }),
            ..described
        },
    }
}

fn condition(condition: wire::RuleCondition) -> Result<Condition, ElbError> {
    if has_expressions(&condition) {
        return Err(ElbError::not_offered("conditions with regular expressions"));
    }
    let field = condition.field.unwrap_or_default();
    let condition = match field.as_str() {
        PATH => {
            let config = condition.path_pattern_config.unwrap_or_default();
            let given = config.values.or(condition.values);
            Condition::Path(valid(&field, given, |value| is_text(value, in_path))?)
        }
        HOST => {
            let config = condition.host_header_config.unwrap_or_default();
            let given = config.values.or(condition.values);
            Condition::Host(valid(&field, given, |value| is_text(value, in_host))?)
        }
        METHOD => {
            let config = condition.http_request_method_config.unwrap_or_default();
            Condition::Method(valid(&field, config.values, is_method)?)
        }
        QUERY => {
            let config = condition.query_string_config.unwrap_or_default();
            Condition::Query(pairs(config.values.unwrap_or_default())?)
        }
        HEADER => {
            let config = condition.http_header_config.unwrap_or_default();
            let values = valid(&field, config.values, |value| is_text(value, in_header))?;
            let name = header_name(config.http_header_name.unwrap_or_default())?;
            Condition::Header { name, values }
        }
        SOURCE => {
            let config = condition.source_ip_config.unwrap_or_default();
            let is_range = |value: &str| value.parse::<SourceRange>().is_ok();
            Condition::Source(valid(&field, config.values, is_range)?)
        }
        "" => return Err(ElbError::validation("A condition field must be specified")),
        other => {
            return Err(ElbError::Validation(format!(
                "Condition field '{other}' must be one of '[{PATH}, {HOST}, {METHOD}, {QUERY}, \
                 {HEADER}, {SOURCE}]'"
            )));
        }
    };
    Ok(condition)
}

/// Whether there are regular expressions in any of their places.
fn has_expressions(condition: &wire::RuleCondition) -> bool {
    let path = condition.path_pattern_config.as_ref();
    let host = condition.host_header_config.as_ref();
    let header = condition.http_header_config.as_ref();
    let places = [
        condition.regex_values.as_ref(),
        path.and_then(|config| config.regex_values.as_ref()),
        host.and_then(|config| config.regex_values.as_ref()),
        header.and_then(|config| config.regex_values.as_ref()),
    ];
    places.into_iter().flatten().any(|given| !given.is_empty())
}

/// The values of a condition; there must be one at least.
fn valid(
    field: &str,
    values: Option<Vec<String>>,
    is_valid: impl Fn(&str) -> bool,
) -> Result<Vec<String>, ElbError> {
    let values = values.unwrap_or_default();
    if values.is_empty() {
        return Err(no_value());
    }
    match values.iter().find(|value| !is_valid(value)) {
        Some(value) => Err(invalid(field, value)),
        None => Ok(values),
    }
}

fn pairs(given: Vec<wire::QueryStringKeyValuePair>) -> Result<Vec<QueryPair>, ElbError> {
    if given.is_empty() {
        return Err(no_value());
    }
    let pair = |pair: wire::QueryStringKeyValuePair| {
        let key = pair.key.filter(|key| !key.is_empty());
        let value = pair.value.unwrap_or_default();
        let key_is_valid = key.as_ref().is_none_or(|key| is_text(key, in_header));
        match key_is_valid && is_text(&value, in_header) {
            true => Ok(QueryPair { key, value }),
            false => Err(invalid(QUERY, &value)),
        }
    };
    given.into_iter().map(pair).collect()
}

fn pair_to_wire(pair: &QueryPair) -> wire::QueryStringKeyValuePair {
    wire::QueryStringKeyValuePair {
        key: pair.key.clone(),
        value: Some(pair.value.clone()),
    }
}

/// A name without wildcards; hosts have a condition of their own.
fn header_name(name: String) -> Result<String, ElbError> {
    let is_name = name.len() <= LONGEST_NAME && HeaderName::try_from(name.as_str()).is_ok();
    if !is_name || name.contains('*') || name.eq_ignore_ascii_case("host") {
        return Err(ElbError::Validation(format!(
            "The HTTP header name '{name}' is not valid"
        )));
    }
    Ok(name)
}

fn no_value() -> ElbError {
    ElbError::validation("A condition value must be specified")
}

fn invalid(field: &str, value: &str) -> ElbError {
    ElbError::Validation(format!("The '{field}' value '{value}' is not valid"))
}

fn is_text(value: &str, allowed: fn(char) -> bool) -> bool {
    !value.is_empty() && value.len() <= LONGEST && value.chars().all(allowed)
}

fn is_method(value: &str) -> bool {
    let allowed = |one: char| one.is_ascii_uppercase() || one == '-' || one == '_';
    (1..=LONGEST_NAME).contains(&value.len()) && value.chars().all(allowed)
}

fn in_path(one: char) -> bool {
    one.is_ascii_alphanumeric() || "_-.$/~\"'@:+&*?!,;=%".contains(one)
}

fn in_host(one: char) -> bool {
    one.is_ascii_alphanumeric() || "-.*?".contains(one)
}

fn in_header(one: char) -> bool {
    one == ' ' || one.is_ascii_graphic()
}

fn field(condition: &Condition) -> &'static str {
    match condition {
        Condition::Path(_) => PATH,
        Condition::Host(_) => HOST,
        Condition::Method(_) => METHOD,
        Condition::Query(_) => QUERY,
        Condition::Header { .. } => HEADER,
        Condition::Source(_) => SOURCE,
    }
}

fn count(condition: &Condition) -> usize {
    match condition {
        Condition::Path(values)
        | Condition::Host(values)
        | Condition::Method(values)
        | Condition::Source(values)
        | Condition::Header { values, .. } => values.len(),
        Condition::Query(pairs) => pairs.len(),
    }
}
