//! The simulation can fail: wrong rules, lost commands and forged sights are all found.

use seaway_scheduler::{
    Command, DeploymentId, RolloutState, ServiceDeploymentId, ServiceDeploymentStatus as Status,
    ServiceStatus, TaskId, TaskStatus,
};

use crate::checker::{Checker, SeenTask, Sight};
use crate::schedule::{Action, Kind, Schedule};
use crate::simulation::{outcome, shrink};
use crate::world::{World, all_well, service, web};

/// How many of the first schedules a wrong rule breaks.
fn broken(belief: fn(Checker) -> Checker) -> usize {
    (0..100)
        .filter(|seed| outcome(&Schedule::drawn_from(*seed), belief).is_err())
        .count()
}

#[test]
fn another_ceiling_is_noticed() {
    // As if the scheduler took a maximum of 100 % for more.
    assert!(broken(|checker| checker.mistaken(0, 100)) > 20);
}

#[test]
fn another_floor_is_noticed() {
    // As if the scheduler stopped old tasks below a floor of 100 %.
    assert!(broken(|checker| checker.mistaken(100, 1_000)) > 10);
}

#[test]
fn a_failing_schedule_is_shrunk_to_what_matters() {
    let belief = |checker: Checker| checker.mistaken(0, 100);
    let fails = |seed: &u64| {
        let schedule = Schedule::drawn_from(*seed);
        schedule.actions.len() >= 6 && outcome(&schedule, belief).is_err()
    };
    let schedule = Schedule::drawn_from((0..1_000).find(fails).unwrap());
    let small = shrink(&schedule, belief);
    assert!(small.actions.len() <= 2, "{small:#?}");
    assert!(outcome(&small, belief).is_err());
}

/// The violations when the first command of a kind gets lost for ever.
fn losing(ignored: fn(&Command) -> bool) -> Vec<String> {
    let mut world = World::steady(service(web("old"), 2), all_well());
    world.ignore = Some(ignored);
    world.deploy(web("new"));
    world.run(60_000);
    let (processes, targets) = (world.processes(), world.targets());
    world.checker.check_rest(&world.service, processes, targets);
    if !world.service.is_steady() {
        world.checker.complain("not steady".to_owned());
    }
    world.checker.violations
}

#[test]
fn lost_commands_are_noticed() {
    assert!(losing(|_| false).is_empty());
    assert!(!losing(|command| matches!(command, Command::Stop { .. })).is_empty());
    assert!(!losing(|command| matches!(command, Command::Launch { .. })).is_empty());
    assert!(!losing(|command| matches!(command, Command::RegisterTarget { .. })).is_empty());
    assert!(!losing(|command| matches!(command, Command::DeregisterTarget { .. })).is_empty());
}

/// Two healthy tasks of one deployment.
fn sight() -> Sight {
    let task = SeenTask {
        deployment: DeploymentId::new(1),
        status: TaskStatus::Running,
        wanted: true,
        healthy: true,
        scaled_away: false,
        protected: false,
    };
    Sight {
        status: ServiceStatus::Active,
        primary: DeploymentId::new(1),
        primaries: 1,
        rollout: RolloutState::Completed,
        tasks: [(TaskId::new("a"), task), (TaskId::new("b"), task)].into(),
        records: [(ServiceDeploymentId::new("r"), Status::InProgress)].into(),
    }
}

/// What the checker says about two sights in a row.
fn verdict(before: Sight, after: Sight, launches: usize) -> Vec<String> {
    let mut checker = Checker::new(&service(web("one"), 2));
    checker.compare(before, 0);
    checker.compare(after, launches);
    checker.violations
}

fn task(sight: &mut Sight) -> &mut SeenTask {
    sight.tasks.get_mut(&TaskId::new("a")).unwrap()
}

/// Changes what was seen before and after.
type Forge = fn(&mut Sight, &mut Sight);

#[test]
fn forged_sights_are_noticed() {
    assert_eq!(verdict(sight(), sight(), 0), Vec::<String>::new());
    let forgeries: [(&str, usize, Forge); 9] = [
        ("was scaled away", 0, |_, after| {
            let gone = SeenTask {
                wanted: false,
                healthy: false,
                scaled_away: true,
                protected: true,
                ..*task(after)
            };
            *task(after) = gone;
        }),
        ("above the ceiling", 1, |_, after| {
            let one = *task(after);
            after
                .tasks
                .extend((0..3).map(|n| (TaskId::new(format!("more-{n}")), one)));
        }),
        ("a healthy old task was stopped", 0, |_, after| {
            after.primary = DeploymentId::new(2);
            let stopped = SeenTask {
                wanted: false,
                healthy: false,
                scaled_away: true,
                status: TaskStatus::Deactivating,
                ..*task(after)
            };
            *task(after) = stopped;
        }),
        ("Running became Pending", 0, |_, after| {
            task(after).status = TaskStatus::Pending
        }),
        ("is wanted again", 0, |before, _| {
            task(before).wanted = false
        }),
        ("was forgotten", 0, |_, after| {
            after.tasks.remove(&TaskId::new("a"));
        }),
        ("Successful became Stopped", 0, |before, after| {
            *before.records.values_mut().next().unwrap() = Status::Successful;
            *after.records.values_mut().next().unwrap() = Status::Stopped;
        }),
        ("completed with", 0, |before, after| {
            before.rollout = RolloutState::InProgress;
            task(before).healthy = false;
            task(after).healthy = false;
        }),
        ("2 primary deployments", 0, |_, after| after.primaries = 2),
    ];
    for (complaint, launches, forge) in forgeries {
        let (mut before, mut after) = (sight(), sight());
        forge(&mut before, &mut after);
        let violations = verdict(before, after, launches);
        assert!(
            violations.iter().any(|text| text.contains(complaint)),
            "{complaint}: {violations:?}"
        );
    }
}

#[test]
fn a_superseded_deployment_that_ends_otherwise_is_noticed() {
    for forged in [
        Status::Successful,
        Status::RollbackSuccessful,
        Status::RollbackFailed,
    ] {
        let mut world = World::steady(service(web("old"), 1), all_well());
        world.deploy(web("middle"));
        let superseded = world.record().id.clone();
        world.run(20);
        world.deploy(web("new"));
        let mut forgery = Sight::of(&world.service);
        forgery.records.insert(superseded, forged);
        world.checker.compare(forgery, 0);
        let found = |text: &String| text.contains("superseded service deployment");
        assert!(world.checker.violations.iter().any(found), "{forged:?}");
    }
}

#[test]
fn a_good_revision_that_does_not_complete_is_noticed() {
    // A rollback that nobody asked for, as far as the checks at the end know.
    let found = (0..200).any(|seed| {
        let mut schedule = Schedule::drawn_from(seed);
        schedule.actions = vec![(20_000, Action::Deploy(Kind::Good))];
        schedule.configuration.circuit_breaker.enable = true;
        schedule.configuration.circuit_breaker.threshold.kind =
            seaway_scheduler::ThresholdKind::Count;
        schedule.configuration.circuit_breaker.threshold.value = 1;
        outcome(&schedule, |checker| checker).is_err()
    });
    assert!(
        found,
        "a threshold of 1 should give up revisions with one fault"
    );
}

#[test]
fn a_bad_revision_that_does_not_fail_is_noticed() {
    let found = (0..50).any(|seed| {
        let mut schedule = Schedule::drawn_from(seed);
        schedule.actions = vec![(20_000, Action::Deploy(Kind::Broken))];
        schedule.configuration.circuit_breaker.enable = true;
        schedule.configuration.circuit_breaker.threshold.kind =
            seaway_scheduler::ThresholdKind::Count;
        schedule.configuration.circuit_breaker.threshold.value = u32::MAX;
        outcome(&schedule, |checker| checker).is_err()
    });
    assert!(
        found,
        "a threshold that is never reached should keep bad revisions"
    );
}
