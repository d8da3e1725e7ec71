//! One event in words: what the lines and the live display have in common.

use seaway_core::desired::RevisionId;
use seaway_core::diagnosis::Cause;
use seaway_core::event::{
    BuildEvent, Event, EventKind, InfrastructureEvent, JobEvent, LockEvent, ReleaseEvent,
    RolloutEnd, RolloutEvent, ServiceEvent, Subject,
};
use seaway_core::plan::RollKind;

use crate::standing::goes_on;
use crate::style::{Mark, Role};
use crate::text::Text;
use crate::track::{State, Track};
use crate::when::{between, clock, span, took};
use crate::words;

/// An event as it is told.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) weight: Weight,
    pub(crate) mark: Mark,
    pub(crate) subject: String,
    pub(crate) text: Text,
    pub(crate) details: Vec<Detail>,
}

/// Who wants to hear it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// A log of lines; a live display has its own way to show it.
    Chatter,
    /// Everybody.
    Notable,
}

/// What stands below an event.
#[derive(Debug)]
pub(crate) enum Detail {
    /// A line that somebody else wrote, shown as it is.
    Said(String),
    Note(Text),
}

impl Told {
    fn new(subject: &Subject, text: Text) -> Self {
        let (weight, mark) = (Weight::Notable, Mark::None);
        Self {
            weight,
            mark,
            subject: subject_name(subject),
            text,
            details: vec![],
        }
    }

    fn marked(self, mark: Mark) -> Self {
        Self { mark, ..self }
    }

    fn chatter(self) -> Self {
        Self {
            weight: Weight::Chatter,
            ..self
        }
    }

    fn with(mut self, details: impl IntoIterator<Item = Detail>) -> Self {
        self.details.extend(details);
        self
    }

    /// Text of others that may have several lines: the first is told, the others are shown below.
    fn quoting(subject: &Subject, lead: &str, quoted: &str) -> Self {
        let mut lines = quoted.lines();
        let first = lines.next().unwrap_or("no reason was given");
        let said = |line: &str| Detail::Said(line.to_owned());
        Self::new(subject, Text::plain(lead).and(Role::Plain, first)).with(lines.map(said))
    }
}

/// The event in words, after `track` took it in.
pub(crate) fn narrate(event: &Event, track: &Track) -> Told {
    let subject = &event.subject;
    match &event.kind {
        EventKind::Release(release) => self::release(event, release, track),
        EventKind::Lock(lock) => self::lock(event, lock),
        EventKind::Build(build) => self::build(subject, build),
        EventKind::Infrastructure(infrastructure) => self::infrastructure(subject, infrastructure),
        EventKind::Job(job) => self::job(subject, job),
        EventKind::Rollout(rollout) => self::rollout(event, rollout, track),
        EventKind::Service(service) => self::service(subject, service),
    }
}

/// The name in front of a subject's lines.
pub(crate) fn subject_name(subject: &Subject) -> String {
    match subject {
        Subject::Release => "release".into(),
        Subject::Service(name) => name.to_string(),
        Subject::Job(name) => format!("job {name}"),
    }
}

fn release(event: &Event, release: &ReleaseEvent, track: &Track) -> Told {
    let told = |text: Text| Told::new(&event.subject, text);
    match release {
        ReleaseEvent::Started {
            id,
            environment,
            origin,
            plan,
        } => {
            let text = Text::new(Role::Strong, id.to_string())
                .and(
                    Role::Plain,
                    format!(" of {environment}: {}", words::what(plan)),
                )
                .and(
                    Role::Dim,
                    format!("  by {}, {}", origin.by, words::source(origin)),
                );
            told(text)
        }
        ReleaseEvent::Resumed { id } => told(Text::plain(format!("{id} goes on"))),
        ReleaseEvent::Interrupted => {
            let rest = if goes_on(track) {
                "the platform goes on"
            } else {
                "nothing goes on by itself"
            };
            told(Text::plain(format!("no longer followed; {rest}"))).marked(Mark::Passed)
        }
        ReleaseEvent::Unanswered { reason } => told(Text::plain(format!(
            "the platform does not answer, still trying: {reason}"
        )))
        .marked(Mark::Bad),
        ReleaseEvent::Answered => {
            told(Text::plain("the platform answers again")).marked(Mark::Passed)
        }
        ReleaseEvent::Ended { id, outcome } => {
            let mark = words::outcome_mark(*outcome);
            told(Text::new(mark.role(), format!("{id} {outcome}")))
                .marked(mark)
                .chatter()
        }
    }
}

fn lock(event: &Event, lock: &LockEvent) -> Told {
    let text = match lock {
        LockEvent::Waiting {
            holder,
            purpose,
            since,
        } => {
            let when = format!("since {} ({})", clock(*since), span(*since, event.at));
            Text::plain("waiting for ")
                .and(Role::Strong, holder)
                .and(Role::Plain, format!(": {purpose}"))
                .and(Role::Dim, format!(", {when}"))
        }
        LockEvent::TakenOver { holder, purpose } => Text::plain(format!(
            "took over from {holder} ({purpose}), who gives no sign of life"
        )),
        LockEvent::Acquired => Text::plain("the wait is over"),
    };
    Told::new(&event.subject, text)
}

fn build(subject: &Subject, build: &BuildEvent) -> Told {
    match build {
        BuildEvent::Started {
            command: Some(command),
        } => {
            let text = Text::plain("building  ").and(Role::Dim, command);
            Told::new(subject, text).chatter()
        }
        BuildEvent::Started { command: None } => {
            Told::new(subject, Text::plain("bundling")).chatter()
        }
        BuildEvent::Output { line } => said(subject, line).chatter(),
        BuildEvent::Built {
            image,
            files,
            bytes,
        } => {
            let files = words::count(*files as usize, "file");
            let text = Text::plain("built ")
                .and(Role::Plain, image.digest.short())
                .and(Role::Dim, format!("  {files}, {}", words::size(*bytes)));
            Told::new(subject, text)
        }
        BuildEvent::Pushed { image } => {
            let text = Text::plain("pushed ").and(Role::Plain, image.digest.short());
            Told::new(subject, text).chatter()
        }
        BuildEvent::Failed { error } => {
            Told::quoting(subject, "no image: ", error).marked(Mark::Bad)
        }
    }
}

fn said(subject: &Subject, line: &str) -> Told {
    Told::new(subject, Text::default()).with([Detail::Said(line.to_owned())])
}

fn infrastructure(subject: &Subject, infrastructure: &InfrastructureEvent) -> Told {
    let told = match infrastructure {
        InfrastructureEvent::Started => {
            Told::new(subject, Text::plain("preparing the infrastructure")).chatter()
        }
        InfrastructureEvent::Ready { changed } if changed.is_empty() => Told::new(
            subject,
            Text::plain("the infrastructure is as it should be"),
        ),
        InfrastructureEvent::Ready { changed } => {
            let text = format!("the infrastructure is ready: {} made", changed.len());
            let note = |name: &String| Detail::Note(Text::new(Role::Dim, name));
            Told::new(subject, Text::plain(text)).with(changed.iter().map(note))
        }
        InfrastructureEvent::Failed { error } => {
            Told::quoting(subject, "no infrastructure: ", error).marked(Mark::Bad)
        }
    };
    Told {
        subject: "infra".into(),
        ..told
    }
}

fn job(subject: &Subject, job: &JobEvent) -> Told {
    match job {
        JobEvent::Started { task } => {
            let text = format!("runs as task {}", words::short_task(task));
            Told::new(subject, Text::plain(text))
        }
        JobEvent::Awaited { task, release } => {
            let text = format!(
                "waits for task {} that {release} left running",
                words::short_task(task)
            );
            Told::new(subject, Text::plain(text)).marked(Mark::Passed)
        }
        JobEvent::Log { line } => said(subject, line),
        JobEvent::Succeeded => {
            Told::new(subject, Text::new(Role::Good, "succeeded")).marked(Mark::Good)
        }
        JobEvent::Failed { exit_code, reason } => {
            let code = exit_code
                .map(|code| format!(" with exit code {code}"))
                .unwrap_or_default();
            Told::quoting(subject, &format!("failed{code}: "), reason).marked(Mark::Bad)
        }
    }
}

fn rollout(event: &Event, rollout: &RolloutEvent, track: &Track) -> Told {
    let subject = &event.subject;
    match rollout {
        RolloutEvent::Started { revision, how, .. } => {
            let back = track.state(subject).is_some_and(|state| state.returning);
            let verb = if back {
                "going back to"
            } else {
                words::rolling(*how)
            };
            let text = Text::plain(verb)
                .and(Role::Plain, " ")
                .and(Role::Strong, revision.short());
            let told = Told::new(subject, text);
            if back || *how == RollKind::Follow {
                told
            } else {
                told.chatter()
            }
        }
        RolloutEvent::Progress { new, old } => {
            Told::new(subject, Text::plain(words::counts(*new, *old))).chatter()
        }
        RolloutEvent::Platform { message } => {
            Told::new(subject, Text::new(Role::Dim, words::platform(message))).chatter()
        }
        RolloutEvent::TasksFailed { reason, tasks, log } => {
            let text = Text::plain(format!("{} failed: ", words::count(tasks.len(), "task")))
                .and(Role::Warn, reason);
            let failing = track
                .state(subject)
                .and_then(|state| state.failing.as_ref());
            let log = if failing.is_some_and(|failing| failing.repeats) {
                &[]
            } else {
                &**log
            };
            Told::new(subject, text).with(log.iter().cloned().map(Detail::Said))
        }
        RolloutEvent::CauseNamed { cause, after_ms } => {
            let text = Text::new(Role::Bad, cause.title())
                .and(Role::Dim, format!("  named {}", words::after(*after_ms)));
            let evidence = Text::new(Role::Dim, "evidence: ").and(Role::Plain, &cause.evidence);
            Told::new(subject, text)
                .marked(Mark::Bad)
                .with([Detail::Note(evidence)])
        }
        RolloutEvent::RollbackRequested { why, after_ms } => {
            let when = if *after_ms > 0 {
                format!("  asked {}", words::after(*after_ms))
            } else {
                String::new()
            };
            let text = Text::new(Role::Warn, "goes back: ").and(Role::Plain, why);
            Told::new(subject, text.and(Role::Dim, when)).marked(Mark::Back)
        }
        RolloutEvent::Ended { end } => ended(event, end, track),
    }
}

fn ended(event: &Event, end: &RolloutEnd, track: &Track) -> Told {
    let state = track.state(&event.subject);
    let (mark, text) = ended_how(end, state);
    let began = state.and_then(|state| state.rolled_at);
    let took = began.map(|began| format!("  in {}", took(between(began, event.at))));
    let text = text.and(Role::Dim, took.unwrap_or_default());
    Told::new(&event.subject, text).marked(mark)
}

fn ended_how(end: &RolloutEnd, state: Option<&State>) -> (Mark, Text) {
    let revision = state.and_then(|state| state.revision.as_ref());
    let back_on = |lead: &str, revision: Option<&RevisionId>| {
        let revision = revision.map_or("what ran before", RevisionId::short);
        let text = Text::new(Role::Warn, lead).and(Role::Plain, " ");
        (Mark::Back, text.and(Role::Strong, revision))
    };
    match end {
        RolloutEnd::Succeeded if state.is_some_and(|state| state.returning) => {
            back_on("back on", revision)
        }
        RolloutEnd::Succeeded => (Mark::Good, succeeded(state)),
        RolloutEnd::RolledBack { to, .. } => back_on("rolled back to", to.as_ref()),
        RolloutEnd::Superseded { by } => {
            let by = by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default();
            let text = format!("superseded by a newer rollout{by}");
            (Mark::Passed, Text::plain(text))
        }
        RolloutEnd::Failed { cause, reason } => {
            let why = cause.as_ref().map(Cause::title).or_else(|| reason.clone());
            let why = why.unwrap_or_else(|| "no reason was given".into());
            let text = Text::new(Role::Bad, "failed: ").and(Role::Plain, why);
            (Mark::Bad, text)
        }
    }
}

fn succeeded(state: Option<&State>) -> Text {
    let mut text = Text::new(Role::Good, "running");
    if let Some((new, _)) = state.and_then(|state| state.counts) {
        text = text.and(Role::Plain, format!(" {}/{}", new.running, new.desired));
    }
    match state.and_then(|state| state.revision.as_ref()) {
        Some(revision) => text
            .and(Role::Plain, " ")
            .and(Role::Strong, revision.short()),
        None => text,
    }
}

fn service(subject: &Subject, service: &ServiceEvent) -> Told {
    match service {
        ServiceEvent::Configured => Told::new(subject, Text::plain("settings applied")),
        ServiceEvent::Scaled { from, to } => {
            Told::new(subject, Text::plain(format!("scaled from {from} to {to}")))
        }
        ServiceEvent::GivenUp => {
            let text = "nothing ran before it to go back to: scaled to zero";
            Told::new(subject, Text::new(Role::Warn, text))
        }
        ServiceEvent::Removed => Told::new(subject, Text::plain("removed")).marked(Mark::Good),
        ServiceEvent::Failed { error } => {
            Told::quoting(subject, "failed: ", error).marked(Mark::Bad)
        }
    }
}
