//! A router with one listener, and what most tests do with it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use seaway_router::{
    Action, Distribution, DrainPolicy, HealthCheck, HealthEvents, Listener, ListenerId, Router,
    RouterOptions, RoutingTable, Rule, Target, TargetGroup, TargetGroupId, TargetHealthChanged,
    TargetHealthState, Timeouts,
};

use crate::client::{Client, PATIENCE};

pub(crate) const GROUP: &str = "group";

pub(crate) struct Fixture {
    pub(crate) router: Arc<Router>,
    pub(crate) events: HealthEvents,
    pub(crate) address: SocketAddr,
    pub(crate) client: Client,
}

impl Fixture {
    /// A router that forwards everything to one group.
    pub(crate) fn new(group: TargetGroup) -> Self {
        Self::with_options(options(), table(group))
    }

    pub(crate) fn with_options(options: RouterOptions, table: RoutingTable) -> Self {
        let router = Arc::new(Router::start(options).unwrap());
        let events = router.health_events();
        let first = table.listeners.first().unwrap().id.clone();
        router.apply(table).unwrap();
        let address = router.address(&first).unwrap();
        Self {
            router,
            events,
            address,
            client: Client::new(address),
        }
    }

    /// A router that forwards to healthy targets.
    pub(crate) async fn healthy(targets: &[SocketAddr]) -> Self {
        let mut fixture = Self::new(group(targets));
        let mut waiting = targets.to_vec();
        while !waiting.is_empty() {
            let event = fixture.events.recv().await.unwrap().health;
            if event.state == TargetHealthState::Healthy {
                waiting.retain(|target| *target != event.address);
            }
        }
        fixture
    }

    /// Waits for a target to get into a state.
    pub(crate) async fn until(
        &mut self,
        target: SocketAddr,
        state: TargetHealthState,
    ) -> TargetHealthChanged {
        until(&mut self.events, target, state).await
    }

    pub(crate) fn update(&self, group: TargetGroup) {
        assert!(self.router.update_target_group(group));
    }
}

pub(crate) async fn until(
    events: &mut HealthEvents,
    target: SocketAddr,
    state: TargetHealthState,
) -> TargetHealthChanged {
    let waiting = async {
        loop {
            let event = events.recv().await.expect("the router is gone");
            if event.health.address == target && event.health.state == state {
                return event;
            }
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    waited.unwrap_or_else(|_| panic!("{target} does not become {state}"))
}

/// Short times, and draining that ends with the last request.
pub(crate) fn options() -> RouterOptions {
    RouterOptions {
        draining: DrainPolicy::WhenIdle,
        ..RouterOptions::default()
    }
}

pub(crate) fn impatient(idle: Duration) -> RouterOptions {
    let timeouts = Timeouts {
        idle,
        ..Timeouts::default()
    };
    RouterOptions {
        timeouts,
        ..options()
    }
}

/// A group of registered targets that are checked every 50 ms at `/probe`.
pub(crate) fn group(targets: &[SocketAddr]) -> TargetGroup {
    named_group(GROUP, targets)
}

pub(crate) fn named_group(id: &str, targets: &[SocketAddr]) -> TargetGroup {
    TargetGroup {
        id: id.into(),
        targets: targets.iter().map(|address| target(*address)).collect(),
        health_check: HealthCheck {
            path: "/probe".to_owned(),
            interval: Duration::from_millis(50),
            timeout: Duration::from_secs(5),
            healthy_threshold: 2,
            ..HealthCheck::default()
        },
        distribution: Distribution::default(),
        deregistration_delay: Duration::from_secs(300),
    }
}

/// The same, but every target gets requests whatever its health.
pub(crate) fn unchecked(targets: &[SocketAddr]) -> TargetGroup {
    let mut group = group(targets);
    group.health_check.enabled = false;
    group
}

pub(crate) fn target(address: SocketAddr) -> Target {
    Target::registered(address.to_string(), address)
}

pub(crate) fn table(group: TargetGroup) -> RoutingTable {
    let listener = listener("listener", vec![], Action::forward(group.id.clone()));
    RoutingTable::default()
        .with_listener(listener)
        .with_target_group(group)
}

pub(crate) fn listener(id: &str, rules: Vec<Rule>, default: Action) -> Listener {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    Listener {
        id: ListenerId::from(id),
        address,
        tls: None,
        rules,
        default,
        fixed_host: None,
    }
}

pub(crate) fn group_id() -> TargetGroupId {
    GROUP.into()
}
