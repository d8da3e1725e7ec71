//! The outside world in memory: every port the engine needs, on one shared, scriptable state.
//!
//! A [`World`] is a platform with its registry, ledger and lock. Each [`Client`] of it is one
//! command's view: its calls can be made to fail, to get lost after they took effect, or to stop
//! for ever as if the command had been killed. The semantics are those of ECS as far as the engine
//! can see them: a rollback goes to the last completed revision, and a first rollout has none.
//!
//! Time is tokio's; tests pause it, so that hours pass at once and every run is the same.

mod audit;
mod client;
mod clock;
mod fault;
mod images;
mod jobs;
mod ledger;
mod lines;
mod locks;
mod platform;
mod progress;
mod scene;
mod service;
mod world;

pub use client::Client;
pub use clock::PausedClock;
pub use fault::{Behaviour, CallFault, Failure, JobBehaviour, Moment};
pub use lines::{line, lines};
pub use scene::Scene;
pub use world::World;
