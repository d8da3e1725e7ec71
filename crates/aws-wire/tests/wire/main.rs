//! The crate as its consumer sees it: recorded requests in, responses out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod recorded;
mod responses;
mod secrets;
mod signatures;
mod support;
mod validation;
