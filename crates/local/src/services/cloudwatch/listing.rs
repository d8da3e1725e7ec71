//! `ListMetrics`: which metrics there are.

use seaway_aws_wire::cloudwatch::{DimensionFilter, ListMetricsRequest, ListMetricsResponse};

use super::{CloudWatch, CloudWatchError, naming};
use crate::clock::EpochMillis;
use crate::metrics::Metric;
use crate::services::sorted_page::SortedPage;
use crate::store::MetricFilter;

const HOUR: i64 = 60 * 60 * 1000;
/// A metric without newer numbers is not listed.
const LISTED: i64 = 14 * 24 * HOUR;
/// The one value of `RecentlyActive`.
const RECENT: i64 = 3 * HOUR;
const PAGE: usize = 500;

impl CloudWatch {
    pub(super) fn list_metrics(
        &self,
        request: &ListMetricsRequest,
        now: EpochMillis,
    ) -> Result<ListMetricsResponse, CloudWatchError> {
        let age = match request.recently_active {
            Some(_) => RECENT,
            None => LISTED,
        };
        let filter = MetricFilter {
            namespace: request.namespace.as_deref(),
            name: request.metric_name.as_deref(),
            active_since: Some(now.plus(-age)),
        };
        let mut metrics = self.store.read(|view| view.metrics(filter))?;
        let wanted = request.dimensions.as_deref().unwrap_or_default();
        metrics.retain(|metric| wanted.iter().all(|filter| has(metric, filter)));
        // Sorted by their parts, which is the order of their keys.
        let page = SortedPage::of_up_to(PAGE, request.next_token.as_deref(), None);
        let (metrics, next_token) = page.of(metrics, key)?;
        Ok(ListMetricsResponse {
            metrics: Some(metrics.into_iter().map(naming::wire_metric).collect()),
            next_token,
            owning_accounts: None,
        })
    }
}

fn has(metric: &Metric, filter: &DimensionFilter) -> bool {
    let value = metric.dimensions.get(&filter.name);
    value.is_some_and(|value| filter.value.as_ref().is_none_or(|wanted| wanted == value))
}

/// Different for each metric: a NUL is in no name.
fn key(metric: &Metric) -> String {
    let dimensions = metric.dimensions.iter();
    let dimensions = dimensions.flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let parts = [metric.namespace.as_str(), metric.name.as_str()];
    let parts: Vec<&str> = parts.into_iter().chain(dimensions).collect();
    parts.join("\0")
}
