//! Where text goes: data to standard output, everything else to standard error.

use std::io::{IsTerminal as _, Write};

use seaway_report::{Listener, Style};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::args::{Format, Global};

/// The streams of this process and how they like their text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) format: Format,
}

impl Output {
    /// Looks at the streams, and sends the inner log to standard error.
    pub(crate) fn new(global: &Global) -> Self {
        let level = if global.verbose { "debug" } else { "warn" };
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .without_time()
            .with_env_filter(log_filter(level))
            .init();
        Self {
            format: global.output,
        }
    }

    /// The style of standard output.
    pub(crate) fn data_style(self) -> Style {
        style(
            std::io::stdout().is_terminal(),
            anstream::AutoStream::choice(&std::io::stdout()),
        )
    }

    /// The style of standard error.
    pub(crate) fn message_style(self) -> Style {
        style(
            std::io::stderr().is_terminal(),
            anstream::AutoStream::choice(&std::io::stderr()),
        )
    }

    /// Writes a result for people.
    pub(crate) fn data(self, text: &str) {
        write(&mut std::io::stdout(), text);
    }

    /// Writes a message for people.
    pub(crate) fn message(self, text: &str) {
        write(&mut std::io::stderr(), text);
    }

    /// Writes one line for programs.
    pub(crate) fn json<T: Serialize>(self, value: &T) {
        match seaway_report::json_line(value) {
            Ok(line) => self.data(&line),
            Err(error) => tracing::error!(%error, "a result cannot be written as JSON"),
        }
    }

    /// Who shows the events: a live display on a terminal, lines elsewhere, JSON for programs.
    pub(crate) fn listener(self) -> Box<dyn Listener> {
        match self.format {
            Format::Json => seaway_report::json_lines(Box::new(std::io::stdout())),
            Format::Text if std::io::stderr().is_terminal() => {
                seaway_report::live(Box::new(std::io::stderr()), self.message_style())
            }
            Format::Text => seaway_report::lines(Box::new(std::io::stderr()), self.message_style()),
        }
    }
}

/// What is logged: `SEAWAY_LOG` says it more precisely than a flag.
pub(crate) fn log_filter(default: &str) -> EnvFilter {
    EnvFilter::try_from_env("SEAWAY_LOG").unwrap_or_else(|_| {
        EnvFilter::new(format!(
            "off,seaway={default},seaway_local={default},\
            seaway_engine={default},seaway_ecs={default},seaway_runtime={default},\
            seaway_router={default},seaway_image={default},seaway_ledger={default}"
        ))
    })
}

/// A reader that went away (`seaway logs | head`) is no error.
fn write(stream: &mut dyn Write, text: &str) {
    let written = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush());
    if let Err(error) = written {
        tracing::debug!(%error, "nobody reads");
    }
}

fn style(terminal: bool, colour: anstream::ColorChoice) -> Style {
    let unicode = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .is_none_or(|locale| locale.to_ascii_uppercase().contains("UTF"));
    Style {
        colour: !matches!(colour, anstream::ColorChoice::Never),
        width: if terminal { width() } else { usize::MAX },
        unicode,
    }
}

/// Columns of the terminal.
fn width() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0))
}
