//! Metrics as CloudWatch keeps them: numbers by metric, unit and minute. Pure; `store` keeps them
//! and `services::cloudwatch` speaks about them.
//!
//! A number that was put is summed up at once: how many, their sum, the least, the greatest, and a
//! [`Distribution`] that percentiles are told from.

mod distribution;
mod identity;
mod period;
mod samples;
mod statistic;

pub use distribution::{Distribution, DistributionError};
pub use identity::Metric;
pub use period::{PeriodError, Resolution, Span};
pub(crate) use samples::by_period;
pub use samples::{Datum, Samples, Series};
pub use statistic::{Percent, Statistic};
