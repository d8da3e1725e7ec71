//! The faults in force.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use http::StatusCode;
use seaway_aws_wire::Operation;
use seaway_router::{Disturbance, Disturbances, TargetId};
use tokio::time::Instant;

use super::calls::CallFault;
use super::injection::{Injected, Injection, InjectionError};
use super::kind::{FaultKind, Scope};
use super::tasks::TaskFaults;
use crate::balancing::task_of;

/// More faults at a time than anybody keeps in mind.
const MOST: usize = 100;

/// The faults of one platform.
#[derive(Debug, Default)]
pub struct Faults {
    /// How many there are, so that a platform without faults pays one load for it.
    count: AtomicUsize,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    faults: BTreeMap<u64, Fault>,
    tasks: HashMap<String, Followed>,
}

/// A task whose faults may be asked for.
#[derive(Debug)]
struct Followed {
    cluster: String,
    service: String,
    since: Instant,
}

#[derive(Debug)]
struct Fault {
    injection: Injection,
    since: Instant,
    struck: u64,
}

impl Faults {
    /// Puts a fault in force.
    ///
    /// # Errors
    ///
    /// It makes no sense, or there are too many.
    pub fn inject(&self, injection: Injection) -> Result<Injected, InjectionError> {
        injection.check()?;
        let mut state = self.write();
        state.faults.retain(|_, fault| !fault.is_over());
        if state.faults.len() >= MOST {
            return Err(InjectionError::TooMany(MOST));
        }
        state.last += 1;
        let (id, since, struck) = (state.last, Instant::now(), 0);
        let fault = Fault {
            injection,
            since,
            struck,
        };
        let injected = fault.told(id);
        state.faults.insert(id, fault);
        self.count.store(state.faults.len(), Ordering::Release);
        Ok(injected)
    }

    /// The faults in force, the oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Injected> {
        let state = self.read();
        let in_force = state.faults.iter().filter(|(_, fault)| !fault.is_over());
        in_force.map(|(id, fault)| fault.told(*id)).collect()
    }

    /// Takes a fault back; nothing when there is none of this number.
    pub fn take_back(&self, id: u64) -> Option<Injected> {
        let mut state = self.write();
        let fault = state.faults.remove(&id)?;
        self.count.store(state.faults.len(), Ordering::Release);
        Some(fault.told(id))
    }

    /// Takes all faults back.
    pub fn take_all_back(&self) -> Vec<Injected> {
        let taken = self.list();
        let mut state = self.write();
        state.faults.clear();
        self.count.store(0, Ordering::Release);
        taken
    }

    /// Remembers whose a task is, and since when it is there.
    pub(crate) fn follow(&self, task: &str, cluster: &str, service: &str) {
        let followed = Followed {
            cluster: cluster.to_owned(),
            service: service.to_owned(),
            since: Instant::now(),
        };
        self.write().tasks.insert(task.to_owned(), followed);
    }

    /// Lets go of a task that is over.
    pub(crate) fn forget(&self, task: &str) {
        self.write().tasks.remove(task);
    }

    /// The faults of a task that is about to be started.
    pub(crate) fn for_task(&self, cluster: &str, service: &str) -> TaskFaults {
        let mut faults = TaskFaults::default();
        if !self.are_any() {
            return faults;
        }
        for fault in self.write().faults.values_mut() {
            let meant = fault.injection.fault.scope() == Scope::NewTasks
                && fault.injection.is_about_service(cluster, service);
            if meant && fault.strike() {
                faults.add(fault.injection.fault, fault.injection.time());
            }
        }
        faults
    }

    /// What becomes of a call instead of its answer.
    pub(crate) fn for_call(&self, operation: Operation) -> Option<CallFault> {
        if !self.are_any() {
            return None;
        }
        let mut state = self.write();
        let mut faults = state.faults.values_mut();
        faults.find_map(|fault| {
            let answer = CallFault::of(fault.injection.fault, fault.injection.time())?;
            let meant = fault.injection.is_about_call(operation);
            (meant && fault.strike()).then_some(answer)
        })
    }

    fn are_any(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disturbances for Faults {
    fn of(&self, target: &TargetId) -> Option<Disturbance> {
        if !self.are_any() {
            return None;
        }
        let state = self.read();
        let task = state.tasks.get(task_of(target)?)?;
        let mut faults = state.faults.values();
        faults.find_map(|fault| {
            let meant = fault
                .injection
                .is_about_service(&task.cluster, &task.service);
            (meant && !fault.is_over()).then(|| fault.disturbance(task))?
        })
    }
}

impl Fault {
    fn told(&self, id: u64) -> Injected {
        Injected {
            id,
            injection: self.injection.clone(),
            struck: self.struck,
            awaits_service: false,
        }
    }

    fn is_over(&self) -> bool {
        let lasting = self.injection.for_seconds.map(Duration::from_secs);
        lasting.is_some_and(|lasting| self.since.elapsed() >= lasting)
            || self.injection.times.is_some_and(|most| self.struck >= most)
    }

    /// Counts one more task or call, unless the fault is over.
    fn strike(&mut self) -> bool {
        let in_force = !self.is_over();
        self.struck += u64::from(in_force);
        in_force
    }

    fn disturbance(&self, task: &Followed) -> Option<Disturbance> {
        let failing = Disturbance::FailingChecks(StatusCode::SERVICE_UNAVAILABLE);
        match self.injection.fault {
            FaultKind::NetworkCut => Some(Disturbance::Cut),
            FaultKind::FailingHealthChecks => Some(failing),
            FaultKind::SlowStart => {
                let starting = task.since.elapsed() < self.injection.time();
                starting.then_some(Disturbance::Refused)
            }
            FaultKind::FlappingHealthChecks => {
                let phase = self.injection.time().max(Duration::from_millis(1));
                let turn = self.since.elapsed().as_millis() / phase.as_millis();
                turn.is_multiple_of(2).then_some(failing)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use seaway_aws_wire::ecs;

    use super::*;
    use crate::balancing::target_id;

    fn injection(fault: FaultKind) -> Injection {
        Injection {
            fault,
            service: Some("api".to_owned()),
            operation: None,
            seconds: None,
            times: None,
            for_seconds: None,
        }
    }

    #[test]
    fn a_fault_happens_as_often_as_it_was_asked_to() {
        let faults = Faults::default();
        let twice = Injection {
            times: Some(2),
            ..injection(FaultKind::OutOfMemory)
        };
        let id = faults.inject(twice).unwrap().id;
        assert!(faults.for_task("shop", "web").is_empty());
        assert!(!faults.for_task("shop", "api").is_empty());
        assert_eq!(faults.list().first().map(|one| one.struck), Some(1));
        assert!(!faults.for_task("shop", "api").is_empty());
        assert!(faults.for_task("shop", "api").is_empty());
        assert_eq!(faults.list(), []);
        assert_eq!(faults.take_back(id).map(|one| one.struck), Some(2));
        assert_eq!(faults.take_back(id), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_ends_with_its_time() {
        let faults = Faults::default();
        let brief = Injection {
            for_seconds: Some(10),
            ..injection(FaultKind::NetworkCut)
        };
        faults.inject(brief).unwrap();
        faults.follow("t1", "shop", "api");
        let target = target_id("t1");
        assert_eq!(faults.of(&target), Some(Disturbance::Cut));
        assert_eq!(faults.of(&target_id("t2")), None);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(faults.of(&target), None);
    }

    #[tokio::test(start_paused = true)]
    async fn flapping_checks_fail_every_other_while() {
        let faults = Faults::default();
        let flapping = Injection {
            seconds: Some(5),
            ..injection(FaultKind::FlappingHealthChecks)
        };
        faults.inject(flapping).unwrap();
        faults.follow("t1", "shop", "api");
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(faults.of(&target_id("t1")).is_some());
            tokio::time::advance(Duration::from_secs(5)).await;
        }
        assert_eq!(seen, [true, false, true, false]);
        faults.forget("t1");
        assert_eq!(faults.of(&target_id("t1")), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_start_is_over_for_each_task_in_its_own_time() {
        let faults = Faults::default();
        faults.follow("old", "shop", "api");
        faults.inject(injection(FaultKind::SlowStart)).unwrap();
        tokio::time::advance(Duration::from_secs(20)).await;
        faults.follow("new", "shop", "api");
        assert_eq!(faults.of(&target_id("old")), Some(Disturbance::Refused));
        tokio::time::advance(Duration::from_secs(15)).await;
        assert_eq!(faults.of(&target_id("old")), None);
        assert_eq!(faults.of(&target_id("new")), Some(Disturbance::Refused));
    }

    #[test]
    fn calls_meet_the_oldest_fault_that_means_them() {
        let faults = Faults::default();
        let all = |fault| Injection {
            service: None,
            operation: Some("ecs:*".to_owned()),
            times: Some(1),
            ..injection(fault)
        };
        faults.inject(all(FaultKind::Throttling)).unwrap();
        faults.inject(all(FaultKind::ServerError)).unwrap();
        let update = Operation::Ecs(ecs::Operation::UpdateService);
        assert_eq!(faults.for_call(update), Some(CallFault::Throttled));
        assert_eq!(faults.for_call(update), Some(CallFault::Failed));
        assert_eq!(faults.for_call(update), None);
    }
}
