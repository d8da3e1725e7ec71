//! What a manifest becomes, and what people read when it is wrong.

mod bad_files;
mod bad_input;
mod bad_limits;
mod bad_references;
mod properties;
mod resolved;
mod shop;
