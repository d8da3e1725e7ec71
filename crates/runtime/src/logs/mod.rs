//! What containers print, kept in files until somebody reads it.
//!
//! Every container has segments `<container>.<number>.log` in its task's log directory, numbered
//! from 0. A line of a segment is a record in the form container runtimes have agreed upon:
//! `<time> <stdout|stderr> <F|P> <bytes>`, where P says that the line goes on in the next record
//! of the same stream. The bytes are those of the process, valid UTF-8 or not. Records are
//! written as soon as the process prints, so that a killed supervisor takes nothing with it.

mod cursor;
mod line;
mod reader;
mod record;
mod segment;
mod writer;

use serde::{Deserialize, Serialize};

pub use cursor::{LogCursor, LogPosition, OpenPosition};
pub use line::{LONGEST_LINE, LogLine};
pub use reader::LogReader;
pub(crate) use writer::{LogWriter, last_time};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    pub(crate) const ALL: [Self; 2] = [Self::Stdout, Self::Stderr];

    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}
