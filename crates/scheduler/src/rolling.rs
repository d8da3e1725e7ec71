//! The rolling update: which tasks start and which stop, between floor and ceiling.
//!
//! Each deployment has a desired count of its own. The primary one's is the service's; that of an
//! old one only falls, as the new tasks become healthy or as room is needed for them. Below its
//! desired count a deployment that has completed once is filled up with tasks of its own revision.

use crate::configuration::Bounds;
use crate::deployment::{Deployment, DeploymentStatus, RolloutState};
use crate::id::DeploymentId;
use crate::lifecycle::StopCause;
use crate::notices::{DEADLOCKED, Outbox, Topic};
use crate::service::{Service, ServiceStatus, count};
use crate::task::{StopCode, Task};

/// What a deployment has, from the least to the most valuable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// A task it is to have and has not.
    Vacancy,
    Pending,
    Unhealthy,
    Waiting,
    Healthy,
}

/// What an old deployment gives up; the least is given up first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Surrender {
    worth: Worth,
    /// The deployment has completed once.
    proven: bool,
    deployment: usize,
    task: Option<usize>,
}

/// How the wanted tasks of one deployment stand.
struct Census {
    wanted: u32,
    healthy: u32,
    unhealthy: u32,
}

impl Census {
    /// Tasks that need no replacement.
    fn good(&self) -> u32 {
        self.wanted - self.unhealthy
    }
}

impl Service {
    /// Gives each deployment its desired count.
    pub(crate) fn set_desired_counts(&mut self) {
        let desired = self.desired_count;
        for index in 0..self.deployments.len() {
            let wanted = self.census(self.deployments[index].id).wanted;
            let deployment = &mut self.deployments[index];
            if deployment.status == DeploymentStatus::Primary && deployment.is_maintained() {
                deployment.desired_count = desired;
            } else if !deployment.is_maintained() {
                deployment.desired_count = deployment.desired_count.min(wanted);
            }
        }
    }

    /// Lowers the desired counts of old deployments: for what is healthy already, and for room
    /// that the new revision needs.
    pub(crate) fn lower_old_deployments(&mut self, out: &mut Outbox) {
        let bounds = self.bounds();
        for _ in 0..self.surplus(bounds).max(self.room_to_make(bounds)) {
            let next = self
                .old_deployments()
                .filter_map(|index| self.next_surrender(index))
                .min();
            let Some(next) = next.filter(|next| self.may_lose(next.worth, bounds)) else {
                return;
            };
            self.deployments[next.deployment].desired_count -= 1;
            if let Some(task) = next.task {
                let cause = self.scaling_cause();
                self.stop_task(task, cause, out);
            }
        }
    }

    /// Stops what a deployment has above its desired count, and what has been replaced.
    pub(crate) fn stop_excess(&mut self, out: &mut Outbox) {
        let bounds = self.bounds();
        for index in 0..self.deployments.len() {
            let deployment = &self.deployments[index];
            let (id, desired) = (deployment.id, deployment.desired_count);
            for _ in desired..self.census(id).good() {
                let Some(task) = self.least_useful(id) else {
                    break;
                };
                if !self.may_lose(worth(&self.tasks[task]), bounds) {
                    break;
                }
                let cause = self.scaling_cause();
                self.stop_task(task, cause, out);
            }
            let census = self.census(id);
            let replaced = match self.deployments[index].is_maintained() {
                true => (census.healthy + census.unhealthy).saturating_sub(desired),
                // Nothing will replace them: a failed or abandoned deployment gets no new tasks.
                false => census.unhealthy,
            };
            for _ in 0..replaced.min(census.unhealthy) {
                self.stop_unhealthy(id, out);
            }
        }
    }

    /// Invariant: no healthy task is stopped when fewer than the floor would be left.
    fn may_lose(&self, worth: Worth, bounds: Bounds) -> bool {
        worth != Worth::Healthy || self.healthy_count() > bounds.floor
    }

    /// At the ceiling nothing can be started first: unhealthy tasks stop one by one.
    pub(crate) fn stop_unhealthy_for_room(&mut self, out: &mut Outbox) {
        let bounds = self.bounds();
        let wanted = count(self.tasks.iter().filter(|task| task.is_wanted()));
        let all_judged = self
            .tasks
            .iter()
            .all(|task| task.is_healthy() || task.is_unhealthy());
        if !all_judged || self.total() < bounds.ceiling || wanted <= bounds.floor {
            return;
        }
        let short = |d: &&Deployment| {
            let census = self.census(d.id);
            d.is_maintained() && census.unhealthy > 0 && census.good() < d.desired_count
        };
        // The new revision first: what is old will go anyway.
        if let Some(id) = self.deployments.iter().rev().find(short).map(|d| d.id) {
            self.stop_unhealthy(id, out);
        }
    }

    /// Starts what is missing: what the old revision lost, what the new one lacks, and last the
    /// replacements of the old revision's unhealthy tasks.
    pub(crate) fn launch_missing(&mut self, out: &mut Outbox) {
        if self.status != ServiceStatus::Active {
            return;
        }
        let primary = self.primary_index();
        let old: Vec<usize> = (0..self.deployments.len())
            .filter(|i| *i != primary)
            .collect();
        for &index in &old {
            let wanted = self.census(self.deployments[index].id).wanted;
            self.launch(index, wanted, out);
        }
        for index in [primary].into_iter().chain(old) {
            let good = self.census(self.deployments[index].id).good();
            self.launch(index, good, out);
        }
    }

    /// Says so when a roll can never go on.
    pub(crate) fn notice_deadlock(&mut self, out: &mut Outbox) {
        let bounds = self.bounds();
        let primary = self.primary();
        let stuck = primary.rollout_state == RolloutState::InProgress
            && bounds.deadlocked()
            && self.total() >= bounds.ceiling
            && self.tasks.iter().all(Task::is_wanted)
            && self.census(primary.id).good() < primary.desired_count;
        match stuck {
            true => self.say_once(Topic::Deadlock, DEADLOCKED.to_owned(), out),
            false => self.notices.resolve(Topic::Deadlock),
        }
    }

    /// Time until a paused deployment may launch again.
    pub(crate) fn next_launch(&self) -> Option<std::time::Duration> {
        let now = self.clock.elapsed();
        let missing =
            |d: &&Deployment| d.is_maintained() && self.census(d.id).good() < d.desired_count;
        let paused = self
            .deployments
            .iter()
            .filter(missing)
            .filter_map(|d| d.launch_not_before);
        paused
            .filter(|until| *until > now)
            .min()
            .map(|until| now.until(until))
    }

    fn launch(&mut self, index: usize, have: u32, out: &mut Outbox) {
        let deployment = &self.deployments[index];
        let paused = deployment
            .launch_not_before
            .is_some_and(|until| until > self.clock.elapsed());
        if paused || !deployment.is_maintained() {
            return;
        }
        let room = self.bounds().ceiling.saturating_sub(self.total());
        let missing = deployment.desired_count.saturating_sub(have).min(room);
        let vacancies = deployment
            .desired_count
            .saturating_sub(self.census(deployment.id).wanted);
        for nth in 0..missing {
            let id = self.ids.task();
            match nth < vacancies {
                true => out.started(id.clone()),
                false => out.started_as_replacement(id.clone()),
            }
            let deployment = &self.deployments[index];
            self.tasks.push(Task::launch(
                id,
                Some(deployment.id),
                &deployment.revision,
                self.clock.now(),
                &mut out.commands,
            ));
        }
    }

    /// How many tasks of old deployments healthy new ones have made superfluous.
    fn surplus(&self, bounds: Bounds) -> u32 {
        let (new, old) = self.sides();
        (new.healthy.min(bounds.desired) + old).saturating_sub(bounds.desired)
    }

    /// How many tasks of old deployments must go so that the new one can start, as far as the
    /// floor permits. What is stopping already will make room by itself.
    fn room_to_make(&self, bounds: Bounds) -> u32 {
        let (new, old) = self.sides();
        let taken = new.wanted + old;
        let free = bounds.ceiling.saturating_sub(taken);
        let needed = self
            .new_desired()
            .saturating_sub(new.good())
            .saturating_sub(free);
        needed.min((new.healthy + old).saturating_sub(bounds.floor))
    }

    /// How many tasks a deployment has beyond what it is to have.
    pub(crate) fn above_desired(&self, deployment: DeploymentId) -> u32 {
        let found = self.deployments.iter().find(|d| d.id == deployment);
        let desired = found.map_or(0, |d| d.desired_count);
        self.census(deployment).good().saturating_sub(desired)
    }

    /// How many tasks of old deployments would go now, if each of them could.
    pub(crate) fn due_from_old_deployments(&self) -> u32 {
        let bounds = self.bounds();
        match self.healthy_count() > bounds.floor {
            true => self.surplus(bounds).max(self.room_to_make(bounds)),
            false => 0,
        }
    }

    /// The new tasks, and the sum of the old deployments' desired counts. A failed primary
    /// deployment is an old one.
    fn sides(&self) -> (Census, u32) {
        let primary = self.primary();
        let new = match primary.is_maintained() {
            true => self.census(primary.id),
            false => Census {
                wanted: 0,
                healthy: 0,
                unhealthy: 0,
            },
        };
        let old = self
            .old_deployments()
            .map(|index| self.deployments[index].desired_count);
        (new, old.sum())
    }

    fn new_desired(&self) -> u32 {
        let primary = self.primary();
        if primary.is_maintained() {
            primary.desired_count
        } else {
            0
        }
    }

    fn old_deployments(&self) -> impl Iterator<Item = usize> {
        let primary = self.primary_index();
        let old =
            move |index: &usize| *index != primary || !self.deployments[*index].is_maintained();
        (0..self.deployments.len()).filter(old)
    }

    /// What an old deployment gives up when its desired count falls by one.
    fn next_surrender(&self, index: usize) -> Option<Surrender> {
        let deployment = &self.deployments[index];
        let census = self.census(deployment.id);
        let desired = deployment.desired_count;
        if desired == 0 {
            return None;
        }
        let proven = deployment.completed_at.is_some();
        if census.wanted < desired {
            return Some(Surrender {
                worth: Worth::Vacancy,
                proven,
                deployment: index,
                task: None,
            });
        }
        let of_it = |(_, task): &(usize, &Task)| {
            let worth = worth(task);
            task.deployment == Some(deployment.id)
                && task.is_wanted()
                && !task.is_protected()
                // All that is to be left is healthy: one of these goes.
                && (desired > census.healthy || worth == Worth::Healthy)
                // What is being replaced goes before its replacement.
                && (census.wanted == desired || census.unhealthy == 0 || worth >= Worth::Unhealthy)
        };
        let candidates = self.tasks.iter().enumerate().filter(of_it);
        let surrender = |(position, task): (usize, &Task)| Surrender {
            worth: worth(task),
            proven,
            deployment: index,
            task: Some(position),
        };
        candidates.map(surrender).min()
    }

    /// What a deployment misses least of the tasks that are not unhealthy: the newest of those
    /// that got least far.
    fn least_useful(&self, deployment: DeploymentId) -> Option<usize> {
        let good = |(_, task): &(usize, &Task)| {
            task.deployment == Some(deployment)
                && task.is_wanted()
                && !task.is_unhealthy()
                && !task.is_protected()
        };
        let rank = |(position, task): &(usize, &Task)| (worth(task), std::cmp::Reverse(*position));
        self.tasks
            .iter()
            .enumerate()
            .filter(good)
            .min_by_key(rank)
            .map(|(position, _)| position)
    }

    fn stop_unhealthy(&mut self, deployment: DeploymentId, out: &mut Outbox) {
        let unhealthy =
            |(_, task): &(usize, &Task)| task.deployment == Some(deployment) && task.is_unhealthy();
        let found: Vec<usize> = self
            .tasks
            .iter()
            .enumerate()
            .filter(unhealthy)
            .map(|(position, _)| position)
            .collect();
        if !found.is_empty() {
            let chosen = found[self.ids.choose(found.len())];
            let cause = Service::unhealthy_cause(&self.tasks[chosen]);
            self.stop_task(chosen, cause, out);
        }
    }

    fn scaling_cause(&self) -> StopCause {
        StopCause {
            code: StopCode::ServiceSchedulerInitiated,
            reason: format!(
                "Scaling activity initiated by (deployment {})",
                self.primary().id
            ),
        }
    }

    fn census(&self, deployment: DeploymentId) -> Census {
        let tasks = || self.tasks_of(deployment);
        Census {
            wanted: count(tasks().filter(|task| task.is_wanted())),
            healthy: count(tasks().filter(|task| task.is_healthy())),
            unhealthy: count(tasks().filter(|task| task.is_unhealthy())),
        }
    }

    /// Every task that is not `STOPPED` counts against the ceiling, stopping ones included.
    fn total(&self) -> u32 {
        count(self.tasks.iter())
    }
}

fn worth(task: &Task) -> Worth {
    match () {
        () if task.is_healthy() => Worth::Healthy,
        () if task.is_unhealthy() => Worth::Unhealthy,
        () if task.is_running() => Worth::Waiting,
        () => Worth::Pending,
    }
}
