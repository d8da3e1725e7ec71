//! What the platform remembers, in one SQLite database.
//!
//! One writer: every change is given to [`Store::write`] and is made as a whole or
//! not at all; an acknowledged one survives `kill -9` of the process. Each file of this module
//! owns its tables and extends [`View`] (reading) and [`Tx`] (changing).

mod alarms;
mod blobs;
mod clearing;
mod documents;
mod error;
mod images;
mod logs;
mod metrics;
mod parameters;
mod schema;
mod seal;
mod secrets;
mod service_events;
mod stopped_tasks;
mod transaction;
mod writer;

pub use alarms::{AlarmHistoryRecord, AlarmRecord, AlarmState, HistorySelection};
pub use documents::Document;
pub use error::StoreError;
pub use images::{NewManifest, StoredManifest, StoredTag};
pub use logs::{
    EventSelection, LogEvent, LogGroup, LogPosition, LogStream, NewLogEvent, NewLogGroup,
    ReadDirection, StreamChoice,
};
pub use metrics::{MetricFilter, SampleSelection, StoredSamples};
pub use parameters::{ParameterRecord, ParameterValue, ParameterVersion};
pub use secrets::{SecretKind, SecretRecord, SecretValue, SecretVersion};
pub use service_events::ServiceEvent;
pub use transaction::{Store, Tx, View};
