//! Thousands of seeded schedules of faults, updates and restarts, and what must hold in each.
//!
//! `SEAWAY_SIMULATION_SEED=N` replays one schedule, `SEAWAY_SIMULATION_SCHEDULES=N` runs more.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::Duration;

use seaway_scheduler::{
    Command, DeploymentId, Input, MonitorStatus, Request, RolloutState, ServiceDeploymentId,
    ServiceDeploymentStatus as Status,
};

use crate::checker::{Checker, Counts};
use crate::schedule::{ALARM, Action, Kind, Schedule};
use crate::world::World;

const SCHEDULES: u64 = 10_000;
const MOST_AUTOSCALED: u32 = 8;
/// Found by longer runs than these.
const ONCE_FAILED: [u64; 2] = [20_796, 26_027];

#[test]
fn every_schedule_keeps_the_invariants() {
    if let Some(seed) = variable("SEAWAY_SIMULATION_SEED") {
        let schedule = Schedule::drawn_from(seed);
        println!("{schedule:#?}");
        check(&schedule);
        return;
    }
    let schedules = variable("SEAWAY_SIMULATION_SCHEDULES").unwrap_or(SCHEDULES);
    let tally = tally(schedules);
    println!("{schedules} schedules: {:?}", tally.0);
    tally.assert_worth_running(schedules);
}

#[test]
fn schedules_that_once_failed_pass() {
    for seed in ONCE_FAILED {
        check(&Schedule::plain(seed));
    }
}

#[test]
fn the_same_seed_is_the_same_schedule() {
    for seed in 0..20 {
        let schedule = Schedule::drawn_from(seed);
        let (one, two) = (Run::of(&schedule), Run::of(&schedule));
        assert_eq!(one.world.events, two.world.events);
        assert_eq!(one.world.service, two.world.service);
    }
}

/// Runs the schedules of the first seeds, on all processors.
fn tally(schedules: u64) -> Tally {
    let workers = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let share = |worker: u64| {
        let mut tally = Tally::default();
        for seed in (worker..schedules).step_by(workers as usize) {
            tally.add(&check(&Schedule::drawn_from(seed)));
        }
        tally
    };
    thread::scope(|scope| {
        let shares: Vec<_> = (0..workers)
            .map(|worker| scope.spawn(move || share(worker)))
            .collect();
        let mut sum = Tally::default();
        for share in shares {
            match share.join() {
                Ok(tally) => sum.join(tally),
                Err(failure) => resume_unwind(failure),
            }
        }
        sum
    })
}

/// Runs a schedule; a failing one is shrunk and shown.
fn check(schedule: &Schedule) -> Outcome {
    match outcome(schedule, |checker| checker) {
        Ok(outcome) => outcome,
        Err(violations) => {
            let small = shrink(schedule, |checker| checker);
            let shown = outcome(&small, |checker| checker)
                .err()
                .unwrap_or(violations);
            panic!(
                "SEAWAY_SIMULATION_SEED={} fails: {shown:#?}\nshrunk to {small:#?}",
                schedule.seed
            );
        }
    }
}

/// Drops actions and shortens waits as long as the schedule still fails.
pub(crate) fn shrink(schedule: &Schedule, belief: fn(Checker) -> Checker) -> Schedule {
    let mut small = schedule.clone();
    let mut index = 0;
    while index < small.actions.len() {
        let mut smaller = small.clone();
        let (wait, _) = smaller.actions.remove(index);
        if let Some((next, _)) = smaller.actions.get_mut(index) {
            *next += wait;
        }
        match outcome(&smaller, belief) {
            Err(_) => (small, index) = (smaller, 0),
            Ok(_) => index += 1,
        }
    }
    small
}

/// What a schedule came to, or what was violated.
pub(crate) fn outcome(
    schedule: &Schedule,
    belief: fn(Checker) -> Checker,
) -> Result<Outcome, Vec<String>> {
    let run = catch_unwind(AssertUnwindSafe(|| Run::believing(schedule, belief)));
    let Ok(run) = run else {
        return Err(vec!["the scheduler panicked".to_owned()]);
    };
    match run.world.checker.violations.is_empty() {
        true => Ok(run.outcome),
        false => Err(run.world.checker.violations),
    }
}

/// Figures of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    counts: Counts,
    breaker_trips: u64,
    alarms: u64,
    requested_rollbacks: u64,
    restored_on_request: u64,
    autoscaled: u64,
    frozen: u64,
    good_ends: u64,
    bad_ends: u64,
    out_of_memory: u64,
    restarts: u64,
    jumps: u64,
    throttled: u64,
    launches: u64,
}

/// The sum of all runs.
#[derive(Debug, Clone, Default)]
struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    fn add(&mut self, outcome: &Outcome) {
        let Outcome { counts, .. } = outcome;
        for (name, number) in [
            ("supersessions", counts.supersessions),
            ("superseded rollbacks", counts.superseded_rollbacks),
            ("rollbacks", counts.rollbacks),
            ("failed rollbacks", counts.failed_rollbacks),
            ("completions", counts.completions),
            ("unhealthy tasks stopped", counts.unhealthy_stops),
            ("healthy old tasks stopped", counts.old_healthy_stops),
            ("launches up to the ceiling", counts.at_the_ceiling),
            ("stops down to the floor", counts.at_the_floor),
            ("breaker trips", outcome.breaker_trips),
            ("alarms", outcome.alarms),
            ("early successes", counts.early_successes),
            ("protected tasks seen", counts.protected),
            ("failures without candidate", outcome.frozen),
            ("requested rollbacks", outcome.requested_rollbacks),
            ("restored on request", outcome.restored_on_request),
            ("autoscaled counts", outcome.autoscaled),
            ("good revisions at the end", outcome.good_ends),
            ("bad revisions at the end", outcome.bad_ends),
            ("out-of-memory kills", outcome.out_of_memory),
            ("restarts", outcome.restarts),
            ("clock jumps", outcome.jumps),
            ("throttled services", outcome.throttled),
            ("launches", outcome.launches),
        ] {
            *self.0.entry(name).or_default() += number;
        }
    }

    fn join(&mut self, other: Tally) {
        for (name, number) in other.0 {
            *self.0.entry(name).or_default() += number;
        }
    }

    /// A simulation in which nothing interesting happens proves nothing.
    fn assert_worth_running(&self, schedules: u64) {
        for (name, number) in &self.0 {
            assert!(
                *number >= schedules / 100,
                "only {number} {name} in {schedules} schedules"
            );
        }
    }
}

struct Run<'a> {
    schedule: &'a Schedule,
    world: World,
    /// What was last deployed.
    kind: Kind,
    deployment: DeploymentId,
    /// Nothing but its own faults has decided about the last deployment.
    undisturbed: bool,
    alarm_is_on: bool,
    /// It was on when the last deployment began.
    ignored: bool,
    candidate: Option<DeploymentId>,
    retreat: Option<Retreat>,
    outcome: Outcome,
}

/// A rollback that was asked for and taken, and after which nothing was deployed.
struct Retreat {
    service_deployment: ServiceDeploymentId,
    candidate: Option<DeploymentId>,
}

impl<'a> Run<'a> {
    fn of(schedule: &'a Schedule) -> Run<'a> {
        Run::believing(schedule, |checker| checker)
    }

    fn believing(schedule: &'a Schedule, belief: fn(Checker) -> Checker) -> Run<'a> {
        let checker = belief(Checker::new(&schedule.service()));
        let world = World::start(schedule.service(), schedule.fates(), checker);
        let deployment = world.service.primary().id;
        let mut run = Run {
            schedule,
            kind: schedule.first,
            deployment,
            undisturbed: true,
            alarm_is_on: false,
            ignored: false,
            candidate: None,
            retreat: None,
            outcome: Outcome::default(),
            world,
        };
        for (wait, action) in &schedule.actions {
            run.world.run(*wait);
            run.act(action);
        }
        run.world.run(schedule.rest());
        run.check_end();
        run.delete();
        run.outcome.counts = run.world.checker.counts.clone();
        run
    }

    fn act(&mut self, action: &Action) {
        let world = &mut self.world;
        match action {
            Action::Deploy(kind) => {
                self.candidate = world.checker.completed;
                world.deploy(self.schedule.revision(*kind));
                self.kind = *kind;
                self.deployment = world.service.primary().id;
                self.undisturbed = true;
                self.retreat = None;
                self.ignored = self.alarm_is_on;
            }
            Action::Scale(desired) => {
                world.scale(*desired);
            }
            Action::Autoscale(load) => {
                let desired = (world.service.running_count() * load).div_ceil(100);
                let desired = desired.clamp(1, MOST_AUTOSCALED);
                self.outcome.autoscaled += u64::from(desired != world.service.desired_count());
                world.scale(desired);
            }
            Action::Bounds(minimum, maximum) => {
                world.update(self.schedule.bounds_update(*minimum, *maximum));
            }
            Action::Alarm(is_on) => self.alarm(*is_on),
            Action::Protect(nth, milliseconds) => {
                if let Some(task) = nth_task(world, *nth) {
                    let period = Some(Duration::from_millis(*milliseconds));
                    // A task that is stopping already is refused.
                    let _ = world.request(Request::Protect { task, period });
                }
            }
            Action::RollBack => {
                let service_deployment = world.record().id.clone();
                let request = Request::RollBack {
                    service_deployment: service_deployment.clone(),
                };
                let candidate = world.checker.completed;
                if world.request(request).is_ok() {
                    self.outcome.requested_rollbacks += 1;
                    self.undisturbed = false;
                    self.retreat = Some(Retreat {
                        service_deployment,
                        candidate,
                    });
                }
            }
            Action::StopTask(nth) => {
                if let Some(task) = nth_task(world, *nth) {
                    let reason = "by hand".to_owned();
                    // A task that is stopping already is refused.
                    let _ = world.request(Request::StopTask { task, reason });
                }
            }
            Action::Lose(nth) => {
                if let Some(task) = nth_task(world, *nth) {
                    world.lose(&task);
                }
            }
            Action::Jump(by) => {
                self.outcome.jumps += 1;
                world.jump(*by);
            }
            Action::Restart => {
                self.outcome.restarts += 1;
                world.restart();
            }
            Action::Kill => {
                self.outcome.restarts += 1;
                world.ignore = Some(|command| {
                    matches!(
                        command,
                        Command::Launch { .. }
                            | Command::Stop { .. }
                            | Command::RegisterTarget { .. }
                            | Command::DeregisterTarget { .. }
                    )
                });
                world.run(60);
                world.ignore = None;
                world.restart();
            }
        }
    }

    /// Tells of the alarm; one that goes off ends a watched deployment at once.
    fn alarm(&mut self, is_on: bool) {
        let world = &mut self.world;
        let begun = world.status() != Status::Pending;
        self.ignored |= is_on && !begun;
        let alarms = &self.schedule.configuration.alarms;
        let ends = alarms.enable && is_on && !self.ignored && world.status() == Status::InProgress;
        let names = is_on.then(|| ALARM.to_owned());
        world.step(Input::Alarms(names.into_iter().collect()));
        self.alarm_is_on = is_on;
        if ends {
            self.undisturbed = false;
            let triggered = world.record().alarms.status == MonitorStatus::Triggered;
            self.outcome.alarms += u64::from(triggered);
            if world.status() == Status::InProgress {
                world.checker.complain("an alarm was overlooked".to_owned());
            }
        }
    }

    fn check_end(&mut self) {
        let world = &mut self.world;
        let (processes, targets) = (world.processes(), world.targets());
        let service = &world.service;
        let bounds = service.bounds();
        let primary = service.primary();
        let status = world.status();
        let steady = service.is_steady();
        if steady {
            world.checker.check_rest(service, processes, targets);
            let mut idle = service.clone();
            let commands = idle.step(world.now(), Input::Tick);
            if commands.iter().any(acts) {
                world
                    .checker
                    .complain(format!("steady, and still acting: {commands:?}"));
            }
        }
        if bounds.deadlocked() {
            return;
        }
        if let Some(retreat) = self.retreat.take() {
            return self.check_retreat(&retreat);
        }
        if !self.undisturbed {
            return;
        }
        let bad = self.kind.is_visibly_bad(self.schedule.shape);
        let breaker = &self.schedule.configuration.circuit_breaker;
        let mut expect = |holds: bool, what: &str| {
            if !holds {
                let text = format!(
                    "{what}: {status:?}, {:?}, {bounds:?}",
                    primary.rollout_state
                );
                world.checker.complain(text);
            }
        };
        if !bad {
            self.outcome.good_ends += 1;
            expect(
                primary.id == self.deployment,
                "a good revision was given up",
            );
            expect(
                steady && status == Status::Successful,
                "a good revision did not complete",
            );
            return;
        }
        let completed_at_zero = status == Status::Successful;
        if completed_at_zero || !breaker.enable {
            return;
        }
        self.outcome.bad_ends += 1;
        self.outcome.breaker_trips += 1;
        match self.candidate.filter(|_| breaker.rollback) {
            Some(candidate) => {
                expect(
                    primary.id == candidate,
                    "the completed deployment was not restored",
                );
                let restored = Kind::named(&primary.revision.task_definition);
                let restorable = !restored.is_visibly_bad(self.schedule.shape);
                let rolled_back = steady && status == Status::RollbackSuccessful;
                expect(
                    rolled_back || !restorable,
                    "a bad revision was not rolled back",
                );
            }
            None => {
                self.outcome.frozen += 1;
                let ended = if breaker.rollback {
                    Status::RollbackFailed
                } else {
                    Status::Stopped
                };
                expect(primary.id == self.deployment, "something else was restored");
                expect(
                    primary.rollout_state == RolloutState::Failed,
                    "a bad one did not fail",
                );
                expect(
                    status == ended,
                    "a bad revision without candidate ended otherwise",
                );
            }
        }
    }

    /// What was asked to go back went back, if there was something to go back to.
    fn check_retreat(&mut self, retreat: &Retreat) {
        let world = &mut self.world;
        let primary = world.service.primary();
        let restored = Kind::named(&primary.revision.task_definition);
        let expected = match retreat.candidate {
            None => primary.id == self.deployment && world.status() == Status::RollbackFailed,
            // A bad one that completed without tasks may have got some meanwhile.
            Some(candidate) if restored.is_visibly_bad(self.schedule.shape) => {
                primary.id == candidate
            }
            Some(candidate) => {
                self.outcome.restored_on_request += 1;
                primary.id == candidate
                    && world.service.is_steady()
                    && world.status() == Status::RollbackSuccessful
            }
        };
        if !expected || world.record().id != retreat.service_deployment {
            let (status, candidate) = (world.status(), retreat.candidate);
            let text = format!(
                "a requested rollback to {candidate:?} came to {status:?} of {}",
                primary.id
            );
            world.checker.complain(text);
        }
    }

    fn delete(&mut self) {
        let world = &mut self.world;
        world.checker.deleted(&world.service);
        world.request(Request::Delete).unwrap();
        world.run(20_000);
        let (processes, targets) = (world.processes(), world.targets());
        world.checker.check_rest(&world.service, processes, targets);
        if !world.deleted || processes > 0 || targets > 0 {
            let text = format!("deleted, and left {processes} processes, {targets} targets");
            world.checker.complain(text);
        }
        let reasons = |text: &str| world.said(text);
        self.outcome.throttled = u64::from(reasons("is unable to consistently start"));
        let memory = |task: &&seaway_scheduler::Task| {
            task.containers
                .iter()
                .any(|c| c.exit_code == Some(137) && c.reason.is_some())
        };
        self.outcome.out_of_memory = world.retired.iter().filter(memory).count() as u64;
        self.outcome.launches = world.launches;
    }
}

/// Saying again that all is well, and going to sleep, is doing nothing.
fn acts(command: &Command) -> bool {
    match command {
        Command::WakeAfter(_) => false,
        Command::Emit(event) => !event.message.ends_with("has reached a steady state."),
        _ => true,
    }
}

fn nth_task(world: &World, nth: usize) -> Option<seaway_scheduler::TaskId> {
    let tasks = world.service.tasks();
    tasks
        .get(nth % tasks.len().max(1))
        .map(|task| task.id.clone())
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} must be a number, not {text}")),
    )
}
