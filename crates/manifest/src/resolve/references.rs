//! Whether every name that something refers to is there.

use seaway_core::name::EnvironmentName;

use crate::diagnostic::Diagnostic;
use crate::manifest::EnvironmentEntry;
use crate::read::{Field, List, Map, Sink, Word};
use crate::resolve::entries;
use crate::source::Span;
use crate::suggest::{closest, listed, quoted};
use crate::tables::ManifestTable;

/// Complains about references to what is not in the manifest.
pub(crate) fn check(tables: &ManifestTable, sink: &mut Sink) {
    let services = Known::new("service", &tables.services);
    let jobs = Known::new("job", &tables.jobs);
    for service in entries(&tables.services) {
        jobs.demand_all(&service.value.before, sink);
        services.demand_all(&service.value.uses, sink);
    }
    for job in entries(&tables.jobs) {
        if let Some(service) = job.value.service.given() {
            services.demand(service, &service.span, sink);
        }
    }
    for environment in entries(&tables.environments) {
        for service in entries(&environment.value.services) {
            services.demand(&service.name, &service.name_span, sink);
        }
        for job in entries(&environment.value.jobs) {
            jobs.demand(&job.name, &job.name_span, sink);
        }
    }
    check_promotion(tables, sink);
}

/// The names of one kind.
struct Known<'a, N> {
    noun: &'static str,
    names: Vec<&'a N>,
    /// The whole table could not be read: nothing can be said about what is in it.
    is_unreadable: bool,
}

impl<'a, N: Word + AsRef<str> + Ord> Known<'a, N> {
    fn new<T>(noun: &'static str, map: &'a Field<Map<N, T>>) -> Self {
        let mut names: Vec<&N> = entries(map).iter().map(|entry| &entry.name).collect();
        names.sort();
        Self {
            noun,
            names,
            is_unreadable: map.given().is_none() && !map.is_absent(),
        }
    }

    fn demand_all(&self, list: &Field<List<N>>, sink: &mut Sink) {
        for entry in list.value().into_iter().flat_map(|list| &list.0) {
            self.demand(entry, &entry.span, sink);
        }
    }

    fn demand(&self, name: &N, span: &Span, sink: &mut Sink) {
        if self.is_unreadable || self.names.binary_search(&name).is_ok() {
            return;
        }
        let known = || self.names.iter().map(|known| (*known).as_ref());
        let noun = self.noun;
        sink.push(
            Diagnostic::error(format!("there is no {noun} {}", quoted(name.as_ref())))
                .at(span, format!("unknown {noun}"))
                .note(format!("the {noun}s are {}", listed(known())))
                .suggest(closest(name.as_ref(), known())),
        );
    }
}

/// Promotion leads from environment to environment and ends somewhere.
fn check_promotion(tables: &ManifestTable, sink: &mut Sink) {
    let known = Known::<EnvironmentName>::new("environment", &tables.environments);
    for environment in entries(&tables.environments) {
        let Some(from) = environment.value.promote_from.given() else {
            continue;
        };
        known.demand(from, &from.span, sink);
        if leads_back(tables, environment) {
            sink.push(
                Diagnostic::error(format!(
                    "promotion leads from `{}` back to itself",
                    environment.name
                ))
                .at(&from.span, "no release could ever be the first")
                .help("remove `promote_from` from the environment that releases reach first"),
            );
        }
    }
}

fn leads_back(tables: &ManifestTable, start: &EnvironmentEntry) -> bool {
    let environments = entries(&tables.environments);
    let source = |entry: &EnvironmentEntry| {
        let from = entry.value.promote_from.value()?;
        environments.iter().find(|other| other.name == *from)
    };
    let mut current = source(start);
    for _ in environments {
        match current {
            Some(entry) if entry.name == start.name => return true,
            Some(entry) => current = source(entry),
            None => return false,
        }
    }
    false
}
