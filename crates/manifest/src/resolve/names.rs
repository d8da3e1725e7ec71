//! Names that a platform is given. What is too long for it is shortened, always the same way; two
//! things that would get one name are an error.

use std::collections::BTreeMap;

use seaway_core::environment::Environment;
use seaway_core::name::{EnvironmentName, ProjectName, ServiceName, bounded};
use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::manifest::EnvironmentEntry;
use crate::read::{MapEntry, PlatformKind, Sink};
use crate::resolve::entries;
use crate::source::Span;
use crate::tables::{ManifestTable, ServiceTable};

/// Characters in the name of a load balancer or target group (Elastic Load Balancing API
/// reference, `CreateTargetGroup`): the shortest limit of those that services meet.
pub(crate) const LIMIT: usize = 32;

/// A service's name on a platform, at most 32 characters.
pub fn platform_name(
    project: &ProjectName,
    environment: &EnvironmentName,
    service: &ServiceName,
) -> String {
    bounded(
        &[project.as_str(), environment.as_str(), service.as_str()],
        LIMIT,
    )
}

/// A service whose name does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShortName {
    pub service: ServiceName,
    /// `PROJECT-ENVIRONMENT-SERVICE`.
    pub whole: String,
    /// What the platform is given.
    pub short: String,
}

/// The services of an environment whose names are shortened.
pub fn short_names(environment: &Environment) -> Vec<ShortName> {
    let name = |service: &ServiceName| ShortName {
        service: service.clone(),
        whole: format!("{}-{}-{service}", environment.project, environment.name),
        short: platform_name(&environment.project, &environment.name, service),
    };
    environment
        .services
        .keys()
        .map(name)
        .filter(|name| name.short != name.whole)
        .collect()
}

/// A note at each service whose name is shortened in some environment.
pub(crate) fn shortened(tables: &ManifestTable, environments: &[Environment]) -> Vec<Diagnostic> {
    let mut places: BTreeMap<ServiceName, Vec<String>> = BTreeMap::new();
    for environment in environments {
        for name in short_names(environment) {
            let note = format!("in `{}` it is `{}`", environment.name, name.short);
            places.entry(name.service).or_default().push(note);
        }
    }
    let note = |service: &MapEntry<ServiceName, ServiceTable>| {
        let notes = places.get(&service.name)?;
        let message = format!(
            "the name of `{}` is shortened for the platform",
            service.name
        );
        let limit = format!("with project and environment longer than {LIMIT} characters");
        let remark = Diagnostic::remark(message).at(&service.name_span, limit);
        Some(notes.iter().fold(remark, |remark, note| remark.note(note)))
    };
    entries(&tables.services).iter().filter_map(note).collect()
}

/// Complains about two services that a platform could not tell apart: hyphens join the parts of a
/// name, so `a-b` with `c` and `a` with `b-c` meet.
pub(crate) fn check(tables: &ManifestTable, sink: &mut Sink) {
    let project = tables
        .project
        .value()
        .and_then(|project| project.name.value());
    let Some(project) = project else { return };
    let mut taken: BTreeMap<(Target<'_>, String), (&EnvironmentName, &ServiceName)> =
        BTreeMap::new();
    for environment in entries(&tables.environments) {
        let Some(target) = target(environment) else {
            continue;
        };
        for service in entries(&tables.services) {
            let name = platform_name(project, &environment.name, &service.name);
            let owner = (&environment.name, &service.name);
            if let Some(other) = taken.insert((target, name.clone()), owner) {
                sink.push(collision(&name, other, owner, &environment.name_span));
            }
        }
    }
}

fn collision(
    name: &str,
    first: (&EnvironmentName, &ServiceName),
    second: (&EnvironmentName, &ServiceName),
    place: &Span,
) -> Diagnostic {
    Diagnostic::error(format!("two services would be `{name}` on one platform"))
        .at(place, format!("`{}` in `{}`", second.1, second.0))
        .note(format!("the other is `{}` in `{}`", first.1, first.0))
        .help("rename one of the services or environments")
}

/// What cannot hold the same name twice: this machine, or one account and region.
type Target<'a> = Option<(&'a str, &'a str)>;

fn target(environment: &EnvironmentEntry) -> Option<Target<'_>> {
    let table = &environment.value;
    match table.platform.value()? {
        PlatformKind::Local => Some(None),
        PlatformKind::Ecs => Some(Some((&table.account.value()?.0, &table.region.value()?.0))),
    }
}
