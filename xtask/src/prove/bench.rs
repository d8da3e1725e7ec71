//! What the proofs share: the real binary on a stage of its own, load, looks at processes, figures.

pub(crate) mod api;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod figures;
pub(crate) mod guard;
pub(crate) mod http;
pub(crate) mod load;
pub(crate) mod manifest;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod run;
pub(crate) mod services;
pub(crate) mod shop;
pub(crate) mod side_by_side;
pub(crate) mod stage;
pub(crate) mod status;

use std::path::PathBuf;

pub(crate) use error::{During, ProofError};

/// What a proof on the sources gets.
#[derive(Debug)]
pub(crate) struct Sources {
    /// The repository.
    pub(crate) root: PathBuf,
    pub(crate) options: Options,
}

/// What a proof on the binary gets.
#[derive(Debug)]
pub(crate) struct Bench {
    /// The binary that is shown to work.
    pub(crate) seaway: PathBuf,
    /// The repository.
    pub(crate) root: PathBuf,
    pub(crate) options: Options,
}

/// What the command line says about how to prove.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Services of the fleet
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) fleet_services: u32,
    /// Give every service of the fleet a port, a health check and a place at the load balancer
    #[arg(long)]
    pub(crate) fleet_ports: bool,
    /// Schedules of the scheduler's simulation
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) schedules: u64,
    /// Only these clients of the conformance suite (repeatable)
    #[arg(long = "client", value_name = "CLIENT")]
    pub(crate) clients: Vec<String>,
    /// Compare with other servers for longer, and with more images
    #[arg(long)]
    pub(crate) long: bool,
    /// How long each target is fuzzed, in seconds
    #[arg(long, value_name = "N", default_value_t = 600)]
    pub(crate) fuzz_seconds: u64,
    /// Fuzz only these targets (repeatable)
    #[arg(long = "fuzz-target", value_name = "TARGET")]
    pub(crate) fuzz_targets: Vec<String>,
    /// Take what the fuzzer found into the repository, reduced to what reaches most
    #[arg(long)]
    pub(crate) fuzz_keep: bool,
    /// Leave the directories of failed proofs where they are
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Tells what a proof is doing, on standard error.
pub(crate) fn note(text: impl AsRef<str>) {
    eprintln!("    {}", text.as_ref());
}

/// Fails the proof unless something holds: `claim!(condition, "what was expected, {}", seen)`.
macro_rules! claim {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err($crate::prove::bench::ProofError::Refuted(format!($($words)+)));
        }
    };
}
pub(crate) use claim;
