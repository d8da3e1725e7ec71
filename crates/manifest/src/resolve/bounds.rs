//! Whether a rolling update can move at all (ECS-SEMANTICS, Bounds).
//!
//! ECS keeps at least `ceil(count * min_healthy / 100)` healthy tasks and runs at most
//! `floor(count * max / 100)`. When the floor allows no task to stop and the ceiling none to start,
//! a deployment never ends.

use seaway_core::environment::{RolloutPolicy, Scaling};

use crate::diagnostic::Diagnostic;
use crate::read::Sink;
use crate::source::Span;

/// A service's rolling update in one environment.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) policy: &'a RolloutPolicy,
    pub(crate) count: u32,
    pub(crate) scaling: Option<&'a Scaling>,
    pub(crate) place: &'a Span,
}

/// Complains when an update would stand still at the count, or at one that scaling can choose.
pub(crate) fn check(question: &Question<'_>, sink: &mut Sink) {
    let RolloutPolicy {
        min_healthy, max, ..
    } = *question.policy;
    let is_stuck = |count: u32| deadlocks(count, min_healthy, max);
    let scaled = || {
        question
            .scaling
            .and_then(|scale| (scale.min..=scale.max).find(|&c| is_stuck(c)))
    };
    let (count, origin) = match is_stuck(question.count) {
        true => (question.count, "the count of the service"),
        false => match scaled() {
            Some(count) => (count, "a count that scaling can choose"),
            None => return,
        },
    };
    let floor = floor(count, min_healthy);
    let ceiling = ceiling(count, max);
    sink.push(
        Diagnostic::error(format!(
            "a rolling update of {count} {} could neither stop an old task nor start a new one",
            if count == 1 { "task" } else { "tasks" },
        ))
        .at(
            question.place,
            format!("min_healthy = {min_healthy}, max = {max}"),
        )
        .note(format!("{count} is {origin}"))
        .note(format!(
            "at least {floor} must stay healthy ({min_healthy} % rounded up), at most {ceiling} \
             may run ({max} % rounded down)"
        ))
        .help("raise `max` to start a new task first, or lower `min_healthy` to stop an old one"),
    );
}

/// Exactly when ECS reports that it "was unable to stop or start tasks during a deployment because
/// of the service deployment configuration". Nothing runs at a count of zero, so nothing is stuck.
fn deadlocks(count: u32, min_healthy: u32, max: u32) -> bool {
    count > 0 && floor(count, min_healthy) >= count && ceiling(count, max) <= count
}

fn floor(count: u32, min_healthy: u32) -> u32 {
    (count * min_healthy).div_ceil(100)
}

fn ceiling(count: u32, max: u32) -> u32 {
    count * max / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_decides_whether_small_services_can_roll() {
        assert!(deadlocks(1, 100, 100));
        assert!(
            deadlocks(1, 50, 150),
            "one task rounds up to one and down to one"
        );
        assert!(!deadlocks(2, 50, 150));
        assert!(!deadlocks(1, 100, 200));
        assert!(!deadlocks(1, 0, 100), "old stops before new starts");
        assert!(!deadlocks(0, 100, 100));
    }
}
