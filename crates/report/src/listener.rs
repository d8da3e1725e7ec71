//! Who is told what happens.

use std::io::Write;

use seaway_core::event::Event;

use crate::json_lines::JsonLines;
use crate::lines::Lines;
use crate::live::Live;
use crate::style::Style;

/// Hears every event, as it happens or from a record.
///
/// A listener cannot fail: what it writes to may go away, and the release goes on.
pub trait Listener: Send {
    /// Something happened.
    fn event(&mut self, event: &Event);
    /// Time went by; called about ten times a second where something moves on the screen.
    fn tick(&mut self);
    /// Others want to write: leaves the cursor at the beginning of a fresh line. More events may
    /// follow.
    fn finish(&mut self);
}

/// For a terminal: what is under way is shown in place, what happened scrolls above it.
pub fn live(out: Box<dyn Write + Send>, style: Style) -> Box<dyn Listener> {
    Box::new(Live::new(out, style))
}

/// For pipes, build servers and the replay of a release: one line per change.
pub fn lines(out: Box<dyn Write + Send>, style: Style) -> Box<dyn Listener> {
    Box::new(Lines::new(out, style))
}

/// For programs: one JSON object per event and line, complete.
pub fn json_lines(out: Box<dyn Write + Send>) -> Box<dyn Listener> {
    Box::new(JsonLines::new(out))
}
