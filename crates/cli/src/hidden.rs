//! The sub-commands that nobody types: this binary executed again as another part of Seaway.
//!
//! They run before the command line is parsed and before any runtime or descriptor is opened, as
//! `seaway_local::background` asks for.

use std::ffi::OsString;
use std::process::ExitCode;

use seaway_runtime::supervisor::{self, MemoryChoice, SupervisorOptions};

/// The background platform.
pub(crate) const PLATFORM: &str = "__platform";
/// The parent of all tasks.
pub(crate) const SUPERVISOR: &str = seaway_local::platform::SUPERVISOR_COMMAND;
/// The stage between the supervisor and a task's process.
pub(crate) const LAUNCH: &str = "__launch";

/// Runs a hidden sub-command if the first argument names one.
pub(crate) fn run() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let name = arguments.next()?;
    let rest: Vec<OsString> = arguments.collect();
    match name.to_str()? {
        PLATFORM => Some(platform(&rest)),
        SUPERVISOR => Some(supervise(rest)),
        LAUNCH => Some(seaway_runtime::launch::main()),
        _ => None,
    }
}

fn platform(arguments: &[OsString]) -> ExitCode {
    log_to_stderr("info");
    finished(seaway_local::background::run(arguments))
}

fn supervise(arguments: Vec<OsString>) -> ExitCode {
    log_to_stderr("warn");
    let Some(directory) = arguments.into_iter().next() else {
        return ExitCode::from(2);
    };
    finished(supervisor::run(SupervisorOptions {
        directory: directory.into(),
        memory: MemoryChoice::Best,
        launch_arguments: vec![LAUNCH.into()],
    }))
}

/// Standard error is the log file of a background process.
fn log_to_stderr(level: &str) {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_env_filter(crate::output::log_filter(level))
        .init();
}

fn finished<E: std::error::Error>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = format!("{error}");
            let mut source = error.source();
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            #[expect(clippy::print_stderr, reason = "the log of a background process")]
            {
                eprintln!("error: {text}");
            }
            ExitCode::FAILURE
        }
    }
}
