//! The environment itself: where it runs, by which rules, and all that runs there.

use std::collections::BTreeMap;

use seaway_core::environment::{Class, EcsTarget, Environment, Platform, Rules, Site};

use crate::defaults::{self, ClassDefaults};
use crate::diagnostic::Diagnostic;
use crate::manifest::EnvironmentEntry;
use crate::read::{Field, MapEntry, PlatformKind, Sink, Word};
use crate::resolve::{entries, job, named, routes, service};
use crate::tables::{EnvironmentTable, ManifestTable, SiteTable};

/// What an environment gives to everything in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) platform: PlatformKind,
    pub(crate) class: ClassDefaults,
}

pub(crate) fn resolve(
    tables: &ManifestTable,
    entry: &EnvironmentEntry,
    sink: &mut Sink,
) -> Option<Environment> {
    let table = &entry.value;
    let kind = *table.platform.value()?;
    let class = class(table, kind, sink);
    let setting = Setting {
        platform: kind,
        class: defaults::of_class(class),
    };
    let platform = platform(entry, kind, sink);

    let mut services = BTreeMap::new();
    for service in entries(&tables.services) {
        let above = named(&table.services, &service.name);
        if let Some(resolved) = service::resolve(service, above, setting, sink) {
            services.insert(service.name.clone(), resolved);
        }
    }
    let mut jobs = BTreeMap::new();
    for job in entries(&tables.jobs) {
        let above = named(&table.jobs, &job.name);
        if let Some(resolved) = job::resolve(job, above, &services, sink) {
            jobs.insert(job.name.clone(), resolved);
        }
    }
    let sites = entries(&tables.sites)
        .iter()
        .filter_map(|entry| Some((entry.name.clone(), site(entry)?)))
        .collect();
    routes::check(tables, table, sink);

    let project = tables.project.value()?;
    Some(Environment {
        project: project.name.value()?.clone(),
        name: entry.name.clone(),
        platform: platform?,
        class,
        rules: rules(table, setting.class),
        shared: project.shared.value().map_or(Vec::new(), |shared| {
            shared
                .0
                .iter()
                .map(|pattern| pattern.value.0.clone())
                .collect()
        }),
        services,
        jobs,
        sites,
    })
}

fn class(table: &EnvironmentTable, platform: PlatformKind, sink: &mut Sink) -> Class {
    let class = table.class.given();
    match (class, platform) {
        (None, PlatformKind::Local) => Class::Local,
        (None, PlatformKind::Ecs) => Class::Develop,
        (Some(class), PlatformKind::Ecs) if class.value == Class::Local => {
            sink.push(
                Diagnostic::error("class `local` is for the local platform")
                    .at(&class.span, "this environment runs on ecs")
                    .help("use `develop`, `test` or `production`"),
            );
            Class::Develop
        }
        (Some(class), _) => class.value,
    }
}

fn platform(entry: &EnvironmentEntry, kind: PlatformKind, sink: &mut Sink) -> Option<Platform> {
    let table = &entry.value;
    match kind {
        PlatformKind::Local => {
            refuse(&table.region, "region", sink);
            refuse(&table.account, "account", sink);
            refuse(&table.endpoint_url, "endpoint_url", sink);
            Some(Platform::Local)
        }
        PlatformKind::Ecs => {
            demand(&table.region, "region", entry, sink);
            demand(&table.account, "account", entry, sink);
            Some(Platform::Ecs(EcsTarget {
                region: table.region.value()?.0.clone(),
                account: table.account.value()?.0.clone(),
                endpoint_url: table.endpoint_url.value().map(|url| url.0.clone()),
            }))
        }
    }
}

fn refuse<T>(field: &Field<T>, key: &str, sink: &mut Sink) {
    if let Some(value) = field.given() {
        sink.push(
            Diagnostic::error(format!("`{key}` says nothing on the local platform"))
                .at(&value.span, "not used")
                .help(format!("remove `{key}`, or say platform = \"ecs\"")),
        );
    }
}

fn demand<T: Word>(field: &Field<T>, key: &str, entry: &EnvironmentEntry, sink: &mut Sink) {
    if field.is_absent() {
        sink.push(
            Diagnostic::error(format!("an environment on ecs needs the key `{key}`"))
                .at(&entry.name_span, format!("`{key}` is missing"))
                .note(format!("`{key}` is {}", T::EXPECTED)),
        );
    }
}

fn rules(table: &EnvironmentTable, class: ClassDefaults) -> Rules {
    Rules {
        promote_from: table.promote_from.value().cloned(),
        branches: table.branches.value().map_or(Vec::new(), |branches| {
            branches
                .0
                .iter()
                .map(|branch| branch.value.0.clone())
                .collect()
        }),
        approvals: table
            .approvals
            .value()
            .map_or(class.approvals, |number| number.0),
        log_retention_days: table
            .log_retention_days
            .value()
            .map_or(class.log_retention_days, |number| number.0),
        deletion_protection: table
            .deletion_protection
            .value()
            .map_or(class.deletion_protection, |flag| flag.0),
        spot_percent: table
            .spot_percent
            .value()
            .map_or(class.spot_percent, |number| number.0),
    }
}

fn site(entry: &MapEntry<seaway_core::name::SiteName, SiteTable>) -> Option<Site> {
    let table = &entry.value;
    Some(Site {
        name: entry.name.clone(),
        path: table.path.value()?.0.clone(),
        build: table.build.value().map(|build| build.0.clone()),
        dist: table.dist.value()?.0.clone(),
        route: table.route.value()?.0.clone(),
    })
}
