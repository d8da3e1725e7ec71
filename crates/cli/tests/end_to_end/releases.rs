//! Releases that go well, from the first to the one with nothing to do.

use crate::project::{Project, WEB};

/// Another service without a port.
const WORKER: &str = r#"
[services.worker]
path    = "."
image   = { bundle = ["service"] }
command = ["./service", "worker"]
"#;

#[test]
fn up_then_a_new_version_then_nothing_to_do() {
    let project = Project::new(WEB);
    let settled = |words: &[&str]| project.seaway(words).with_code(0).settled(&project.root());
    insta::assert_snapshot!("up", settled(&["up"]));
    assert_eq!(project.get("/version"), "1\n");
    let names = project.get("/environment");
    assert!(
        names.contains("VERSION\n") && names.contains("PORT\n"),
        "{names}"
    );
    assert!(
        !names.contains("XDG_DATA_HOME") && !names.contains("LANG"),
        "inherited: {names}"
    );

    project.edit("VERSION = \"1\"", "VERSION = \"2\"");
    insta::assert_snapshot!("plan_of_a_new_version", settled(&["plan", "local"]));
    let deployed = project.seaway(&["deploy", "local"]).with_code(0);
    insta::assert_snapshot!("deploy_of_a_new_version", deployed.settled(&project.root()));
    assert_eq!(project.get("/version"), "2\n");

    insta::assert_snapshot!("deploy_of_nothing", settled(&["deploy", "local"]));
    insta::assert_snapshot!("plan_of_nothing", settled(&["plan", "local"]));
    insta::assert_snapshot!("status", settled(&["status", "local"]));
    insta::assert_snapshot!("history", settled(&["history", "local"]));
    insta::assert_snapshot!("local_status", settled(&["local", "status"]));

    let replayed = project.seaway(&["history", "local", "r2"]).with_code(0);
    insta::assert_snapshot!("replay", replayed.settled(&project.root()));
    assert_eq!(events_of(&replayed.stdout()), events_of(&deployed.stderr()));
}

#[test]
fn a_service_that_left_the_manifest_goes_only_when_it_is_asked_to() {
    let project = Project::new(&format!("{WEB}{WORKER}"));
    project.seaway(&["up"]).with_code(0);
    project.edit(WORKER, "");
    let settled = |words: &[&str]| project.seaway(words).with_code(0).settled(&project.root());
    insta::assert_snapshot!("orphan_kept", settled(&["deploy", "local"]));
    insta::assert_snapshot!(
        "plan_of_the_removal",
        settled(&["plan", "local", "--prune"])
    );
    insta::assert_snapshot!("orphan_removed", settled(&["deploy", "local", "--prune"]));
    insta::assert_snapshot!("status_after_the_removal", settled(&["status", "local"]));
}

#[test]
fn production_is_not_changed_without_a_yes() {
    let project = Project::new(&WEB.replace(
        "platform = \"local\"",
        "platform = \"local\"\nclass = \"production\"",
    ));
    let refused = project.seaway(&["deploy", "local"]).with_code(4);
    insta::assert_snapshot!("declined", refused.settled(&project.root()));
    let history = project.seaway(&["history", "local"]).with_code(0);
    insta::assert_snapshot!("history_of_nothing", history.settled(&project.root()));
}

/// The lines of a display that tell events and results, without the plan and what is said of the
/// release as a whole.
fn events_of(text: &str) -> Vec<&str> {
    let mut lines = vec![];
    let mut in_plan = false;
    for line in text.lines() {
        let is_event = line.trim_start().starts_with(|c: char| c.is_ascii_digit())
            && line
                .split_whitespace()
                .next()
                .is_some_and(|word| word.ends_with('s'));
        in_plan |= line.starts_with("  DEPLOY");
        if is_event {
            in_plan = false;
        }
        let of_release = line.starts_with(['✓', '↩', '✗', 'r', 'b', 'h']) || line.is_empty();
        if !in_plan && !of_release {
            lines.push(line);
        }
    }
    lines
}
