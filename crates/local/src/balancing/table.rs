//! From documents and tasks to the router's configuration.
//!
//! Parts whose records are the same as before are the same allocation as before: the router sees at
//! once that nothing changed there.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use seaway_router as router;
use seaway_router::{ListenerId, RoutingTable, TargetGroupId};

use super::attributes;
use super::documents::{
    Action, Condition, Documents, HealthCheck, Listener, LoadBalancer, QueryPair, Rule, Scheme,
    TargetGroup,
};
use super::ports::{NoFreePort, Ports};
use super::tasks::{Tasks, target_id};

/// The parts of the configuration in force, with the records they were built from.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    listeners: BTreeMap<String, Built>,
    groups: HashMap<String, (Arc<TargetGroup>, Arc<router::TargetGroup>)>,
    /// Loopback addresses by `HOST:PORT`.
    names: BTreeMap<String, SocketAddr>,
}

#[derive(Clone, Debug)]
struct Built {
    record: Arc<Listener>,
    rules: Vec<Arc<Rule>>,
    listener: Arc<router::Listener>,
}

impl Table {
    /// The configuration for `documents`, with what did not change taken from this one.
    pub(super) fn next(
        &self,
        documents: &Documents,
        tasks: &Tasks,
        tls: &router::Tls,
        ports: &mut Ports,
    ) -> Result<Self, NoFreePort> {
        let mut next = Self::default();
        let mut rules = rules_by_listener(documents);
        for record in documents.listeners.values() {
            let Some(balancer) = documents.load_balancers.get(&record.load_balancer) else {
                continue;
            };
            let rules = rules.remove(record.arn.as_str()).unwrap_or_default();
            if balancer.scheme == Scheme::Internal {
                self.name(
                    &mut next,
                    Naming {
                        record,
                        rules: &rules,
                        tls,
                    },
                    ports,
                )?;
            }
            let address = ports.address(&listener_purpose(balancer, record))?;
            let place = Place {
                id: record.arn.clone(),
                address,
                fixed_host: None,
                tls: record.tls.as_ref().map(|_| tls.clone()),
            };
            self.listen(&mut next, place, record, rules);
        }
        for (arn, record) in &documents.target_groups {
            let group = match self.groups.get(arn) {
                Some((known, group)) if Arc::ptr_eq(known, record) => Arc::clone(group),
                _ => Arc::new(target_group(record, tasks)),
            };
            next.groups.insert(arn.clone(), (Arc::clone(record), group));
        }
        Ok(next)
    }

    /// What the router is told.
    pub(super) fn for_router(&self) -> RoutingTable {
        let groups = self
            .groups
            .values()
            .map(|(_, group)| (group.id.clone(), Arc::clone(group)));
        RoutingTable {
            listeners: self
                .listeners
                .values()
                .map(|built| Arc::clone(&built.listener))
                .collect(),
            target_groups: groups.collect(),
        }
    }

    /// Where it listens.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.values().map(|built| built.listener.address)
    }

    /// Builds one group again after its tasks have changed; nothing when there is no such group.
    pub(super) fn rebuild_group(
        &mut self,
        arn: &str,
        tasks: &Tasks,
    ) -> Option<Arc<router::TargetGroup>> {
        let (record, group) = self.groups.get_mut(arn)?;
        *group = Arc::new(target_group(record, tasks));
        Some(Arc::clone(group))
    }

    /// Where an internal name (`HOST:PORT`, lower case) is on this machine.
    pub(super) fn named(&self, name: &str) -> Option<SocketAddr> {
        self.names.get(name).copied()
    }

    /// Where internal names are on this machine.
    pub(super) fn of_names(&self) -> impl Iterator<Item = SocketAddr> {
        self.names.values().copied()
    }

    /// Listens for the literal names in the rules of an internal load balancer's listener. The
    /// first listener that names one has it.
    fn name(
        &self,
        next: &mut Self,
        naming: Naming<'_>,
        ports: &mut Ports,
    ) -> Result<(), NoFreePort> {
        let Naming { record, rules, tls } = naming;
        let (mut named, mut general) = (BTreeMap::<String, Vec<Arc<Rule>>>::new(), Vec::new());
        for rule in rules {
            match literal_host(rule) {
                Some(host) => named.entry(host).or_default().push(Arc::clone(rule)),
                None => general.push(Arc::clone(rule)),
            }
        }
        for (host, mut rules) in named {
            let name = format!("{host}:{}", record.port);
            if next.names.contains_key(&name) {
                continue;
            }
            let address = ports.address(&format!("name/{name}"))?;
            next.names.insert(name.clone(), address);
            rules.extend(general.iter().cloned());
            let place = Place {
                id: format!("name/{name}"),
                address,
                fixed_host: Some(host),
                tls: record.tls.as_ref().map(|_| tls.clone()),
            };
            self.listen(next, place, record, rules);
        }
        Ok(())
    }

    fn listen(&self, next: &mut Self, place: Place, record: &Arc<Listener>, rules: Vec<Arc<Rule>>) {
        let known = self.listeners.get(&place.id).filter(|built| {
            built.listener.address == place.address
                && Arc::ptr_eq(&built.record, record)
                && built.rules.len() == rules.len()
                && built
                    .rules
                    .iter()
                    .zip(&rules)
                    .all(|(one, other)| Arc::ptr_eq(one, other))
        });
        let id = place.id.clone();
        let built = known.cloned().unwrap_or_else(|| Built {
            record: Arc::clone(record),
            listener: Arc::new(listener(place, record, &rules)),
            rules,
        });
        next.listeners.insert(id, built);
    }
}

/// What the port of a listener is chosen for: a load balancer that is made again gets it back.
pub(super) fn listener_purpose(balancer: &LoadBalancer, listener: &Listener) -> String {
    format!("listener/{}:{}", balancer.name, listener.port)
}

/// A socket, and as which host its requests count.
struct Place {
    id: String,
    address: SocketAddr,
    fixed_host: Option<String>,
    tls: Option<router::Tls>,
}

/// The listener of an internal load balancer whose rules name hosts.
struct Naming<'a> {
    record: &'a Arc<Listener>,
    rules: &'a [Arc<Rule>],
    tls: &'a router::Tls,
}

fn rules_by_listener(documents: &Documents) -> HashMap<&str, Vec<Arc<Rule>>> {
    let mut rules = HashMap::<&str, Vec<Arc<Rule>>>::new();
    for rule in documents.rules.values() {
        rules
            .entry(&rule.listener)
            .or_default()
            .push(Arc::clone(rule));
    }
    rules
}

/// The host of a rule that is for exactly one.
fn literal_host(rule: &Rule) -> Option<String> {
    let mut hosts = rule
        .conditions
        .iter()
        .filter_map(|condition| match condition {
            Condition::Host(hosts) => Some(hosts.as_slice()),
            _ => None,
        });
    match (hosts.next(), hosts.next()) {
        (Some([host]), None) if !host.contains(['*', '?']) => Some(host.to_ascii_lowercase()),
        _ => None,
    }
}

fn listener(place: Place, record: &Listener, rules: &[Arc<Rule>]) -> router::Listener {
    router::Listener {
        id: ListenerId::new(place.id),
        address: place.address,
        tls: place.tls,
        rules: rules.iter().map(|rule| self::rule(rule)).collect(),
        default: action(&record.default),
        fixed_host: place.fixed_host,
    }
}

fn rule(record: &Rule) -> router::Rule {
    router::Rule {
        priority: record.priority,
        conditions: record.conditions.iter().map(condition).collect(),
        action: action(&record.action),
    }
}

fn condition(condition: &Condition) -> router::Condition {
    let patterns = |texts: &[String]| texts.iter().map(router::Pattern::new).collect();
    match condition {
        Condition::Path(texts) => router::Condition::Path(patterns(texts)),
        Condition::Host(texts) => router::Condition::Host(patterns(texts)),
        Condition::Method(methods) => router::Condition::Method(methods.clone()),
        Condition::Query(pairs) => router::Condition::Query(pairs.iter().map(query).collect()),
        Condition::Header { name, values } => router::Condition::Header {
            name: name.clone(),
            values: patterns(values),
        },
        Condition::Source(ranges) => {
            // Invariant: the API takes what parses only.
            let ranges = ranges.iter().filter_map(|range| range.parse().ok());
            router::Condition::Source(ranges.collect())
        }
    }
}

fn query(pair: &QueryPair) -> router::QueryPattern {
    router::QueryPattern {
        key: pair.key.as_deref().map(router::Pattern::new),
        value: router::Pattern::new(pair.value.as_str()),
    }
}

fn action(action: &Action) -> router::Action {
    match action {
        Action::Forward(forward) => {
            let weighted = forward.targets.iter().map(|target| router::WeightedGroup {
                group: TargetGroupId::from(target.target_group.as_str()),
                weight: target.weight,
            });
            let sticky = Some(forward.stickiness).filter(|sticky| sticky.enabled);
            let seconds = sticky.and_then(|sticky| sticky.seconds);
            router::Action::Forward(router::Forward {
                groups: weighted.collect(),
                stickiness: seconds.map(|seconds| Duration::from_secs(seconds.into())),
            })
        }
        Action::Redirect(redirect) => router::Action::Redirect(router::Redirect {
            protocol: redirect.protocol.clone(),
            host: redirect.host.clone(),
            port: redirect.port.clone(),
            path: redirect.path.clone(),
            query: redirect.query.clone(),
            code: if redirect.permanent {
                router::RedirectCode::Permanent
            } else {
                router::RedirectCode::Found
            },
        }),
        Action::FixedResponse(fixed) => router::Action::FixedResponse(router::FixedResponse {
            // Invariant: the API takes 200 to 599 only.
            status: StatusCode::from_u16(fixed.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            content_type: fixed.content_type.clone(),
            body: Bytes::from(fixed.body.clone().unwrap_or_default()),
        }),
    }
}

fn target_group(record: &TargetGroup, tasks: &Tasks) -> router::TargetGroup {
    let declared = record.targets.iter();
    let declared =
        declared.map(|address| router::Target::registered(address.to_string(), *address));
    let tasks = tasks.of(&record.arn);
    let tasks = tasks.map(|(task, address)| router::Target::registered(target_id(task), address));
    router::TargetGroup {
        id: TargetGroupId::from(record.arn.as_str()),
        targets: declared.chain(tasks).collect(),
        health_check: health_check(&record.health_check),
        distribution: attributes::distribution(&record.attributes),
        deregistration_delay: attributes::deregistration_delay(&record.attributes),
    }
}

fn health_check(check: &HealthCheck) -> router::HealthCheck {
    router::HealthCheck {
        enabled: check.enabled,
        path: check.path.clone(),
        port: check.port,
        // Invariant: the API takes what parses only.
        matcher: check.codes.parse().unwrap_or_default(),
        interval: Duration::from_secs(check.interval_seconds.into()),
        timeout: Duration::from_secs(check.timeout_seconds.into()),
        healthy_threshold: check.healthy_threshold,
        unhealthy_threshold: check.unhealthy_threshold,
    }
}
