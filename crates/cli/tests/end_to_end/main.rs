//! The binary from the outside: what a person types, reads and finds on the disk afterwards.
//!
//! Every test has a project of its own in a temporary directory, with its own home and its own
//! platform, which is stopped when the test ends, however it ends. What is deployed is a small
//! program beside these tests that `rustc` makes once per run. Snapshots hold exit code, standard
//! output and standard error together; `INSTA_UPDATE=always cargo test -p seaway` rewrites them.

mod fixture;
mod process;
mod project;
mod pty;
mod shown;

mod aws;
mod checks;
mod confidential;
mod faults;
mod going_back;
mod help;
mod interrupted;
mod logs;
mod manifest;
mod opening;
mod operating;
mod orphans;
mod platform;
mod programs;
mod releases;
mod routes;
mod secrets;
mod sources;
mod stopped;
mod terminal;
mod usage;
