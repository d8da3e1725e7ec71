//! The clients, and how the tests of one are run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::prove::bench::run::{Finished, Running};
use crate::prove::bench::{During as _, ProofError, note};

/// One client, whose tests are in a directory of `tests/conformance`.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) name: &'static str,
    directory: &'static str,
    program: Program,
}

/// Where the client's program comes from.
#[derive(Debug)]
enum Program {
    /// Python's package index, with the suite itself.
    Installed,
    /// The system: skipped where it is not.
    System(&'static str),
    /// Version 2 of the aws command line, which shares its name with version 1.
    SecondAws,
}

/// Those that wait most begin.
pub(super) const CLIENTS: &[Client] = &[
    Client {
        name: "terraform",
        directory: "terraform",
        program: Program::System("terraform"),
    },
    Client {
        name: "boto3",
        directory: "boto",
        program: Program::Installed,
    },
    Client {
        name: "aws-1",
        directory: "command_line",
        program: Program::Installed,
    },
    Client {
        name: "aws-2",
        directory: "command_line",
        program: Program::SecondAws,
    },
    Client {
        name: "ecs-deploy",
        directory: "ecs_deploy",
        program: Program::Installed,
    },
    Client {
        name: "registry",
        directory: "registry",
        program: Program::Installed,
    },
];

/// Names the program of the OCI's conformance suite, for the tests of `registry`.
const OCI_SUITE: &str = "SEAWAY_OCI_CONFORMANCE";
/// Where system packages put the aws command line.
const SYSTEM_AWS: &[&str] = &["/usr/bin/aws", "/usr/local/bin/aws"];

/// What all clients get.
#[derive(Debug)]
pub(super) struct Setting {
    /// `tests/conformance`
    pub(super) suite: PathBuf,
    /// The directory of the installed programs.
    pub(super) programs: PathBuf,
    pub(super) seaway: PathBuf,
    pub(super) project: PathBuf,
    /// Of `seaway local env`.
    pub(super) variables: Vec<(String, String)>,
    /// A directory that is the clients' own.
    pub(super) home: PathBuf,
}

/// Runs the tests of a client and returns how many passed.
pub(super) fn run(
    client: &Client,
    setting: &Setting,
    limit: Duration,
) -> Result<String, ProofError> {
    let mut more = Vec::new();
    match client.program {
        Program::Installed => {}
        Program::System(program) => {
            if find(program).is_none() {
                return Ok(skipped(program));
            }
        }
        Program::SecondAws => match SYSTEM_AWS.iter().find(|path| is_second(path)) {
            Some(path) => more.push(format!("--aws={path}")),
            None => return Ok(skipped("the aws command line 2")),
        },
    }
    let command = pytest(client, setting, &more)?;
    let words = format!("the tests of {}", client.name);
    let finished = Running::start(command, words)?.wait(limit)?;
    tell_skipped(&finished);
    let counts = counts(&finished.stdout).unwrap_or("no tests").to_owned();
    if finished.code == Some(0) {
        return Ok(counts);
    }
    finished.stdout.lines().for_each(note);
    finished.stderr.lines().for_each(note);
    Err(ProofError::Refuted(format!("{}: {counts}", client.name)))
}

/// pytest with an environment that has nothing of the user's.
fn pytest(client: &Client, setting: &Setting, more: &[String]) -> Result<Command, ProofError> {
    let home = setting.home.join(client.name);
    std::fs::create_dir(&home).during("make a client's home")?;
    let mut path = OsString::from(&setting.programs);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new(setting.programs.join("python"));
    command
        .args(["-m", "pytest", "-q", "-rs", "--tb=short", "--no-header"])
        .arg(client.directory)
        .args(more)
        .current_dir(&setting.suite)
        .env_clear()
        .env("HOME", &home)
        .env("TMPDIR", &home)
        .env("XDG_DATA_HOME", setting.project.with_file_name("home/data"))
        .env("PATH", path)
        .env("LANG", "C.UTF-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SEAWAY_BIN", &setting.seaway)
        .env("SEAWAY_PROJECT", &setting.project)
        .envs(setting.variables.iter().map(|(name, value)| (name, value)));
    if let Some(mirror) = provider_mirror() {
        command.env("SEAWAY_TERRAFORM_MIRROR", mirror);
    }
    if let Some(suite) = std::env::var_os(OCI_SUITE) {
        command.env(OCI_SUITE, suite);
    }
    Ok(command)
}

fn skipped(program: &str) -> String {
    note(format!("skipped: {program} is not installed"));
    format!("skipped: {program} is not installed")
}

/// Tests that could not run say why.
fn tell_skipped(finished: &Finished) {
    let lines = finished.stdout.lines();
    lines
        .filter(|line| line.starts_with("SKIPPED"))
        .for_each(note);
}

/// pytest's last words: `42 passed, 1 deselected in 61.20s`.
fn counts(stdout: &str) -> Option<&str> {
    let last = stdout.lines().rev().find(|line| !line.is_empty())?;
    Some(last.split_once(" in ").map_or(last, |(counts, _)| counts))
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places = std::env::split_paths(&path).map(|directory| directory.join(program));
    places.into_iter().find(|place| place.is_file())
}

fn is_second(aws: &str) -> bool {
    let shown = Command::new(aws).arg("--version").output();
    shown.is_ok_and(|shown| shown.stdout.starts_with(b"aws-cli/2."))
}

/// A directory from which Terraform's AWS provider can be installed without its registry: one of
/// those that Terraform itself looks into, or one below `/opt`, known by the provider's file.
fn provider_mirror() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os("SEAWAY_TERRAFORM_MIRROR") {
        return Some(given.into());
    }
    let own = std::env::home_dir().map(|home| home.join(".terraform.d/plugins"));
    let shared = [
        "/usr/local/share/terraform/plugins",
        "/usr/share/terraform/plugins",
    ];
    let optional = std::fs::read_dir("/opt").into_iter().flatten().flatten();
    own.into_iter()
        .chain(shared.map(PathBuf::from))
        .chain(optional.map(|entry| entry.path()))
        .find(|mirror| has_provider(mirror))
}

/// Whether a mirror has the provider, unpacked: HOST/NAMESPACE/TYPE/VERSION/PLATFORM/FILE.
fn has_provider(mirror: &Path) -> bool {
    let versions = mirror.join("registry.terraform.io/hashicorp/aws");
    let below = |directory: PathBuf| {
        let entries = std::fs::read_dir(directory).into_iter().flatten();
        entries.flatten().map(|entry| entry.path())
    };
    below(versions)
        .flat_map(below)
        .flat_map(below)
        .filter_map(|file| file.file_name()?.to_str().map(str::to_owned))
        .any(|name| name.starts_with("terraform-provider-aws_v5"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_pytest_are_counts() {
        let text = "....\n=== short test summary info ===\n4 passed, 1 skipped in 3.21s\n\n";
        assert_eq!(counts(text), Some("4 passed, 1 skipped"));
        assert_eq!(counts(""), None);
    }

    #[test]
    fn a_mirror_is_known_by_the_providers_file() {
        let mirror = tempfile::tempdir().expect("a directory");
        let place = "registry.terraform.io/hashicorp/aws/5.100.0/linux_amd64";
        let place = mirror.path().join(place);
        std::fs::create_dir_all(&place).expect("directories");
        assert!(!has_provider(mirror.path()));
        std::fs::write(place.join("terraform-provider-aws_v5.100.0_x5"), "").expect("a file");
        assert!(has_provider(mirror.path()));
    }
}
