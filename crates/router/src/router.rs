//! The router: takes configurations, tells health and metrics, ends gracefully.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::access_log::AccessLog;
use crate::error::{ApplyError, StartError};
use crate::group::{Group, GroupContext, GroupMetrics, Usage};
use crate::health::{HealthEvents, Subscribers, TargetHealth};
use crate::listener::{Site, SiteContext};
use crate::options::RouterOptions;
use crate::routes::Routes;
use crate::signal::Signal;
use crate::table::{Action, Listener, ListenerId, RoutingTable, TargetGroup, TargetGroupId};
use crate::trace_id::TraceIds;
use crate::workers::Workers;

/// A running load balancer.
///
/// Dropping it ends everything at once; [`Router::shutdown`] lets requests finish.
#[derive(Debug)]
pub struct Router {
    groups: Arc<GroupContext>,
    sites: Arc<SiteContext>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By the address that a listener really has.
    sites: HashMap<SocketAddr, Running>,
    groups: HashMap<TargetGroupId, Arc<Group>>,
    ended: bool,
}

#[derive(Debug)]
struct Running {
    listener: ListenerId,
    site: Arc<Site>,
}

/// Listeners of a table with the sockets they get, those that are open already and new ones.
type Placed = Vec<(Arc<Listener>, Arc<Site>)>;

impl Router {
    /// Starts a router without listeners. Health checks, and what else is not a connection, run on
    /// the tokio runtime that the caller is in.
    ///
    /// # Errors
    ///
    /// The access log cannot be opened, or a thread not be started.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(options: RouterOptions) -> Result<Self, StartError> {
        let access_log = options.access_log.map(AccessLog::open).transpose()?;
        let workers = Workers::start(options.workers)?;
        let groups = GroupContext {
            subscribers: Subscribers::default(),
            draining: options.draining,
            keep: options.timeouts.keep,
            disturbances: options.disturbances,
            workers: workers.count(),
            runtime: Handle::current(),
        };
        let sites = SiteContext {
            timeouts: options.timeouts,
            limits: options.limits,
            access_log,
            trace_ids: TraceIds::new(),
            kill: Signal::default(),
            tasks: tokio_util::task::TaskTracker::new(),
            runtime: Handle::current(),
            workers,
        };
        Ok(Self {
            groups: Arc::new(groups),
            sites: Arc::new(sites),
            state: Mutex::default(),
        })
    }

    /// Puts a configuration in force, as a whole or not at all.
    ///
    /// New listeners are open when this returns; listeners that are gone finish the requests in
    /// flight; targets that are gone drain. Blocks only for the work of comparing.
    ///
    /// # Errors
    ///
    /// The table contradicts itself, or an address cannot be listened at; nothing has changed then.
    pub fn apply(&self, table: RoutingTable) -> Result<(), ApplyError> {
        let mut state = self.lock();
        if state.ended {
            return Err(ApplyError::ShutDown);
        }
        check(&table)?;
        let placed = self.place(&state, &table)?;
        // Nothing below can fail.
        let used = used_groups(&table);
        self.bring_in(&mut state, &table, &used);
        settle_sites(&mut state, placed);
        // Invariant: a group loses its targets only after no rule in force refers to it.
        let_go(&mut state, &table, &used);
        Ok(())
    }

    /// Replaces one target group of the configuration in force; whether rules refer to it stays as
    /// it was. Does nothing and returns `false` when the configuration lacks the group.
    pub fn update_target_group(&self, group: impl Into<Arc<TargetGroup>>) -> bool {
        let spec = group.into();
        let state = self.lock();
        let Some(group) = state.groups.get(&spec.id) else {
            return false;
        };
        group.replace(spec);
        true
    }

    /// Where a listener listens; useful when its port was left open.
    pub fn address(&self, listener: &ListenerId) -> Option<SocketAddr> {
        let state = self.lock();
        let mut running = state.sites.values();
        running
            .find(|running| running.listener == *listener)
            .map(|running| running.site.address)
    }

    /// Subscribes to health changes from now on; every subscription gets all of them, in order per
    /// target.
    pub fn health_events(&self) -> HealthEvents {
        self.groups.subscribers.subscribe()
    }

    /// The health of a group's targets, draining ones included; nothing when the configuration
    /// lacks the group.
    pub fn health(&self, group: &TargetGroupId) -> Option<Vec<TargetHealth>> {
        self.lock().groups.get(group).map(|group| group.health())
    }

    /// What a group has served; nothing when the configuration lacks the group.
    pub fn metrics(&self, group: &TargetGroupId) -> Option<GroupMetrics> {
        self.lock()
            .groups
            .get(group)
            .map(|group| group.counters.read())
    }

    /// Closes all listeners, lets requests in flight finish for at most `grace`, ends health checks
    /// and subscriptions and writes the access log out.
    pub async fn shutdown(&self, grace: Duration) {
        self.end();
        // Both outcomes lead to the same next step: what is left is cut off.
        let _ = tokio::time::timeout(grace, self.sites.tasks.wait()).await;
        self.cut_off();
        self.sites.tasks.wait().await;
        self.groups.subscribers.close();
        if let Some(log) = &self.sites.access_log {
            log.flush().await;
        }
    }

    fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        for running in state.sites.values() {
            running.site.close();
        }
        for group in state.groups.values() {
            group.stop_checks();
        }
        self.sites.tasks.close();
    }

    fn cut_off(&self) {
        self.sites.kill.raise();
        for group in self.lock().groups.values() {
            group.cut_off();
        }
    }

    /// Finds or opens a socket for every listener; new ones do not accept connections yet.
    fn place(&self, state: &State, table: &RoutingTable) -> Result<Placed, ApplyError> {
        let names: HashMap<&ListenerId, &SocketAddr> = state
            .sites
            .iter()
            .map(|(address, running)| (&running.listener, address))
            .collect();
        // Invariant: explicit addresses come first, so an open port never takes one of them.
        let (open, explicit): (Vec<_>, Vec<_>) = table
            .listeners
            .iter()
            .partition(|listener| listener.address.port() == 0);
        let mut taken = HashSet::new();
        let mut placed = Placed::new();
        for listener in explicit.into_iter().chain(open) {
            let address = match listener.address.port() {
                0 => names.get(&listener.id).map(|address| **address),
                _ => Some(listener.address),
            };
            let running = address
                .filter(|address| address.ip() == listener.address.ip() && taken.insert(*address))
                .and_then(|address| state.sites.get(&address));
            let site = match running {
                Some(running) => running.site.clone(),
                None => Arc::new(Site::bind(listener, self.sites.clone())?),
            };
            placed.push((listener.clone(), site));
        }
        Ok(placed)
    }

    /// Starts new groups and brings those that rules refer to up to date.
    fn bring_in(&self, state: &mut State, table: &RoutingTable, used: &HashSet<TargetGroupId>) {
        for (id, spec) in &table.target_groups {
            let usage = if used.contains(id) {
                Usage::InUse
            } else {
                Usage::NotInUse
            };
            match (state.groups.get(id), usage) {
                (Some(group), Usage::InUse) => group.update(spec.clone(), usage),
                (Some(_), Usage::NotInUse) => {}
                (None, _) => {
                    let group = Group::start(spec.clone(), usage, self.groups.clone());
                    state.groups.insert(id.clone(), group);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.end();
        self.cut_off();
        self.groups.subscribers.close();
    }
}

/// Takes groups out of use that no rule refers to, and out of the router those that are gone.
fn let_go(state: &mut State, table: &RoutingTable, used: &HashSet<TargetGroupId>) {
    state.groups.retain(|id, group| {
        let spec = table.target_groups.get(id);
        match spec {
            Some(spec) if !used.contains(id) => group.update(spec.clone(), Usage::NotInUse),
            Some(_) => {}
            None => group.retire(),
        }
        spec.is_some()
    });
}

/// Puts the rules of all listeners in force, opens what is new and closes what is gone.
fn settle_sites(state: &mut State, placed: Placed) {
    let mut before = std::mem::take(&mut state.sites);
    for (listener, site) in placed {
        // The groups may be other ones of the same name, so rules are compiled again even for a
        // listener that did not change; that costs one look-up per rule.
        site.set_routes(Routes::compile(&listener, &state.groups));
        site.open();
        before.remove(&site.address);
        let running = Running {
            listener: listener.id.clone(),
            site: site.clone(),
        };
        state.sites.insert(site.address, running);
    }
    for running in before.into_values() {
        running.site.close();
    }
}

fn used_groups(table: &RoutingTable) -> HashSet<TargetGroupId> {
    table
        .listeners
        .iter()
        .flat_map(|listener| groups_of(listener))
        .cloned()
        .collect()
}

fn groups_of(listener: &Listener) -> impl Iterator<Item = &TargetGroupId> {
    let actions = listener.rules.iter().map(|rule| &rule.action);
    actions
        .chain([&listener.default])
        .flat_map(|action| match action {
            Action::Forward(forward) => forward.groups.as_slice(),
            Action::Redirect(_) | Action::FixedResponse(_) => &[],
        })
        .map(|weighted| &weighted.group)
}

/// Refuses a table that contradicts itself.
fn check(table: &RoutingTable) -> Result<(), ApplyError> {
    let (mut names, mut addresses) = (HashSet::new(), HashSet::new());
    for listener in &table.listeners {
        if !names.insert(&listener.id) {
            return Err(ApplyError::DuplicateListener(listener.id.clone()));
        }
        if listener.address.port() != 0 && !addresses.insert(listener.address) {
            return Err(ApplyError::DuplicateAddress(listener.address));
        }
        if let Some(group) = groups_of(listener).find(|id| !table.target_groups.contains_key(id)) {
            let (listener, group) = (listener.id.clone(), group.clone());
            return Err(ApplyError::UnknownTargetGroup { listener, group });
        }
    }
    Ok(())
}
