//! What a fuzzer drives (`cargo xtask prove fuzz`): a router between a client and a target that both
//! send whatever they like.

mod exchange;
mod reader;
mod setting;

pub use exchange::exchange;
