//! Which container of a task starts when, and which never will. Pure.
//!
//! The rules are those of ECS: "Container dependency" of the task definition's reference, and what
//! its agent does where a condition can no longer come true: the container counts as ended.

use std::time::Duration;

use crate::task::{Condition, ContainerName, Dependency};

/// The health of a container, by its own check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It has not come to a conclusion.
    Starting,
    Healthy,
    Unhealthy,
}

/// How far a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Waiting,
    Running(Option<Health>),
    /// With its exit code, where that is known.
    Ended(Option<i32>),
    /// It did not start, and will not.
    NeverStarted,
}

/// A container, as far as others depend on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    pub(super) name: &'a ContainerName,
    pub(super) depends_on: &'a [Dependency],
    pub(super) stage: Stage,
    /// How long it has been running, and how long others wait for it then.
    pub(super) running_for: Duration,
    pub(super) start_timeout: Option<Duration>,
}

/// What is to be done with a container that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Start,
    Wait,
    /// It can never start, for this reason.
    Never(String),
}

/// Whether the container may start now.
pub(super) fn judge(node: &Node<'_>, all: &[Node<'_>]) -> Verdict {
    let mut verdict = Verdict::Start;
    for dependency in node.depends_on {
        let found = all.iter().find(|other| *other.name == dependency.container);
        let Some(other) = found else {
            return never(dependency, node, "because there is no such container");
        };
        match meets(other, dependency.condition) {
            Met::Yes => {}
            Met::NotYet => verdict = Verdict::Wait,
            Met::Never(why) => return never(dependency, node, why),
        }
    }
    verdict
}

/// Whether everything that depends on the container has ended: it may be stopped then.
pub(super) fn is_free_to_stop(node: &Node<'_>, all: &[Node<'_>]) -> bool {
    let depends = |other: &&Node<'_>| {
        let mut dependencies = other.depends_on.iter();
        dependencies.any(|dependency| dependency.container == *node.name)
    };
    let mut dependents = all.iter().filter(depends);
    dependents.all(|other| matches!(other.stage, Stage::Ended(_) | Stage::NeverStarted))
}

/// When a container that others wait for has used up its time.
pub(super) fn patience(node: &Node<'_>) -> Option<Duration> {
    match node.stage {
        Stage::Running(_) => node.start_timeout?.checked_sub(node.running_for),
        _ => None,
    }
}

/// In which order containers are made: as they are declared, but after those whose volumes they
/// have. What leads back to itself comes last, and the engine says what is wrong with it.
pub(super) fn of_making(sources: &[Vec<usize>]) -> Vec<usize> {
    let mut made = Vec::new();
    let mut left: Vec<usize> = (0..sources.len()).collect();
    while !left.is_empty() {
        let can = |place: &usize| sources[*place].iter().all(|source| made.contains(source));
        let next = left.iter().position(can).unwrap_or(0);
        made.push(left.remove(next));
    }
    made
}

enum Met {
    Yes,
    NotYet,
    Never(&'static str),
}

fn meets(other: &Node<'_>, condition: Condition) -> Met {
    let met = match (condition, other.stage) {
        (_, Stage::NeverStarted) => Met::Never("because dependency will never start"),
        (_, Stage::Waiting) => Met::NotYet,
        (Condition::Start, _) => Met::Yes,
        (Condition::Complete, Stage::Ended(_)) => Met::Yes,
        (Condition::Success, Stage::Ended(Some(0))) => Met::Yes,
        (Condition::Success, Stage::Ended(_)) => {
            Met::Never("as dependency did not exit successfully")
        }
        (Condition::Healthy, Stage::Running(Some(Health::Healthy))) => Met::Yes,
        (Condition::Healthy, Stage::Ended(_)) => Met::Never("as dependency is not healthy"),
        (_, Stage::Running(_)) => Met::NotYet,
    };
    let is_late = other
        .start_timeout
        .is_some_and(|limit| other.running_for >= limit);
    match met {
        Met::NotYet if is_late => Met::Never("because it has timed out"),
        met => met,
    }
}

fn never(dependency: &Dependency, node: &Node<'_>, why: &str) -> Verdict {
    Verdict::Never(format!(
        "dependency graph: failed to resolve container ordering dependency [{}] for target [{}] \
         {why}.",
        dependency.container, node.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ContainerName {
        ContainerName::new(text).unwrap()
    }

    /// Judges `app`, which needs `db` to be as far as this.
    fn app(condition: Condition, db: Stage, db_runs_for: u64) -> Verdict {
        let (app, db_name) = (name("app"), name("db"));
        let depends_on = [Dependency {
            container: db_name.clone(),
            condition,
        }];
        let node = Node {
            name: &app,
            depends_on: &depends_on,
            stage: Stage::Waiting,
            running_for: Duration::ZERO,
            start_timeout: None,
        };
        let db = Node {
            name: &db_name,
            depends_on: &[],
            stage: db,
            running_for: Duration::from_secs(db_runs_for),
            start_timeout: Some(Duration::from_secs(10)),
        };
        judge(&node, &[node, db])
    }

    #[test]
    fn each_condition_has_its_moment() {
        use Condition::{Complete, Healthy, Start, Success};
        let running = Stage::Running(None);
        let cases = [
            (Start, Stage::Waiting, Verdict::Wait),
            (Start, running, Verdict::Start),
            (Start, Stage::Ended(Some(1)), Verdict::Start),
            (Complete, running, Verdict::Wait),
            (Complete, Stage::Ended(None), Verdict::Start),
            (Success, running, Verdict::Wait),
            (Success, Stage::Ended(Some(0)), Verdict::Start),
            (
                Healthy,
                Stage::Running(Some(Health::Starting)),
                Verdict::Wait,
            ),
            (
                Healthy,
                Stage::Running(Some(Health::Unhealthy)),
                Verdict::Wait,
            ),
            (
                Healthy,
                Stage::Running(Some(Health::Healthy)),
                Verdict::Start,
            ),
        ];
        for (condition, db, expected) in cases {
            assert_eq!(app(condition, db, 0), expected, "{condition:?} {db:?}");
        }
    }

    #[test]
    fn what_can_never_come_true_is_not_waited_for() {
        use Condition::{Complete, Healthy, Start, Success};
        let cases = [
            (
                Success,
                Stage::Ended(Some(3)),
                0,
                "did not exit successfully",
            ),
            (Success, Stage::Ended(None), 0, "did not exit successfully"),
            (Healthy, Stage::Ended(Some(0)), 0, "is not healthy"),
            (Start, Stage::NeverStarted, 0, "will never start"),
            (Complete, Stage::Running(None), 10, "has timed out"),
        ];
        for (condition, db, seconds, words) in cases {
            let Verdict::Never(reason) = app(condition, db, seconds) else {
                panic!("{condition:?} {db:?}");
            };
            assert!(
                reason.contains(words) && reason.contains("[db] for target [app]"),
                "{reason}"
            );
        }
    }

    #[test]
    fn a_started_container_is_not_late_for_those_that_need_its_start() {
        assert_eq!(
            app(Condition::Start, Stage::Running(None), 99),
            Verdict::Start
        );
    }

    #[test]
    fn containers_are_made_after_those_whose_volumes_they_have() {
        let made = |sources: &[&[usize]]| {
            let sources: Vec<Vec<usize>> = sources.iter().map(|of| of.to_vec()).collect();
            of_making(&sources)
        };
        assert_eq!(made(&[&[], &[], &[]]), [0, 1, 2]);
        assert_eq!(made(&[&[2], &[0], &[]]), [2, 0, 1]);
        assert_eq!(made(&[&[1], &[0]]), [0, 1]);
    }

    #[test]
    fn what_others_depend_on_stops_after_them() {
        let (app, db) = (name("app"), name("db"));
        let depends_on = [Dependency {
            container: db.clone(),
            condition: Condition::Start,
        }];
        let node = |name, depends_on, stage| Node {
            name,
            depends_on,
            stage,
            running_for: Duration::ZERO,
            start_timeout: None,
        };
        let running = Stage::Running(None);
        let all = [
            node(&app, &depends_on[..], running),
            node(&db, &[], running),
        ];
        assert!(is_free_to_stop(&all[0], &all) && !is_free_to_stop(&all[1], &all));
        let all = [node(&app, &depends_on[..], Stage::Ended(Some(0))), all[1]];
        assert!(is_free_to_stop(&all[1], &all));
    }
}
