//! Commands that wait, are told to stop, or are killed.

use nix::sys::signal::Signal;

use crate::project::{Project, WEB};

/// A rollout that takes a while: healthy only at the second check.
const SLOW: &str = "READY_AFTER_MS = \"2000\"";

fn deployed() -> Project {
    let project = Project::new(WEB);
    project.seaway(&["up"]).with_code(0);
    project.edit("VERSION = \"1\"", &format!("VERSION = \"2\", {SLOW}"));
    project
}

#[test]
fn the_second_of_two_deploys_waits_and_says_for_whom() {
    let project = deployed();
    let mut first = project.start(&["deploy", "local"]);
    first.wait_for("rolling to tiny-local-web:2");
    project.edit(&format!("VERSION = \"2\", {SLOW}"), "VERSION = \"3\"");
    let mut second = project.start(&["deploy", "local"]);
    second.wait_for("waiting for ");
    let (first, second) = (first.end().with_code(0), second.end().with_code(0));
    first.says("r2 of local succeeded");
    insta::assert_snapshot!("waited", second.settled(&project.root()));
    assert_eq!(project.get("/version"), "3\n");
}

#[test]
fn after_ctrl_c_the_rollout_goes_on_and_can_be_followed_again() {
    let project = deployed();
    let mut deploy = project.start(&["deploy", "local"]);
    deploy.wait_for("rolling to tiny-local-web:2");
    deploy.signal(Signal::SIGINT);
    let detached = deploy.end().with_code(1);
    insta::assert_snapshot!("detached", detached.settled(&project.root()));
    let history = project.seaway(&["history", "local"]).with_code(0);
    insta::assert_snapshot!(
        "history_of_a_detached_release",
        history.settled(&project.root())
    );
    let resumed = project.seaway(&["resume", "local"]).with_code(0);
    insta::assert_snapshot!("resumed", resumed.settled(&project.root()));
    assert_eq!(project.get("/version"), "2\n");
}

#[test]
fn a_deploy_that_was_killed_can_be_undone() {
    let project = deployed();
    let mut deploy = project.start(&["deploy", "local"]);
    deploy.wait_for("rolling to tiny-local-web:2");
    deploy.signal(Signal::SIGKILL);
    assert_eq!(deploy.end().code, None, "it was killed");
    let refused = project.seaway(&["rollback", "local"]).with_code(4);
    insta::assert_snapshot!(
        "rollback_of_a_killed_release",
        refused.settled(&project.root())
    );
    let undone = project.seaway(&["resume", "local", "--undo"]).with_code(0);
    insta::assert_snapshot!("undone", undone.settled(&project.root()));
    assert_eq!(project.get("/version"), "1\n");
    let history = project.seaway(&["history", "local"]).with_code(0);
    insta::assert_snapshot!(
        "history_of_an_undone_release",
        history.settled(&project.root())
    );
}
