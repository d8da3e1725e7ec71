//! The invariants, checked on what can be seen from outside, with bounds computed on its own.

use std::collections::BTreeMap;

use seaway_scheduler::{
    Command, DeploymentId, DeploymentStatus, EarlySuccess, HealthStatus, NewService, RolloutState,
    Service, ServiceDeploymentId, ServiceDeploymentStatus as Status, ServiceStatus, ServiceUpdate,
    SourceCleanup, TargetState, Task, TaskId, TaskStatus,
};

/// What can be seen of a service after a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sight {
    pub(crate) status: ServiceStatus,
    pub(crate) primary: DeploymentId,
    pub(crate) primaries: usize,
    pub(crate) rollout: RolloutState,
    pub(crate) tasks: BTreeMap<TaskId, SeenTask>,
    pub(crate) records: BTreeMap<ServiceDeploymentId, Status>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SeenTask {
    pub(crate) deployment: DeploymentId,
    pub(crate) status: TaskStatus,
    pub(crate) wanted: bool,
    pub(crate) healthy: bool,
    /// The service stopped it because it was one too many.
    pub(crate) scaled_away: bool,
    pub(crate) protected: bool,
}

/// What the scheduler was asked for, as the checker understands it.
#[derive(Debug, Clone)]
pub(crate) struct Checker {
    desired: u32,
    minimum: u32,
    maximum: u32,
    early: Option<EarlySuccess>,
    before: Option<Sight>,
    /// Service deployments that a newer one replaced before their end, with their status then.
    superseded: BTreeMap<ServiceDeploymentId, Status>,
    launched: BTreeMap<TaskId, bool>,
    /// The latest deployment that completed and has not failed since.
    pub(crate) completed: Option<DeploymentId>,
    pub(crate) violations: Vec<String>,
    pub(crate) counts: Counts,
}

/// How often each interesting thing happened.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) supersessions: u64,
    pub(crate) superseded_rollbacks: u64,
    pub(crate) rollbacks: u64,
    pub(crate) failed_rollbacks: u64,
    pub(crate) completions: u64,
    pub(crate) unhealthy_stops: u64,
    pub(crate) old_healthy_stops: u64,
    pub(crate) at_the_ceiling: u64,
    pub(crate) at_the_floor: u64,
    pub(crate) early_successes: u64,
    /// Protected tasks, as often as they were seen.
    pub(crate) protected: u64,
}

impl Checker {
    pub(crate) fn new(new: &NewService) -> Checker {
        Checker {
            desired: new.desired_count,
            minimum: new.configuration.minimum_healthy.0,
            maximum: new.configuration.maximum.0,
            early: new.configuration.early_success,
            before: None,
            superseded: BTreeMap::new(),
            launched: BTreeMap::new(),
            completed: None,
            violations: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Understands the bounds wrongly, as if the scheduler's rule were another.
    pub(crate) fn mistaken(self, minimum: u32, maximum: u32) -> Checker {
        Checker {
            minimum,
            maximum,
            ..self
        }
    }

    /// An update is about to be requested.
    pub(crate) fn updated(&mut self, service: &Service, update: &ServiceUpdate) {
        self.desired = update.desired_count.unwrap_or(self.desired);
        if let Some(configuration) = &update.configuration {
            self.minimum = configuration.minimum_healthy.0;
            self.maximum = configuration.maximum.0;
            self.early = configuration.early_success;
        }
        let current = service.current_service_deployment();
        if update.revision.is_some() && !current.status.is_final() {
            self.superseded.insert(current.id.clone(), current.status);
        }
    }

    /// The service is about to be deleted.
    pub(crate) fn deleted(&mut self, service: &Service) {
        self.desired = 0;
        let current = service.current_service_deployment();
        if !current.status.is_final() {
            self.superseded.insert(current.id.clone(), current.status);
        }
    }

    pub(crate) fn observe(&mut self, service: &Service, commands: &[Command]) {
        let (wanted, told) = (service.desired_count(), self.desired);
        if wanted != told {
            self.complain(format!(
                "the desired count is {wanted}, and was set to {told}"
            ));
        }
        let sight = Sight::of(service);
        for command in commands {
            match command {
                Command::Retire(task) => self.retired(task),
                Command::Archive(record) => self.ended(&record.id, record.status),
                _ => {}
            }
        }
        let launches: Vec<&TaskId> = commands.iter().filter_map(launched).collect();
        for id in &launches {
            if self.launched.insert((*id).clone(), false).is_some() {
                self.complain(format!("task {id} was launched twice"));
            }
        }
        self.compare(sight, launches.len());
    }

    pub(crate) fn compare(&mut self, after: Sight, launches: usize) {
        self.check_ceiling(&after, launches);
        if after.primaries != 1 {
            self.complain(format!("{} primary deployments", after.primaries));
        }
        if let Some(before) = self.before.take() {
            self.check_floor(&before, &after);
            self.check_lives(&before, &after);
            self.check_protection(&before, &after);
            self.check_records(&before, &after);
            if before.rollout != after.rollout && after.rollout == RolloutState::Completed {
                self.check_completion(&after);
            }
        }
        self.remember_completed(&after);
        for (id, status) in &after.records {
            self.ended(id, *status);
        }
        self.before = Some(after);
    }

    /// Nothing is left to happen: what runs is what is wanted, and nothing else.
    pub(crate) fn check_rest(&mut self, service: &Service, processes: usize, targets: usize) {
        if processes != service.tasks().len() {
            let known = service.tasks().len();
            self.complain(format!(
                "{processes} processes run, {known} tasks are known"
            ));
        }
        let registered: usize = service.tasks().iter().map(|task| task.targets.len()).sum();
        if targets != registered {
            self.complain(format!(
                "{targets} targets are registered, {registered} are wanted"
            ));
        }
        let kept = self
            .launched
            .iter()
            .filter(|(_, retired)| !**retired)
            .count();
        if kept != service.tasks().len() {
            self.complain(format!("{kept} tasks were neither kept nor retired"));
        }
        for (id, status) in std::mem::take(&mut self.superseded) {
            self.complain(format!(
                "superseded service deployment {id} stays {status:?}"
            ));
        }
        if service.tasks().len() > self.desired as usize {
            self.complain("more tasks than wanted are left".to_owned());
        }
    }

    pub(crate) fn complain(&mut self, violation: String) {
        self.violations.push(violation);
    }

    fn floor(&self) -> usize {
        (self.desired as usize * self.minimum as usize)
            .div_ceil(100)
            .min(self.desired as usize)
    }

    fn ceiling(&self) -> usize {
        self.desired as usize * self.maximum as usize / 100
    }

    /// It never starts a task above the ceiling.
    fn check_ceiling(&mut self, after: &Sight, launches: usize) {
        let (tasks, ceiling) = (after.tasks.len(), self.ceiling());
        if launches == 0 {
            return;
        }
        if tasks > ceiling {
            self.complain(format!(
                "a task was started above the ceiling: {tasks} of {ceiling}"
            ));
        }
        self.counts.at_the_ceiling += u64::from(tasks == ceiling);
    }

    /// It never stops a healthy old task below the floor.
    fn check_floor(&mut self, before: &Sight, after: &Sight) {
        let stopped = |(id, task): &(&TaskId, &SeenTask)| {
            let now = after.tasks.get(*id);
            task.healthy
                && task.deployment != after.primary
                && now.is_some_and(|now| !now.wanted && now.scaled_away)
        };
        let stopped = before.tasks.iter().filter(stopped).count();
        if stopped == 0 || after.status != ServiceStatus::Active {
            return;
        }
        self.counts.old_healthy_stops += stopped as u64;
        let healthy = after.tasks.values().filter(|task| task.healthy).count();
        let floor = self.floor();
        if healthy < floor {
            self.complain(format!(
                "a healthy old task was stopped: {healthy} left, floor {floor}"
            ));
        }
        self.counts.at_the_floor += u64::from(healthy == floor);
    }

    /// It never scales a protected task away.
    fn check_protection(&mut self, before: &Sight, after: &Sight) {
        for (id, task) in &after.tasks {
            let was_wanted = before.tasks.get(id).is_some_and(|old| old.wanted);
            if was_wanted && !task.wanted && task.scaled_away && task.protected {
                self.complain(format!("protected task {id} was scaled away"));
            }
        }
        let held = after
            .tasks
            .values()
            .filter(|task| task.wanted && task.protected);
        self.counts.protected += held.count() as u64;
    }

    /// A task's status only moves on, and a wanted one is never forgotten.
    fn check_lives(&mut self, before: &Sight, after: &Sight) {
        for (id, old) in &before.tasks {
            match after.tasks.get(id) {
                Some(new) if new.status < old.status => {
                    self.complain(format!(
                        "task {id}: {:?} became {:?}",
                        old.status, new.status
                    ));
                }
                Some(new) if new.wanted && !old.wanted => {
                    self.complain(format!("task {id} was stopped and is wanted again"));
                }
                None if self.launched.get(id) != Some(&true) => {
                    self.complain(format!("task {id} was forgotten"));
                }
                _ => {}
            }
        }
    }

    fn check_records(&mut self, before: &Sight, after: &Sight) {
        for (id, old) in &before.records {
            let Some(new) = after.records.get(id).filter(|new| *new != old) else {
                continue;
            };
            match new {
                Status::RollbackSuccessful => self.counts.rollbacks += 1,
                Status::RollbackFailed => self.counts.failed_rollbacks += 1,
                _ => {}
            }
            if !old.may_become(*new) && !passes_through(*old, *new) {
                self.complain(format!("service deployment {id}: {old:?} became {new:?}"));
            }
        }
    }

    /// Remembers what a rollback would restore.
    fn remember_completed(&mut self, after: &Sight) {
        match after.rollout {
            RolloutState::Completed => self.completed = Some(after.primary),
            RolloutState::Failed if self.completed == Some(after.primary) => self.completed = None,
            _ => {}
        }
    }

    /// Completed means: the desired number of tasks, all of them healthy, and no others; or as
    /// much of that as the early success asks for.
    fn check_completion(&mut self, after: &Sight) {
        self.counts.completions += 1;
        let restored = |status: &Status| *status == Status::RollbackSuccessful;
        let early = self.early.filter(|_| !after.records.values().any(restored));
        if let Some(early) = early {
            self.check_early_success(after, early);
            return;
        }
        let good = after.tasks.values().filter(|task| task.healthy).count();
        let foreign = after
            .tasks
            .values()
            .filter(|task| task.deployment != after.primary)
            .count();
        if good != self.desired as usize || foreign != 0 {
            self.complain(format!(
                "completed with {good} healthy tasks and {foreign} old ones"
            ));
        }
    }

    fn check_early_success(&mut self, after: &Sight, early: EarlySuccess) {
        let new = |task: &&SeenTask| task.deployment == after.primary;
        let (new, old): (Vec<&SeenTask>, Vec<&SeenTask>) = after.tasks.values().partition(new);
        let healthy = new.iter().filter(|task| task.healthy).count();
        let enough = (self.desired as usize * early.healthy.0 as usize).div_ceil(100);
        let too_soon = early.cleanup == SourceCleanup::Blocking && !old.is_empty();
        if healthy < enough || too_soon {
            let (new, old) = (new.len(), old.len());
            self.complain(format!(
                "early success with {healthy} healthy of {new} tasks and {old} old ones"
            ));
        }
        self.counts.early_successes +=
            u64::from(healthy < self.desired as usize || !old.is_empty());
    }

    /// A superseded service deployment is neither a success nor a rollback.
    fn ended(&mut self, id: &ServiceDeploymentId, status: Status) {
        if !status.is_final() {
            return;
        }
        let Some(when) = self.superseded.remove(id) else {
            return;
        };
        let expected = match when {
            Status::RollbackInProgress => Status::RollbackFailed,
            _ => Status::Stopped,
        };
        match when {
            Status::RollbackInProgress => self.counts.superseded_rollbacks += 1,
            _ => self.counts.supersessions += 1,
        }
        if status != expected {
            self.complain(format!(
                "superseded service deployment {id} ended {status:?}"
            ));
        }
    }

    fn retired(&mut self, task: &Task) {
        let id = &task.id;
        if task
            .stopped_reason
            .as_deref()
            .is_some_and(|reason| reason.contains("health checks"))
        {
            self.counts.unhealthy_stops += 1;
        }
        match self.launched.insert(id.clone(), true) {
            Some(false) => {}
            Some(true) => self.complain(format!("task {id} was retired twice")),
            None => self.complain(format!("task {id} was retired and never launched")),
        }
        let complete = task.status == TaskStatus::Stopped
            && task.stop_code.is_some()
            && task.stopped_reason.is_some()
            && task.stopping_at.is_some()
            && task.execution_stopped_at.is_some()
            && task.stopped_at.is_some();
        if !complete {
            self.complain(format!("task {id} was retired without a complete record"));
        }
    }
}

impl Sight {
    pub(crate) fn of(service: &Service) -> Sight {
        let primary = |status: DeploymentStatus| status == DeploymentStatus::Primary;
        let see = |task: &Task| {
            let seen = SeenTask {
                deployment: task.deployment.unwrap_or_else(|| service.primary().id),
                status: task.status,
                wanted: task.desired == seaway_scheduler::DesiredStatus::Running,
                healthy: is_healthy(task),
                scaled_away: reason_starts(task, "Scaling activity"),
                protected: task.protected_until().is_some(),
            };
            (task.id.clone(), seen)
        };
        Sight {
            status: service.status(),
            primary: service.primary().id,
            primaries: service.deployments().filter(|d| primary(d.status)).count(),
            rollout: service.primary().rollout_state,
            tasks: service.tasks().iter().map(see).collect(),
            records: service
                .service_deployments()
                .iter()
                .map(|record| (record.id.clone(), record.status))
                .collect(),
        }
    }
}

/// Healthy by its checks, or by the scheduler's word where it has none.
fn is_healthy(task: &Task) -> bool {
    let container = task
        .containers
        .iter()
        .any(|c| c.essential && c.health_check);
    if task.targets.is_empty() && !container {
        return task.is_healthy();
    }
    task.is_running()
        && task.desired == seaway_scheduler::DesiredStatus::Running
        && task
            .targets
            .iter()
            .all(|target| target.state == TargetState::Healthy)
        && (!container || task.health() == HealthStatus::Healthy)
}

fn reason_starts(task: &Task, text: &str) -> bool {
    task.stopped_reason
        .as_deref()
        .is_some_and(|reason| reason.starts_with(text))
}

fn launched(command: &Command) -> Option<&TaskId> {
    match command {
        Command::Launch { task, .. } => Some(task),
        _ => None,
    }
}

/// Two transitions in one step.
fn passes_through(old: Status, new: Status) -> bool {
    use Status::*;
    let all = [
        InProgress,
        Successful,
        StopRequested,
        Stopped,
        RollbackRequested,
        RollbackInProgress,
    ];
    all.into_iter()
        .any(|middle| old.may_become(middle) && middle.may_become(new))
}
