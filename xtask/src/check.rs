//! `cargo xtask check`: rules about the code that the compiler does not know.

pub(crate) mod arrows;
pub(crate) mod features;
