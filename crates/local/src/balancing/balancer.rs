//! The load balancer at work: one lock around documents, tasks, ports and the table in force.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use seaway_router::{
    AccessLogOptions, ApplyError, Disturbances, DrainPolicy, Router, RouterOptions, StartError,
    TargetGroupId, TargetHealth, TargetHealthChanged, TargetHealthState, Tls,
};
use thiserror::Error;

use super::documents::{Documents, Scheme};
use super::events::{Subscribers, TaskHealthEvents, TaskTargetHealth, for_scheduler};
use super::ports::{NoFreePort, Ports};
use super::table::{Table, listener_purpose};
use super::tasks::{Tasks, target_id, task_of};
use crate::store::{Store, StoreError};

/// The port of a URL that names none.
const HTTP: u16 = 80;
/// How long a socket that the router has closed may still be there.
const CLOSING: Duration = Duration::from_millis(500);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What the platform chooses for its load balancer.
#[derive(Clone, Debug)]
pub struct BalancingOptions {
    /// Where requests are logged; nowhere when absent.
    pub access_log: Option<PathBuf>,
    /// When a deregistered target has drained.
    pub draining: DrainPolicy,
    /// Which targets are disturbed; none when absent.
    pub disturbances: Option<Arc<dyn Disturbances>>,
    /// How HTTPS listeners speak.
    pub tls: Arc<ServerConfig>,
}

/// The load balancer cannot start or take a change.
#[derive(Debug, Error)]
pub enum BalancingError {
    #[error("the router did not start")]
    Start(#[from] StartError),
    #[error("the router did not take the configuration")]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    NoFreePort(#[from] NoFreePort),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// Where a listener of the API really listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerAddress {
    /// The load balancer's name.
    pub load_balancer: String,
    pub scheme: Scheme,
    /// As the API says it.
    pub port: u16,
    pub address: SocketAddr,
    /// `http` or `https`.
    pub protocol: &'static str,
}

/// The load balancer of one platform. Methods block for a few milliseconds at most and, except
/// [`Balancing::start`], can be called from any thread.
#[derive(Debug)]
pub struct Balancing {
    store: Arc<Store>,
    router: Router,
    tls: Tls,
    state: Mutex<State>,
    subscribers: Subscribers,
}

#[derive(Debug)]
struct State {
    documents: Arc<Documents>,
    tasks: Tasks,
    ports: Ports,
    table: Table,
    /// Addresses that were listened at in this life. One of them that is taken is being closed.
    opened: BTreeSet<SocketAddr>,
}

impl Balancing {
    /// Opens what is on record, on the tokio runtime that the caller is in.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(
        store: Arc<Store>,
        options: BalancingOptions,
    ) -> Result<Arc<Self>, BalancingError> {
        let BalancingOptions {
            access_log,
            draining,
            disturbances,
            tls,
        } = options;
        let access_log = access_log.map(AccessLogOptions::new);
        let router = Router::start(RouterOptions {
            access_log,
            draining,
            disturbances,
            ..RouterOptions::default()
        })?;
        let (documents, ports) = store.read::<_, StoreError>(|view| {
            Ok((
                Arc::new(Documents::load(view)?),
                Ports::load(view, rand::random())?,
            ))
        })?;
        let state = State {
            documents,
            tasks: Tasks::default(),
            ports,
            table: Table::default(),
            opened: BTreeSet::new(),
        };
        let mut changes = router.health_events();
        let balancing = Arc::new(Self {
            store,
            router,
            tls: Tls::new(tls),
            state: Mutex::new(state),
            subscribers: Subscribers::new(),
        });
        balancing.change::<_, BalancingError>(|_| Ok(()))?;
        // Ends with the router, which ends with the last owner.
        let told = Arc::downgrade(&balancing);
        tokio::spawn(async move {
            while let Some(change) = changes.recv().await {
                let Some(balancing) = told.upgrade() else {
                    return;
                };
                balancing.tell(&change);
            }
        });
        Ok(balancing)
    }

    /// What the API has declared, as of now.
    #[must_use]
    pub fn documents(&self) -> Arc<Documents> {
        Arc::clone(&self.lock().documents)
    }

    /// Changes what is declared, as a whole or not at all: in force and on record when this
    /// returns.
    ///
    /// # Errors
    ///
    /// Those of `change`; the router or the store did not take the result.
    pub fn change<T, E: From<BalancingError>>(
        &self,
        change: impl FnOnce(&mut Documents) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut state = self.lock();
        let mut documents = Documents::clone(&state.documents);
        let answer = change(&mut documents)?;
        self.put_in_force(&mut state, documents)?;
        Ok(answer)
    }

    /// Registers a task, or tells its health again when it is registered already. The first health
    /// follows at once: [`seaway_scheduler::TargetHealth::Unused`] when the group does not exist.
    pub fn register_task(&self, target_group: &str, task: &str, address: SocketAddr) {
        let mut state = self.lock();
        if !state.documents.target_groups.contains_key(target_group) {
            return self.tell_unused(target_group, task);
        }
        if state.tasks.address(target_group, task) == Some(address) {
            self.tell_again(target_group, task);
            return;
        }
        state.tasks.insert(target_group, task, address);
        self.update(&mut state, target_group);
    }

    /// Deregisters a task: it drains, then it is unused. One that is not registered is unused at
    /// once, unless it is draining.
    pub fn deregister_task(&self, target_group: &str, task: &str) {
        let mut state = self.lock();
        if state.tasks.remove(target_group, task) {
            self.update(&mut state, target_group);
        } else if !self.tell_again(target_group, task) {
            self.tell_unused(target_group, task);
        }
    }

    /// Subscribes to the health of tasks. The first subscription begins with what was told since
    /// the start.
    #[must_use]
    pub fn health_events(&self) -> TaskHealthEvents {
        self.subscribers.subscribe()
    }

    /// Whether the target group exists.
    #[must_use]
    pub fn has_target_group(&self, arn: &str) -> bool {
        self.lock().documents.target_groups.contains_key(arn)
    }

    /// Whether a listener or a rule refers to the target group.
    #[must_use]
    pub fn is_in_use(&self, arn: &str) -> bool {
        !self.documents().users_of(arn).is_empty()
    }

    /// The health of a group's targets, draining ones included; none when there is no such group.
    #[must_use]
    pub fn health(&self, target_group: &str) -> Vec<TargetHealth> {
        self.router
            .health(&TargetGroupId::from(target_group))
            .unwrap_or_default()
    }

    /// Takes the tasks with one of these addresses out of a group, as the API may ask for.
    pub fn deregister_addresses(&self, target_group: &str, addresses: &[SocketAddr]) {
        let mut state = self.lock();
        state.tasks.remove_addresses(target_group, addresses);
        self.update(&mut state, target_group);
    }

    /// Where the listeners of the API really listen, by load balancer and port.
    #[must_use]
    pub fn listener_addresses(&self) -> Vec<ListenerAddress> {
        let state = self.lock();
        let listeners = state.documents.listeners.values();
        let mut addresses: Vec<_> = listeners
            .filter_map(|listener| {
                let balancer = state
                    .documents
                    .load_balancers
                    .get(&listener.load_balancer)?;
                let address = state.ports.chosen(&listener_purpose(balancer, listener))?;
                let load_balancer = balancer.name.clone();
                let (scheme, port) = (balancer.scheme, listener.port);
                Some(ListenerAddress {
                    load_balancer,
                    scheme,
                    port,
                    address,
                    protocol: match listener.tls {
                        Some(_) => "https",
                        None => "http",
                    },
                })
            })
            .collect();
        addresses.sort_by(|a, b| (&a.load_balancer, a.port).cmp(&(&b.load_balancer, b.port)));
        addresses
    }

    /// Where the internal name of a URL (`catalog.shop.internal`, with or without a port) is on
    /// this machine.
    #[must_use]
    pub fn resolve_internal(&self, authority: &str) -> Option<SocketAddr> {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, HTTP),
        };
        self.lock()
            .table
            .named(&format!("{}:{port}", host.to_ascii_lowercase()))
    }

    /// Where all internal names are on this machine.
    #[must_use]
    pub fn internal_addresses(&self) -> Vec<SocketAddr> {
        self.lock().table.of_names().collect()
    }

    /// Closes all listeners, lets requests in flight finish for at most `grace`, and ends the
    /// subscriptions.
    pub async fn shutdown(&self, grace: Duration) {
        self.router.shutdown(grace).await;
        self.subscribers.close();
    }

    /// Router first, then store: what is on record has been in force.
    fn put_in_force(&self, state: &mut State, documents: Documents) -> Result<(), BalancingError> {
        let mut ports = state.ports.clone();
        let table = self.apply(state, &documents, &mut ports)?;
        let saved = self.store.write::<_, StoreError>(|tx| {
            documents.save(tx, &state.documents)?;
            ports.save(tx, &state.ports)
        });
        if let Err(error) = saved {
            self.router.apply(state.table.for_router())?;
            return Err(error.into());
        }
        state
            .tasks
            .retain_groups(|arn| documents.target_groups.contains_key(arn));
        state.documents = Arc::new(documents);
        state.ports = ports;
        state.opened.extend(table.addresses());
        state.table = table;
        Ok(())
    }

    /// Applies the table for `documents`. A port that somebody else has taken is chosen again; one
    /// that is being closed is waited for, because callers of an internal name know its address.
    fn apply(
        &self,
        state: &State,
        documents: &Documents,
        ports: &mut Ports,
    ) -> Result<Table, BalancingError> {
        let give_up_at = Instant::now() + CLOSING;
        loop {
            let table = state
                .table
                .next(documents, &state.tasks, &self.tls, ports)?;
            match self.router.apply(table.for_router()) {
                Ok(()) => return Ok(table),
                Err(ApplyError::Listen { address, .. })
                    if state.opened.contains(&address) && Instant::now() < give_up_at =>
                {
                    std::thread::sleep(LOOK_AGAIN);
                }
                Err(ApplyError::Listen { address, .. }) if ports.give_up(address) => {
                    tracing::warn!(%address, "the kept port is taken; choosing another");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn update(&self, state: &mut State, target_group: &str) {
        let State { table, tasks, .. } = state;
        if let Some(group) = table.rebuild_group(target_group, tasks) {
            self.router.update_target_group(group);
        }
    }

    /// Passes on what the router thinks of a task, unless it is about an address that the task has
    /// left.
    fn tell(&self, change: &TargetHealthChanged) {
        let Some(task) = task_of(&change.health.target) else {
            return;
        };
        let target_group = change.target_group.as_str();
        let present = self.lock().tasks.address(target_group, task);
        if present.is_none_or(|address| address == change.health.address) {
            self.publish(target_group, task, &change.health);
        }
    }

    /// Tells the present health of a task; nothing when the router does not know it. A task that
    /// came back at another address may be draining at its old one: that is the past.
    fn tell_again(&self, target_group: &str, task: &str) -> bool {
        let id = target_id(task);
        let known = self.health(target_group).into_iter();
        let present = known
            .filter(|health| health.target == id)
            .min_by_key(|health| health.state == TargetHealthState::Draining);
        if let Some(health) = &present {
            self.publish(target_group, task, health);
        }
        present.is_some()
    }

    fn tell_unused(&self, target_group: &str, task: &str) {
        self.subscribers.publish(&TaskTargetHealth {
            task: task.to_owned(),
            target_group: target_group.to_owned(),
            health: seaway_scheduler::TargetHealth::Unused,
        });
    }

    fn publish(&self, target_group: &str, task: &str, health: &TargetHealth) {
        self.subscribers.publish(&TaskTargetHealth {
            task: task.to_owned(),
            target_group: target_group.to_owned(),
            health: for_scheduler(health),
        });
    }

    pub(super) fn router(&self) -> &Router {
        &self.router
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
