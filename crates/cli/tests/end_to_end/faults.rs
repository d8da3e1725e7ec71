//! Releases that go wrong: noticed, explained, taken back.

use crate::project::{Project, WEB, with_migration};

#[test]
fn a_version_that_crashes_is_rolled_back_and_the_old_one_goes_on() {
    let project = Project::new(WEB);
    project.seaway(&["up"]).with_code(0);
    project.edit("VERSION = \"1\"", "VERSION = \"2\", FAULT = \"crash\"");
    let shown = project.seaway(&["deploy", "local"]).with_code(1);
    insta::assert_snapshot!("crash", shown.settled(&project.root()));
    assert_eq!(project.get("/version"), "1\n");

    project.edit("\"./service\"]", "\"./servcie\"]");
    let shown = project.seaway(&["deploy", "local"]).with_code(1);
    insta::assert_snapshot!("no_such_command", shown.settled(&project.root()));
    assert_eq!(project.get("/version"), "1\n");
    let history = project.seaway(&["history", "local"]).with_code(0);
    insta::assert_snapshot!("history_of_faults", history.settled(&project.root()));
}

#[test]
fn a_version_that_is_never_healthy_is_rolled_back() {
    let project = Project::new(&WEB.replace("grace = \"10s\"", "grace = \"0s\""));
    project.seaway(&["up"]).with_code(0);
    project.edit(
        "VERSION = \"1\"",
        "VERSION = \"2\", FAULT = \"never-healthy\"",
    );
    let shown = project.seaway(&["deploy", "local"]).with_code(1);
    shown.says("no task passed the health check of /health within its grace period");
    shown.says("rolled back to tiny-local-web:1");
    assert_eq!(project.get("/version"), "1\n");
}

#[test]
fn a_first_release_that_fails_is_scaled_to_zero() {
    let project =
        Project::new(&WEB.replace("VERSION = \"1\"", "VERSION = \"1\", FAULT = \"crash\""));
    let shown = project.seaway(&["deploy", "local"]).with_code(1);
    insta::assert_snapshot!("first_release", shown.settled(&project.root()));
    project.edit(", FAULT = \"crash\"", "");
    let shown = project.seaway(&["deploy", "local"]).with_code(0);
    insta::assert_snapshot!("first_release_mended", shown.settled(&project.root()));
    assert_eq!(project.get("/version"), "1\n");
}

#[test]
fn a_job_that_fails_stops_the_release() {
    let project = Project::new(&with_migration());
    let shown = project.seaway(&["deploy", "local"]).with_code(0);
    insta::assert_snapshot!("job", shown.settled(&project.root()));
    project.edit("VERSION = \"1\"", "VERSION = \"2\", MIGRATE_EXIT = \"4\"");
    let shown = project.seaway(&["deploy", "local"]).with_code(1);
    insta::assert_snapshot!("job_failed", shown.settled(&project.root()));
    assert_eq!(project.get("/version"), "1\n");
}

#[test]
fn a_build_that_fails_changes_nothing() {
    let build = "image   = { bundle = [\"service\"], build = \"echo it is broken >&2; exit 3\" }";
    let project =
        Project::new(&WEB.replace("image   = { bundle = [\"service\", \"greeting\"] }", build));
    let shown = project.seaway(&["deploy", "local"]).with_code(1);
    insta::assert_snapshot!("build_failed", shown.settled(&project.root()));
    project.edit(
        ", build = \"echo it is broken >&2; exit 3\"",
        ", \"missing\"",
    );
    project.edit("[\"service\"], \"missing\"", "[\"service\", \"missing\"]");
    let shown = project.seaway(&["up"]);
    insta::assert_snapshot!("bundle_without_its_file", shown.settled(&project.root()));
}
