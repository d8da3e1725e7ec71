//! The command line. The doc comments are the help texts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands;

/// Ship a monorepo's services from one manifest: to Amazon ECS, to Kubernetes, to this machine.
#[derive(Debug, Parser)]
#[command(
    name = "seaway",
    version,
    max_term_width = 100,
    propagate_version = true
)]
#[command(
    after_help = "Exit codes: 0 done; 1 the work failed or was rolled back; 2 the command \
line or the manifest is wrong; 3 a prerequisite or a remote side failed; 4 refused by a guard \
(lock, confirmation); 5 differences found by a command that looks for them."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The manifest, or the directory it is in
    #[arg(
        long,
        short = 'f',
        global = true,
        value_name = "PATH",
        default_value = "."
    )]
    pub(crate) manifest: PathBuf,
    /// Text for people or JSON for programs
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Format,
    /// Tell more about what happens inside, on standard error
    #[arg(long, short = 'v', global = true)]
    pub(crate) verbose: bool,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// What to do before a plan is applied.
#[derive(Debug, Clone, Args)]
pub(crate) struct Consent {
    /// Apply the plan without asking
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(commands::up::Up),
    Deploy(commands::deploy::Deploy),
    Plan(commands::plan::Plan),
    Status(commands::status::Status),
    Logs(commands::logs::Logs),
    History(commands::history::History),
    Rollback(commands::rollback::Rollback),
    Resume(commands::resume::Resume),
    Restart(commands::restart::Restart),
    Scale(commands::scale::Scale),
    Run(commands::run::Run),
    #[command(subcommand)]
    Secrets(commands::secrets::Secrets),
    Check(commands::check::Check),
    Schema(commands::schema::Schema),
    #[command(subcommand)]
    Local(commands::local::Local),
    Completions(commands::completions::Completions),
}
