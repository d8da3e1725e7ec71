//! Runs tasks as containers, where an engine with Docker's interface answers.
//!
//! The engine is the parent of the containers and keeps what became of them, so there is no
//! supervisor: what a task is made of stands in the labels of its containers, and whoever connects
//! next adopts them. A task of the engine has one container more than its definition, the
//! *holder*, as a task of ECS has: it does nothing, owns the network that the others join, and
//! publishes their ports on the loopback address.
//!
//! One [`actor`] per task starts what may start ([`order`] decides), stops what must stop, and
//! tells what happened; one [`watch`] takes in what the engine tells about all of them.

mod actor;
mod archive;
mod body;
mod calls;
mod engine;
mod error;
mod gateway;
mod holder;
mod images;
mod labels;
mod member;
mod order;
mod output;
mod restore;
mod settings;
mod shared;
mod socket;
mod usage;
mod volumes;
mod watch;

pub use archive::{ArchiveLayer, ImageArchive};
pub use engine::{Engine, EngineOptions, Namespace, NamespaceError};
pub use error::{EngineError, PullError};
pub use images::EngineImage;
pub use order::Health;
pub use socket::find_socket;
