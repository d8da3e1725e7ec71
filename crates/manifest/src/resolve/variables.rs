//! Environment variables and secrets: merged, named by nobody else, and present everywhere.
//!
//! A variable and a secret of the same name are the same to a process. Written side by side they
//! contradict each other; in an environment, either can take the other's place.

use std::collections::{BTreeMap, BTreeSet};

use seaway_core::environment::SecretRef;
use seaway_core::name::{JobName, ServiceName};

use crate::diagnostic::Diagnostic;
use crate::manifest::EnvironmentEntry;
use crate::read::{Field, List, Map, MapEntry, Sink, VariableName};
use crate::resolve::{entries, named};
use crate::source::Span;
use crate::suggest::listed;
use crate::tables::{JobTable, JobTuning, ManifestTable, ServiceTable, ServiceTuning};

/// Variables that Seaway sets for every process.
const RESERVED: [&str; 3] = ["PORT", "PATH", "HOME"];

/// What a service's processes are given.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) secrets: BTreeMap<String, SecretRef>,
}

/// The service's variables with the environment's laid over them.
pub(crate) fn merged(base: &ServiceTuning, above: Option<&ServiceTuning>) -> Variables {
    let mut variables = Variables::default();
    for layer in [Some(base), above].into_iter().flatten() {
        for entry in entries(&layer.env) {
            variables.secrets.remove(&entry.name.0);
            variables
                .env
                .insert(entry.name.0.clone(), entry.value.0.clone());
        }
        for entry in entries(&layer.secrets) {
            variables.env.remove(&entry.name.0);
            variables
                .secrets
                .insert(entry.name.0.clone(), entry.value.clone());
        }
    }
    variables
}

/// The variable by which a service is told where `used` answers.
pub(crate) fn url_variable(used: &ServiceName) -> String {
    format!(
        "{}_URL",
        used.as_str().to_ascii_uppercase().replace('-', "_")
    )
}

/// Complains about reserved and contradicting names, and about variables that an environment lacks.
pub(crate) fn check(tables: &ManifestTable, sink: &mut Sink) {
    for service in entries(&tables.services) {
        check_names(service, &service.value.tuning, sink);
        for environment in entries(&tables.environments) {
            if let Some(above) = named(&environment.value.services, &service.name) {
                check_names(service, above, sink);
            }
        }
        check_service_parity(tables, service, sink);
    }
    for job in entries(&tables.jobs) {
        check_job(tables, job, sink);
    }
}

fn check_names(
    service: &MapEntry<ServiceName, ServiceTable>,
    tuning: &ServiceTuning,
    sink: &mut Sink,
) {
    let uses = service.value.uses.value().map_or(Vec::new(), List::values);
    let written = names(&tuning.env).chain(names(&tuning.secrets));
    for (name, span) in written {
        check_reserved(name, span, &uses, sink);
    }
    let plain: BTreeMap<&str, &Span> = names(&tuning.env).collect();
    for (name, span) in names(&tuning.secrets) {
        if let Some(other) = plain.get(name) {
            sink.push(
                Diagnostic::error(format!("`{name}` is both a variable and a secret"))
                    .at(span, "a secret here")
                    .related(other, "a variable here")
                    .help(format!("remove `{name}` from `env` or from `secrets`")),
            );
        }
    }
}

fn check_reserved(name: &str, span: &Span, uses: &[ServiceName], sink: &mut Sink) {
    let used = uses.iter().find(|used| url_variable(used) == name);
    let reason = match used {
        Some(used) => format!("it is where `{used}` answers, because the service uses it"),
        None if RESERVED.contains(&name) => {
            format!("Seaway sets {} for every process", listed(RESERVED))
        }
        None => return,
    };
    sink.push(
        Diagnostic::error(format!("`{name}` cannot be set"))
            .at(span, "set by Seaway")
            .note(reason)
            .help("choose another name"),
    );
}

fn check_service_parity(
    tables: &ManifestTable,
    service: &MapEntry<ServiceName, ServiceTable>,
    sink: &mut Sink,
) {
    let tuning = |environment: &EnvironmentEntry| -> BTreeMap<String, Span> {
        let above = named(&environment.value.services, &service.name);
        above.map_or(BTreeMap::new(), |above| {
            owned(names(&above.env).chain(names(&above.secrets)))
        })
    };
    let base = &service.value.tuning;
    check_parity(
        &Parity {
            subject: format!("services.{}", service.name),
            default: names(&base.env)
                .chain(names(&base.secrets))
                .map(|(name, _)| name)
                .collect(),
            environments: environments(tables, tuning),
        },
        sink,
    );
}

fn check_job(tables: &ManifestTable, job: &MapEntry<JobName, JobTable>, sink: &mut Sink) {
    let service = job.value.service.value();
    let service = service.and_then(|name| {
        entries(&tables.services)
            .iter()
            .find(|service| service.name == *name)
    });
    let uses = service.and_then(|service| service.value.uses.value());
    let uses = uses.map_or(Vec::new(), List::values);
    let layer = |environment: &EnvironmentEntry| -> BTreeMap<String, Span> {
        let above: Option<&JobTuning> = named(&environment.value.jobs, &job.name);
        above.map_or(BTreeMap::new(), |above| owned(names(&above.env)))
    };
    let own = owned(names(&job.value.tuning.env));
    let written = environments(tables, layer);
    for (name, span) in own
        .iter()
        .chain(written.iter().flat_map(|(_, layer)| layer))
    {
        check_reserved(name, span, &uses, sink);
    }
    let inherited = service.map(|service| &service.value.tuning);
    let mut default: BTreeSet<&str> = own.keys().map(String::as_str).collect();
    if let Some(base) = inherited {
        default.extend(
            names(&base.env)
                .chain(names(&base.secrets))
                .map(|(name, _)| name),
        );
    }
    let subject = format!("jobs.{}", job.name);
    check_parity(
        &Parity {
            subject,
            default,
            environments: written,
        },
        sink,
    );
}

/// Which variables something is given by default, and which each environment adds.
struct Parity<'a> {
    subject: String,
    default: BTreeSet<&'a str>,
    environments: Vec<(String, BTreeMap<String, Span>)>,
}

/// A variable that is missing in one environment is an error before anything runs (row A3).
fn check_parity(parity: &Parity<'_>, sink: &mut Sink) {
    let mut added: BTreeMap<&str, (&Span, BTreeSet<&str>)> = BTreeMap::new();
    for (environment, layer) in &parity.environments {
        for (name, span) in layer {
            if !parity.default.contains(name.as_str()) {
                let (_, having) = added.entry(name).or_insert((span, BTreeSet::new()));
                having.insert(environment);
            }
        }
    }
    for (name, (span, having)) in added {
        let all = parity
            .environments
            .iter()
            .map(|(environment, _)| environment.as_str());
        let lacking: Vec<&str> = all.filter(|one| !having.contains(one)).collect();
        if lacking.is_empty() {
            continue;
        }
        let subject = &parity.subject;
        sink.push(
            Diagnostic::error(format!("`{name}` is not set in every environment"))
                .at(span, format!("set only in {}", listed(having)))
                .note(format!("{subject} lacks it in {}", listed(lacking)))
                .help(format!(
                    "give it a default in [{subject}], or set it in each of them"
                )),
        );
    }
}

fn environments(
    tables: &ManifestTable,
    layer: impl Fn(&EnvironmentEntry) -> BTreeMap<String, Span>,
) -> Vec<(String, BTreeMap<String, Span>)> {
    entries(&tables.environments)
        .iter()
        .map(|environment| (environment.name.to_string(), layer(environment)))
        .collect()
}

fn names<T>(map: &Field<Map<VariableName, T>>) -> impl Iterator<Item = (&str, &Span)> {
    entries(map)
        .iter()
        .map(|entry| (entry.name.0.as_str(), &entry.name_span))
}

fn owned<'a>(names: impl Iterator<Item = (&'a str, &'a Span)>) -> BTreeMap<String, Span> {
    names
        .map(|(name, span)| (name.to_owned(), span.clone()))
        .collect()
}
