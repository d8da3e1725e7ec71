//! A service's health check in an environment.

use seaway_core::environment::HealthCheck;
use seaway_core::time::Seconds;

use crate::defaults;
use crate::diagnostic::Diagnostic;
use crate::read::{Field, Sink};
use crate::tables::HealthTable;

pub(crate) fn resolve(field: &Field<HealthTable>, sink: &mut Sink) -> Option<HealthCheck> {
    let table = field.value()?;
    let interval = table
        .interval
        .value()
        .map_or(defaults::HEALTH_INTERVAL, |span| span.0);
    let timeout = table.timeout.value().map_or(
        defaults::HEALTH_TIMEOUT.min(Seconds(interval.0 - 1)),
        |span| span.0,
    );
    if let Some(said) = table.timeout.given()
        && timeout >= interval
    {
        let mut late =
            Diagnostic::error("a health check's `timeout` must be less than its `interval`")
                .at(&said.span, format!("{timeout} is not less than {interval}"));
        late = match table.interval.given() {
            Some(at) => late.related(&at.span, "the interval"),
            None => late.note(format!("the interval is {interval} unless it is set")),
        };
        sink.push(late);
    }
    Some(HealthCheck {
        path: text(
            table.path.value().map(|path| &path.0),
            defaults::HEALTH_PATH,
        ),
        interval,
        timeout,
        healthy: table
            .healthy
            .value()
            .map_or(defaults::HEALTH_HEALTHY, |count| count.0),
        unhealthy: table
            .unhealthy
            .value()
            .map_or(defaults::HEALTH_UNHEALTHY, |count| count.0),
        codes: text(
            table.codes.value().map(|codes| &codes.0),
            defaults::HEALTH_CODES,
        ),
        grace: table
            .grace
            .value()
            .map_or(defaults::HEALTH_GRACE, |span| span.0),
    })
}

fn text(said: Option<&String>, default: &str) -> String {
    said.cloned().unwrap_or_else(|| default.to_owned())
}
