//! The stream of events: numbered, stamped, handed to every listener in order.

use std::sync::{Arc, Mutex, PoisonError};

use seaway_core::event::{Event, EventKind, Subject, VERSION};
use seaway_ports::Clock;
use tokio::sync::mpsc::UnboundedSender;

/// Where events are sent. Cheap to clone; all clones number the same stream.
#[derive(Clone)]
pub struct Events {
    inner: Arc<Mutex<Inner>>,
    clock: Arc<dyn Clock>,
}

struct Inner {
    next: u64,
    listener: UnboundedSender<Event>,
    /// Events that are not on record yet; nothing is kept before a record is begun.
    unrecorded: Vec<Event>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    /// A stream into `listener`. A listener that went away is not missed.
    pub fn new(listener: UnboundedSender<Event>, clock: Arc<dyn Clock>) -> Self {
        let inner = Inner {
            next: 1,
            listener,
            unrecorded: vec![],
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            clock,
        }
    }

    /// Tells what happened.
    pub fn emit(&self, subject: Subject, kind: EventKind) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let event = Event {
            version: VERSION,
            seq: inner.next,
            at: self.clock.now(),
            subject,
            kind,
        };
        inner.next += 1;
        inner.unrecorded.push(event.clone());
        // The listener is gone when the person stopped following; the record still gets the event.
        let _gone = inner.listener.send(event);
    }

    /// The clock that stamps them.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Takes back events that could not be put on record; they are handed out again, first.
    pub(crate) fn restore(&self, mut events: Vec<Event>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        events.append(&mut inner.unrecorded);
        inner.unrecorded = events;
    }

    /// The events that were not handed out by this function before.
    pub(crate) fn unrecorded(&self) -> Vec<Event> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut inner.unrecorded)
    }
}
