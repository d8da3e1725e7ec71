//! A project in a directory of its own, with its own home: nothing of the machine's user gets in,
//! nothing gets out, and everything that runs ends with it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::manifest::Manifest;
use super::process::{self, Process};
use super::run::{Finished, Running};
use super::status::{PlatformStatus, Status};
use super::{Bench, During as _, ProofError, claim, guard};

/// How long a command may take.
pub(crate) const COMMAND: Duration = Duration::from_secs(180);
/// How long the platform may need to settle after a change.
const SETTLE: Duration = Duration::from_secs(60);

/// One project and the commands that are run on it.
#[derive(Debug)]
pub(crate) struct Stage {
    /// None once it has ended.
    directory: Option<TempDir>,
    root: PathBuf,
    seaway: PathBuf,
    keep: bool,
    pub(crate) manifest: Manifest,
}

impl Stage {
    /// A stage whose project `set_up` makes in an empty directory.
    pub(crate) fn new(
        bench: &Bench,
        set_up: impl FnOnce(&Path) -> Result<Manifest, ProofError>,
    ) -> Result<Self, ProofError> {
        let directory = tempfile::Builder::new()
            .prefix("seaway-prove-")
            .tempdir()
            .during("make a directory")?;
        let root = directory.path().canonicalize().during("find a directory")?;
        for part in ["project", "home"] {
            std::fs::create_dir(root.join(part)).during(format!("make the {part}"))?;
        }
        let manifest = set_up(&root.join("project"))?;
        guard::watch(&root);
        Ok(Self {
            directory: Some(directory),
            root,
            seaway: bench.seaway.clone(),
            keep: bench.options.keep,
            manifest,
        })
    }

    /// The directory of the manifest.
    pub(crate) fn project(&self) -> PathBuf {
        self.root.join("project")
    }

    /// The home of whoever runs the commands.
    pub(crate) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Everything that runs on it.
    pub(crate) fn processes(&self) -> Vec<Process> {
        process::of_stage(&self.root)
    }

    /// Everything of the stage is in here; so is what belongs to it and runs beside Seaway.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Starts a command.
    pub(crate) fn start(&self, arguments: &[&str]) -> Result<Running, ProofError> {
        self.start_with(arguments, &[])
    }

    /// Runs a command with more variables to its end.
    pub(crate) fn run_with(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Finished, ProofError> {
        self.start_with(arguments, variables)?.wait(COMMAND)
    }

    fn start_with(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Running, ProofError> {
        let home = self.home();
        let mut command = Command::new(&self.seaway);
        command
            .args(["--manifest".as_ref(), self.project().as_os_str()])
            .args(arguments)
            .current_dir(&self.root)
            .env_clear()
            .env("HOME", &home)
            .env("XDG_DATA_HOME", home.join("data"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("RUST_BACKTRACE", "1")
            .envs(variables.iter().copied());
        Running::start(command, format!("seaway {}", arguments.join(" ")))
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Finished, ProofError> {
        self.start(arguments)?.wait(COMMAND)
    }

    /// Starts a command that makes a release, with its events.
    pub(crate) fn start_release(&self, arguments: &[&str]) -> Result<Running, ProofError> {
        let mut all = arguments.to_vec();
        all.extend(["local", "--yes", "--output", "json"]);
        self.start(&all)
    }

    /// Makes a release and waits for its end.
    pub(crate) fn release(&self, arguments: &[&str]) -> Result<Finished, ProofError> {
        self.start_release(arguments)?.wait(COMMAND)
    }

    /// Deploys what the manifest says, which must succeed.
    pub(crate) fn deploy(&self) -> Result<Finished, ProofError> {
        self.release(&["deploy"])?.exited(0)
    }

    /// `seaway status`.
    pub(crate) fn status(&self) -> Result<Status, ProofError> {
        let finished = self
            .run(&["status", "local", "--output", "json"])?
            .exited(0)?;
        serde_json::from_str(&finished.stdout).during("understand `seaway status`")
    }

    /// `seaway local status`.
    pub(crate) fn platform(&self) -> Result<PlatformStatus, ProofError> {
        let finished = self
            .run(&["local", "status", "--output", "json"])?
            .exited(0)?;
        serde_json::from_str(&finished.stdout).during("understand `seaway local status`")
    }

    /// Waits until every service has completed its rollout and all its tasks are well.
    pub(crate) fn settled(&self) -> Result<Status, ProofError> {
        let deadline = Instant::now() + SETTLE;
        loop {
            let status = self.status()?;
            let Some(trouble) = status.trouble() else {
                return Ok(status);
            };
            claim!(
                Instant::now() < deadline,
                "not everything is well again: {trouble}"
            );
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Fails unless exactly the processes run that should: the platform, its supervisor, and as
    /// many children of the supervisor as the services have tasks.
    pub(crate) fn claim_no_orphans(&self, status: &Status) -> Result<(), ProofError> {
        let deadline = Instant::now() + SETTLE;
        loop {
            let platform = self.platform()?;
            let all = process::of_stage(&self.root);
            let (tasks, others): (Vec<&Process>, Vec<&Process>) = all
                .iter()
                .partition(|process| process.parent == platform.supervisor_pid);
            let parents = [platform.pid, platform.supervisor_pid];
            let strays: Vec<String> = others
                .iter()
                .filter(|process| !parents.contains(&process.pid))
                .map(|process| format!("{} ({})", process.pid, process.command))
                .collect();
            let wanted = usize::try_from(status.running()).unwrap_or(usize::MAX);
            if strays.is_empty() && tasks.len() == wanted && others.len() == parents.len() {
                return Ok(());
            }
            claim!(
                Instant::now() < deadline,
                "{} processes of tasks for {wanted} tasks; not owned by the supervisor: {strays:?}",
                tasks.len()
            );
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Stops everything, as a user would; fails when a process is left.
    pub(crate) fn end(mut self) -> Result<(), ProofError> {
        self.run(&["local", "stop"])?.exited(0)?;
        let left = process::of_stage(&self.root);
        claim!(
            left.is_empty(),
            "processes outlived `seaway local stop`: {left:?}"
        );
        self.keep = false;
        Ok(())
    }

    /// The platform's own last words, for a failure.
    fn platform_log(&self) -> String {
        const LINES: usize = 20;
        let path = self.project().join(".seaway/platform.log");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n      ")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !process::of_stage(&self.root).is_empty() {
            // It ends without `end`: the proof failed. What the platform said may tell why.
            eprintln!("    platform.log:\n      {}", self.platform_log());
            guard::end_all(&self.root);
        }
        guard::forget(&self.root);
        if let Some(directory) = self.directory.take().filter(|_| self.keep) {
            eprintln!("    kept: {}", directory.keep().display());
        }
    }
}
