//! Test helpers: start a service's program or its routes, and talk to it over plain sockets.

pub mod connection;
pub mod program;
pub mod serving;

pub use connection::{Answer, Connection, request};
pub use program::Program;
pub use serving::Serving;
