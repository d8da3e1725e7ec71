//! What a metric is known by.

use std::collections::BTreeMap;

/// A metric: one series of numbers per unit. Different dimensions make different metrics.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Metric {
    /// Such as `AWS/ECS`.
    pub namespace: String,
    pub name: String,
    /// By name; their order on the wire has no meaning.
    pub dimensions: BTreeMap<String, String>,
}

impl Metric {
    /// A metric from literal names.
    #[must_use]
    pub fn new(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Self {
        let dimensions = dimensions.iter();
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dimensions: dimensions
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }
}
