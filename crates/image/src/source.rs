//! The state of a working tree, asked of the program `git`.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Output, Stdio};

use seaway_core::release::Source;
use tokio::process::Command;

/// Variables that would lead git to another repository than that of the directory; a Git hook
/// sets them for everything it starts.
const MISLEADING: [&str; 4] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"];

/// The source of what lies in `directory`: a commit, a commit with changes in this directory, or
/// unversioned where there is no git, no repository or no commit. Changes elsewhere in a larger
/// repository do not count; files that git ignores do not either.
pub async fn source_of(directory: &Path) -> Source {
    let Some(id) = stdout(&head_args(directory)).await else {
        return Source::Unversioned;
    };
    let id = id.trim().to_owned();
    match stdout(&changes_args(directory)).await {
        Some(changes) if changes.is_empty() => Source::Commit { id },
        // A status that cannot be read does not show that nothing was changed.
        _ => Source::Dirty { id },
    }
}

fn head_args(directory: &Path) -> Vec<OsString> {
    let command = ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"];
    args(directory, &command)
}

fn changes_args(directory: &Path) -> Vec<OsString> {
    let command = [
        "status",
        "--porcelain",
        "--untracked-files=normal",
        "--",
        ".",
    ];
    args(directory, &command)
}

/// Asking must neither wait for git's own locks nor start what a repository's settings name.
fn args(directory: &Path, command: &[&str]) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["-C".into(), directory.into()];
    args.extend(["--no-optional-locks", "-c", "core.fsmonitor=false"].map(OsString::from));
    args.extend(command.iter().map(OsString::from));
    args
}

/// What git wrote, if it can be run and succeeded.
async fn stdout(args: &[OsString]) -> Option<String> {
    let mut command = Command::new("git");
    for name in MISLEADING {
        command.env_remove(name);
    }
    let Output { status, stdout, .. } = command
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .ok()?;
    status
        .success()
        .then(|| String::from_utf8_lossy(&stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Runs git for the test's own repository, whatever the settings of the machine.
    fn git(directory: &Path, args: &[&str]) {
        let settings = ["user.name=Ann", "user.email=ann@example.com"];
        let settings = settings.iter().flat_map(|setting| ["-c", setting]);
        let status = std::process::Command::new("git")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .arg("-C")
            .arg(directory)
            .args(settings)
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("git runs");
        assert!(status.success(), "{args:?}");
    }

    #[test]
    fn git_is_asked_without_side_effects() {
        let args = changes_args(Path::new("/shop"));
        let expected = "-C /shop --no-optional-locks -c core.fsmonitor=false status --porcelain \
                        --untracked-files=normal -- .";
        assert_eq!(args.join(" ".as_ref()), *expected);
    }

    #[tokio::test]
    async fn a_tree_is_unversioned_then_committed_then_dirty() {
        let place = tempfile::tempdir().unwrap();
        let shop = place.path().join("shop");
        fs::create_dir(&shop).unwrap();
        git(place.path(), &["init", "--quiet"]);
        assert_eq!(source_of(&shop).await, Source::Unversioned);

        fs::write(shop.join("a"), "1").unwrap();
        fs::write(place.path().join(".gitignore"), "target\n").unwrap();
        git(place.path(), &["add", "."]);
        git(place.path(), &["commit", "--quiet", "-m", "first"]);
        let Source::Commit { id } = source_of(&shop).await else {
            panic!("the tree is clean");
        };
        assert_eq!(id.len(), 40);

        fs::write(place.path().join("elsewhere"), "2").unwrap();
        fs::create_dir(shop.join("target")).unwrap();
        fs::write(shop.join("target/made"), "3").unwrap();
        assert_eq!(source_of(&shop).await, Source::Commit { id: id.clone() });

        fs::write(shop.join("new"), "4").unwrap();
        assert_eq!(source_of(&shop).await, Source::Dirty { id });
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_is_unversioned() {
        let place = tempfile::tempdir().unwrap();
        let missing = place.path().join("missing");
        assert_eq!(source_of(&missing).await, Source::Unversioned);
    }
}
