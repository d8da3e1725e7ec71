//! Runs the tasks of the embedded platform: as host processes, or as containers of an engine.
//! [`host`] is the way to both.
//!
//! [`unpack`] turns the layers of an image into a verified, read-only directory. A [`client`]
//! (inside the platform) tells the [`supervisor`] (a process of its own that outlives the
//! platform) which [`task`]s to run; the supervisor starts every container through [`launch`],
//! holds it to its [`memory`] limit, keeps its [`logs`] and records its [`event`]s. For
//! [`containers`] the engine does what the supervisor does for processes.
//!
//! Nothing here decides what should run. Processes are not sandboxed: they run as the user who
//! started the platform and see that user's files.

pub mod client;
pub mod containers;
pub mod event;
mod files;
pub mod host;
pub mod launch;
mod lock;
pub mod logs;
pub mod memory;
mod process;
mod protocol;
mod record;
mod socket;
pub mod supervisor;
pub mod task;
pub mod unpack;
