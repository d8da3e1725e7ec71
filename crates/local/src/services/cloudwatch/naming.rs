//! Metrics as the wire writes them.

use std::collections::BTreeMap;

use seaway_aws_wire::cloudwatch::{Dimension, Metric as WireMetric};

use super::CloudWatchError;
use crate::metrics::Metric;

/// The dimensions of a request; `path` is where they are in it.
pub(super) fn dimensions(
    given: Option<&[Dimension]>,
    path: &str,
) -> Result<BTreeMap<String, String>, CloudWatchError> {
    let mut dimensions = BTreeMap::new();
    for (at, Dimension { name, value }) in given.unwrap_or_default().iter().enumerate() {
        if dimensions.insert(name.clone(), value.clone()).is_some() {
            return Err(CloudWatchError::Value {
                name: format!("{path}Dimensions.member.{}.Name", at + 1),
                value: name.clone(),
                problem: "given more than once".to_owned(),
            });
        }
    }
    Ok(dimensions)
}

/// The metric that a query names.
pub(super) fn metric(wire: &WireMetric, path: &str) -> Result<Metric, CloudWatchError> {
    let required = |value: &Option<String>, name: &str| {
        let missing = || CloudWatchError::Missing(format!("{path}{name}"));
        value.clone().ok_or_else(missing)
    };
    Ok(Metric {
        namespace: required(&wire.namespace, "Namespace")?,
        name: required(&wire.metric_name, "MetricName")?,
        dimensions: dimensions(wire.dimensions.as_deref(), path)?,
    })
}

pub(super) fn wire_metric(metric: Metric) -> WireMetric {
    WireMetric {
        namespace: Some(metric.namespace),
        metric_name: Some(metric.name),
        dimensions: Some(wire_dimensions(metric.dimensions)),
    }
}

fn wire_dimensions(dimensions: BTreeMap<String, String>) -> Vec<Dimension> {
    let dimensions = dimensions.into_iter();
    dimensions
        .map(|(name, value)| Dimension { name, value })
        .collect()
}
