//! Metrics and what was put of them, by minute; of high resolution by second, too, for a while.

use std::collections::BTreeMap;

use rusqlite::types::{FromSqlError, Type};
use rusqlite::{OptionalExtension, Row, params};

use super::{StoreError, Tx, View};
use crate::clock::EpochMillis;
use crate::metrics::{Datum, Distribution, Metric, Resolution, Samples, Span};

const HOUR: i64 = 60 * 60 * 1000;
/// How long CloudWatch keeps periods of less than a minute.
const SECONDS_KEPT: i64 = 3 * HOUR;
/// How long CloudWatch keeps minutes. It goes on with coarser periods; a machine in front of
/// somebody does not.
const MINUTES_KEPT: i64 = 15 * 24 * HOUR;
/// How many rows are kept whatever their age; a row has some 150 bytes.
const MOST_ROWS: u32 = 1_000_000;

/// Which metrics are looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct MetricFilter<'a> {
    pub namespace: Option<&'a str>,
    pub name: Option<&'a str>,
    /// With numbers since then.
    pub active_since: Option<EpochMillis>,
}

/// Which numbers of a metric are read.
#[derive(Clone, Copy, Debug)]
pub struct SampleSelection<'a> {
    pub metric: &'a Metric,
    pub span: Span,
    /// Any when absent.
    pub unit: Option<&'a str>,
}

/// Numbers of one unit.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSamples {
    /// The beginning of the second or minute.
    pub at: EpochMillis,
    pub unit: String,
    pub samples: Samples,
}

/// One row of numbers.
struct Bucket<'a> {
    metric: i64,
    resolution: Resolution,
    at: EpochMillis,
    unit: &'a str,
}

impl View<'_> {
    /// The metrics that fit, by namespace, name and dimensions.
    pub fn metrics(&self, filter: MetricFilter<'_>) -> Result<Vec<Metric>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT namespace, name, dimensions FROM metrics \
             WHERE (?1 IS NULL OR namespace = ?1) AND (?2 IS NULL OR name = ?2) \
               AND (?3 IS NULL OR last_at >= ?3)",
        )?;
        let MetricFilter {
            namespace,
            name,
            active_since,
        } = filter;
        let mut rows = statement.query(params![namespace, name, active_since])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read_metric(row)?);
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The numbers that fit, by time; none of a metric that nobody has put.
    pub fn samples(
        &self,
        selection: SampleSelection<'_>,
    ) -> Result<Vec<StoredSamples>, StoreError> {
        let SampleSelection { metric, span, unit } = selection;
        let Some(id) = self.metric_id(metric)? else {
            return Ok(Vec::new());
        };
        let mut statement = self.connection.prepare_cached(
            "SELECT at, unit, count, sum, minimum, maximum, distribution FROM metric_samples \
             WHERE metric = ?1 AND resolution = ?2 AND at >= ?3 AND at < ?4 \
               AND (?5 IS NULL OR unit = ?5) ORDER BY at",
        )?;
        let resolution = span.resolution().seconds();
        let rows =
            statement.query_map(params![id, resolution, span.start, span.end, unit], |row| {
                Ok(StoredSamples {
                    at: row.get(0)?,
                    unit: row.get(1)?,
                    samples: read_samples(row, 2)?,
                })
            })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn metric_id(&self, metric: &Metric) -> Result<Option<i64>, StoreError> {
        let dimensions = dimensions_text(metric)?;
        let id = self
            .connection
            .prepare_cached(
                "SELECT id FROM metrics WHERE namespace = ?1 AND name = ?2 AND dimensions = ?3",
            )?
            .query_row(params![metric.namespace, metric.name, dimensions], |row| {
                row.get(0)
            });
        Ok(id.optional()?)
    }

    fn bucket(&self, bucket: &Bucket<'_>) -> Result<Option<Samples>, StoreError> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT count, sum, minimum, maximum, distribution FROM metric_samples \
                 WHERE metric = ?1 AND resolution = ?2 AND at = ?3 AND unit = ?4",
            )?
            .query_row(
                params![
                    bucket.metric,
                    bucket.resolution.seconds(),
                    bucket.at,
                    bucket.unit
                ],
                |row| read_samples(row, 0),
            );
        Ok(found.optional()?)
    }
}

impl Tx<'_> {
    /// Adds numbers to what is there of the metric.
    pub fn put_datum(&self, datum: &Datum) -> Result<(), StoreError> {
        let metric = self.touch_metric(&datum.metric, datum.at)?;
        let resolutions = match datum.resolution {
            Resolution::Minute => &[Resolution::Minute][..],
            Resolution::Second => &[Resolution::Minute, Resolution::Second],
        };
        for resolution in resolutions {
            let bucket = Bucket {
                metric,
                resolution: *resolution,
                at: resolution.start_of(datum.at),
                unit: &datum.unit,
            };
            let samples = match self.bucket(&bucket)? {
                Some(mut held) => {
                    held.merge(&datum.samples);
                    held
                }
                None => datum.samples.clone(),
            };
            self.put_bucket(&bucket, &samples)?;
        }
        Ok(())
    }

    /// Lets go of numbers that are too old or too many, and of metrics without numbers.
    pub fn expire_samples(&self, now: EpochMillis) -> Result<(), StoreError> {
        for (resolution, kept) in [
            (Resolution::Second, SECONDS_KEPT),
            (Resolution::Minute, MINUTES_KEPT),
        ] {
            self.connection.execute(
                "DELETE FROM metric_samples WHERE resolution = ?1 AND at < max(?2, \
                 coalesce((SELECT at FROM metric_samples WHERE resolution = ?1 \
                           ORDER BY at DESC LIMIT 1 OFFSET ?3), ?2))",
                params![resolution.seconds(), now.plus(-kept), MOST_ROWS],
            )?;
        }
        self.connection.execute(
            "DELETE FROM metrics WHERE NOT EXISTS \
             (SELECT 1 FROM metric_samples WHERE metric = metrics.id)",
            [],
        )?;
        Ok(())
    }

    /// The number of the metric, which had numbers at that time.
    fn touch_metric(&self, metric: &Metric, at: EpochMillis) -> Result<i64, StoreError> {
        let dimensions = dimensions_text(metric)?;
        let id = self
            .connection
            .prepare_cached(
                "INSERT INTO metrics (namespace, name, dimensions, last_at) \
                 VALUES (?1, ?2, ?3, ?4) ON CONFLICT (namespace, name, dimensions) \
                 DO UPDATE SET last_at = max(last_at, excluded.last_at) RETURNING id",
            )?
            .query_row(
                params![metric.namespace, metric.name, dimensions, at],
                |row| row.get(0),
            )?;
        Ok(id)
    }

    fn put_bucket(&self, bucket: &Bucket<'_>, samples: &Samples) -> Result<(), StoreError> {
        let distribution = samples.distribution.as_ref().map(Distribution::to_bytes);
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO metric_samples \
                 (metric, resolution, at, unit, count, sum, minimum, maximum, distribution) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                bucket.metric,
                bucket.resolution.seconds(),
                bucket.at,
                bucket.unit,
                samples.count,
                samples.sum,
                samples.minimum,
                samples.maximum,
                distribution,
            ])?;
        Ok(())
    }
}

/// Equal dimensions are equal texts: the map is in order.
fn dimensions_text(metric: &Metric) -> Result<String, StoreError> {
    serde_json::to_string(&metric.dimensions).map_err(|source| failed(&metric.name, source))
}

fn read_metric(row: &Row<'_>) -> Result<Metric, StoreError> {
    let name: String = row.get(1)?;
    let dimensions: String = row.get(2)?;
    let dimensions: BTreeMap<String, String> =
        serde_json::from_str(&dimensions).map_err(|source| failed(&name, source))?;
    Ok(Metric {
        namespace: row.get(0)?,
        name,
        dimensions,
    })
}

/// The numbers in the columns from `first` on.
fn read_samples(row: &Row<'_>, first: usize) -> rusqlite::Result<Samples> {
    let at = first + 4;
    let distribution: Option<Vec<u8>> = row.get(at)?;
    let distribution = distribution.map(|bytes| Distribution::from_bytes(&bytes));
    let unreadable = |error| {
        let error = FromSqlError::Other(Box::new(error));
        rusqlite::Error::FromSqlConversionFailure(at, Type::Blob, Box::new(error))
    };
    Ok(Samples {
        count: row.get(first)?,
        sum: row.get(first + 1)?,
        minimum: row.get(first + 2)?,
        maximum: row.get(first + 3)?,
        distribution: distribution.transpose().map_err(unreadable)?,
    })
}

fn failed(metric: &str, source: serde_json::Error) -> StoreError {
    StoreError::Document {
        kind: "metric",
        key: metric.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::StoreKey;
    use crate::store::Store;

    const SECOND: i64 = 1000;

    fn store(dir: &tempfile::TempDir) -> Store {
        Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap()
    }

    fn datum(seconds: i64, resolution: Resolution, value: f64) -> Datum {
        Datum {
            metric: Metric::new("shop", "latency", &[("service", "api")]),
            unit: "Seconds".into(),
            at: EpochMillis(seconds * SECOND),
            resolution,
            samples: Samples::of(value, 1.0),
        }
    }

    fn put(store: &Store, data: &[Datum]) {
        store
            .write::<_, StoreError>(|tx| data.iter().try_for_each(|one| tx.put_datum(one)))
            .unwrap();
    }

    fn read(store: &Store, period: i32) -> Vec<(i64, f64)> {
        let metric = Metric::new("shop", "latency", &[("service", "api")]);
        let span = Span::new(EpochMillis(0), EpochMillis(i64::MAX / 2), period).unwrap();
        let selection = SampleSelection {
            metric: &metric,
            span,
            unit: None,
        };
        let found = store.read::<_, StoreError>(|view| view.samples(selection));
        let found = found.unwrap().into_iter();
        found
            .map(|one| (one.at.0 / SECOND, one.samples.sum))
            .collect()
    }

    #[test]
    fn numbers_of_a_minute_add_up_and_seconds_are_kept_where_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        put(
            &store,
            &[
                datum(61, Resolution::Second, 1.0),
                datum(61, Resolution::Second, 2.0),
                datum(62, Resolution::Second, 4.0),
                datum(63, Resolution::Minute, 8.0),
                datum(120, Resolution::Minute, 16.0),
            ],
        );
        assert_eq!(read(&store, 60), [(60, 15.0), (120, 16.0)]);
        assert_eq!(read(&store, 1), [(61, 3.0), (62, 4.0)]);
    }

    #[test]
    fn units_are_kept_apart() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        let mut other = datum(61, Resolution::Minute, 2.0);
        other.unit = "Count".into();
        put(&store, &[datum(61, Resolution::Minute, 1.0), other]);
        assert_eq!(read(&store, 60), [(60, 2.0), (60, 1.0)]);
    }

    #[test]
    fn what_is_old_goes_and_metrics_go_with_their_last_number() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        put(&store, &[datum(60, Resolution::Second, 1.0)]);
        let expire = |now: i64| {
            store
                .write::<_, StoreError>(|tx| {
                    tx.expire_samples(EpochMillis(now))?;
                    tx.metrics(MetricFilter::default())
                })
                .unwrap()
        };
        assert_eq!(expire(SECONDS_KEPT + 61 * SECOND).len(), 1);
        assert_eq!(read(&store, 1), []);
        assert_eq!(read(&store, 60), [(60, 1.0)]);
        assert_eq!(expire(MINUTES_KEPT + 61 * SECOND), []);
    }

    #[test]
    fn metrics_are_found_by_name_and_activity() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        put(&store, &[datum(60, Resolution::Minute, 1.0)]);
        let count = |filter| {
            let found = store.read::<_, StoreError>(|view| view.metrics(filter));
            found.unwrap().len()
        };
        let all = MetricFilter::default();
        for (filter, expected) in [
            (all, 1),
            (
                MetricFilter {
                    namespace: Some("shop"),
                    name: Some("latency"),
                    ..all
                },
                1,
            ),
            (
                MetricFilter {
                    namespace: Some("other"),
                    ..all
                },
                0,
            ),
            (
                MetricFilter {
                    name: Some("other"),
                    ..all
                },
                0,
            ),
            (
                MetricFilter {
                    active_since: Some(EpochMillis(60 * SECOND)),
                    ..all
                },
                1,
            ),
            (
                MetricFilter {
                    active_since: Some(EpochMillis(61 * SECOND)),
                    ..all
                },
                0,
            ),
        ] {
            assert_eq!(count(filter), expected, "{filter:?}");
        }
    }

    #[test]
    fn a_thousand_numbers_are_put_quickly() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        let start = std::time::Instant::now();
        let data: Vec<_> = (0..1000)
            .map(|number| datum(number, Resolution::Second, 1.0))
            .collect();
        put(&store, &data);
        // Some 50 ms; the bound only catches a scan per number.
        assert!(start.elapsed().as_secs() < 5, "took {:?}", start.elapsed());
    }
}
