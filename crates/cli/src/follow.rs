//! Runs an orchestration with its events shown and Ctrl-C understood.

use std::sync::Arc;
use std::time::{Duration, Instant};

use seaway_core::event::Event;
use seaway_engine::{Events, Interrupt, Interrupter};
use seaway_report::Listener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::args::Format;
use crate::display::Display;
use crate::output::Output;
use crate::system_clock::SystemClock;

/// Between two frames of a live display.
const FRAME: Duration = Duration::from_millis(100);
/// Exit code of a process that was interrupted, as shells report it.
const INTERRUPTED: i32 = 130;

/// What an orchestration needs of whoever follows it.
pub(crate) struct Following {
    pub(crate) events: Events,
    pub(crate) interrupt: Interrupt,
    pub(crate) listener: Arc<Display>,
    pub(crate) began: Instant,
    receiver: UnboundedReceiver<Event>,
    interrupter: Interrupter,
    output: Output,
}

impl Following {
    /// Prepares the display.
    pub(crate) fn new(output: Output) -> Self {
        Self::shown_by(output.listener(), output)
    }

    /// The same with a display of the command's own.
    pub(crate) fn shown_by(listener: Box<dyn Listener>, output: Output) -> Self {
        let (sender, receiver) = unbounded_channel();
        let (interrupter, interrupt) = Interrupter::new();
        Self {
            events: Events::new(sender, Arc::new(SystemClock)),
            interrupt,
            listener: Arc::new(Display::new(listener)),
            began: Instant::now(),
            receiver,
            interrupter,
            output,
        }
    }

    /// Shows events until `work` is done. The first Ctrl-C asks it to stop following; the second
    /// ends this process.
    pub(crate) async fn until<T>(self, work: impl Future<Output = T>) -> T {
        let Self {
            listener,
            mut receiver,
            interrupter,
            output,
            events,
            ..
        } = self;
        // The stream must end with the work, and this handle would keep it open.
        drop(events);
        let mut frames = tokio::time::interval(FRAME);
        // One stream for the whole time: a signal between two turns is not lost.
        let mut signals = signal(SignalKind::interrupt()).ok();
        let mut interrupts = 0;
        tokio::pin!(work);
        let result = loop {
            tokio::select! {
                biased;
                () = pressed(&mut signals) => {
                    interrupts += 1;
                    if listener.is_paused() {
                        // The question stays on its line.
                        output.message("\n");
                    }
                    listener.finish();
                    if interrupts > 1 {
                        if output.format == Format::Json {
                            output.json(&left(&listener));
                        }
                        std::process::exit(INTERRUPTED);
                    }
                    output.message(
                        "Stopping at the next safe point; Ctrl-C again leaves at once.\n",
                    );
                    interrupter.interrupt();
                }
                Some(event) = receiver.recv() => listener.event(&event),
                result = &mut work => break result,
                _ = frames.tick() => listener.tick(),
            }
        };
        while let Ok(event) = receiver.try_recv() {
            listener.event(&event);
        }
        listener.finish();
        result
    }
}

/// The last line for programs of a command that does not wait for its end.
fn left(listener: &Display) -> serde_json::Value {
    let fates = listener.standing(|standing| standing.fates());
    serde_json::json!({ "result": "left", "fates": fates, "exit_code": INTERRUPTED })
}

/// What `work` came to; none if Ctrl-C was pressed before.
pub(crate) async fn unless_pressed<T>(
    signals: &mut Option<Signal>,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        () = pressed(signals) => None,
        done = work => Some(done),
    }
}

/// For what nobody follows after Ctrl-C was caught once: from then on, no signal ends the process
/// by itself. The second half of a command ends on it as its first would have.
pub(crate) async fn or_leave<T>(output: Output, work: impl Future<Output = T>) -> T {
    let mut signals = signal(SignalKind::interrupt()).ok();
    match unless_pressed(&mut signals, work).await {
        Some(done) => done,
        None => {
            // The terminal shows the key without an end of the line.
            output.message("\n");
            std::process::exit(INTERRUPTED)
        }
    }
}

/// Returns at the next Ctrl-C; never, where signals cannot be caught.
async fn pressed(signals: &mut Option<Signal>) {
    let caught = match signals {
        Some(signals) => signals.recv().await,
        None => None,
    };
    if caught.is_none() {
        std::future::pending().await
    }
}
