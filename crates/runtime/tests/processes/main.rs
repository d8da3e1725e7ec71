//! Real processes: every test has a supervisor of its own, which is this very binary, executed
//! again, and so are the launchers.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

mod both;
mod containers;
mod harness;
mod isolation;
mod lifecycle;
mod memory;
mod output;
mod recovery;
mod stage;
mod usage;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use seaway_runtime::launch;
use seaway_runtime::supervisor::{self, MemoryChoice, SupervisorOptions};

pub(crate) const SUPERVISOR: &str = "__supervisor";
pub(crate) const SAMPLING_SUPERVISOR: &str = "__sampling-supervisor";
const LAUNCH: &str = "__launch";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(LAUNCH) => launch::main(),
        Some(SUPERVISOR) => supervise(&arguments[1], MemoryChoice::Best),
        Some(SAMPLING_SUPERVISOR) => supervise(&arguments[1], MemoryChoice::Sampling),
        _ => harness::run(
            &arguments,
            &[
                both::TESTS,
                containers::TESTS,
                isolation::TESTS,
                lifecycle::TESTS,
                memory::TESTS,
                output::TESTS,
                recovery::TESTS,
                usage::TESTS,
            ],
        ),
    }
}

fn supervise(directory: &str, memory: MemoryChoice) -> ExitCode {
    let options = SupervisorOptions {
        directory: PathBuf::from(directory),
        memory,
        launch_arguments: vec![LAUNCH.into()],
    };
    match supervisor::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}: {:?}", std::error::Error::source(&error));
            ExitCode::FAILURE
        }
    }
}
