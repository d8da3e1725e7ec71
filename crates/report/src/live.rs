//! A terminal: what is under way is drawn in place, what happened scrolls above it.
//!
//! Everything under way is one block of lines below the log. A frame takes the block away, writes
//! what happened since, and draws the block again, at most ten times a second, however many events
//! there are.

mod frame;
mod screen;

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use seaway_core::event::{BuildEvent, Event, EventKind, ReleaseEvent, Subject};
use seaway_core::release::Outcome;

use crate::lines::told_lines;
use crate::listener::Listener;
use crate::log_line::quoted;
use crate::narrate::{Told, Weight, narrate};
use crate::recap::recap;
use crate::style::Style;
use crate::text::Text;
use crate::track::{Phase, Track};
use frame::Frame;
use screen::Screen;

/// Least time between two frames.
const FRAME: Duration = Duration::from_millis(100);
/// Column of the subject in the log.
const SUBJECT: usize = 12;

/// Columns and rows of the terminal, now: people change the size of their windows.
pub(crate) type Size = fn() -> Option<(usize, usize)>;

fn terminal() -> Option<(usize, usize)> {
    terminal_size::terminal_size().map(|(width, height)| (width.0.into(), height.0.into()))
}

/// Draws.
pub(crate) struct Live {
    screen: Screen,
    style: Style,
    track: Track,
    /// When each subject's phase began, by this machine's clock.
    since: BTreeMap<Subject, (Phase, Instant)>,
    began: Instant,
    /// What happened since the last frame.
    log: String,
    drawn_at: Option<Instant>,
    spin: usize,
}

impl Live {
    pub(crate) fn new(out: Box<dyn Write + Send>, style: Style) -> Self {
        Self::sized(out, style, terminal)
    }

    /// A display on a terminal whose size is told by `size`.
    pub(crate) fn sized(out: Box<dyn Write + Send>, style: Style, size: Size) -> Self {
        Self {
            screen: Screen::new(out, style.width, size),
            style,
            track: Track::default(),
            since: BTreeMap::new(),
            began: Instant::now(),
            log: String::new(),
            drawn_at: None,
            spin: 0,
        }
    }

    fn tell(&mut self, told: &Told) {
        let start = (Text::default(), SUBJECT);
        self.log += &told_lines(told, start, self.style);
    }

    /// The end of a build's output, which was not shown while it went well.
    fn quote_output(&mut self, subject: &Subject) {
        let output = self.track.state(subject).map(|state| &state.output);
        for line in output.into_iter().flatten() {
            quoted(&mut self.log, line, SUBJECT + 4, self.style);
        }
    }

    fn note_phases(&mut self) {
        for (subject, state) in &self.track.subjects {
            let now = || (state.phase.clone(), Instant::now());
            let noted = self.since.entry(subject.clone()).or_insert_with(now);
            if noted.0 != state.phase {
                *noted = now();
            }
        }
    }

    pub(crate) fn draw(&mut self) {
        self.style.width = self.screen.width();
        let elapsed = |subject: &Subject| {
            self.since
                .get(subject)
                .map(|(_, since)| since.elapsed())
                .unwrap_or_default()
        };
        let frame = Frame {
            track: &self.track,
            elapsed: &elapsed,
            whole: self.began.elapsed(),
            spin: self.spin,
            height: self.screen.height(),
            style: self.style,
        };
        let block = frame.lines();
        self.screen
            .show(&std::mem::take(&mut self.log), &block, self.style);
        self.drawn_at = Some(Instant::now());
    }

    fn is_due(&self) -> bool {
        self.drawn_at.is_none_or(|at| at.elapsed() >= FRAME)
    }
}

impl Listener for Live {
    fn event(&mut self, event: &Event) {
        self.track.apply(event);
        self.note_phases();
        let told = narrate(event, &self.track);
        if told.weight == Weight::Notable {
            self.tell(&told);
        }
        if matches!(event.kind, EventKind::Build(BuildEvent::Failed { .. })) {
            self.quote_output(&event.subject);
        }
        if let EventKind::Release(ReleaseEvent::Ended { outcome, .. }) = event.kind
            && outcome != Outcome::Succeeded
        {
            self.log += &recap(&self.track, self.style);
        }
        if self.is_due() {
            self.draw();
        }
    }

    fn tick(&mut self) {
        if self.is_due() {
            self.spin = self.spin.wrapping_add(1);
            self.draw();
        }
    }

    fn finish(&mut self) {
        self.draw();
        self.screen.leave();
    }
}
