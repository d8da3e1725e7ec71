//! The decision itself.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::differing_fields;
use super::{
    Action, ActionId, Block, Decision, Goal, Orphans, Plan, Policy, Reason, Roll, RollKind,
    SkipReason, Step,
};
use crate::desired::{Desired, DesiredService};
use crate::digest::ImageRef;
use crate::live::{Live, LiveRollout, LiveService};
use crate::name::{JobName, ServiceName};
use crate::observed::Observed;

/// Decides what has to be done.
pub fn plan(desired: &Desired, live: &Live, policy: &Policy) -> Plan {
    let mut planner = Planner {
        desired,
        live,
        policy,
        steps: vec![],
        images: BTreeSet::new(),
    };
    let services = planner.services();
    planner.infrastructure();
    let mut steps = planner.steps;
    steps.sort_by_key(Step::phase);
    let number = |(index, step)| Action {
        id: ActionId(index),
        step,
    };
    let actions = (0..).zip(steps).map(number).collect();
    Plan {
        goal: policy.goal.clone(),
        services,
        actions,
    }
}

struct Planner<'a> {
    desired: &'a Desired,
    live: &'a Live,
    policy: &'a Policy,
    steps: Vec<Step>,
    images: BTreeSet<ImageRef>,
}

impl Planner<'_> {
    fn services(&mut self) -> BTreeMap<ServiceName, Decision> {
        let mut decisions = BTreeMap::new();
        for (name, service) in &self.desired.services {
            decisions.insert(name.clone(), self.service(service));
        }
        for name in self.live.services.keys() {
            if self.desired.services.contains_key(name) {
                continue;
            }
            decisions.insert(name.clone(), self.orphan(name));
        }
        decisions
    }

    fn selected(&self, name: &ServiceName) -> bool {
        self.policy
            .only
            .as_ref()
            .is_none_or(|only| only.contains(name))
    }

    fn service(&mut self, service: &DesiredService) -> Decision {
        if !self.selected(&service.name) {
            return Decision::Skip {
                because: SkipReason::NotSelected,
            };
        }
        let live = match self.live.service(&service.name) {
            Observed::Unknown(reason) => {
                return Decision::Blocked {
                    on: Block::Unknown { reason },
                };
            }
            Observed::Absent => None,
            Observed::Known(live) => Some(live),
        };
        let reasons = reasons(service, live, &self.policy.goal);
        let Some(change) = change(service, live, &reasons, &self.policy.goal) else {
            return Decision::Skip {
                because: SkipReason::Unchanged,
            };
        };
        if let Change::Roll(_) = change {
            let image = &service.image;
            if self.is_gone(image) {
                return Decision::Blocked {
                    on: Block::ImageGone {
                        image: image.clone(),
                    },
                };
            }
            self.push(&service.name, image);
            let begins = !reasons.contains(&Reason::Unfinished);
            if matches!(self.policy.goal, Goal::Deploy) && begins {
                self.jobs(service);
            }
        }
        self.steps
            .push(step(service, live, change, &self.policy.goal));
        Decision::Deploy { reasons }
    }

    /// An image that a record names can't be built again: the working tree has moved on.
    fn is_gone(&self, image: &ImageRef) -> bool {
        !matches!(self.policy.goal, Goal::Deploy) && !self.live.images.contains(image)
    }

    fn push(&mut self, service: &ServiceName, image: &ImageRef) {
        let missing = !self.live.images.contains(image);
        if missing && self.images.insert(image.clone()) {
            self.steps.push(Step::Push {
                service: service.clone(),
                image: image.clone(),
            });
        }
    }

    fn jobs(&mut self, service: &DesiredService) {
        for name in &service.before {
            let planned = |step: &Step| matches!(step, Step::RunJob { job } if job.name == *name);
            if self.steps.iter().any(planned) {
                continue;
            }
            let Some(job) = self.desired.jobs.get::<JobName>(name) else {
                continue;
            };
            self.push(&job.service, &job.image);
            self.steps.push(Step::RunJob {
                job: Box::new(job.clone()),
            });
        }
    }

    fn orphan(&mut self, name: &ServiceName) -> Decision {
        if !self.selected(name) {
            return Decision::Skip {
                because: SkipReason::NotSelected,
            };
        }
        match (self.live.service(name), self.policy.orphans) {
            (Observed::Unknown(reason), Orphans::Remove) => Decision::Blocked {
                on: Block::Unknown { reason },
            },
            (Observed::Known(_), Orphans::Remove) => {
                self.steps.push(Step::Remove {
                    service: name.clone(),
                });
                Decision::Remove
            }
            _ => Decision::Orphan,
        }
    }

    fn infrastructure(&mut self) {
        let Some(document) = &self.desired.infrastructure else {
            return;
        };
        if self.live.infrastructure.known() == Some(&document.digest) {
            return;
        }
        self.steps.push(Step::Provision {
            document: document.clone(),
        });
    }
}

#[derive(Clone, Copy)]
enum Change {
    Roll(RollKind),
    Configure,
}

/// Everything that differs, in the order in which a person would name it.
fn reasons(service: &DesiredService, live: Option<&LiveService>, goal: &Goal) -> Vec<Reason> {
    let Some(live) = live else {
        return vec![Reason::New];
    };
    let mut reasons = vec![];
    let same_revision = is_same_revision(service, live);
    if live.image.as_ref() != Some(&service.image) {
        let from = live.image.as_ref().map(|image| image.digest.clone());
        reasons.push(Reason::Image {
            from,
            to: service.image.digest.clone(),
        });
    }
    if !same_revision {
        let before = live.document.as_ref().map(|document| &document.body);
        let fields = differing_fields(before, &service.revision.body);
        if !fields.is_empty() || reasons.is_empty() {
            reasons.push(Reason::Configuration { fields });
        }
    }
    if live.settings.as_ref() != Some(&service.settings.digest) {
        reasons.push(Reason::Settings);
    }
    if is_judged_anew(service, live, goal) {
        reasons.push(Reason::HealthCheck);
    }
    if let Some((from, to)) = count_change(service, live, goal) {
        reasons.push(Reason::Count { from, to });
    }
    match (&live.rollout, same_revision) {
        (LiveRollout::InProgress, true) => reasons.push(Reason::Unfinished),
        (LiveRollout::Failed, true) => reasons.push(Reason::FailedBefore),
        _ => {}
    }
    if matches!(goal, Goal::Restart) {
        reasons.push(Reason::Restart);
    }
    reasons
}

fn is_same_revision(service: &DesiredService, live: &LiveService) -> bool {
    match (&service.registered, &live.document) {
        (Some(registered), _) if *registered == live.revision => true,
        (_, Some(document)) => document.digest == service.revision.digest,
        (_, None) => false,
    }
}

/// Whether its tasks have to pass another health check than the one in force. A change of the count
/// puts up with whatever check it finds.
fn is_judged_anew(service: &DesiredService, live: &LiveService, goal: &Goal) -> bool {
    let wanted = service.check.as_ref().map(|check| &check.digest);
    wanted.is_some() && wanted != live.check.as_ref() && !matches!(goal, Goal::Scale { .. })
}

/// A count that the manifest changed since it was applied; never one that was changed elsewhere.
fn count_change(service: &DesiredService, live: &LiveService, goal: &Goal) -> Option<(u32, u32)> {
    let from = live.counts.desired;
    if let Goal::Scale { count } = goal {
        return (from != *count).then_some((from, *count));
    }
    let given_up = is_given_up(service, live);
    if !matches!(goal, Goal::Deploy | Goal::Undo { .. }) || (service.autoscaled && !given_up) {
        return None;
    }
    let declared_anew = live.declared_count != Some(service.count);
    ((declared_anew || given_up) && from != service.count).then_some((from, service.count))
}

/// A first rollout failed and its tasks were taken away, which left no declared count; its next
/// tasks are watched as a rollout, and autoscaling cannot bring them back.
fn is_given_up(service: &DesiredService, live: &LiveService) -> bool {
    let none_declared = live.declared_count == Some(0);
    let empty = live.counts.desired == 0 && service.count > 0;
    empty && (none_declared || live.rollout == LiveRollout::Failed)
}

fn change(
    service: &DesiredService,
    live: Option<&LiveService>,
    reasons: &[Reason],
    goal: &Goal,
) -> Option<Change> {
    let Some(live) = live else {
        return Some(Change::Roll(RollKind::Create));
    };
    if reasons.is_empty() {
        return None;
    }
    let has = |wanted: &[Reason]| reasons.iter().any(|reason| wanted.contains(reason));
    if !is_same_revision(service, live) {
        return Some(Change::Roll(RollKind::Update));
    }
    if has(&[Reason::Restart, Reason::FailedBefore, Reason::HealthCheck]) {
        return Some(Change::Roll(RollKind::Force));
    }
    if matches!(goal, Goal::Deploy) && is_given_up(service, live) {
        return Some(Change::Roll(RollKind::Force));
    }
    if has(&[Reason::Unfinished]) {
        // An update to the same revision applies the rest and begins nothing anew.
        let alone = reasons.len() == 1;
        let kind = if alone {
            RollKind::Follow
        } else {
            RollKind::Update
        };
        return Some(Change::Roll(kind));
    }
    Some(Change::Configure)
}

fn step(service: &DesiredService, live: Option<&LiveService>, change: Change, goal: &Goal) -> Step {
    let mut service = service.clone();
    let count = match live {
        None => Some(service.count),
        Some(live) => count_change(&service, live, goal).map(|(_, to)| to),
    };
    if let Some(live) = live.filter(|live| is_same_revision(&service, live)) {
        service.registered = Some(live.revision.clone());
    }
    match change {
        Change::Configure => Step::Configure {
            service: Box::new(service),
            count,
        },
        Change::Roll(kind) => {
            let from = live.map(|live| live.revision.clone());
            Step::Roll(Box::new(Roll {
                service,
                kind,
                count,
                from,
            }))
        }
    }
}
