//! `cargo xtask`: the project's own chores. One module per task; this file only dispatches.

mod check;
mod generate_wire;
mod prove;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores of the Seaway repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Compare the code with rules the compiler does not know.
    #[command(subcommand)]
    Check(Check),
    /// Write files that are generated and committed.
    #[command(subcommand)]
    Generate(Generate),
    /// Show on the real binary what the product claims.
    Prove(prove::Arguments),
}

#[derive(Debug, Subcommand)]
enum Check {
    /// Who depends on whom, and what pure crates use.
    Arrows,
    /// One set of features per shared dependency.
    Features,
}

#[derive(Debug, Subcommand)]
enum Generate {
    /// The AWS wire types in crates/aws-wire/src/generated.
    Wire(generate_wire::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Check(Check::Arrows) => check::arrows::run(),
        Task::Check(Check::Features) => check::features::run(),
        Task::Generate(Generate::Wire(arguments)) => generate_wire::run(&arguments),
        Task::Prove(arguments) => prove::run(arguments),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            report(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// Prints an error and the chain of what caused it.
fn report(error: &dyn std::error::Error) {
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  caused by: {cause}");
        source = cause.source();
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
