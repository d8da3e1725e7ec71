//! Names the cause of a rollout that cannot succeed, from the evidence of one poll.
//!
//! A platform's circuit breaker counts failures; Seaway reads them. A failure counts as
//! deterministic when the next attempt cannot end differently (an image that is not there) or when
//! two attempts ended the same way and none succeeded. ECS-SEMANTICS.md has the texts that are
//! matched here.

use serde::{Deserialize, Serialize};

use crate::desired::WatchRules;
use crate::rollout::{Progress, RolloutState, StopSeen, TargetState, TaskSeen};
use crate::time::Timestamp;

/// Attempts that must end the same way before a crash counts as certain.
const CERTAIN_AFTER: usize = 2;

/// Exit code of a process that was killed by SIGKILL.
const KILLED: i32 = 137;

/// Why a rollout cannot succeed, with what shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    pub kind: CauseKind,
    /// The platform's own words.
    pub evidence: String,
    /// When the evidence came to be.
    pub since: Timestamp,
    /// Tasks that ended this way, newest last.
    pub tasks: Vec<String>,
}

/// The kinds of deterministic failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum CauseKind {
    ImageMissing,
    SecretMissing,
    CommandNotFound,
    CrashOnStart {
        exit_code: Option<i32>,
    },
    OutOfMemory,
    /// Nothing listens where the load balancer knocks.
    WrongPort {
        port: Option<u16>,
    },
    NeverHealthy {
        path: Option<String>,
    },
    /// The rollout took longer than the manifest allows.
    TimedOut,
}

impl Cause {
    /// One line that names the cause.
    pub fn title(&self) -> String {
        match &self.kind {
            CauseKind::ImageMissing => "the image cannot be pulled".into(),
            CauseKind::SecretMissing => "a secret or registry credential is missing".into(),
            CauseKind::CommandNotFound => "the command is not in the image".into(),
            CauseKind::CrashOnStart {
                exit_code: Some(code),
            } => {
                format!("every task ends soon after its start with exit code {code}")
            }
            CauseKind::CrashOnStart { exit_code: None } => {
                "every task ends soon after its start".into()
            }
            CauseKind::OutOfMemory => "tasks use more memory than they may".into(),
            CauseKind::WrongPort { port: Some(port) } => {
                format!("nothing answers on the service's port {port}")
            }
            CauseKind::WrongPort { port: None } => "nothing answers on the service's port".into(),
            CauseKind::NeverHealthy { path: Some(path) } => {
                format!("no task passed the health check of {path} within its grace period")
            }
            CauseKind::NeverHealthy { path: None } => {
                "no task became healthy within its grace period".into()
            }
            CauseKind::TimedOut => "the rollout took longer than its time-out".into(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self.kind {
            CauseKind::ImageMissing => "build and push it again with `seaway deploy`",
            CauseKind::SecretMissing => {
                "`seaway secrets check` names it; `seaway secrets set` gives it a value"
            }
            CauseKind::CommandNotFound => {
                "compare `command` with the files of the bundle: paths are relative to its root"
            }
            CauseKind::CrashOnStart { .. } => {
                "the last log lines above are the service's own words; `seaway logs` has all"
            }
            CauseKind::OutOfMemory => "raise `memory`, or find what grows",
            CauseKind::WrongPort { .. } => {
                "the service must listen on the port that the variable PORT tells it"
            }
            CauseKind::NeverHealthy { .. } => {
                "call the path yourself, compare `health.codes`, or allow more `health.grace`"
            }
            CauseKind::TimedOut => "see what it waited for above, or raise `rollout.timeout`",
        }
    }
}

/// The cause for which `progress` cannot end well, if the evidence suffices.
///
/// `began` is when the rollout was asked for.
pub fn diagnose(
    progress: &Progress,
    rules: &WatchRules,
    began: Timestamp,
    now: Timestamp,
) -> Option<Cause> {
    if progress.state != RolloutState::InProgress {
        return None;
    }
    explain(progress, rules, now).or_else(|| timed_out(rules, began, now))
}

/// What `progress` shows of a failure, whether or not the platform acted on it already.
pub fn explain(progress: &Progress, rules: &WatchRules, now: Timestamp) -> Option<Cause> {
    unstartable(progress)
        .or_else(|| crashing(progress))
        .or_else(|| unhealthy(progress, rules, now))
}

/// A task that could not be started for a reason that will not change.
fn unstartable(progress: &Progress) -> Option<Cause> {
    let event = |text: &str| {
        progress
            .events
            .iter()
            .rev()
            .find(|e| e.message.contains(text))
    };
    let stops = |task: &TaskSeen| task.stop.clone().map(|stop| (task.clone(), stop));
    for (task, stop) in progress.tasks.iter().filter_map(stops) {
        let words = format!(
            "{} {}",
            stop.reason,
            stop.container_reason.as_deref().unwrap_or("")
        );
        let Some(kind) = unstartable_kind(&words, &stop) else {
            continue;
        };
        return Some(Cause {
            kind,
            evidence: spoken(&stop),
            since: task
                .stopped_at
                .or(task.started_at)
                .unwrap_or(Timestamp::UNIX_EPOCH),
            tasks: vec![task.id],
        });
    }
    for (text, kind) in [
        ("CannotPullContainerError", CauseKind::ImageMissing),
        ("ResourceInitializationError", CauseKind::SecretMissing),
    ] {
        if let Some(found) = event(text) {
            let evidence = found.message.clone();
            return Some(Cause {
                kind,
                evidence,
                since: found.at,
                tasks: vec![],
            });
        }
    }
    None
}

fn unstartable_kind(words: &str, stop: &StopSeen) -> Option<CauseKind> {
    if words.contains("CannotPullContainerError") {
        // A registry that did not answer in time may answer the next time.
        let passing = words.contains("timeout") || words.contains("i/o time");
        return (!passing).then_some(CauseKind::ImageMissing);
    }
    if words.contains("ResourceInitializationError") {
        return Some(CauseKind::SecretMissing);
    }
    let not_started = words.contains("CannotStartContainerError");
    // Docker's, the kernel's and the embedded platform's words for it.
    let lower = words.to_lowercase();
    let for_good = [
        "not found",
        "no such file",
        "permission denied",
        "not a file",
        "neither a program",
    ];
    let unusable = for_good.iter().any(|text| lower.contains(text));
    if (not_started && unusable) || stop.exit_code == Some(127) {
        return Some(CauseKind::CommandNotFound);
    }
    None
}

/// Two tasks that ended by themselves while none is, or was, in service.
fn crashing(progress: &Progress) -> Option<Cause> {
    let healthy = |t: &TaskSeen| {
        t.target
            .as_ref()
            .is_some_and(|t| t.state == TargetState::Healthy)
    };
    if progress.tasks.iter().any(healthy) {
        return None;
    }
    let ended_itself = |stop: &StopSeen| {
        matches!(
            stop.code.as_deref(),
            Some("EssentialContainerExited" | "TaskFailedToStart")
        )
    };
    let crashes: Vec<(&TaskSeen, &StopSeen)> = progress
        .tasks
        .iter()
        .filter_map(|task| Some((task, task.stop.as_ref()?)))
        .filter(|(_, stop)| ended_itself(stop))
        .collect();
    if crashes.len() < CERTAIN_AFTER {
        return None;
    }
    let (_, last) = crashes.last()?;
    let since = crashes
        .iter()
        .filter_map(|(task, _)| task.stopped_at)
        .max()?;
    let memory = |stop: &StopSeen| {
        stop.container_reason
            .as_deref()
            .is_some_and(|r| r.contains("OutOfMemory"))
    };
    let kind = if crashes.iter().any(|(_, stop)| memory(stop)) {
        CauseKind::OutOfMemory
    } else {
        CauseKind::CrashOnStart {
            exit_code: last.exit_code.filter(|code| *code != KILLED),
        }
    };
    let tasks = crashes.iter().map(|(task, _)| task.id.clone()).collect();
    Some(Cause {
        kind,
        evidence: spoken(last),
        since,
        tasks,
    })
}

/// A task that the load balancer still refuses after its grace period.
fn unhealthy(progress: &Progress, rules: &WatchRules, now: Timestamp) -> Option<Cause> {
    let healthy = |t: &TaskSeen| {
        t.target
            .as_ref()
            .is_some_and(|t| t.state == TargetState::Healthy)
    };
    if progress.tasks.iter().any(healthy) {
        return None;
    }
    for task in &progress.tasks {
        let (Some(target), Some(started)) = (&task.target, task.started_at) else {
            continue;
        };
        let excused = started.saturating_add(rules.grace.duration()).ok()?;
        if target.state != TargetState::Unhealthy || now < excused {
            continue;
        }
        let refused = target.reason.as_deref() == Some("Target.FailedHealthChecks");
        let kind = if refused {
            CauseKind::WrongPort { port: rules.port }
        } else {
            CauseKind::NeverHealthy {
                path: rules.health_path.clone(),
            }
        };
        let words = target.description.clone().or_else(|| target.reason.clone());
        return Some(Cause {
            kind,
            evidence: words.unwrap_or_else(|| "unhealthy".into()),
            since: excused,
            tasks: vec![task.id.clone()],
        });
    }
    let failed_checks = |t: &&TaskSeen| {
        t.stop
            .as_ref()
            .is_some_and(|stop| stop.reason.contains("failed ELB health checks"))
    };
    let task = progress.tasks.iter().find(failed_checks)?;
    Some(Cause {
        kind: CauseKind::NeverHealthy {
            path: rules.health_path.clone(),
        },
        evidence: spoken(task.stop.as_ref()?),
        since: task.stopped_at.unwrap_or(now),
        tasks: vec![task.id.clone()],
    })
}

fn timed_out(rules: &WatchRules, began: Timestamp, now: Timestamp) -> Option<Cause> {
    let end = began.saturating_add(rules.timeout.duration()).ok()?;
    (now >= end).then(|| Cause {
        kind: CauseKind::TimedOut,
        evidence: format!("not completed after {}", rules.timeout),
        since: end,
        tasks: vec![],
    })
}

/// The platform's words for a stop, the more specific ones first.
fn spoken(stop: &StopSeen) -> String {
    let exit = stop
        .exit_code
        .map(|code| format!(" (exit code {code})"))
        .unwrap_or_default();
    match &stop.container_reason {
        Some(reason) if !reason.is_empty() => format!("{reason}{exit}"),
        _ => format!("{}{exit}", stop.reason),
    }
}

#[cfg(test)]
mod tests;
