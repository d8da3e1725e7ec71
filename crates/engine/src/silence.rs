//! A platform that stops answering while it is followed: told soon, waited for a while, then left.

use std::time::Duration;

use seaway_core::event::{EventKind, ReleaseEvent, Subject};
use seaway_ports::{PortError, PortErrorKind};

use crate::session::Session;

/// A shorter silence is a restart or a lost packet: nobody need know.
const TOLD_AFTER: Duration = Duration::from_secs(2);
/// As long as a person may take to start it again.
const LEFT_AFTER: Duration = Duration::from_secs(120);

/// How long nothing was answered.
#[derive(Debug, Default)]
pub(crate) struct Silence {
    since: Option<Duration>,
    told: bool,
}

impl Silence {
    /// An answer came.
    pub(crate) fn ends(&mut self, session: &Session) {
        if self.told {
            tell(session, ReleaseEvent::Answered);
        }
        *self = Self::default();
    }

    /// No answer came, for this reason.
    ///
    /// # Errors
    /// `Unavailable` once it has lasted too long.
    pub(crate) fn lasts(&mut self, session: &Session, reason: &str) -> Result<(), PortError> {
        let now = session.ports.clock.monotonic();
        let lasted = now.saturating_sub(*self.since.get_or_insert(now));
        if lasted >= TOLD_AFTER && !self.told {
            self.told = true;
            let reason = reason.to_owned();
            tell(session, ReleaseEvent::Unanswered { reason });
        }
        if lasted < LEFT_AFTER {
            return Ok(());
        }
        let what = format!("follow the release for {} s more", LEFT_AFTER.as_secs());
        let environment = &session.environment.name;
        let hint = format!("once it answers, `seaway resume {environment}` goes on");
        Err(PortError::new(PortErrorKind::Unavailable, what, reason).with_hint(hint))
    }
}

fn tell(session: &Session, event: ReleaseEvent) {
    session
        .events
        .emit(Subject::Release, EventKind::Release(event));
}
