//! The API: the shop's only public service.
//!
//! It sells what the catalog lists and keeps the orders in the store.

pub mod migrate;
pub mod routes;

pub use routes::Api;
