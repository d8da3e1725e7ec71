//! Random schedules: a service, what happens to it and when, and the fate of each task.

use std::time::Duration;

use seaway_scheduler::{
    AlarmConfiguration, CircuitBreaker, DeploymentConfiguration, EarlySuccess, Exit, NewService,
    Percent, Profile, Revision, ServiceUpdate, SourceCleanup,
};

use crate::random::Random;
use crate::world::{Fate, Fates, Start, checked, service, web, worker};

/// The alarm that a service may watch.
pub(crate) const ALARM: &str = "errors";

/// All that a run depends on.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) shape: Shape,
    pub(crate) first: Kind,
    pub(crate) desired: u32,
    pub(crate) configuration: DeploymentConfiguration,
    pub(crate) profile: Profile,
    /// What happens, after a wait in milliseconds.
    pub(crate) actions: Vec<(u64, Action)>,
    /// The launches that go wrong in a way that the circuit breaker counts; fewer than its
    /// smallest threshold.
    faulty: Vec<u64>,
}

/// Which checks a service has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    Worker,
    Web,
    Checked,
    WebChecked,
}

/// What a revision is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Good,
    Slow,
    /// Healthy for a while, then it ends, some dozen times.
    Crashing,
    /// Its image cannot be pulled.
    Broken,
    /// Ends before it has started.
    Exits,
    /// Never passes a check.
    Unhealthy,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Deploy(Kind),
    Scale(u32),
    /// An autoscaler sees a load of so many percent of what it aims at.
    Autoscale(u32),
    Bounds(u32, u32),
    RollBack,
    /// The alarm goes off, or is over.
    Alarm(bool),
    /// The nth task may not be scaled away for so many milliseconds.
    Protect(usize, u64),
    /// `StopTask` of the nth task.
    StopTask(usize),
    /// The nth task vanishes.
    Lose(usize),
    /// The wall clock is set by so many milliseconds.
    Jump(i64),
    Restart,
    /// Killed after the state was stored and before its commands were carried out.
    Kill,
}

impl Kind {
    /// Whether the circuit breaker can see that it is bad.
    pub(crate) fn is_visibly_bad(self, shape: Shape) -> bool {
        match self {
            Kind::Broken | Kind::Exits => true,
            Kind::Unhealthy => shape != Shape::Worker,
            Kind::Good | Kind::Slow | Kind::Crashing => false,
        }
    }

    pub(crate) fn named(name: &str) -> Kind {
        let all = [
            Kind::Slow,
            Kind::Crashing,
            Kind::Broken,
            Kind::Exits,
            Kind::Unhealthy,
        ];
        all.into_iter()
            .find(|kind| kind.name() == name)
            .unwrap_or(Kind::Good)
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Good => "good",
            Kind::Slow => "slow",
            Kind::Crashing => "crashing",
            Kind::Broken => "broken",
            Kind::Exits => "exits",
            Kind::Unhealthy => "unhealthy",
        }
    }
}

impl Schedule {
    /// A schedule with alarms, early success, protected tasks and an autoscaler; they come from
    /// numbers of their own, so that the rest of it is that of [`Schedule::plain`].
    pub(crate) fn drawn_from(seed: u64) -> Schedule {
        let mut random = Random::nth(seed, u64::MAX);
        let mut schedule = Schedule::plain(seed);
        watch(&mut schedule.configuration, &mut random);
        for _ in 0..random.between(0, 4) {
            let action = match random.percent(60) {
                true => Action::Alarm(random.percent(65)),
                false => {
                    let milliseconds = random.between(1_000, 40_000);
                    Action::Protect(random.between(0, 9) as usize, milliseconds)
                }
            };
            let place = random.between(0, schedule.actions.len() as u64) as usize;
            let wait = random.pick(&[0, 50, 900, 4_000]);
            schedule.actions.insert(place, (wait, action));
        }
        autoscale(&mut schedule.actions, &mut Random::nth(seed, u64::MAX - 1));
        schedule
    }

    pub(crate) fn plain(seed: u64) -> Schedule {
        let mut random = Random::seeded(seed);
        let shape = random.pick(&[
            Shape::Worker,
            Shape::Web,
            Shape::Web,
            Shape::Checked,
            Shape::WebChecked,
        ]);
        let first = random.pick(&[Kind::Good, Kind::Good, Kind::Good, Kind::Slow, Kind::Broken]);
        let actions = (0..random.between(1, 9))
            .map(|_| action(&mut random))
            .collect();
        let faulty = (0..2).map(|_| random.between(1, 14)).collect();
        Schedule {
            seed,
            shape,
            first,
            desired: random.between(0, 5) as u32,
            configuration: configuration(&mut random),
            profile: if random.percent(20) {
                Profile::aws()
            } else {
                Profile::quick()
            },
            actions,
            faulty,
        }
    }

    pub(crate) fn service(&self) -> NewService {
        NewService {
            seed: self.seed,
            profile: self.profile.clone(),
            configuration: self.configuration.clone(),
            ..service(self.revision(self.first), self.desired)
        }
    }

    /// Milliseconds after the last action: long enough for every retry that a verdict needs.
    pub(crate) fn rest(&self) -> u64 {
        match self.configuration.circuit_breaker.enable {
            // What is bad goes on for ever, unless somebody goes back.
            false if self.last_kind().is_visibly_bad(self.shape) && !self.goes_back() => 20_000,
            _ if self.profile == Profile::quick() => 90_000,
            _ => 900_000,
        }
    }

    fn goes_back(&self) -> bool {
        let mut actions = self.actions.iter();
        actions.any(|(_, action)| *action == Action::RollBack)
    }

    fn last_kind(&self) -> Kind {
        let deployed = |(_, action): &(u64, Action)| match action {
            Action::Deploy(kind) => Some(*kind),
            _ => None,
        };
        self.actions
            .iter()
            .rev()
            .find_map(deployed)
            .unwrap_or(self.first)
    }

    pub(crate) fn revision(&self, kind: Kind) -> Revision {
        let name = kind.name();
        match self.shape {
            Shape::Worker => worker(name),
            Shape::Web => web(name),
            Shape::Checked => checked(name),
            Shape::WebChecked => Revision {
                target_groups: web(name).target_groups,
                ..checked(name)
            },
        }
    }

    pub(crate) fn bounds_update(&self, minimum: u32, maximum: u32) -> ServiceUpdate {
        let configuration = DeploymentConfiguration {
            minimum_healthy: Percent(minimum),
            maximum: Percent(maximum),
            ..self.configuration.clone()
        };
        ServiceUpdate {
            configuration: Some(configuration),
            ..ServiceUpdate::default()
        }
    }

    pub(crate) fn fates(&self) -> Fates {
        let (seed, faulty) = (self.seed, self.faulty.clone());
        let healthy_after = self.profile.healthy_after.as_millis() as u64;
        Box::new(move |definition, nth| {
            let mut random = Random::nth(seed, nth);
            let mut fate = ordinary(&mut random);
            match definition {
                "broken" => fate.start = Start::Fails("CannotPullContainerError: not found"),
                "exits" => fate.start = Start::Exits(1),
                "unhealthy" => fate.passes_checks = false,
                "slow" => fate.start_time = random.between(2_000, 9_000),
                _ if faulty.contains(&nth) => spoil(&mut fate, &mut random),
                _ => {}
            }
            let crashes = definition == "crashing" && nth < 14;
            if crashes || (nth < 14 && random.percent(12)) {
                // After it has counted as healthy, so that the circuit breaker has nothing to see.
                let after = fate.check_time + healthy_after + random.between(300, 4_000);
                let exit = random.pick(&[0, 1, 2]);
                let exit = if exit == 0 {
                    Exit::OutOfMemory
                } else {
                    Exit::Code(exit)
                };
                fate.crash = Some((after, exit));
            }
            fate
        })
    }
}

fn ordinary(random: &mut Random) -> Fate {
    Fate {
        provision: random.between(1, 40),
        pull: random.between(1, 300),
        start_time: random.between(1, 200),
        check_time: random.between(20, 900),
        draining: random.between(10, 700),
        stop: random.between(1, 400),
        ..Fate::default()
    }
}

/// One failure that counts, at most.
fn spoil(fate: &mut Fate, random: &mut Random) {
    match random.between(0, 3) {
        0 => fate.start = Start::Fails("ResourceInitializationError: unable to pull secrets"),
        1 => fate.start = Start::Exits(137),
        2 => fate.passes_checks = false,
        _ => {
            fate.flaps = (0..random.between(1, 5))
                .map(|_| random.between(50, 1_500))
                .collect()
        }
    }
}

fn action(random: &mut Random) -> (u64, Action) {
    let wait = match random.between(0, 5) {
        0 => 0,
        1 => random.between(1, 60),
        2 | 3 => random.between(60, 2_000),
        4 => random.between(2_000, 12_000),
        _ => random.between(12_000, 40_000),
    };
    const KINDS: [Kind; 8] = [
        Kind::Good,
        Kind::Good,
        Kind::Slow,
        Kind::Crashing,
        Kind::Broken,
        Kind::Exits,
        Kind::Unhealthy,
        Kind::Unhealthy,
    ];
    let action = match random.between(0, 99) {
        0..45 => Action::Deploy(random.pick(&KINDS)),
        45..60 => Action::Scale(random.between(0, 6) as u32),
        60..65 => {
            let (minimum, maximum) = bounds(random);
            Action::Bounds(minimum, maximum)
        }
        65..73 => Action::RollBack,
        73..79 => Action::StopTask(random.between(0, 9) as usize),
        79..83 => Action::Lose(random.between(0, 9) as usize),
        83..90 => Action::Jump(random.pick(&[
            -86_400_000,
            -500,
            700,
            3_600_000,
            1_000_000_000_000_000,
            -1_000_000_000_000_000,
        ])),
        90..95 => Action::Restart,
        _ => Action::Kill,
    };
    (wait, action)
}

/// Looks of an autoscaler, one after the other, somewhere in the schedule.
fn autoscale(actions: &mut Vec<(u64, Action)>, random: &mut Random) {
    if random.percent(60) {
        return;
    }
    let mut place = random.between(0, actions.len() as u64) as usize;
    for _ in 0..random.between(1, 6) {
        let wait = random.pick(&[100, 1_000, 6_000]);
        let load = random.between(20, 300) as u32;
        actions.insert(place, (wait, Action::Autoscale(load)));
        place += random.between(1, 2).min((actions.len() - place) as u64) as usize;
    }
}

fn watch(configuration: &mut DeploymentConfiguration, random: &mut Random) {
    let minimum = configuration.minimum_healthy.0;
    configuration.alarms = AlarmConfiguration {
        enable: random.percent(50),
        rollback: random.percent(80),
        names: vec![ALARM.to_owned()],
    };
    configuration.bake_time = Duration::from_millis(random.pick(&[0, 0, 200, 4_000]));
    configuration.early_success = random.percent(20).then(|| EarlySuccess {
        healthy: Percent(minimum + random.between(0, u64::from(100 - minimum)) as u32),
        cleanup: random.pick(&[SourceCleanup::Blocking, SourceCleanup::Deferred]),
    });
}

fn bounds(random: &mut Random) -> (u32, u32) {
    random.pick(&[
        (100, 200),
        (100, 200),
        (50, 200),
        (0, 100),
        (100, 150),
        (50, 100),
        (50, 150),
        (0, 200),
    ])
}

fn configuration(random: &mut Random) -> DeploymentConfiguration {
    let (minimum, maximum) = bounds(random);
    DeploymentConfiguration {
        minimum_healthy: Percent(minimum),
        maximum: Percent(maximum),
        circuit_breaker: CircuitBreaker {
            enable: random.percent(85),
            rollback: random.percent(80),
            reset_on_healthy_task: random.percent(85),
            ..CircuitBreaker::default()
        },
        health_check_grace: Duration::from_millis(random.pick(&[0, 0, 0, 500, 3_000])),
        ..DeploymentConfiguration::default()
    }
}
