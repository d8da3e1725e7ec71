//! What a person or a program gets to see: events, plans, tables and errors as text.
//!
//! This crate is at the end of the way of the data. It decides nothing and prints nothing by
//! itself: functions return text, [`Listener`]s write to the stream they were given. Text that
//! others wrote (logs, platform messages, build output) passes through [`sanitize()`] before it
//! reaches a terminal.

mod error;
mod fields;
mod findings;
mod history;
mod json;
mod json_lines;
mod lines;
mod listener;
mod live;
mod log_line;
mod narrate;
mod plan;
mod recap;
mod sanitize;
mod secrets;
mod standing;
mod status;
mod stopped;
mod style;
mod summary;
mod table;
mod text;
mod track;
mod when;
mod words;

pub use error::{causes, error};
pub use findings::findings;
pub use history::{history, release_header};
pub use json::json_line;
pub use listener::{Listener, json_lines, lines, live};
pub use log_line::{LogRow, LogStyle, log_line};
pub use plan::plan;
pub use sanitize::sanitize;
pub use secrets::{SecretRow, secrets};
pub use standing::{Fate, Standing};
pub use status::{StatusRow, status};
pub use stopped::{StoppedRow, stopped};
pub use style::Style;
pub use summary::{Summary, summary};

#[cfg(test)]
#[path = "../examples/demo/scenario/mod.rs"]
mod scenario;
#[cfg(test)]
mod tests;
