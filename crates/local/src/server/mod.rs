//! The platform's door: one loopback port for AWS requests, the image registry
//! and Seaway's own commands. It checks who asks and passes the request on.

mod answer;
pub mod control;
mod faults;
mod guard;
mod listener;
mod routes;
mod signature;

pub use answer::{Body, BodyError, collect, empty, json, text, whole};
pub use control::Control;
pub use guard::AccessKeys;
pub use listener::{ListenError, Listener};
pub use routes::Routes;

#[cfg(test)]
mod tests;
