//! The platform as commands and clients meet it: real processes, re-executed from this very
//! binary, and signed requests over the real port. There is no standard test harness, because the
//! binary must become the platform, its supervisor, a launcher and the server that tasks run when
//! it is called with their hidden sub-commands.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod access;
mod account;
mod alarms;
mod api;
mod containers;
mod crashes;
mod definitions;
mod faults;
mod harness;
mod launch;
mod logs;
mod metrics;
mod protection;
mod refusals;
mod rolling;
mod scale;
mod server;
mod services;
mod settings;
mod stage;
mod tasks;

use std::ffi::OsString;
use std::process::ExitCode;

use seaway_local::platform::SUPERVISOR_COMMAND;
use seaway_runtime::supervisor::{self, MemoryChoice, SupervisorOptions};

const PLATFORM: &str = "__platform";
const LAUNCH: &str = "__launch";
const SERVER: &str = "__server";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.first().and_then(|first| first.to_str()) {
        Some(PLATFORM) => finished(seaway_local::background::run(&arguments[1..])),
        Some(SUPERVISOR_COMMAND) => finished(supervisor::run(SupervisorOptions {
            directory: arguments[1].clone().into(),
            memory: MemoryChoice::Best,
            launch_arguments: vec![LAUNCH.into()],
        })),
        Some(LAUNCH) => seaway_runtime::launch::main(),
        Some(SERVER) => server::main(),
        _ => {
            let words: Vec<String> = std::env::args().skip(1).collect();
            let groups = [
                access::TESTS,
                alarms::TESTS,
                launch::TESTS,
                definitions::TESTS,
                services::TESTS,
                settings::TESTS,
                account::TESTS,
                refusals::TESTS,
                rolling::TESTS,
                protection::TESTS,
                tasks::TESTS,
                logs::TESTS,
                metrics::TESTS,
                crashes::TESTS,
                faults::TESTS,
                containers::TESTS,
                scale::TESTS,
            ];
            harness::run_tests(&words, &groups)
        }
    }
}

fn finished<E: std::error::Error>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes = std::iter::successors(error.source(), |cause| cause.source());
            let causes: String = causes.map(|cause| format!(": {cause}")).collect();
            eprintln!("error: {error}{causes}");
            ExitCode::FAILURE
        }
    }
}
