//! From raw tables to one environment: defaults filled in, references resolved, limits checked.
//!
//! [`references`], [`cycles`], [`variables`] and [`names`] look at the manifest as a whole; the
//! others at one environment.

mod bounds;
mod cycles;
mod environment;
mod fargate;
mod health;
mod job;
pub(crate) mod names;
mod references;
mod routes;
mod service;
mod variables;

use seaway_core::environment::Environment;

use crate::diagnostic::Diagnostic;
use crate::manifest::EnvironmentEntry;
use crate::read::{Field, Map, MapEntry, Read, Sink};
use crate::tables::ManifestTable;

/// One environment, and everything that is wrong with it or with what all environments share.
pub(crate) fn environment(
    tables: &ManifestTable,
    entry: &EnvironmentEntry,
) -> (Option<Environment>, Vec<Diagnostic>) {
    let mut found = shared(tables);
    let (environment, own) = in_environment(tables, entry);
    found.extend(own);
    (environment, found)
}

/// Everything that is wrong in any environment, and notes on names that are shortened.
pub(crate) fn everything(tables: &ManifestTable) -> Vec<Diagnostic> {
    let mut found = shared(tables);
    let mut environments = Vec::new();
    for entry in entries(&tables.environments) {
        let (environment, own) = in_environment(tables, entry);
        found.extend(own);
        environments.extend(environment);
    }
    found.extend(names::shortened(tables, &environments));
    found
}

/// What does not depend on the environment.
fn shared(tables: &ManifestTable) -> Sink {
    let mut sink = Sink::new();
    references::check(tables, &mut sink);
    cycles::check(tables, &mut sink);
    variables::check(tables, &mut sink);
    names::check(tables, &mut sink);
    for service in entries(&tables.services) {
        service::check_image(service, &mut sink);
        service::check_volumes(service, &mut sink);
    }
    sink
}

fn in_environment(
    tables: &ManifestTable,
    entry: &EnvironmentEntry,
) -> (Option<Environment>, Vec<Diagnostic>) {
    let mut sink = Sink::new();
    let environment = environment::resolve(tables, entry, &mut sink);
    for diagnostic in &mut sink {
        diagnostic.environments.insert(entry.name.clone());
    }
    (environment, sink)
}

/// The entries of a table that may not be there.
pub(crate) fn entries<K, V>(map: &Field<Map<K, V>>) -> &[MapEntry<K, V>] {
    map.value().map_or(&[], |map| &map.entries)
}

/// The entry of that name in a table that may not be there.
pub(crate) fn named<'a, K: PartialEq, V>(map: &'a Field<Map<K, V>>, name: &K) -> Option<&'a V> {
    entries(map)
        .iter()
        .find(|entry| entry.name == *name)
        .map(|entry| &entry.value)
}

/// What an environment says laid over what everything says.
pub(crate) fn over<T: Read>(above: Option<&T>, base: &T) -> T {
    above.map_or_else(|| base.clone(), |above| above.over(base))
}
