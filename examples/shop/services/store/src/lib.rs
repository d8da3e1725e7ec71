//! The store: values under names, kept on a volume.
//!
//! [`shelf`] keeps the files, [`routes`] speaks HTTP. Internal: the API and the worker call it.

pub mod routes;
pub mod shelf;

pub use routes::Store;
pub use shelf::{Key, Shelf, ShelfError};
