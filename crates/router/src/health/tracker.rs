//! Decides what a target's health is from the outcomes of its checks. Pure: no clock, no IO.

use super::{Health, ProbeOutcome, TargetHealthReason, TargetHealthState};
use crate::table::HealthCheck;

/// Whether a failed check counts towards the unhealthy threshold. Extra checks of a new target,
/// made between two intervals so that a fast start is noticed at once, do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    Counted,
    Extra,
}

/// The health of one registered target, and the streak of outcomes behind it.
#[derive(Clone, Debug)]
pub(crate) struct Tracker {
    health: Health,
    passed: u32,
    failed: u32,
}

impl Tracker {
    pub(crate) fn new() -> Self {
        Self {
            health: Health::initial(),
            passed: 0,
            failed: 0,
        }
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    pub(crate) fn is_initial(&self) -> bool {
        self.health.state == TargetHealthState::Initial
    }

    /// Takes the outcome of one check into account and tells whether the health is another now.
    /// A new target needs one passed check; the healthy threshold is for unhealthy ones
    /// (ECS-SEMANTICS, "Load balancer").
    pub(crate) fn observe(
        &mut self,
        outcome: ProbeOutcome,
        counting: Counting,
        check: &HealthCheck,
    ) -> bool {
        let next = match outcome {
            ProbeOutcome::Passed => self.passed(check),
            failure => self.failed(failure, counting, check),
        };
        let changed = next != self.health;
        self.health = next;
        changed
    }

    fn passed(&mut self, check: &HealthCheck) -> Health {
        self.failed = 0;
        self.passed = self.passed.saturating_add(1);
        let enough = match self.health.state {
            TargetHealthState::Unhealthy => self.passed >= check.healthy_threshold,
            _ => true,
        };
        if enough {
            Health::healthy()
        } else {
            self.health.clone()
        }
    }

    fn failed(&mut self, failure: ProbeOutcome, counting: Counting, check: &HealthCheck) -> Health {
        self.passed = 0;
        if counting == Counting::Counted {
            self.failed = self.failed.saturating_add(1);
        }
        let lost = self.health.state == TargetHealthState::Unhealthy
            || self.failed >= check.unhealthy_threshold.max(1);
        if lost {
            unhealthy(failure)
        } else if self.is_initial() {
            Health::of(
                TargetHealthState::Initial,
                TargetHealthReason::InitialHealthChecking,
            )
        } else {
            self.health.clone()
        }
    }
}

fn unhealthy(failure: ProbeOutcome) -> Health {
    let reason = match failure {
        ProbeOutcome::Status(status) => return Health::refused_code(status.as_u16()),
        ProbeOutcome::TimedOut => TargetHealthReason::Timeout,
        ProbeOutcome::Passed | ProbeOutcome::Broken => TargetHealthReason::FailedHealthChecks,
    };
    Health::of(TargetHealthState::Unhealthy, reason)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    const REFUSED: ProbeOutcome = ProbeOutcome::Status(StatusCode::SERVICE_UNAVAILABLE);

    fn check() -> HealthCheck {
        HealthCheck {
            healthy_threshold: 3,
            unhealthy_threshold: 2,
            ..HealthCheck::default()
        }
    }

    fn after(outcomes: &[ProbeOutcome]) -> Tracker {
        let mut tracker = Tracker::new();
        for outcome in outcomes {
            tracker.observe(*outcome, Counting::Counted, &check());
        }
        tracker
    }

    fn state(outcomes: &[ProbeOutcome]) -> TargetHealthState {
        after(outcomes).health().state
    }

    #[test]
    fn a_new_target_needs_one_passed_check() {
        assert_eq!(Tracker::new().health(), &Health::initial());
        assert_eq!(after(&[ProbeOutcome::Passed]).health(), &Health::healthy());
        assert_eq!(
            state(&[REFUSED, ProbeOutcome::Passed]),
            TargetHealthState::Healthy
        );
    }

    #[test]
    fn failures_in_a_row_make_it_unhealthy() {
        assert_eq!(state(&[REFUSED]), TargetHealthState::Initial);
        assert_eq!(state(&[REFUSED, REFUSED]), TargetHealthState::Unhealthy);
        assert_eq!(
            state(&[ProbeOutcome::Passed, REFUSED]),
            TargetHealthState::Healthy
        );
        let flapping = [ProbeOutcome::Passed, REFUSED, ProbeOutcome::Passed, REFUSED];
        assert_eq!(state(&flapping), TargetHealthState::Healthy);
    }

    #[test]
    fn an_unhealthy_target_needs_the_whole_threshold() {
        let mut tracker = after(&[REFUSED, REFUSED]);
        for expected in [false, false, true] {
            let changed = tracker.observe(ProbeOutcome::Passed, Counting::Counted, &check());
            assert_eq!(changed, expected);
        }
        assert_eq!(tracker.health(), &Health::healthy());
    }

    #[test]
    fn extra_failures_do_not_count() {
        let mut tracker = Tracker::new();
        for _ in 0..100 {
            tracker.observe(ProbeOutcome::Broken, Counting::Extra, &check());
        }
        assert_eq!(
            tracker.health().reason,
            Some(TargetHealthReason::InitialHealthChecking)
        );
        tracker.observe(ProbeOutcome::Passed, Counting::Extra, &check());
        assert_eq!(tracker.health(), &Health::healthy());
    }

    #[test]
    fn the_last_failure_is_described() {
        let described = |outcome| after(&[outcome, outcome]).health().description.clone();
        assert_eq!(
            described(REFUSED).as_deref(),
            Some("Health checks failed with these codes: [503]")
        );
        assert_eq!(
            described(ProbeOutcome::TimedOut).as_deref(),
            Some("Request timed out")
        );
        assert_eq!(
            described(ProbeOutcome::Broken).as_deref(),
            Some("Health checks failed")
        );
        let mixed = after(&[REFUSED, REFUSED, ProbeOutcome::TimedOut]);
        assert_eq!(mixed.health().reason, Some(TargetHealthReason::Timeout));
    }
}
