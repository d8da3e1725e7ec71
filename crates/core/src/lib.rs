//! The nouns and decisions of Seaway, without IO.
//!
//! The way of the data runs through this crate: an [`environment::Environment`] (what the manifest
//! says, resolved) becomes [`desired::Desired`] (finished documents with digests), is compared with
//! [`live::Live`] (what was observed) by [`plan::plan`], and comes out as a [`plan::Plan`] that
//! leaves nothing to choose. What happens while a plan is carried out is told by [`event::Event`]s,
//! and [`diagnosis`] names the cause of a rollout that cannot succeed.
//!
//! Everything here is synchronous and pure: no clock, no file system, no network.

pub mod desired;
pub mod diagnosis;
pub mod digest;
pub mod environment;
pub mod event;
pub mod finding;
pub mod live;
pub mod name;
pub mod observed;
pub mod plan;
pub mod release;
pub mod retreat;
pub mod rollback;
pub mod rollout;
pub mod time;
