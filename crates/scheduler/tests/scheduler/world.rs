//! Runtime, router and time around one service: every command is carried out and answered.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use seaway_scheduler::{
    Command, Container, ContainerImage, DeploymentConfiguration, Exit, HealthStatus, Input, Millis,
    NewService, Profile, Refused, Request, Revision, RolloutState, Service, ServiceDeployment,
    ServiceDeploymentStatus, ServiceUpdate, TargetGroup, TargetGroupArn, TargetHealth, Task,
    TaskId, TaskReport,
};

use crate::checker::Checker;

pub(crate) const GROUP: &str = "arn:tg/web";
/// The wall clock at the start.
const EPOCH: i64 = 1_800_000_000_000;

/// What will become of one task. Times in milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Fate {
    pub(crate) provision: u64,
    pub(crate) pull: u64,
    pub(crate) start: Start,
    pub(crate) start_time: u64,
    /// From registration or start to the first verdict of a check.
    pub(crate) check_time: u64,
    pub(crate) passes_checks: bool,
    /// Waits after which the verdict turns around.
    pub(crate) flaps: Vec<u64>,
    /// Ends so long after its start.
    pub(crate) crash: Option<(u64, Exit)>,
    pub(crate) draining: u64,
    pub(crate) stop: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Start {
    Works,
    Fails(&'static str),
    Exits(i32),
}

impl Default for Fate {
    fn default() -> Fate {
        Fate {
            provision: 10,
            pull: 50,
            start: Start::Works,
            start_time: 40,
            check_time: 100,
            passes_checks: true,
            flaps: Vec::new(),
            crash: None,
            draining: 300,
            stop: 20,
        }
    }
}

/// Decides the fate of the nth task, which runs the named task definition.
pub(crate) type Fates = Box<dyn Fn(&str, u64) -> Fate>;

#[derive(Debug, Clone)]
enum Happening {
    Report(Input),
    Wake(u64),
}

struct Process {
    fate: Fate,
    alive: bool,
    stopping: bool,
}

pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) checker: Checker,
    pub(crate) events: Vec<String>,
    pub(crate) retired: Vec<Task>,
    pub(crate) archived: Vec<ServiceDeployment>,
    pub(crate) launches: u64,
    pub(crate) deleted: bool,
    /// True time since the start, in milliseconds.
    pub(crate) time: u64,
    /// Commands of this kind get lost.
    pub(crate) ignore: Option<fn(&Command) -> bool>,
    skew: i64,
    wake: u64,
    sequence: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    processes: BTreeMap<TaskId, Process>,
    targets: BTreeSet<TaskId>,
    fates: Fates,
}

impl World {
    pub(crate) fn start(new: NewService, fates: Fates, checker: Checker) -> World {
        let (service, commands) = Service::create(Millis(EPOCH), new);
        let mut world = World {
            service,
            checker,
            events: Vec::new(),
            retired: Vec::new(),
            archived: Vec::new(),
            launches: 0,
            deleted: false,
            time: 0,
            ignore: None,
            skew: EPOCH,
            wake: 0,
            sequence: 0,
            queue: BTreeMap::new(),
            processes: BTreeMap::new(),
            targets: BTreeSet::new(),
            fates,
        };
        world.checker.observe(&world.service, &[]);
        world.carry_out(commands);
        world
    }

    /// A service in quick time, steady, whose tasks fare as told.
    pub(crate) fn steady(new: NewService, fates: Fates) -> World {
        let checker = Checker::new(&new);
        let mut world = World::start(new, fates, checker);
        world.run(20_000);
        assert!(world.service.is_steady(), "{:#?}", world.service);
        world
    }

    pub(crate) fn now(&self) -> Millis {
        Millis(self.skew.saturating_add_unsigned(self.time))
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, milliseconds: u64) {
        let end = self.time + milliseconds;
        while self.next_before(end) {}
        self.time = end;
    }

    /// Lets time pass until something holds.
    pub(crate) fn run_until(&mut self, limit: u64, done: impl Fn(&World) -> bool) {
        let end = self.time + limit;
        while !done(self) {
            assert!(
                self.next_before(end),
                "nothing happens any more: {:#?}",
                self.service
            );
        }
    }

    pub(crate) fn request(&mut self, request: Request) -> Result<(), Refused> {
        let commands = self.service.request(self.now(), request)?;
        self.observe(commands);
        Ok(())
    }

    pub(crate) fn update(&mut self, update: ServiceUpdate) {
        self.checker.updated(&self.service, &update);
        self.request(Request::Update(update)).unwrap();
    }

    pub(crate) fn deploy(&mut self, revision: Revision) {
        self.update(ServiceUpdate {
            revision: Some(revision),
            ..ServiceUpdate::default()
        });
    }

    pub(crate) fn scale(&mut self, desired: u32) {
        self.update(ServiceUpdate {
            desired_count: Some(desired),
            ..ServiceUpdate::default()
        });
    }

    pub(crate) fn step(&mut self, input: Input) {
        let commands = self.service.step(self.now(), input);
        self.observe(commands);
    }

    pub(crate) fn report(&mut self, task: &TaskId, report: TaskReport) {
        self.step(Input::Task {
            task: task.clone(),
            report,
        });
    }

    /// The wall clock is set.
    pub(crate) fn jump(&mut self, milliseconds: i64) {
        self.skew = self.skew.saturating_add(milliseconds);
    }

    /// The platform is killed and started again: reports that were on their way are made again
    /// by whoever makes them, the wake-up is lost, commands are repeated.
    pub(crate) fn restart(&mut self) {
        let stored = serde_json::to_vec(&self.service).unwrap();
        let restored: Service = serde_json::from_slice(&stored).unwrap();
        assert_eq!(restored, self.service, "the store changed something");
        self.service = restored;
        self.wake += 1;
        self.remove_unknown();
        self.carry_out(self.service.outstanding());
        self.step(Input::Tick);
    }

    /// The host loses a task.
    pub(crate) fn lose(&mut self, task: &TaskId) {
        if let Some(process) = self.processes.get_mut(task) {
            process.alive = false;
            self.report(task, TaskReport::Stopped);
        }
    }

    /// After a restart, what belongs to no task is taken away.
    fn remove_unknown(&mut self) {
        for (task, process) in &mut self.processes {
            process.alive &= self.service.task(task).is_some();
        }
        let unknown = |task: &&TaskId| self.service.task(task).is_none();
        let unknown: Vec<TaskId> = self.targets.iter().filter(unknown).cloned().collect();
        for task in &unknown {
            self.deregister(task);
        }
    }

    pub(crate) fn processes(&self) -> usize {
        self.processes
            .values()
            .filter(|process| process.alive)
            .count()
    }

    pub(crate) fn targets(&self) -> usize {
        self.targets.len()
    }

    pub(crate) fn said(&self, text: &str) -> bool {
        self.events.iter().any(|event| event.contains(text))
    }

    pub(crate) fn record(&self) -> &ServiceDeployment {
        self.service.current_service_deployment()
    }

    pub(crate) fn status(&self) -> ServiceDeploymentStatus {
        self.record().status
    }

    pub(crate) fn rollout(&self) -> RolloutState {
        self.service.primary().rollout_state
    }

    /// The task definition that each task runs, in order of launch.
    pub(crate) fn running(&self) -> Vec<&str> {
        let running = self.service.tasks().iter().filter(|task| task.is_running());
        running.map(|task| task.task_definition.as_str()).collect()
    }

    fn next_before(&mut self, end: u64) -> bool {
        match self.queue.first_key_value() {
            Some(((at, _), _)) if *at <= end => {}
            _ => return false,
        }
        let Some(((at, _), happening)) = self.queue.pop_first() else {
            return false;
        };
        self.time = self.time.max(at);
        match happening {
            Happening::Wake(nth) if nth == self.wake => self.step(Input::Tick),
            Happening::Wake(_) => {}
            Happening::Report(input) => {
                if self.is_current(&input) {
                    self.take_note(&input);
                    self.step(input);
                }
            }
        }
        true
    }

    /// A process that was told to stop neither starts nor fails on the way.
    fn is_current(&self, input: &Input) -> bool {
        let Input::Task { task, report } = input else {
            return true;
        };
        let Some(process) = self.processes.get(task) else {
            return false;
        };
        let ending = matches!(
            report,
            TaskReport::ContainerExited { .. } | TaskReport::Stopped
        );
        process.alive && (ending || !process.stopping)
    }

    fn take_note(&mut self, input: &Input) {
        match input {
            Input::Task {
                task,
                report: TaskReport::Stopped,
            } => {
                if let Some(process) = self.processes.get_mut(task) {
                    process.alive = false;
                }
            }
            Input::Target {
                task,
                health: TargetHealth::Unused,
                ..
            } => {
                self.targets.remove(task);
            }
            _ => {}
        }
    }

    fn observe(&mut self, commands: Vec<Command>) {
        self.checker.observe(&self.service, &commands);
        self.carry_out(commands);
    }

    fn carry_out(&mut self, commands: Vec<Command>) {
        self.wake += 1;
        for command in commands {
            if self.ignore.is_some_and(|ignored| ignored(&command)) {
                continue;
            }
            match command {
                Command::Launch { task, .. } => self.launch(task),
                Command::Stop { task, .. } => self.stop(task),
                Command::RegisterTarget { task, .. } => self.register(task),
                Command::DeregisterTarget { task, .. } => self.deregister(&task),
                Command::Emit(event) => self.events.push(event.message),
                Command::Retire(task) => self.retired.push(*task),
                Command::Archive(record) => self.archived.push(*record),
                Command::Deleted => self.deleted = true,
                Command::WakeAfter(wait) => {
                    let wait = u64::try_from(wait.as_millis()).unwrap();
                    self.plan(wait, Happening::Wake(self.wake));
                }
            }
        }
    }

    fn launch(&mut self, task: TaskId) {
        if self.processes.contains_key(&task) {
            return;
        }
        self.launches += 1;
        let definition = self.service.task(&task).unwrap().task_definition.clone();
        let fate = (self.fates)(&definition, self.launches);
        self.tell(fate.provision, &task, TaskReport::Provisioned);
        self.tell(fate.provision + 1, &task, TaskReport::PullStarted);
        let pulled = fate.provision + 1 + fate.pull;
        let images = vec![ContainerImage {
            container: "main".into(),
            digest: format!("sha256:{definition}"),
        }];
        let started = pulled + fate.start_time;
        match fate.start {
            Start::Works => {
                self.tell(pulled, &task, TaskReport::PullStopped { images });
                self.tell(started, &task, TaskReport::Started);
                self.check_container(started, &task, &fate);
            }
            Start::Fails(reason) => {
                self.tell(
                    pulled,
                    &task,
                    TaskReport::FailedToStart {
                        container: None,
                        reason: reason.into(),
                    },
                );
            }
            Start::Exits(code) => self.tell(started, &task, exited(Exit::Code(code))),
        }
        if let Some((after, exit)) = &fate.crash {
            self.tell(started + after, &task, exited(exit.clone()));
        }
        self.processes.insert(
            task,
            Process {
                fate,
                alive: true,
                stopping: false,
            },
        );
    }

    fn check_container(&mut self, started: u64, task: &TaskId, fate: &Fate) {
        let mut at = started + fate.check_time;
        let mut passes = fate.passes_checks;
        for wait in std::iter::once(&0).chain(&fate.flaps) {
            at += wait;
            let health = if passes {
                HealthStatus::Healthy
            } else {
                HealthStatus::Unhealthy
            };
            let report = TaskReport::ContainerHealth {
                container: "main".into(),
                health,
            };
            self.tell(at, task, report);
            passes = !passes;
        }
    }

    fn register(&mut self, task: TaskId) {
        if !self.targets.insert(task.clone()) {
            return;
        }
        let Some(process) = self.processes.get(&task) else {
            return;
        };
        let fate = process.fate.clone();
        self.tell_target(5, &task, TargetHealth::Initial);
        let mut at = fate.check_time;
        let mut passes = fate.passes_checks;
        for wait in std::iter::once(&0).chain(&fate.flaps) {
            at += wait;
            self.tell_target(
                at,
                &task,
                if passes {
                    TargetHealth::Healthy
                } else {
                    failing()
                },
            );
            passes = !passes;
        }
    }

    fn deregister(&mut self, task: &TaskId) {
        let Some(process) = self.processes.get(task) else {
            return;
        };
        let draining = process.fate.draining;
        self.tell_target(1, task, TargetHealth::Draining);
        self.tell_target(draining, task, TargetHealth::Unused);
    }

    /// A task that was never launched is stopped, too, and reported as such.
    fn stop(&mut self, task: TaskId) {
        let unknown = || Process {
            fate: Fate::default(),
            alive: true,
            stopping: false,
        };
        let process = self.processes.entry(task.clone()).or_insert_with(unknown);
        if process.stopping {
            return;
        }
        process.stopping = true;
        let stop = process.fate.stop;
        self.tell(stop, &task, exited(Exit::Code(143)));
        self.tell(stop + 5, &task, TaskReport::Stopped);
    }

    fn tell(&mut self, after: u64, task: &TaskId, report: TaskReport) {
        self.plan(
            after,
            Happening::Report(Input::Task {
                task: task.clone(),
                report,
            }),
        );
    }

    fn tell_target(&mut self, after: u64, task: &TaskId, health: TargetHealth) {
        let target_group = TargetGroupArn::new(GROUP);
        let input = Input::Target {
            task: task.clone(),
            target_group,
            health,
        };
        self.plan(after, Happening::Report(input));
    }

    fn plan(&mut self, after: u64, happening: Happening) {
        self.sequence += 1;
        self.queue
            .insert((self.time + after, self.sequence), happening);
    }
}

pub(crate) fn exited(exit: Exit) -> TaskReport {
    TaskReport::ContainerExited {
        container: "main".into(),
        exit,
    }
}

pub(crate) fn failing() -> TargetHealth {
    let description = "Health checks failed with these codes: [503]".to_owned();
    TargetHealth::Unhealthy { description }
}

/// Every task works, at once.
pub(crate) fn all_well() -> Fates {
    Box::new(|_, _| Fate::default())
}

/// Tasks of one task definition share a fate; all others work.
pub(crate) fn only(definition: &'static str, fate: Fate) -> Fates {
    Box::new(move |of, _| {
        if of == definition {
            fate.clone()
        } else {
            Fate::default()
        }
    })
}

/// A revision without any check.
pub(crate) fn worker(definition: &str) -> Revision {
    let main = Container {
        name: "main".into(),
        essential: true,
        health_check: false,
        stop_timeout: Duration::from_secs(30),
    };
    Revision {
        task_definition: definition.into(),
        containers: vec![main],
        target_groups: Vec::new(),
    }
}

/// A revision behind a load balancer.
pub(crate) fn web(definition: &str) -> Revision {
    let group = TargetGroup {
        arn: TargetGroupArn::new(GROUP),
        container: "main".into(),
        port: 8_000,
    };
    Revision {
        target_groups: vec![group],
        ..worker(definition)
    }
}

/// A revision with a container check.
pub(crate) fn checked(definition: &str) -> Revision {
    let mut revision = worker(definition);
    revision.containers[0].health_check = true;
    revision
}

pub(crate) fn service(revision: Revision, desired_count: u32) -> NewService {
    NewService {
        name: "shop".into(),
        seed: 42,
        profile: Profile::quick(),
        revision,
        desired_count,
        configuration: DeploymentConfiguration::default(),
    }
}
