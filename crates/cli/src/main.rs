//! `seaway`: the command line and the composition root.
//!
//! One file per command in [`commands`]; [`context`] is the only place that knows concrete
//! platforms. The same binary is also the background platform, its supervisor and the launcher of
//! processes: those are hidden sub-commands, looked at before anything else happens.

mod args;
mod commands;
mod confidential;
mod confirm;
mod context;
mod display;
mod failure;
mod follow;
mod hidden;
mod origin;
mod output;
mod prompt;
mod system_clock;
mod usage;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    if let Some(code) = hidden::run() {
        return code;
    }
    let arguments = match args::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage::told(error),
    };
    let output = output::Output::new(&arguments.global);
    match commands::run(arguments, &output) {
        Ok(code) => code,
        Err(failure) => failure.report(&output),
    }
}
