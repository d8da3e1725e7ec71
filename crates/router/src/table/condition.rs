//! Conditions of rules, as Elastic Load Balancing has them.

use super::{Pattern, SourceRange};

/// A condition of a rule: it holds when any of its values matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The path without its query, compared case-sensitively.
    Path(Vec<Pattern>),
    /// The host without its port, compared without regard to case.
    Host(Vec<Pattern>),
    /// The method, exactly.
    Method(Vec<String>),
    /// A parameter of the query, as it was sent, compared without regard to case.
    Query(Vec<QueryPattern>),
    /// Any value of a header, compared without regard to case.
    Header {
        /// The header's name, in any case.
        name: String,
        /// What its value may be.
        values: Vec<Pattern>,
    },
    /// The address that the request comes from; `X-Forwarded-For` counts for nothing.
    Source(Vec<SourceRange>),
}

/// One parameter of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryPattern {
    /// Any parameter when absent.
    pub key: Option<Pattern>,
    /// What it may be.
    pub value: Pattern,
}
