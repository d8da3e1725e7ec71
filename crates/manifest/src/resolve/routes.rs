//! Public routes: no two of one environment may ask for the same requests.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::read::{Field, Sink};
use crate::resolve::{entries, named};
use crate::source::Span;
use crate::suggest::quoted;
use crate::tables::{EnvironmentTable, ManifestTable, RouteTable};

/// Path and host of a route, and who asked for it where.
struct Claim<'a> {
    path: &'a str,
    host: Option<String>,
    owner: String,
    span: &'a Span,
}

/// Complains about a route that is already another's.
pub(crate) fn check(tables: &ManifestTable, environment: &EnvironmentTable, sink: &mut Sink) {
    let merged: Vec<(String, Field<RouteTable>)> = entries(&tables.services)
        .iter()
        .map(|service| {
            let base = &service.value.tuning.route;
            let above = named(&environment.services, &service.name);
            let route = above.map_or_else(|| base.clone(), |above| above.route.over(base));
            (format!("services.{}", service.name), route)
        })
        .collect();
    let mut taken: BTreeMap<(&str, Option<String>), Claim<'_>> = BTreeMap::new();
    let services = merged
        .iter()
        .filter_map(|(owner, route)| of_service(owner, route));
    let sites = entries(&tables.sites).iter().filter_map(|site| {
        let route = site.value.route.given()?;
        let owner = format!("sites.{}", site.name);
        Some(Claim {
            path: &route.value.0,
            host: None,
            owner,
            span: &route.span,
        })
    });
    for claim in services.chain(sites) {
        let key = (claim.path, claim.host.clone());
        match taken.get(&key) {
            Some(first) => sink.push(refuse(&claim, first)),
            None => {
                taken.insert(key, claim);
            }
        }
    }
}

fn of_service<'a>(owner: &str, route: &'a Field<RouteTable>) -> Option<Claim<'a>> {
    let route = route.given()?;
    let path = route.value.path.given()?;
    // Host names are the same in upper and lower case.
    let host = route
        .value
        .host
        .value()
        .map(|host| host.0.to_ascii_lowercase());
    Some(Claim {
        path: &path.value.0,
        host,
        owner: owner.to_owned(),
        span: &path.span,
    })
}

fn refuse(claim: &Claim<'_>, first: &Claim<'_>) -> Diagnostic {
    let host = claim
        .host
        .as_ref()
        .map_or(String::new(), |host| format!(" on {}", quoted(host)));
    Diagnostic::error(format!(
        "the route {}{host} is both of {} and of {}",
        quoted(claim.path),
        first.owner,
        claim.owner
    ))
    .at(claim.span, "the same route again")
    .related(first.span, "first here")
    .help("change the path of one of them, or give it a `host` of its own")
}
