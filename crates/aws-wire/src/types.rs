//! Values that need more than a Rust primitive.

mod blob;
mod sensitive;
mod timestamp;

pub use blob::Blob;
pub use sensitive::Sensitive;
pub use timestamp::{Timestamp, TimestampError};
