//! The platform's door: one loopback port for AWS requests, the image registry
//! and Seaway's own commands. It checks who asks and passes the request on.

mod answer;
pub mod control;
mod door;
mod faults;
mod guard;
mod listener;
pub mod reset;
mod routes;
mod signature;

pub use answer::{Body, BodyError, collect, empty, json, text, whole};
pub use control::Control;
pub use door::{Door, Shut};
pub use guard::{AccessKeys, ContainerSide};
pub use listener::{ListenError, Listener};
pub use routes::Routes;

#[cfg(test)]
mod tests;
