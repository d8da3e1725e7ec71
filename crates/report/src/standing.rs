//! Where a release stands that is no longer followed: what goes on without the command, and what
//! waits for the next one.

use std::collections::BTreeMap;

use seaway_core::desired::RevisionId;
use seaway_core::event::{BuildEvent, Event, EventKind, InfrastructureEvent, Subject};
use seaway_core::name::EnvironmentName;
use seaway_core::release::ReleaseId;
use serde::Serialize;

use crate::narrate::subject_name;
use crate::style::{Role, Style};
use crate::text::Text;
use crate::track::{Ending, Phase, State, Track};
use crate::words;

/// Hears every event of a release, and knows at any moment what would become of it unfollowed.
#[derive(Debug, Default)]
pub struct Standing {
    track: Track,
    pushed: usize,
    provisioned: bool,
}

/// What becomes of one service or job when nobody follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It came to its end.
    Done,
    /// It went back, or failed.
    NotDone,
    /// The platform carries it on by itself.
    GoesOn,
    /// Nothing begins until a command does.
    Waits,
}

impl Standing {
    /// Takes an event in.
    pub fn event(&mut self, event: &Event) {
        self.track.apply(event);
        match event.kind {
            EventKind::Build(BuildEvent::Pushed { .. }) => self.pushed += 1,
            EventKind::Infrastructure(InfrastructureEvent::Ready { .. }) => self.provisioned = true,
            _ => {}
        }
    }

    /// Each service and job by name; a job's as `job NAME`.
    pub fn fates(&self) -> BTreeMap<String, Fate> {
        let fate = |(subject, state): (&Subject, &State)| (subject_name(subject), fate(state));
        self.track.subjects.iter().map(fate).collect()
    }

    /// The release that is left, what goes on, what waits, and the next steps.
    pub fn told(&self, release: ReleaseId, environment: &EnvironmentName, style: Style) -> String {
        let mut lines = vec![
            Text::new(Role::Strong, release.to_string())
                .and(Role::Plain, format!(" of {environment} is not finished: "))
                .and(Role::Plain, self.in_short()),
        ];
        let names = self.track.subjects.keys().map(subject_name);
        let width = names.map(|name| name.len()).max().unwrap_or(0);
        for (subject, state) in &self.track.subjects {
            let name = format!("  {:<width$}  ", subject_name(subject));
            lines.push(Text::new(Role::Strong, name).join(becomes(state)));
        }
        lines.push(Text::new(Role::Strong, "hint: ").and(
            Role::Plain,
            format!(
                "`seaway resume {environment}` goes on with it to its end, \
                 `seaway resume --undo {environment}` takes it back; \
                 `seaway status {environment}` shows what runs"
            ),
        ));
        let wrapped = lines.iter().flat_map(|line| line.wrap(style.width));
        wrapped.map(|line| line.paint(style) + "\n").collect()
    }

    fn in_short(&self) -> String {
        let all = self.fates();
        let any = |fate: Fate| all.values().any(|one| *one == fate);
        let rest = match (any(Fate::GoesOn), any(Fate::Waits)) {
            (true, true) => "the platform carries on what began, the rest waits",
            (true, false) => "the platform carries on by itself",
            (false, _) => "nothing goes on by itself",
        };
        let done = [
            (self.pushed > 0).then(|| format!("{} pushed", words::count(self.pushed, "image"))),
            self.provisioned.then(|| "infrastructure ready".to_owned()),
        ];
        let done: Vec<String> = done.into_iter().flatten().collect();
        if done.is_empty() {
            rest.to_owned()
        } else {
            format!("{}; {rest}", done.join(", "))
        }
    }
}

/// Whether the platform carries anything on by itself.
pub(crate) fn goes_on(track: &Track) -> bool {
    let mut states = track.subjects.values();
    states.any(|state| fate(state) == Fate::GoesOn)
}

fn fate(state: &State) -> Fate {
    match &state.phase {
        Phase::Waiting | Phase::Building | Phase::Built | Phase::ToGoBack => Fate::Waits,
        Phase::Running | Phase::Rolling | Phase::Adjusting | Phase::GoingBack => Fate::GoesOn,
        Phase::Ended(Ending::Succeeded | Ending::Removed) => Fate::Done,
        Phase::Ended(_) => Fate::NotDone,
    }
}

fn becomes(state: &State) -> Text {
    let revision = state.revision.as_ref().map(RevisionId::short);
    let to = |verb: &str| match revision {
        Some(revision) => Text::plain(format!("{verb} to {revision}")),
        None => Text::plain(verb),
    };
    match &state.phase {
        Phase::Waiting | Phase::Building | Phase::Built => Text::new(Role::Warn, "waits"),
        Phase::ToGoBack => Text::new(Role::Warn, "waits to go back"),
        Phase::Running => Text::plain("runs on to its end"),
        Phase::Rolling | Phase::Adjusting => to("goes on"),
        Phase::GoingBack if state.returning => to("goes on back"),
        Phase::GoingBack => Text::plain("goes on back"),
        Phase::Ended(Ending::Succeeded) => Text::new(Role::Good, "done"),
        Phase::Ended(Ending::Removed) => Text::new(Role::Good, "removed"),
        Phase::Ended(Ending::RolledBack { .. } | Ending::TakenBack) => {
            Text::new(Role::Warn, "went back")
        }
        Phase::Ended(Ending::Superseded) => Text::plain("superseded by a newer rollout"),
        Phase::Ended(Ending::Failed { .. }) => Text::new(Role::Bad, "failed"),
    }
}
