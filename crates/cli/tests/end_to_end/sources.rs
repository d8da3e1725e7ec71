//! Where a release came from is on record.

use std::process::Command;

use crate::process::Running;
use crate::project::{Project, WEB};

#[test]
fn a_commit_a_dirty_tree_and_no_repository_are_told_apart() {
    let project = Project::new(WEB);
    let deploy = || project.seaway(&["deploy", "local"]).with_code(0);
    deploy();

    git(&project, &["init", "-q"]);
    project.edit("VERSION = \"1\"", "VERSION = \"2\"");
    deploy();

    project.write(".gitignore", "service\n");
    project.edit("VERSION = \"2\"", "VERSION = \"3\"");
    git(&project, &["add", "-A"]);
    git(&project, &["commit", "-q", "-m", "first"]);
    deploy();

    project.edit("VERSION = \"3\"", "VERSION = \"4\"");
    deploy();
    let history = project.seaway(&["history", "local"]).with_code(0);
    insta::assert_snapshot!("sources", history.settled(&project.root()));
}

fn git(project: &Project, words: &[&str]) {
    let mut command = Command::new("git");
    project.isolate(&mut command);
    let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args(identity)
        .args(words);
    Running::start(command, b"").end().with_code(0);
}
