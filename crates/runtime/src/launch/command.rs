//! Finds the program of a container, and says exactly why it cannot be executed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::plan::{LaunchPlan, within};
use crate::event::{StartFailure, StartFailureReason};

/// What an executable file begins with on Linux.
const PROGRAM: &[u8] = b"\x7fELF";
const SCRIPT: &[u8] = b"#!";

pub(super) fn find(plan: &LaunchPlan) -> Result<PathBuf, StartFailure> {
    let command = plan.argv[0].as_str();
    let mut refusal = None;
    for candidate in candidates(plan, command) {
        match examine(&candidate) {
            Ok(()) => return Ok(candidate),
            // Like a shell: a file that may not be executed does not end the search, but is the
            // better explanation if nothing else is found.
            Err(Some(failure)) => refusal = refusal.or(Some(failure)),
            Err(None) => {}
        }
    }
    Err(refusal.unwrap_or_else(|| StartFailure {
        reason: StartFailureReason::CommandNotFound,
        message: format!("command `{command}` not found in the image or in PATH"),
    }))
}

fn candidates(plan: &LaunchPlan, command: &str) -> Vec<PathBuf> {
    if command.starts_with('/') {
        return vec![within(&plan.root, command), PathBuf::from(command)];
    }
    if command.contains('/') {
        return vec![plan.working_directory().join(command)];
    }
    let path = plan
        .env
        .iter()
        .find(|(name, _)| *name == "PATH")
        .map_or("", |(_, value)| value);
    let directories: Vec<&str> = path
        .split(':')
        .filter(|part| part.starts_with('/'))
        .collect();
    let image = directories
        .iter()
        .map(|directory| within(&plan.root, directory).join(command));
    let host = directories
        .iter()
        .map(|directory| Path::new(directory).join(command));
    image.chain(host).collect()
}

/// None in the error: there is no such file.
fn examine(path: &Path) -> Result<(), Option<StartFailure>> {
    let Ok(metadata) = fs::metadata(path) else {
        return Err(None);
    };
    let refuse = |reason, what| {
        Err(Some(StartFailure {
            reason,
            message: format!("{} {what}", path.display()),
        }))
    };
    if !metadata.is_file() {
        return refuse(StartFailureReason::PermissionDenied, "is not a file");
    }
    if access(path, AccessFlags::X_OK).is_err() {
        return refuse(
            StartFailureReason::PermissionDenied,
            "is not executable (mode)",
        );
    }
    let mut head = [0; 4];
    // A program that may be executed but not read is left to the kernel to judge.
    let Ok(length) = File::open(path).and_then(|mut file| file.read(&mut head)) else {
        return Ok(());
    };
    let head = &head[..length];
    if head.starts_with(PROGRAM) || head.starts_with(SCRIPT) {
        return Ok(());
    }
    refuse(
        StartFailureReason::NotExecutable,
        "is neither a program nor a script with `#!`",
    )
}

/// What the kernel's refusal means for a file that exists and looks right.
pub(super) fn explain(program: &Path, error: &io::Error) -> StartFailure {
    let (reason, what) = match error.kind() {
        io::ErrorKind::NotFound => (
            StartFailureReason::CommandNotFound,
            "cannot be executed: its interpreter or loader is not on this machine".to_owned(),
        ),
        io::ErrorKind::PermissionDenied => (
            StartFailureReason::PermissionDenied,
            format!("cannot be executed: {error}"),
        ),
        _ if error.raw_os_error() == Some(nix::libc::ENOEXEC) => (
            StartFailureReason::NotExecutable,
            "is not a program for this machine".to_owned(),
        ),
        _ => (
            StartFailureReason::System,
            format!("cannot be executed: {error}"),
        ),
    };
    StartFailure {
        reason,
        message: format!("{} {what}", program.display()),
    }
}
