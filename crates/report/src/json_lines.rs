//! Events for programs.

use std::io::Write;

use seaway_core::event::Event;

use crate::json::json_line;
use crate::listener::Listener;

/// Writes each event as one line of JSON.
pub(crate) struct JsonLines {
    out: Box<dyn Write + Send>,
}

impl JsonLines {
    pub(crate) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out }
    }
}

impl Listener for JsonLines {
    fn event(&mut self, event: &Event) {
        // Events are plain data with text keys: they always have a JSON form.
        let Ok(line) = json_line(event) else {
            return;
        };
        let written = self
            .out
            .write_all(line.as_bytes())
            .and_then(|()| self.out.flush());
        // A reader that went away does not stop a release.
        drop(written);
    }

    fn tick(&mut self) {}

    fn finish(&mut self) {}
}
