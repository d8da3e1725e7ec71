//! A service in an environment.

use std::collections::BTreeMap;

use seaway_core::environment::{Bundle, ImageSource, RolloutPolicy, Route, Scaling, Service};
use seaway_core::name::ServiceName;
use seaway_core::time::Seconds;

use crate::defaults;
use crate::diagnostic::Diagnostic;
use crate::read::{At, Field, List, MapEntry, Number, PlatformKind, Sink, Text};
use crate::resolve::environment::Setting;
use crate::resolve::{bounds, entries, fargate, health, over, variables};
use crate::source::Span;
use crate::suggest::quoted;
use crate::tables::{ImageTable, RouteTable, ServiceTable, ServiceTuning};

/// A service's entry in the manifest.
pub(crate) type ServiceEntry = MapEntry<ServiceName, ServiceTable>;

/// The service with `above`, what its environment says differently, laid over it.
pub(crate) fn resolve(
    entry: &ServiceEntry,
    above: Option<&ServiceTuning>,
    setting: Setting,
    sink: &mut Sink,
) -> Option<Service> {
    let tuning = &over(above, &entry.value.tuning);
    require_port(tuning, sink);
    let scaling = scaling(tuning, setting, sink);
    let count = count(tuning, scaling.as_ref(), setting, sink);
    let rollout = rollout(tuning);
    bounds::check(
        &bounds::Question {
            policy: &rollout,
            count,
            scaling: scaling.as_ref(),
            place: rollout_place(entry, tuning),
        },
        sink,
    );
    let size = fargate::size(
        &tuning.cpu,
        &tuning.memory,
        fargate::Size {
            cpu: defaults::CPU,
            memory: defaults::MEMORY,
        },
        sink,
    );
    let health = health::resolve(&tuning.health, sink);
    let route = route(&tuning.route, sink);
    let variables = variables::merged(&entry.value.tuning, above);
    let table = &entry.value;
    Some(Service {
        name: entry.name.clone(),
        path: table.path.value()?.0.clone(),
        image: image(table.image.value()?)?,
        command: words(&tuning.command),
        port: tuning
            .port
            .value()
            .and_then(|port| u16::try_from(port.0).ok()),
        cpu: size.cpu,
        memory: size.memory,
        count,
        route,
        health,
        rollout,
        scaling,
        before: table.before.value().map_or(Vec::new(), List::values),
        uses: table.uses.value().map_or(Vec::new(), List::values),
        volumes: entries(&table.volumes)
            .iter()
            .map(|volume| (volume.name.0.clone(), volume.value.0.clone()))
            .collect::<BTreeMap<_, _>>(),
        env: variables.env,
        secrets: variables.secrets,
        drain: tuning
            .drain
            .value()
            .map_or(drain(setting.platform), |span| span.0),
        stop_timeout: tuning
            .stop_timeout
            .value()
            .map_or(defaults::STOP_TIMEOUT, |span| span.0),
        independent: tuning.independent.value().is_some_and(|flag| flag.0),
    })
}

/// Complains about an image that is made in no way, or in two.
pub(crate) fn check_image(entry: &ServiceEntry, sink: &mut Sink) {
    let Some(image) = entry.value.image.given() else {
        return;
    };
    if let Some(bundle) = image.bundle.given().filter(|bundle| bundle.0.is_empty()) {
        sink.push(
            Diagnostic::error("a bundle needs at least one file")
                .at(&bundle.span, "nothing to pack")
                .help("for example: bundle = [\"target/release/api\"]"),
        );
    }
    let complaint = match (&image.dockerfile, &image.bundle) {
        (Field::Absent, Field::Absent) => "neither is here",
        (Field::Given(_), Field::Given(_)) => "both are here",
        (Field::Given(_), Field::Absent) if !image.build.is_absent() => {
            "`build` makes a bundle, not a Dockerfile's image"
        }
        _ => return,
    };
    sink.push(
        Diagnostic::error("an image comes from a `dockerfile` or from a `bundle`")
            .at(&image.span, complaint)
            .help(
                "write { dockerfile = \"...\" }, or { bundle = [\"...\"], build = \"...\" } for \
                 files that a command makes",
            ),
    );
}

/// Complains about two volumes at one place.
pub(crate) fn check_volumes(entry: &ServiceEntry, sink: &mut Sink) {
    let mut taken = BTreeMap::new();
    for volume in entries(&entry.value.volumes) {
        let path = volume.value.0.trim_end_matches('/');
        if let Some(other) = taken.insert(path, volume) {
            sink.push(
                Diagnostic::error(format!("two volumes are at {}", quoted(path)))
                    .at(&volume.name_span, "the same path again")
                    .related(&other.name_span, "first here"),
            );
        }
    }
}

fn image(table: &ImageTable) -> Option<ImageSource> {
    if let Some(dockerfile) = table.dockerfile.value() {
        return Some(ImageSource::Dockerfile {
            dockerfile: dockerfile.0.clone(),
        });
    }
    let files = table.bundle.value()?;
    Some(ImageSource::Bundle(Bundle {
        build: table.build.value().map(|build| build.0.clone()),
        files: files.0.iter().map(|file| file.value.0.clone()).collect(),
    }))
}

pub(crate) fn words(command: &Field<List<Text>>) -> Vec<String> {
    command.value().map_or(Vec::new(), |list| {
        list.0.iter().map(|word| word.value.0.clone()).collect()
    })
}

fn require_port(tuning: &ServiceTuning, sink: &mut Sink) {
    if !tuning.port.is_absent() {
        return;
    }
    let needs = [
        ("route", tuning.route.given().map(|route| &route.span)),
        ("health", tuning.health.given().map(|health| &health.span)),
    ];
    for (key, span) in needs {
        if let Some(span) = span {
            sink.push(
                Diagnostic::error(format!("`{key}` needs a `port`"))
                    .at(span, "the load balancer has nowhere to connect to")
                    .help("say which port the service listens on: port = 8000"),
            );
        }
    }
}

fn route(field: &Field<RouteTable>, sink: &mut Sink) -> Option<Route> {
    let route = field.given()?;
    if route.path.is_absent() {
        sink.push(
            Diagnostic::error("a route needs a `path`")
                .at(&route.span, "`path` is missing")
                .help("for every path: path = \"/*\""),
        );
    }
    Some(Route {
        path: route.path.value()?.0.clone(),
        host: route.host.value().map(|host| host.0.clone()),
    })
}

/// The bounds of the class give way to what is said: a lower `max` or `count` lowers the class's
/// `min`, a higher one raises its `max`.
fn scaling(tuning: &ServiceTuning, setting: Setting, sink: &mut Sink) -> Option<Scaling> {
    let table = tuning.scaling.value()?;
    let bound = |field: &Field<Number<0, 5000>>| field.value().map(|number| number.0);
    let (min, max, count) = (bound(&table.min), bound(&table.max), bound(&tuning.count));
    if let (Some(low), Some(high)) = (table.min.given(), table.max.given())
        && low.value.0 > high.value.0
    {
        sink.push(
            Diagnostic::error(format!(
                "scaling has a `min` of {} above its `max` of {}",
                low.value.0, high.value.0
            ))
            .at(&low.span, "`min` is above `max`")
            .related(&high.span, "`max` is here")
            .help("swap them, or raise `max`"),
        );
    }
    let class = setting.class;
    let least = [Some(class.scaling_min), max, count]
        .into_iter()
        .flatten()
        .min();
    let most = [Some(class.scaling_max), min, count]
        .into_iter()
        .flatten()
        .max();
    Some(Scaling {
        min: min.or(least)?,
        max: max.or(most)?,
        cpu: table.cpu.value().map(|cpu| cpu.0),
    })
}

/// What is said holds, if scaling leaves it be; the class's count moves into the bounds of scaling.
fn count(
    tuning: &ServiceTuning,
    scaling: Option<&Scaling>,
    setting: Setting,
    sink: &mut Sink,
) -> u32 {
    let Some(said) = tuning.count.given() else {
        let count = setting.class.count;
        return scaling.map_or(count, |bounds| count.min(bounds.max).max(bounds.min));
    };
    let count = said.value.0;
    let Some(bounds) = scaling.filter(|bounds| bounds.min <= bounds.max) else {
        return count;
    };
    if !(bounds.min..=bounds.max).contains(&count) {
        let (min, max) = (bounds.min, bounds.max);
        let mut outside = Diagnostic::error(format!("a count of {count} is outside of scaling"))
            .at(&said.span, format!("scaling keeps it from {min} to {max}"))
            .help("change `count`, or the `min` and `max` of `scaling`");
        if let Some(table) = tuning.scaling.given() {
            outside = outside.related(&table.span, "scaling is set here");
        }
        sink.push(outside);
    }
    count
}

fn rollout(tuning: &ServiceTuning) -> RolloutPolicy {
    let table = tuning.rollout.value();
    RolloutPolicy {
        min_healthy: table
            .and_then(|table| table.min_healthy.value())
            .map_or(defaults::ROLLOUT_MIN_HEALTHY, |percent| percent.0),
        max: table
            .and_then(|table| table.max.value())
            .map_or(defaults::ROLLOUT_MAX, |percent| percent.0),
        timeout: table
            .and_then(|table| table.timeout.value())
            .map_or(defaults::ROLLOUT_TIMEOUT, |span| span.0),
    }
}

fn rollout_place<'a>(entry: &'a ServiceEntry, tuning: &'a ServiceTuning) -> &'a Span {
    fn span<T>(at: &At<T>) -> &Span {
        &at.span
    }
    tuning.rollout.given().map_or(&entry.name_span, span)
}

fn drain(platform: PlatformKind) -> Seconds {
    match platform {
        PlatformKind::Local => defaults::DRAIN_LOCAL,
        PlatformKind::Ecs => defaults::DRAIN,
    }
}
