//! The embedded platform's image registry, as the OCI distribution specification has it.

mod client;
mod endpoint;
mod exchange;
mod failure;
#[cfg(test)]
mod test_server;

pub use client::RegistryClient;
pub use endpoint::{EndpointError, RegistryCredentials};
