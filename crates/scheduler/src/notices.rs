//! Service events: the texts of ECS, gathered over a step, repeated ones suppressed.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::command::{Command, ServiceEvent};
use crate::id::{DeploymentId, TargetGroupArn, TaskId};
use crate::service::Service;
use crate::task::Target;

/// What has been said and is not said again until it was resolved or time has passed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Notices {
    /// When the steady state was last reported; none while there is none.
    pub(crate) steady_since: Option<Millis>,
    said: Vec<Said>,
}

/// A text that would otherwise be repeated with each attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Said {
    topic: Topic,
    text: String,
    at: Millis,
}

/// What has to be resolved before a text may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Topic {
    /// Tasks do not start.
    Starting,
    /// The bounds leave no room.
    Deadlock,
    /// Protected tasks stay.
    Protection,
}

/// Different texts that are remembered; reasons may carry anything.
const REMEMBERED: usize = 16;

impl Notices {
    /// What the texts of a topic were about is over.
    pub(crate) fn resolve(&mut self, topic: Topic) {
        self.said.retain(|said| said.topic != topic);
    }
}

/// What a step has decided so far: commands, and what their events will say.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) commands: Vec<Command>,
    opening: Vec<String>,
    started: Vec<TaskId>,
    replaced: usize,
    stopped_running: Vec<TaskId>,
    stopped_pending: usize,
    draining: Vec<(Option<DeploymentId>, u32)>,
    closing: Vec<String>,
}

impl Outbox {
    /// Something to say before what was done about it.
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.opening.push(text.into());
    }

    /// Something to say after everything else.
    pub(crate) fn conclude(&mut self, text: impl Into<String>) {
        self.closing.push(text.into());
    }

    pub(crate) fn started(&mut self, task: TaskId) {
        self.started.push(task);
    }

    pub(crate) fn started_as_replacement(&mut self, task: TaskId) {
        self.started.push(task);
        self.replaced += 1;
    }

    pub(crate) fn stopped_running(&mut self, task: TaskId) {
        self.stopped_running.push(task);
    }

    pub(crate) fn stopped_pending(&mut self) {
        self.stopped_pending += 1;
    }

    /// `task_set` is named where the task's deployment is not the primary one.
    pub(crate) fn draining(&mut self, task_set: Option<DeploymentId>) {
        match self.draining.iter_mut().find(|(set, _)| *set == task_set) {
            Some((_, tasks)) => *tasks += 1,
            None => self.draining.push((task_set, 1)),
        }
    }
}

impl Service {
    /// Turns what a step gathered into events, in the order in which ECS logs them.
    pub(crate) fn flush(&mut self, out: &mut Outbox) {
        let mut texts = std::mem::take(&mut out.opening);
        texts.extend(started(&out.started, out.replaced));
        texts.extend(target_changes(&out.commands, "registered", registration));
        texts.extend(stopped(&out.stopped_running));
        if out.stopped_pending > 0 {
            texts.push(format!("stopped {} pending tasks.", out.stopped_pending));
        }
        texts.extend(target_changes(
            &out.commands,
            "deregistered",
            deregistration,
        ));
        let name = self.name.clone();
        for text in texts {
            self.emit(format!("(service {name}) {text}"), out);
        }
        for (task_set, tasks) in std::mem::take(&mut out.draining) {
            let task_set = task_set
                .map(|set| format!(", taskSet {set}"))
                .unwrap_or_default();
            let text = format!("has begun draining connections on {tasks} tasks.");
            self.emit(format!("(service {name}{task_set}) {text}"), out);
        }
        for text in std::mem::take(&mut out.closing) {
            self.emit(format!("(service {name}) {text}"), out);
        }
    }

    /// Says something, unless it has been said and nothing has changed since.
    pub(crate) fn say_once(&mut self, topic: Topic, text: String, out: &mut Outbox) {
        let (now, repeat) = (self.clock.now(), self.profile.repeated_event);
        let said = &mut self.notices.said;
        said.retain(|said| said.at.distance(now) < repeat);
        if said.iter().any(|said| said.text == text) {
            return;
        }
        if said.len() == REMEMBERED {
            said.remove(0);
        }
        said.push(Said {
            topic,
            text: text.clone(),
            at: now,
        });
        out.say(text);
    }

    fn emit(&mut self, message: String, out: &mut Outbox) {
        let event = ServiceEvent {
            id: self.ids.event(),
            created_at: self.clock.now(),
            message,
        };
        out.commands.push(Command::Emit(event));
    }
}

/// The note about a task that fails a load balancer's check.
pub(crate) fn unhealthy_target(task: &TaskId, target: &Target, description: &str) -> String {
    let Target { group, port, .. } = target;
    format!(
        "(task {task}) (port {port}) is unhealthy in (target-group {group}) due to (reason {description})."
    )
}

/// The note about a task that fails its container check.
pub(crate) fn unhealthy_container(task: &TaskId) -> String {
    format!("(task {task}) failed container health checks.")
}

/// The note about a task that will never run.
pub(crate) fn not_placed(reason: &str) -> String {
    format!(
        "was unable to place a task. Reason: {}.",
        reason.trim_end_matches('.')
    )
}

/// The note about tasks that may not be stopped.
pub(crate) fn under_protection(tasks: u32) -> String {
    format!("was unable to scale in due to (reason {tasks} tasks under protection).")
}

/// Tasks fail to start, again and again.
pub(crate) const INCONSISTENT: &str = "is unable to consistently start tasks successfully.";

/// Neither bound leaves room.
pub(crate) const DEADLOCKED: &str = "was unable to stop or start tasks during a deployment because \
     of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent \
     value and try again.";

/// Nothing is left to do.
pub(crate) const STEADY: &str = "has reached a steady state.";

fn started(tasks: &[TaskId], replaced: usize) -> Option<String> {
    let names = names(tasks)?;
    let replaced = match replaced {
        0 => String::new(),
        tasks => format!(" Amazon ECS replaced {tasks} tasks due to an unhealthy status."),
    };
    Some(format!(
        "has started {} tasks: {names}.{replaced}",
        tasks.len()
    ))
}

fn stopped(tasks: &[TaskId]) -> Option<String> {
    let names = names(tasks)?;
    Some(format!(
        "has stopped {} running tasks: {names}.",
        tasks.len()
    ))
}

fn names(tasks: &[TaskId]) -> Option<String> {
    let names: Vec<_> = tasks.iter().map(|task| format!("(task {task})")).collect();
    (!names.is_empty()).then(|| names.join(" "))
}

/// One text per target group, without a final period: ECS writes none here.
fn target_changes(
    commands: &[Command],
    verb: &str,
    group_of: fn(&Command) -> Option<&TargetGroupArn>,
) -> Vec<String> {
    let mut groups: Vec<(&TargetGroupArn, u32)> = Vec::new();
    for group in commands.iter().filter_map(group_of) {
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, targets)) => *targets += 1,
            None => groups.push((group, 1)),
        }
    }
    let text = |(group, targets)| format!("{verb} {targets} targets in (target-group {group})");
    groups.into_iter().map(text).collect()
}

fn registration(command: &Command) -> Option<&TargetGroupArn> {
    match command {
        Command::RegisterTarget { target_group, .. } => Some(target_group),
        _ => None,
    }
}

fn deregistration(command: &Command) -> Option<&TargetGroupArn> {
    match command {
        Command::DeregisterTarget { target_group, .. } => Some(target_group),
        _ => None,
    }
}
