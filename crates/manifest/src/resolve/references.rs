//! Whether every name that something refers to is there.

use crate::diagnostic::Diagnostic;
use crate::read::{At, Field, List, Map, Sink, Word};
use crate::resolve::entries;
use crate::source::Span;
use crate::suggest::{closest, listed, quoted};
use crate::tables::ManifestTable;

/// Errors of which each is explained. Names are compared with all others for that, and nobody reads
/// so many.
const EXPLAINED: usize = 50;

/// Complains about references to what is not in the manifest.
pub(crate) fn check(tables: &ManifestTable, sink: &mut Sink) {
    let services = Known::new("service", &tables.services);
    let jobs = Known::new("job", &tables.jobs);
    for service in entries(&tables.services) {
        for job in listed_in(&service.value.before) {
            let hint = services.mistaken(job.as_ref(), "`before` names jobs");
            jobs.demand(job, &job.span, hint, sink);
        }
        for used in listed_in(&service.value.uses) {
            let hint = jobs.mistaken(used.as_ref(), "`uses` names services");
            services.demand(used, &used.span, hint, sink);
        }
    }
    for job in entries(&tables.jobs) {
        if let Some(service) = job.value.service.given() {
            services.demand(service, &service.span, None, sink);
        }
    }
    for environment in entries(&tables.environments) {
        for service in entries(&environment.value.services) {
            let hint = jobs.mistaken(service.name.as_str(), "write it under `jobs`");
            services.demand(&service.name, &service.name_span, hint, sink);
        }
        for job in entries(&environment.value.jobs) {
            let hint = services.mistaken(job.name.as_str(), "write it under `services`");
            jobs.demand(&job.name, &job.name_span, hint, sink);
        }
    }
    let environments = Known::new("environment", &tables.environments);
    for environment in entries(&tables.environments) {
        if let Some(from) = environment.value.promote_from.given() {
            environments.demand(from, &from.span, None, sink);
        }
    }
}

fn listed_in<N>(list: &Field<List<N>>) -> &[At<N>] {
    list.value().map_or(&[], |list| &list.0)
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
            is_unreadable: map.is_invalid(),
        }
    }

    /// A hint for a name that is one of these and should be one of another kind.
    fn mistaken(&self, name: &str, advice: &str) -> Option<String> {
        let is_known = self
            .names
            .binary_search_by(|known| (*known).as_ref().cmp(name))
            .is_ok();
        is_known.then(|| format!("`{name}` is a {}: {advice}", self.noun))
    }

    fn demand(&self, name: &N, span: &Span, hint: Option<String>, sink: &mut Sink) {
        if self.is_unreadable || self.names.binary_search(&name).is_ok() {
            return;
        }
        if sink.len() > EXPLAINED {
            let unknown = format!("there is no {} {}", self.noun, quoted(name.as_ref()));
            sink.push(Diagnostic::error(unknown).at(span, format!("unknown {}", self.noun)));
            return;
        }
        let known = || self.names.iter().map(|known| (*known).as_ref());
        let noun = self.noun;
        let listed = match self.names.is_empty() {
            true => format!("the manifest has no {noun}s"),
            false => format!("the {noun}s are {}", listed(known())),
        };
        let unknown = Diagnostic::error(format!("there is no {noun} {}", quoted(name.as_ref())))
            .at(span, format!("unknown {noun}"))
            .note(listed);
        sink.push(match hint {
            Some(hint) => unknown.help(hint),
            None => unknown.suggest(closest(name.as_ref(), known())),
        });
    }
}
