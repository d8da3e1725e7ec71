//! What is tried by another user of this machine, who knows every path and process.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use nix::unistd::geteuid;

use super::line;
use crate::prove::bench::process::{self, Process};
use crate::prove::bench::stage::Stage;
use crate::prove::bench::{During as _, ProofError, claim, note};

/// `nobody`, and its group.
const NOBODY: u32 = 65_534;
/// What curl ends with when it is not let in.
const NOT_CONNECTED: i32 = 7;

/// Somebody else, and what they may not see.
#[derive(Debug)]
pub(super) struct AnotherUser<'a> {
    pub(super) stage: &'a Stage,
    /// Values that must be in nothing they can read.
    pub(super) planted: &'a [&'a str],
}

/// A look that must be refused.
#[derive(Debug)]
enum Look {
    Read(PathBuf),
    List(PathBuf),
    Connect(PathBuf),
}

/// Lets everybody read a file, or go through a directory.
pub(super) fn let_through(path: &Path) -> Result<(), ProofError> {
    fs::set_permissions(path, Permissions::from_mode(0o755))
        .during(format!("open {}", path.display()))
}

/// Tries everything; says how much it was, or why nothing was tried.
pub(super) fn tries(who: &AnotherUser<'_>) -> Result<String, ProofError> {
    if !geteuid().is_root() {
        note("skipped: another user: nobody but root can become one");
        return Ok("not tried, for want of root".to_owned());
    }
    // They get as far as the project; otherwise a refusal would say nothing.
    let manifest = who.stage.project().join("seaway.toml");
    let open = Look::Read(manifest.clone()).by_nobody()?;
    claim!(open.status.success(), "nobody cannot read {manifest:?}");

    let platform = who.stage.platform()?;
    let all = who.stage.processes();
    let tasks = |process: &&Process| process.parent == platform.supervisor_pid;
    let task = all.iter().find(tasks).map(|process| process.pid);
    claim!(task.is_some(), "no process of the service: {all:?}");
    let pids = [
        platform.pid,
        platform.supervisor_pid,
        task.unwrap_or_default(),
    ];
    let looks = looks(who.stage, pids)?;
    for look in &looks {
        look.is_refused(who.planted)?;
    }
    for one in &all {
        claim_public_parts(one, who.planted)?;
    }
    line("command lines of all processes", "hold no secret");
    Ok(format!(
        "{} looks refused, {} command lines without a secret",
        looks.len(),
        all.len()
    ))
}

/// Everything worth a look: state, keys, sockets, memory of processes.
fn looks(stage: &Stage, pids: [i32; 3]) -> Result<Vec<Look>, ProofError> {
    let state = stage.project().join(".seaway");
    let keys = stage.home().join("data/seaway/platforms");
    let mut looks = vec![
        Look::List(state.clone()),
        Look::List(keys.clone()),
        Look::Connect(state.join("supervisor/control.sock")),
    ];
    let directories = ["registry", "images", "tasks", "supervisor"];
    looks.extend(directories.map(|name| Look::List(state.join(name))));
    let files = ["store.db", "store.db-wal", "platform.log", "platform.id"];
    looks.extend(files.map(|name| Look::Read(state.join(name))));
    for platform in children(&keys)? {
        looks.push(Look::List(platform.clone()));
        looks.extend(children(&platform)?.into_iter().map(Look::Read));
    }
    for task in children(&state.join("tasks"))? {
        looks.extend(children(&task)?.into_iter().map(Look::Read));
    }
    for pid in pids {
        let of_process = |name: &str| PathBuf::from(format!("/proc/{pid}/{name}"));
        looks.push(Look::List(of_process("fd")));
        looks.extend(["environ", "maps"].map(|name| Look::Read(of_process(name))));
    }
    Ok(looks)
}

fn children(directory: &Path) -> Result<Vec<PathBuf>, ProofError> {
    let entries = fs::read_dir(directory).during(format!("look into {}", directory.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

impl Look {
    fn path(&self) -> &Path {
        match self {
            Self::Read(path) | Self::List(path) | Self::Connect(path) => path,
        }
    }

    fn command(&self) -> Command {
        let words: &[&str] = match self {
            Self::Read(_) => &["cat", "--"],
            Self::List(_) => &["ls", "-A", "--"],
            Self::Connect(_) => &[
                "curl",
                "--silent",
                "--max-time",
                "2",
                "http://supervisor/",
                "--unix-socket",
            ],
        };
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .arg(self.path())
            .current_dir("/")
            .stdin(Stdio::null());
        command
    }

    fn by_nobody(&self) -> Result<Output, ProofError> {
        // Groups of root go with this, too: std clears them when root becomes somebody else.
        let mut command = self.command();
        command.uid(NOBODY).gid(NOBODY);
        command.output().during(format!("run {command:?}"))
    }

    /// Fails if it worked, or could not have worked for anybody.
    fn is_refused(&self, planted: &[&str]) -> Result<(), ProofError> {
        let path = self.path();
        claim!(
            path.symlink_metadata().is_ok(),
            "{} is not there",
            path.display()
        );
        let output = self.by_nobody()?;
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        let refused = match self {
            Self::Connect(_) => output.status.code() == Some(NOT_CONNECTED),
            _ => words.contains("Permission denied"),
        };
        claim!(
            refused && output.stdout.is_empty() && !output.status.success(),
            "another user is not refused {}: {} {words}",
            path.display(),
            output.status
        );
        claim!(
            !holds(&output.stdout, planted),
            "{} tells a secret",
            path.display()
        );
        line(&self.told(), "refused");
        Ok(())
    }

    /// Short enough for the table.
    fn told(&self) -> String {
        let verb = match self {
            Self::Read(_) => "read",
            Self::List(_) => "list",
            Self::Connect(_) => "connect to",
        };
        let path = self.path().display().to_string();
        let known = ["/.seaway", "/seaway/platforms"];
        let from = known.iter().filter_map(|part| path.find(part)).min();
        format!(
            "another user: {verb} {}",
            path.get(from.unwrap_or(0)..).unwrap_or(&path)
        )
    }
}

/// What everybody may read of a process: its command line has no secret, as other users see it.
fn claim_public_parts(process: &Process, planted: &[&str]) -> Result<(), ProofError> {
    let path = PathBuf::from(format!("/proc/{}/cmdline", process.pid));
    let seen = Look::Read(path).by_nobody()?;
    claim!(
        seen.status.success() || process::read(process.pid).is_none(),
        "the command line of {process:?} cannot be read"
    );
    claim!(
        !holds(&seen.stdout, planted),
        "the command line of {} holds a secret",
        process.command
    );
    Ok(())
}

fn holds(bytes: &[u8], planted: &[&str]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    planted.iter().any(|value| text.contains(value))
}
