//! What befalls a task on its way to its processes.

use std::time::Duration;

use seaway_runtime::task::{MemoryLimit, Root, StopSignal, TaskSpec};

use super::kind::FaultKind;
use crate::services::task_secrets::SecretSource;

/// How long a pull waits for a registry that does not answer. AWS's pulls take minutes to give up.
const REGISTRY_PATIENCE: Duration = Duration::from_secs(5);
/// Less than any program needs.
const NO_MEMORY: MemoryLimit = MemoryLimit(64 * 1024);
/// The least that Docker takes.
const LEAST_MEMORY: MemoryLimit = MemoryLimit(6 * 1024 * 1024);
/// A signal that nobody reacts to unless stopped (POSIX: continues the process).
const UNHEARD: &str = "SIGCONT";

/// The faults of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TaskFaults(Vec<(FaultKind, Duration)>);

impl TaskFaults {
    pub(super) fn add(&mut self, kind: FaultKind, time: Duration) {
        self.0.push((kind, time));
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn time_of(&self, kind: FaultKind) -> Option<Duration> {
        let found = self.0.iter().find(|(own, _)| *own == kind);
        found.map(|(_, time)| *time)
    }

    fn has(&self, kind: FaultKind) -> bool {
        self.time_of(kind).is_some()
    }

    /// Why the task is not placed, in ECS's words.
    pub(crate) fn placement(&self) -> Option<String> {
        self.has(FaultKind::PlacementFailure).then(|| {
            "Capacity is unavailable at this time. Please try again later or in a different \
             availability zone"
                .to_owned()
        })
    }

    /// How long the pull waits before it fails.
    pub(crate) fn pull_wait(&self) -> Option<Duration> {
        self.has(FaultKind::RegistryTimeOut)
            .then_some(REGISTRY_PATIENCE)
    }

    /// Why the image is not pulled, in ECS's words.
    pub(crate) fn pull(&self, image: &str) -> Option<String> {
        let reason = if self.has(FaultKind::ImageNotFound) {
            format!("failed to resolve ref {image}: {image}: not found")
        } else if self.has(FaultKind::PullDenied) {
            format!(
                "pull access denied for {image}, repository does not exist or may require \
                 authorization: authorization failed: no basic auth credentials"
            )
        } else if self.has(FaultKind::RegistryTimeOut) {
            let retried = "pull image manifest has been retried 5 time(s)";
            format!("{retried}: failed to resolve ref {image}: failed to do request: i/o timeout")
        } else if self.has(FaultKind::DiskFull) {
            format!("failed to extract layer of {image}: write: no space left on device")
        } else {
            return None;
        };
        Some(format!("CannotPullContainerError: {reason}"))
    }

    /// Why a secret is not read, in ECS's words.
    pub(crate) fn secret(&self, reference: &str) -> Option<String> {
        let source = SecretSource::of(reference);
        let reason = if self.has(FaultKind::SecretMissing) {
            missing(source, reference)
        } else if self.has(FaultKind::SecretDenied) {
            denied(source, reference)
        } else {
            return None;
        };
        Some(format!(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution \
             resource retrieval failed: {reason}"
        ))
    }

    /// Changes what is about to be started.
    pub(crate) fn afflict(&self, spec: &mut TaskSpec, signal: &mut StopSignal) {
        for container in &mut spec.containers {
            if self.has(FaultKind::OutOfMemory) {
                container.memory = Some(match container.root {
                    Root::Directory(_) => NO_MEMORY,
                    Root::Image(_) => LEAST_MEMORY,
                });
            }
        }
        if self.has(FaultKind::IgnoredSigterm)
            && let Ok(unheard) = UNHEARD.parse()
        {
            *signal = unheard;
        }
    }

    /// When the task is killed, after its start.
    pub(crate) fn crash(&self) -> Option<Duration> {
        self.time_of(FaultKind::CrashLoop)
    }
}

fn missing(source: SecretSource, reference: &str) -> String {
    match source {
        SecretSource::SecretsManager => format!(
            "unable to retrieve secret from asm: failed to fetch secret {reference} from secrets \
             manager: ResourceNotFoundException: Secrets Manager can't find the specified secret."
        ),
        SecretSource::ParameterStore => {
            format!("unable to retrieve secrets from ssm: invalid ssm parameters: {reference}")
        }
    }
}

fn denied(source: SecretSource, reference: &str) -> String {
    match source {
        SecretSource::SecretsManager => format!(
            "unable to retrieve secret from asm: failed to fetch secret {reference} from secrets \
             manager: AccessDeniedException: User is not authorized to perform: \
             secretsmanager:GetSecretValue on this resource because no identity-based policy \
             allows the action"
        ),
        SecretSource::ParameterStore => format!(
            "unable to retrieve secrets from ssm: AccessDeniedException: User is not authorized \
             to perform: ssm:GetParameters on resource: {reference} because no identity-based \
             policy allows the ssm:GetParameters action"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(kind: FaultKind) -> TaskFaults {
        TaskFaults(vec![(kind, Duration::from_secs(7))])
    }

    #[test]
    fn pulls_and_secrets_fail_in_the_words_of_ecs() {
        let pull = |kind| only(kind).pull("registry/api:1").unwrap_or_default();
        let start = "CannotPullContainerError: ";
        for (kind, part) in [
            (FaultKind::ImageNotFound, "not found"),
            (FaultKind::PullDenied, "pull access denied"),
            (FaultKind::RegistryTimeOut, "i/o timeout"),
            (FaultKind::DiskFull, "no space left on device"),
        ] {
            let words = pull(kind);
            assert!(words.starts_with(start) && words.contains(part), "{words}");
        }
        assert_eq!(only(FaultKind::SecretMissing).pull("api"), None);
        let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:db";
        for (kind, reference, part) in [
            (
                FaultKind::SecretMissing,
                arn,
                "asm: failed to fetch secret arn:",
            ),
            (
                FaultKind::SecretDenied,
                arn,
                "secretsmanager:GetSecretValue",
            ),
            (
                FaultKind::SecretMissing,
                "/db",
                "invalid ssm parameters: /db",
            ),
            (
                FaultKind::SecretDenied,
                "/db",
                "ssm:GetParameters on resource: /db",
            ),
        ] {
            let words = only(kind).secret(reference).unwrap();
            assert!(words.starts_with("ResourceInitializationError: "));
            assert!(words.contains(part), "{words}");
        }
    }
}
