//! What the kernel says about processes: who they are and what belongs together.

mod identity;
mod table;

pub use identity::StartTime;
pub(crate) use identity::{ProcessIdentity, boot_id};
pub(crate) use table::{ProcessTable, home_of, read_stat};
