//! Tests of the scheduler through its public interface: rules by name, and a simulation.

mod breaker;
mod checker;
mod life;
mod mutation;
mod random;
mod records;
mod rolling;
mod schedule;
mod simulation;
mod world;
