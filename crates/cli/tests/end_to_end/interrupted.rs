//! Commands that wait, are told to stop, or are killed.

use nix::sys::signal::Signal;

use crate::process::Running;
use crate::project::{Project, WEB, eventually, with_migration};

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

#[test]
fn a_first_release_that_is_undone_leaves_nothing() {
    let slow = format!("VERSION = \"1\", {SLOW}");
    let project = Project::new(&WEB.replace("VERSION = \"1\"", &slow));
    let mut deploy = project.start(&["deploy", "local"]);
    deploy.wait_for("creating with tiny-local-web:1");
    deploy.signal(Signal::SIGINT);
    deploy.end().with_code(1);
    let undone = project.seaway(&["resume", "local", "--undo"]).with_code(0);
    insta::assert_snapshot!("first_release_undone", undone.settled(&project.root()));
    let status = project.seaway(&["status", "local"]).with_code(0);
    assert_eq!(status.stdout(), "No service runs.\n");
    project.edit(&format!(", {SLOW}"), "");
    project.seaway(&["up"]).with_code(0);
    assert_eq!(project.get("/version"), "1\n");
}

#[test]
fn of_two_undos_at_once_one_undoes_and_the_other_finds_nothing_left() {
    let project = deployed();
    let mut deploy = project.start(&["deploy", "local"]);
    deploy.wait_for("rolling to tiny-local-web:2");
    deploy.signal(Signal::SIGKILL);
    deploy.end();
    let undo = || project.start(&["resume", "local", "--undo"]);
    let both = [undo(), undo()].map(Running::end);
    let mut codes = both.each_ref().map(|shown| shown.code);
    codes.sort_unstable();
    // The second finds the release closed, before it waits for the lock or after.
    assert!(
        matches!(codes, [Some(0), Some(0 | 2)]),
        "{}\n{}",
        both[0],
        both[1]
    );
    assert_eq!(project.get("/version"), "1\n");
    let history = project.seaway(&["history", "local", "--output", "json"]);
    let releases = history.with_code(0).json()["releases"].clone();
    assert_eq!(releases.as_array().map(Vec::len), Some(3), "{releases:#}");
}

#[test]
fn after_ctrl_c_during_a_job_the_services_wait() {
    let project = Project::new(&with_migration());
    project.edit("VERSION = \"1\"", "VERSION = \"1\", MIGRATE_MS = \"2000\"");
    let mut deploy = project.start(&["deploy", "local"]);
    deploy.wait_for("runs as task");
    deploy.signal(Signal::SIGINT);
    let detached = deploy.end().with_code(1);
    insta::assert_snapshot!("detached_during_a_job", detached.settled(&project.root()));
    let words = ["resume", "local", "--output", "json"];
    let resumed = project.seaway(&words).with_code(0);
    assert_eq!(
        resumed
            .json_lines()
            .pop()
            .map(|last| last["outcome"].clone()),
        Some("succeeded".into())
    );
    assert_eq!(project.get("/version"), "1\n");
}

#[test]
fn programs_are_told_what_goes_on_after_an_interrupt() {
    let project = deployed();
    let deploy = project.start(&["deploy", "local", "--output", "json"]);
    assert!(
        eventually(|| deploy.stdout().contains("\"old\":")),
        "{}",
        deploy.stdout()
    );
    deploy.signal(Signal::SIGINT);
    let detached = deploy.end().with_code(1).json_lines().pop();
    let expected = serde_json::json!({
        "result": "detached", "release": 2, "fates": { "web": "goes_on" }, "exit_code": 1,
    });
    assert_eq!(detached, Some(expected));
}
