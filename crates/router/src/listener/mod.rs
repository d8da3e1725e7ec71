//! Listeners at work: the socket, its connections, and the rules in force.

mod connection;
mod head_timer;
mod site;
mod stall;

pub(crate) use site::{Site, SiteContext};
