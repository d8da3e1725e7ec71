//! Events for programs.

use std::io::Write;

use seaway_core::event::Event;

use crate::listener::Listener;
use crate::sanitize::is_control;

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
        let Ok(json) = serde_json::to_string(event) else {
            return;
        };
        let written = writeln!(self.out, "{}", escaped(&json)).and_then(|()| self.out.flush());
        // A reader that went away does not stop a release.
        drop(written);
    }

    fn tick(&mut self) {}

    fn finish(&mut self) {}
}

/// The same JSON with every control character escaped: the standard asks for those below U+0020
/// only, but people look at JSON in terminals, too.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_control(c) {
            // All of these are below U+10000.
            out += &format!("\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}
