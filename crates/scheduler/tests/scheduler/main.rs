//! Tests of the scheduler through its public interface: rules by name, and a simulation.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where something is missing"
)]

mod alarms;
mod breaker;
mod checker;
mod life;
mod mutation;
mod protection;
mod random;
mod records;
mod rolling;
mod schedule;
mod simulation;
mod world;
