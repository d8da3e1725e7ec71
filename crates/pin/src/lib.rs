//! Nothing to use: this crate's manifest asks for the union of the features that tests and
//! binaries need of shared dependencies, so that `cargo build` and `cargo test` build each of them
//! once. Without it a feature that only a test needs makes cargo build the AWS SDK twice.
