//! Releases from the first to the way back.

use crate::project::{Project, WEB};

#[test]
fn up_then_a_new_version_then_nothing_to_do() {
    let project = Project::new(WEB);
    let settled = |words: &[&str], code| {
        project
            .seaway(words)
            .with_code(code)
            .settled(&project.root())
    };
    insta::assert_snapshot!("up", settled(&["up"], 0));
    assert_eq!(project.get("/version"), "1\n");

    project.edit("VERSION = \"1\"", "VERSION = \"2\"");
    insta::assert_snapshot!("plan_of_a_new_version", settled(&["plan", "local"], 0));
    insta::assert_snapshot!("deploy_of_a_new_version", settled(&["deploy", "local"], 0));
    assert_eq!(project.get("/version"), "2\n");

    insta::assert_snapshot!("deploy_of_nothing", settled(&["deploy", "local"], 0));
    insta::assert_snapshot!("plan_of_nothing", settled(&["plan", "local"], 0));
    insta::assert_snapshot!("status", settled(&["status", "local"], 0));
    insta::assert_snapshot!("history", settled(&["history", "local"], 0));
    insta::assert_snapshot!("local_status", settled(&["local", "status"], 0));
}
