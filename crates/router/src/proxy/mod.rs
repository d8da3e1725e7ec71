//! One request, from the client's connection to a target and back.
//!
//! ```text
//! handle ── screen ──▶ Routes::find ─┬─▶ forward ──▶ exchange ──▶ deliver ──▶ (tunnel)
//!                                    └─▶ answer
//! ```

mod answer;
mod body;
mod delivery;
mod exchange;
mod forward;
mod headers;
mod record;
mod screen;
mod service;
mod tunnel;
mod unread;

pub(crate) use body::RequestBody;
pub(crate) use service::handle;
