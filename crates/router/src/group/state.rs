//! A target group at work: follows the table, takes in health, drains what leaves.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use http::HeaderMap;
use tokio::runtime::Handle;

use super::member::{Checker, Member, Phase, Service};
use super::ramp::Ramp;
use super::{Counters, Endpoint, InFlight, Rotation};
use crate::disturbance::Disturbances;
use crate::health::{
    Counting, ProbeOutcome, Standing, Subscribers, TargetHealth, TargetHealthChanged,
    TargetHealthState, Tracker, check_forever,
};
use crate::options::DrainPolicy;
use crate::stickiness;
use crate::table::{Target, TargetGroup, TargetGroupId, TargetState};
use crate::upstream::Pool;

/// What all groups of a router share.
#[derive(Debug)]
pub(crate) struct GroupContext {
    pub(crate) subscribers: Subscribers,
    pub(crate) draining: DrainPolicy,
    /// How long an idle connection is kept.
    pub(crate) keep: Duration,
    pub(crate) disturbances: Option<Arc<dyn Disturbances>>,
    /// How many workers keep connections.
    pub(crate) workers: usize,
    pub(crate) runtime: Handle,
}

/// Whether a rule of some listener refers to the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    InUse,
    NotInUse,
}

/// A target group at work.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: TargetGroupId,
    pub(crate) counters: Counters,
    context: Arc<GroupContext>,
    rotation: RwLock<Arc<Rotation>>,
    turn: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    spec: Arc<TargetGroup>,
    usage: Usage,
    members: Vec<Member>,
    next_generation: u64,
}

/// A target for a request.
#[derive(Debug)]
pub(crate) struct Pick {
    /// Nothing when no target can be used.
    pub(crate) in_flight: Option<InFlight>,
    /// How long the client is to stay where it is answered.
    pub(crate) stickiness: Option<Duration>,
}

impl Group {
    pub(crate) fn start(
        spec: Arc<TargetGroup>,
        usage: Usage,
        context: Arc<GroupContext>,
    ) -> Arc<Self> {
        let empty = TargetGroup {
            targets: Vec::new(),
            ..TargetGroup::clone(&spec)
        };
        let group = Arc::new(Self {
            id: spec.id.clone(),
            counters: Counters::default(),
            context,
            rotation: RwLock::default(),
            turn: AtomicUsize::new(0),
            state: Mutex::new(State {
                spec: Arc::new(empty),
                usage,
                members: Vec::new(),
                next_generation: 0,
            }),
        });
        group.update(spec, usage);
        group
    }

    /// The first target for a request: the one that a cookie of its client names, or the next.
    pub(crate) fn pick_for(&self, headers: &HeaderMap) -> Pick {
        let rotation = self.rotation();
        let stickiness = rotation.stickiness();
        let kept = stickiness
            .and_then(|_| stickiness::TARGET.sent(headers))
            .and_then(|token| rotation.named(token));
        Pick {
            in_flight: kept.or_else(|| self.pick_from(&rotation, &[])),
            stickiness,
        }
    }

    /// The next target that was not tried yet; nothing when no target can be used.
    pub(crate) fn pick(&self, tried: &[Arc<Endpoint>]) -> Option<InFlight> {
        self.pick_from(&self.rotation(), tried)
    }

    fn pick_from(&self, rotation: &Rotation, tried: &[Arc<Endpoint>]) -> Option<InFlight> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        rotation.pick(turn, tried).or_else(|| {
            // The rotation may have been replaced meanwhile, or be about to be: targets are closed
            // before the rotation without them is in force. With the lock, both have happened.
            let _settled = self.lock();
            self.rotation().pick(turn, tried)
        })
    }

    fn rotation(&self) -> Arc<Rotation> {
        self.rotation
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Follows the table. Costs nothing when neither the group nor its usage has changed.
    pub(crate) fn update(self: &Arc<Self>, spec: Arc<TargetGroup>, usage: Usage) {
        let mut state = self.lock();
        if Arc::ptr_eq(&state.spec, &spec) && state.usage == usage {
            return;
        }
        state.spec = spec;
        state.usage = usage;
        self.settle(&mut state);
    }

    /// Follows another specification; the usage stays as it is.
    pub(crate) fn replace(self: &Arc<Self>, spec: Arc<TargetGroup>) {
        let usage = self.lock().usage;
        self.update(spec, usage);
    }

    /// The group left the table: deregisters every target.
    pub(crate) fn retire(self: &Arc<Self>) {
        let mut state = self.lock();
        state.spec = Arc::new(TargetGroup {
            targets: Vec::new(),
            ..TargetGroup::clone(&state.spec)
        });
        state.usage = Usage::NotInUse;
        self.settle(&mut state);
    }

    /// Ends all health checks, at shutdown.
    pub(crate) fn stop_checks(&self) {
        for member in &mut self.lock().members {
            member.checker = None;
        }
    }

    /// Closes all connections to targets, at the end of a shutdown.
    pub(crate) fn cut_off(&self) {
        for member in &self.lock().members {
            member.endpoint.close();
            member.endpoint.cut.raise();
        }
    }

    /// The health of all its targets, draining ones included.
    pub(crate) fn health(&self) -> Vec<TargetHealth> {
        self.lock().members.iter().map(target_health).collect()
    }

    /// Brings the members into line with the specification.
    fn settle(self: &Arc<Self>, state: &mut State) {
        let spec = state.spec.clone();
        self.drain_what_left(state, &spec);
        state.members.retain(|member| match member.phase {
            Phase::Drained => listed(&spec, member).is_some(),
            Phase::Draining => {
                listed(&spec, member).is_none_or(|target| target.state != TargetState::Registered)
            }
            _ => true,
        });
        self.admit_what_came(state, &spec);
        for member in state
            .members
            .iter_mut()
            .filter(|member| member.is_registered())
        {
            enter_phase(member, &spec, state.usage);
            self.keep_checked(member, &spec);
        }
        self.publish(state);
    }

    fn drain_what_left(self: &Arc<Self>, state: &mut State, spec: &TargetGroup) {
        for member in state
            .members
            .iter_mut()
            .filter(|member| member.is_registered())
        {
            match listed(spec, member).map(|target| target.state) {
                Some(TargetState::Registered) => {}
                Some(TargetState::Draining { since }) => self.drain(member, spec, since),
                None => self.drain(member, spec, SystemTime::now()),
            }
        }
    }

    fn admit_what_came(self: &Arc<Self>, state: &mut State, spec: &TargetGroup) {
        for target in &spec.targets {
            if state.members.iter().any(|member| member.is(target)) {
                continue;
            }
            let mut member = Member {
                generation: state.next_generation,
                endpoint: Arc::new(Endpoint::new(
                    target.id.clone(),
                    target.address,
                    self.context.disturbances.clone(),
                    Pool::new(self.context.workers, self.context.keep),
                )),
                phase: Phase::NotInUse,
                checker: None,
                service: Service::Unusable,
                published: None,
            };
            state.next_generation += 1;
            if let TargetState::Draining { since } = target.state {
                self.drain(&mut member, spec, since);
            }
            state.members.push(member);
        }
    }

    /// Starts the end of a registration: no new requests from here on.
    fn drain(self: &Arc<Self>, member: &mut Member, spec: &TargetGroup, since: SystemTime) {
        member.phase = Phase::Draining;
        member.checker = None;
        member.endpoint.close();
        let gone_by = SystemTime::now().duration_since(since).unwrap_or_default();
        let delay = spec.deregistration_delay.saturating_sub(gone_by);
        let (group, generation) = (self.clone(), member.generation);
        let endpoint = member.endpoint.clone();
        self.context.runtime.spawn(async move {
            match group.context.draining {
                DrainPolicy::WholeDelay => tokio::time::sleep(delay).await,
                DrainPolicy::WhenIdle => {
                    // Both outcomes end the draining.
                    let _ = tokio::time::timeout(delay, endpoint.empty()).await;
                }
            }
            endpoint.cut.raise();
            group.finish_draining(generation);
        });
    }

    fn finish_draining(&self, generation: u64) {
        let mut state = self.lock();
        let spec = state.spec.clone();
        for member in state
            .members
            .iter_mut()
            .filter(|member| member.generation == generation)
        {
            member.phase = Phase::Drained;
        }
        self.publish(&mut state);
        state.members.retain(|member| {
            !matches!(member.phase, Phase::Drained) || listed(&spec, member).is_some()
        });
    }

    /// Starts, restarts or ends a member's checks as its phase and the specification ask for.
    fn keep_checked(self: &Arc<Self>, member: &mut Member, spec: &TargetGroup) {
        let Phase::Checked(tracker) = &member.phase else {
            member.checker = None;
            return;
        };
        if member
            .checker
            .as_ref()
            .is_some_and(|checker| checker.check == spec.health_check)
        {
            return;
        }
        let group = Arc::downgrade(self);
        let generation = member.generation;
        let endpoint = member.endpoint.clone();
        let checked = member.endpoint.clone();
        let observe = move |outcome, counting| {
            endpoint.pool.sweep();
            group.upgrade()?.observe(generation, outcome, counting)
        };
        let task = self.context.runtime.spawn(check_forever(
            checked,
            spec.health_check.clone(),
            standing(tracker),
            observe,
        ));
        member.checker = Some(Checker {
            check: spec.health_check.clone(),
            task: task.abort_handle(),
        });
    }

    /// Takes in the outcome of a check; nothing when that registration is over.
    fn observe(
        &self,
        generation: u64,
        outcome: ProbeOutcome,
        counting: Counting,
    ) -> Option<Standing> {
        let mut state = self.lock();
        let spec = state.spec.clone();
        let member = state
            .members
            .iter_mut()
            .find(|member| member.generation == generation)?;
        let Phase::Checked(tracker) = &mut member.phase else {
            return None;
        };
        let changed = tracker.observe(outcome, counting, &spec.health_check);
        let standing = standing(tracker);
        if changed {
            self.publish(&mut state);
        }
        Some(standing)
    }

    /// Puts the new rotation in force, then tells what changed: whoever hears that a target is
    /// healthy may rely on it getting requests.
    fn publish(&self, state: &mut State) {
        follow_service(state, Instant::now());
        let rotation = Arc::new(rotation_of(state));
        *self
            .rotation
            .write()
            .unwrap_or_else(PoisonError::into_inner) = rotation;
        for member in &mut state.members {
            let health = member.health();
            if member.published.as_ref() != Some(&health) {
                member.published = Some(health);
                self.context.subscribers.publish(&TargetHealthChanged {
                    target_group: self.id.clone(),
                    health: target_health(member),
                });
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes who became usable and who no longer is. A target that becomes usable starts slowly if there
/// is another one that does not: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#slow-start-mode>.
fn follow_service(state: &mut State, now: Instant) {
    let lasts = state.spec.distribution.slow_start;
    let is_full = |member: &Member| match member.service {
        Service::Usable(ramp) => member.is_usable() && ramp.is_none_or(|ramp| ramp.is_over(now)),
        Service::Unusable => false,
    };
    let slowly = !lasts.is_zero() && state.members.iter().any(is_full);
    for member in &mut state.members {
        member.service = match (member.is_usable(), member.service) {
            (false, _) => Service::Unusable,
            (true, Service::Unusable) => {
                Service::Usable(slowly.then_some(Ramp { since: now, lasts }))
            }
            (true, Service::Usable(ramp)) => {
                Service::Usable(ramp.filter(|ramp| !lasts.is_zero() && !ramp.is_over(now)))
            }
        };
    }
}

fn rotation_of(state: &State) -> Rotation {
    let seats = |wanted: fn(&Member) -> bool| {
        let members = state.members.iter().filter(|member| wanted(member));
        members.map(Member::seat).collect()
    };
    let usable = seats(Member::is_usable);
    let registered = seats(|member| {
        !matches!(
            member.health().state,
            TargetHealthState::Unused | TargetHealthState::Draining
        )
    });
    Rotation::choose(usable, registered, state.spec.distribution)
}

fn enter_phase(member: &mut Member, spec: &TargetGroup, usage: Usage) {
    let phase = match (usage, spec.health_check.enabled, &member.phase) {
        (Usage::NotInUse, ..) => Phase::NotInUse,
        (Usage::InUse, false, _) => Phase::Unchecked,
        (Usage::InUse, true, Phase::Checked(_)) => return,
        (Usage::InUse, true, _) => Phase::Checked(Tracker::new()),
    };
    if usage == Usage::NotInUse {
        // Nobody comes back for them.
        member.endpoint.pool.clear();
    }
    member.phase = phase;
}

fn standing(tracker: &Tracker) -> Standing {
    if tracker.is_initial() {
        Standing::New
    } else {
        Standing::Decided
    }
}

fn listed<'a>(spec: &'a TargetGroup, member: &Member) -> Option<&'a Target> {
    spec.targets.iter().find(|target| member.is(target))
}

fn target_health(member: &Member) -> TargetHealth {
    let health = member.health();
    TargetHealth {
        target: member.endpoint.id.clone(),
        address: member.endpoint.address,
        state: health.state,
        reason: health.reason,
        description: health.description,
    }
}
