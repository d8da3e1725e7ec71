//! The decision: what has to be done so that what is live becomes what is desired.
//!
//! [`plan`] is synchronous and deterministic. A [`Plan`] carries finished documents, so that
//! applying it decides nothing, and a typed reason for everything it does and does not do. After a
//! plan was applied, planning again finds nothing to do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::desired::{Desired, DesiredJob, DesiredService, Document, RevisionId};
use crate::digest::{Digest, ImageRef};
use crate::live::{Live, LiveRollout, LiveService};
use crate::name::{JobName, ServiceName};
use crate::observed::Observed;
use crate::release::ReleaseId;

/// What a command wants, beyond what the manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub goal: Goal,
    /// Only these services; none: all.
    pub only: Option<BTreeSet<ServiceName>>,
    pub orphans: Orphans,
}

/// What a plan is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Goal {
    Deploy,
    /// Back to what ran at the end of a release.
    Rollback {
        to: ReleaseId,
    },
    /// Back to one revision of one service.
    RollbackService {
        to: RevisionId,
    },
    /// New tasks of the same revisions.
    Restart,
    Scale {
        count: u32,
    },
    /// Takes back what an interrupted release changed.
    Undo {
        release: ReleaseId,
    },
}

/// What happens to services that the manifest no longer names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orphans {
    Keep,
    Remove,
}

/// Everything one release will do, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub goal: Goal,
    pub services: BTreeMap<ServiceName, Decision>,
    /// In the order of their phases; actions of one phase run side by side.
    pub actions: Vec<Action>,
}

/// What is decided for one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
pub enum Decision {
    Deploy {
        reasons: Vec<Reason>,
    },
    Skip {
        because: SkipReason,
    },
    /// No longer in the manifest; stays until it is removed with `--prune`.
    Orphan,
    Remove,
    Blocked {
        on: Block,
    },
}

/// Why a service is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    New,
    Image {
        from: Option<Digest>,
        to: Digest,
    },
    /// Fields of the task definition that differ, without their values.
    Configuration {
        fields: Vec<String>,
    },
    /// How the tasks are run, not what they are.
    Settings,
    Count {
        from: u32,
        to: u32,
    },
    /// The newest rollout of this revision has not ended yet.
    Unfinished,
    /// The newest rollout of this revision failed.
    FailedBefore,
    Restart,
}

/// Why nothing is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    Unchanged,
    NotSelected,
}

/// Why nothing can be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "block")]
pub enum Block {
    /// Its state could not be observed.
    Unknown { reason: String },
    /// The registry no longer holds the image and it cannot be built again from a record.
    ImageGone { image: ImageRef },
}

/// Position of an action in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionId(pub u32);

/// One thing to do, complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    pub id: ActionId,
    pub step: Step,
}

/// The kinds of actions, in the order of their phases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Step {
    Push {
        service: ServiceName,
        image: ImageRef,
    },
    Provision {
        document: Document,
    },
    RunJob {
        job: Box<DesiredJob>,
    },
    Roll(Box<Roll>),
    /// Applies settings and count without new tasks.
    Configure {
        service: Box<DesiredService>,
        count: Option<u32>,
    },
    Remove {
        service: ServiceName,
    },
}

/// A service moves to a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roll {
    pub service: DesiredService,
    pub kind: RollKind,
    /// Sets the desired count; none: it stays as it is.
    pub count: Option<u32>,
    /// What runs now.
    pub from: Option<RevisionId>,
}

/// How a rollout begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollKind {
    Create,
    Update,
    /// New tasks although nothing differs.
    Force,
    /// It has begun already: only watched.
    Follow,
}

/// Phases run one after the other; a failure in one keeps the later ones from starting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Push,
    Provision,
    Jobs,
    Services,
    Removals,
}

impl Step {
    /// The phase the step belongs to.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Push { .. } => Phase::Push,
            Self::Provision { .. } => Phase::Provision,
            Self::RunJob { .. } => Phase::Jobs,
            Self::Roll(_) | Self::Configure { .. } => Phase::Services,
            Self::Remove { .. } => Phase::Removals,
        }
    }
}

impl Plan {
    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Services that cannot be planned; such a plan cannot be applied.
    pub fn blocked(&self) -> impl Iterator<Item = (&ServiceName, &Block)> {
        self.services
            .iter()
            .filter_map(|(name, decision)| match decision {
                Decision::Blocked { on } => Some((name, on)),
                _ => None,
            })
    }

    /// The content address of everything that would be done, to see whether a plan that was
    /// confirmed is still the same.
    pub fn digest(&self) -> Digest {
        let body = serde_json::to_value(self).unwrap_or_default();
        Digest::of_document(&body)
    }
}

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
        let Some(change) = change(service, live, &reasons) else {
            return Decision::Skip {
                because: SkipReason::Unchanged,
            };
        };
        if let Change::Roll(kind) = change {
            let image = &service.image;
            if self.is_gone(image) {
                return Decision::Blocked {
                    on: Block::ImageGone {
                        image: image.clone(),
                    },
                };
            }
            self.push(&service.name, image);
            if matches!(self.policy.goal, Goal::Deploy) && kind != RollKind::Follow {
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
        let orphans = if self.selected(name) {
            self.policy.orphans
        } else {
            Orphans::Keep
        };
        match (self.live.service(name), orphans) {
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

/// A count that the manifest changed since it was applied; never one that was changed elsewhere.
fn count_change(service: &DesiredService, live: &LiveService, goal: &Goal) -> Option<(u32, u32)> {
    let from = live.counts.desired;
    if let Goal::Scale { count } = goal {
        return (from != *count).then_some((from, *count));
    }
    if !matches!(goal, Goal::Deploy) || service.autoscaled {
        return None;
    }
    let declared_anew = live.declared_count != Some(service.count);
    let given_up = live.rollout == LiveRollout::Failed && from == 0;
    ((declared_anew || given_up) && from != service.count).then_some((from, service.count))
}

fn change(
    service: &DesiredService,
    live: Option<&LiveService>,
    reasons: &[Reason],
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
    if has(&[Reason::Restart, Reason::FailedBefore]) {
        return Some(Change::Roll(RollKind::Force));
    }
    if has(&[Reason::Unfinished]) && reasons.len() == 1 {
        return Some(Change::Roll(RollKind::Follow));
    }
    Some(Change::Configure)
}

fn step(service: &DesiredService, live: Option<&LiveService>, change: Change, goal: &Goal) -> Step {
    let mut service = service.clone();
    let count = match live {
        None => Some(service.count),
        Some(live) => count_change(&service, live, goal).map(|(_, to)| to),
    };
    match change {
        Change::Configure => Step::Configure {
            service: Box::new(service),
            count,
        },
        Change::Roll(kind) => {
            let from = live.map(|live| live.revision.clone());
            if let Some(live) = live.filter(|live| is_same_revision(&service, live)) {
                service.registered = Some(live.revision.clone());
            }
            Step::Roll(Box::new(Roll {
                service,
                kind,
                count,
                from,
            }))
        }
    }
}

/// Paths of the fields in which two documents differ, values left out: they may be private.
fn differing_fields(before: Option<&serde_json::Value>, after: &serde_json::Value) -> Vec<String> {
    let mut fields = vec![];
    if let Some(before) = before {
        walk(before, after, &mut String::new(), &mut fields);
    }
    fields.retain(|field| !field.ends_with(".image"));
    fields
}

fn walk(
    before: &serde_json::Value,
    after: &serde_json::Value,
    path: &mut String,
    fields: &mut Vec<String>,
) {
    use serde_json::Value;
    if before == after {
        return;
    }
    let length = path.len();
    let mut descend = |key: &str, before: &Value, after: &Value, path: &mut String| {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        walk(before, after, path, fields);
        path.truncate(length);
    };
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let none = Value::Null;
                descend(
                    key,
                    a.get(key).unwrap_or(&none),
                    b.get(key).unwrap_or(&none),
                    path,
                );
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for (key, before, after) in paired(a, b) {
                descend(&key, &before, &after, path);
            }
        }
        _ => fields.push(path.clone()),
    }
}

/// Pairs list items by their `name` where they have one, as ECS documents do, else by position.
fn paired(
    a: &[serde_json::Value],
    b: &[serde_json::Value],
) -> Vec<(String, serde_json::Value, serde_json::Value)> {
    let keyed = |items: &[serde_json::Value]| -> BTreeMap<String, serde_json::Value> {
        let key = |index: usize, item: &serde_json::Value| {
            let name = item.get("name").and_then(|name| name.as_str());
            name.map_or_else(|| index.to_string(), str::to_owned)
        };
        items
            .iter()
            .enumerate()
            .map(|(i, item)| (key(i, item), item.clone()))
            .collect()
    };
    let (a, b) = (keyed(a), keyed(b));
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let of = |map: &BTreeMap<String, serde_json::Value>, key: &String| {
        map.get(key).cloned().unwrap_or_default()
    };
    keys.into_iter()
        .map(|key| (key.clone(), of(&a, key), of(&b, key)))
        .collect()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
