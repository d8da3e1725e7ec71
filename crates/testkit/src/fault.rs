//! What can go wrong, as a test says it.

use std::time::Duration;

use seaway_ports::PortErrorKind;

/// What tasks made from one image do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Behaviour {
    /// In service two seconds after the rollout began.
    #[default]
    Healthy,
    /// In service after this long.
    Slow(Duration),
    /// Ends with exit code 1 as soon as it started.
    CrashAtStart,
    /// Runs, and answers the health check with an error.
    NeverHealthy,
    /// Runs, and listens where nobody knocks.
    WrongPort,
    /// Cannot be pulled.
    ImageMissing,
    /// Asks for a secret that is not there.
    SecretMissing,
    /// After this long somebody else rolls the service out.
    Superseded(Duration),
    /// After this long somebody else removes the service.
    Vanishes(Duration),
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobBehaviour {
    SucceedsAfter(Duration),
    FailsAfter(Duration, i32),
}

impl Default for JobBehaviour {
    fn default() -> Self {
        Self::SucceedsAfter(Duration::from_secs(1))
    }
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It is refused and changes nothing.
    Refused(PortErrorKind),
    /// It takes effect, but its answer gets lost.
    Lost,
}

/// Calls that go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFault {
    /// The beginning of the call's name: `progress`, `create api`.
    pub call: String,
    /// How many matching calls go well first.
    pub skip: usize,
    /// How many matching calls go wrong then.
    pub times: usize,
    pub how: Failure,
}

impl CallFault {
    /// The next call whose name begins with `call` goes wrong once.
    pub fn once(call: impl Into<String>, how: Failure) -> Self {
        Self {
            call: call.into(),
            skip: 0,
            times: 1,
            how,
        }
    }

    /// The same fault for `times` calls.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// The same fault after `skip` calls that go well.
    #[must_use]
    pub fn after(self, skip: usize) -> Self {
        Self { skip, ..self }
    }
}

/// Where in a call a command is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The call never arrives.
    Before,
    /// The call takes effect; its answer is never read.
    After,
}
