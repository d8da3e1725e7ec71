//! `cargo xtask prove`: claims about the product, most of them shown on the real binary. Such a proof
//! has a stage of its own (project, state directory, home) and stops what it started. Each ends with
//! one line of figures.

mod bench;
mod conformance;
mod crash_command;
mod crash_platform;
mod faults;
mod figures_local;
mod fleet;
mod footprint;
mod fuzz;
mod locked_down;
mod simulate;
mod thousand;
mod zero_loss;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use bench::{Bench, During as _, Options, ProofError, Sources};

/// A claim and how to show it.
#[derive(Debug)]
struct Proof {
    name: &'static str,
    about: &'static str,
    way: Way,
}

/// How a claim is shown; returns the figures.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// By the release binary.
    Binary(fn(&Bench) -> Result<String, ProofError>),
    /// By what is built for it.
    Sources(fn(&Sources) -> Result<String, ProofError>),
}

const PROOFS: &[Proof] = &[
    Proof {
        name: "zero-loss",
        about: "deploy, rollback, restart and scale lose no request, of internal services neither",
        way: Way::Binary(zero_loss::prove),
    },
    Proof {
        name: "faults",
        about: "each fault of the shop is named, explained and taken back",
        way: Way::Binary(faults::prove),
    },
    Proof {
        name: "crash-platform",
        about: "kill -9 of platform and supervisor in a deploy: the next one completes, no orphans",
        way: Way::Binary(crash_platform::prove),
    },
    Proof {
        name: "crash-command",
        about: "kill -9 of the command anywhere in a deploy: the next one takes over",
        way: Way::Binary(crash_command::prove),
    },
    Proof {
        name: "fleet",
        about: "100 services at once: the command adds little to what bare API calls take",
        way: Way::Binary(fleet::prove),
    },
    Proof {
        name: "conformance",
        about: "clients of others find in the platform what they expect of AWS",
        way: Way::Binary(conformance::prove),
    },
    Proof {
        name: "locked-down",
        about: "strangers, browsers and other users of the machine get nothing",
        way: Way::Binary(locked_down::prove),
    },
    Proof {
        name: "footprint",
        about: "time to start, memory when idle, time of `seaway status`",
        way: Way::Binary(footprint::prove),
    },
    Proof {
        name: "simulate",
        about: "the scheduler keeps its invariants under 100,000 schedules of faults",
        way: Way::Sources(simulate::prove),
    },
    Proof {
        name: "figures-local",
        about: "speed and memory beside moto_server, nginx and docker-registry, as a table",
        way: Way::Binary(figures_local::prove),
    },
    Proof {
        name: "thousand",
        about: "1,000 services with 2,000 tasks: all steady, cheap when idle, described quickly",
        way: Way::Binary(thousand::prove),
    },
    Proof {
        name: "fuzz",
        about: "no bytes that others send crash, hang or fool what reads them",
        way: Way::Sources(fuzz::prove),
    },
];

/// What to prove.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The proofs to make, one after the other
    #[arg(required_unless_present_any = ["list", "all"])]
    names: Vec<String>,
    /// Name all proofs
    #[arg(long)]
    list: bool,
    /// Make all proofs
    #[arg(long, conflicts_with = "names")]
    all: bool,
    #[command(flatten)]
    options: Options,
}

/// Makes the proofs.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    if arguments.list {
        for proof in PROOFS {
            println!("{:<16}{}", proof.name, proof.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let proofs = chosen(&arguments)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."));
    let sources = Sources {
        root: root.to_owned(),
        options: arguments.options,
    };
    let mut bench = None;
    let mut failed = 0;
    for proof in proofs {
        eprintln!("{}: {}", proof.name, proof.about);
        let began = Instant::now();
        let outcome = match proof.way {
            Way::Sources(prove) => prove(&sources),
            Way::Binary(prove) => prove(set_up(&mut bench, &sources)?),
        };
        match outcome {
            Ok(figures) => {
                println!(
                    "{}: ok {figures} ({} s)",
                    proof.name,
                    began.elapsed().as_secs()
                );
            }
            Err(error) => {
                failed += 1;
                println!("{}: FAILED {}", proof.name, chain(&error));
            }
        }
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Builds the binary for the first proof that needs it.
fn set_up<'a>(bench: &'a mut Option<Bench>, sources: &Sources) -> Result<&'a Bench, ProofError> {
    let made = match bench.take() {
        Some(made) => made,
        None => Bench {
            seaway: binary(&sources.root)?,
            root: sources.root.clone(),
            options: sources.options.clone(),
        },
    };
    Ok(bench.insert(made))
}

fn chosen(arguments: &Arguments) -> Result<Vec<&'static Proof>, ProofError> {
    let find = |name: &String| {
        let found = PROOFS.iter().find(|proof| proof.name == name);
        found.ok_or_else(|| {
            ProofError::Refuted(format!(
                "no proof is called {name}; `--list` names them all"
            ))
        })
    };
    if arguments.all {
        return Ok(PROOFS.iter().collect());
    }
    arguments.names.iter().map(find).collect()
}

/// The release binary: built first, unless `SEAWAY_BIN` names one.
fn binary(root: &Path) -> Result<PathBuf, ProofError> {
    if let Some(given) = std::env::var_os("SEAWAY_BIN").filter(|given| !given.is_empty()) {
        let given = PathBuf::from(given);
        return given
            .canonicalize()
            .during(format!("find {}", given.display()));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--locked", "--package", "seaway"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .during("run cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let executable = messages
        .filter(|message: &serde_json::Value| message["target"]["name"] == "seaway")
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)));
    executable
        .filter(|_| output.status.success())
        .ok_or_else(|| ProofError::Refuted("seaway does not build".into()))
}

/// An error and what caused it, in one line but for what others wrote.
fn chain(error: &ProofError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_unknown_ones_are_refused() {
        let mut names: Vec<&str> = PROOFS.iter().map(|proof| proof.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PROOFS.len());
        let options = Options {
            fleet_services: 1,
            fleet_ports: false,
            schedules: 1,
            clients: vec![],
            long: false,
            fuzz_seconds: 1,
            fuzz_targets: vec![],
            fuzz_keep: false,
            keep: false,
        };
        let arguments = Arguments {
            names: vec!["nothing".into()],
            list: false,
            all: false,
            options,
        };
        let error = chosen(&arguments).expect_err("an unknown name").to_string();
        assert!(error.contains("--list"), "{error}");
    }

    #[test]
    fn an_error_is_told_with_its_causes() {
        let error = Err::<(), _>(std::io::Error::other("disk")).during("read x");
        assert_eq!(
            chain(&error.expect_err("an error")),
            "failed to read x: disk"
        );
    }
}
