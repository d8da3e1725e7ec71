//! The engine at its middle height: whole commands on a world in memory, told by their events.

mod checks;
mod command;
mod crash;
mod deploy;
mod failing;
mod going_back;
mod infrastructure;
mod interrupt;
mod operating;
mod property;
mod waiting;
