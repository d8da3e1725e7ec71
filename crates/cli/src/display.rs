//! The display that a command's events are shown on, and that a question interrupts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use seaway_core::event::Event;
use seaway_report::{Listener, Standing};

/// A listener that several places draw through. Its lock is held for one drawing at a time, never
/// while something is waited for.
pub(crate) struct Display {
    listener: Mutex<Box<dyn Listener>>,
    paused: AtomicBool,
    standing: Mutex<Standing>,
}

impl Display {
    pub(crate) fn new(listener: Box<dyn Listener>) -> Self {
        Self {
            listener: Mutex::new(listener),
            paused: AtomicBool::new(false),
            standing: Mutex::default(),
        }
    }

    pub(crate) fn event(&self, event: &Event) {
        self.listener().event(event);
        self.standing(|standing| standing.event(event));
    }

    /// Looks at where the release stands, by the events so far.
    pub(crate) fn standing<T>(&self, look: impl FnOnce(&mut Standing) -> T) -> T {
        let standing = self.standing.lock();
        look(&mut standing.unwrap_or_else(PoisonError::into_inner))
    }

    /// Draws what moves by itself, unless a question is on the screen.
    pub(crate) fn tick(&self) {
        if !self.is_paused() {
            self.listener().tick();
        }
    }

    pub(crate) fn finish(&self) {
        self.listener().finish();
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    /// Makes room for a question; nothing moves until the pause is dropped.
    pub(crate) fn pause(self: &Arc<Self>) -> Pause {
        self.paused.store(true, Ordering::SeqCst);
        self.finish();
        Pause(Arc::clone(self))
    }

    fn listener(&self) -> MutexGuard<'_, Box<dyn Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question is on the screen.
pub(crate) struct Pause(Arc<Display>);

impl Drop for Pause {
    fn drop(&mut self) {
        self.0.paused.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    struct Counting(Sender<&'static str>);

    impl Listener for Counting {
        fn event(&mut self, _event: &Event) {}

        fn tick(&mut self) {
            let _gone = self.0.send("tick");
        }

        fn finish(&mut self) {
            let _gone = self.0.send("finish");
        }
    }

    #[test]
    fn nothing_moves_while_a_question_is_on_the_screen() {
        let (sender, receiver) = channel();
        let display = Arc::new(Display::new(Box::new(Counting(sender))));
        display.tick();
        let pause = display.pause();
        display.tick();
        drop(pause);
        display.tick();
        let drawn: Vec<_> = receiver.try_iter().collect();
        assert_eq!(drawn, ["tick", "finish", "tick"]);
    }
}
