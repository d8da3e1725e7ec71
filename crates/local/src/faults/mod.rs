//! Faults on request: how a service, its tasks or an operation can be made to fail.
//!
//! ```text
//! seaway local inject ──▶ Faults ─┬─ for_task ──▶ launch: images, secrets, the process
//!                                 ├─ for_call ──▶ services: throttling, 5xx, no answer
//!                                 └─ of(target) ─▶ router: health checks, the network
//! ```
//!
//! Whatever can really happen really happens: a task out of memory has a limit that it exceeds, a
//! crashing one is killed. What only AWS's side can cause is answered in AWS's words. Faults are
//! held in memory alone: none outlives its platform.

mod calls;
mod injection;
mod kind;
mod registry;
mod tasks;

pub use injection::{Injected, Injection, InjectionError};
pub use kind::{FaultKind, Scope, UnknownFault};
pub use registry::Faults;

pub(crate) use tasks::TaskFaults;
