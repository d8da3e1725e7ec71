//! Rolling back, by record alone: the working tree may be anything.

use std::fs;

use crate::project::{Project, WEB};

#[test]
fn earlier_releases_come_back_byte_for_byte() {
    let project = Project::new(WEB);
    project.seaway(&["up"]).with_code(0);
    project.edit("VERSION = \"1\"", "VERSION = \"2\"");
    project.write("greeting", "hej\n");
    project.seaway(&["deploy", "local"]).with_code(0);
    project.edit("VERSION = \"2\"", "VERSION = \"3\"");
    project.write("greeting", "ciao\n");
    project.seaway(&["deploy", "local"]).with_code(0);

    for file in ["service", "greeting"] {
        fs::remove_file(project.root().join(file)).expect("a file of the bundle");
    }
    fs::remove_dir_all(project.state().join("builds")).expect("what was built here");
    let settled = |words: &[&str], code| {
        project
            .seaway(words)
            .with_code(code)
            .settled(&project.root())
    };
    let runs = || (project.get("/version"), project.get("/greeting"));

    insta::assert_snapshot!(
        "rollback_to_the_previous",
        settled(&["rollback", "local"], 0)
    );
    assert_eq!(runs(), ("2\n".into(), "hej\n".into()));
    insta::assert_snapshot!(
        "rollback_to_a_release",
        settled(&["rollback", "local", "r1"], 0)
    );
    assert_eq!(runs(), ("1\n".into(), "hello\n".into()));
    let revision = &["rollback", "local", "--service", "web", "--revision", "3"];
    insta::assert_snapshot!("rollback_to_a_revision", settled(revision, 0));
    assert_eq!(runs(), ("3\n".into(), "ciao\n".into()));
    insta::assert_snapshot!(
        "rollback_to_what_runs",
        settled(&["rollback", "local", "r3"], 0)
    );
    insta::assert_snapshot!(
        "rollback_to_no_release",
        settled(&["rollback", "local", "r9"], 2)
    );
    let unknown = &["rollback", "local", "--service", "web", "--revision", "9"];
    insta::assert_snapshot!("rollback_to_no_revision", settled(unknown, 2));
    insta::assert_snapshot!("history_of_rollbacks", settled(&["history", "local"], 0));
}

#[test]
fn before_the_first_release_there_is_nothing_to_go_back_to() {
    let project = Project::new(WEB);
    let settled = |words: &[&str]| project.seaway(words).with_code(2).settled(&project.root());
    insta::assert_snapshot!("rollback_of_nothing", settled(&["rollback", "local"]));
    insta::assert_snapshot!("resume_of_nothing", settled(&["resume", "local"]));
    insta::assert_snapshot!("restart_of_nothing", settled(&["restart", "local"]));
}
