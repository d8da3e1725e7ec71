//! What the kernel says about processes: who they are and what belongs together.

mod cpu;
mod identity;
mod table;

pub use cpu::CpuTime;
pub(crate) use cpu::cpu_time;
pub use identity::StartTime;
pub(crate) use identity::{ProcessIdentity, boot_id};
pub(crate) use table::{ProcessTable, home_of, read_stat};
