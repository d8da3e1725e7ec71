//! Commands that look at things leave a stopped platform alone.

use crate::project::{Project, WEB, eventually};

const LOOKS: [&[&str]; 4] = [
    &["logs", "local"],
    &["plan", "local"],
    &["secrets", "list", "local"],
    &["secrets", "check", "local"],
];

#[test]
fn looking_starts_no_platform() {
    let project = Project::new(WEB);
    let settled = |words: &[&str], code| {
        let shown = project.seaway(words).with_code(code);
        shown.settled(&project.root())
    };
    insta::assert_snapshot!("status_of_no_release", settled(&["status", "local"], 0));
    project.seaway(&["history", "local", "r1"]).with_code(2);
    assert!(!project.state().exists(), "looking makes no directory");
    project.seaway(&["up"]).with_code(0);
    project.seaway(&["local", "stop"]).with_code(0);

    insta::assert_snapshot!(
        "status_of_a_stopped_platform",
        settled(&["status", "local"], 0)
    );
    for look in LOOKS {
        let shown = project.seaway(look).with_code(3);
        shown.says("error: the platform does not run");
        shown.says("hint: `seaway local start` starts it");
    }
    project.seaway(&["history", "local"]).with_code(0);
    let unknown = project.seaway(&["restart", "local", "wbe"]).with_code(2);
    unknown.says("its services: web");
    let json = project.seaway(&["status", "local", "--output", "json"]);
    let json = json.with_code(0).json();
    assert_eq!(json["running"], false);
    assert_eq!(json["recorded"][0]["name"], "web", "{json:#}");
    assert!(project.ends(), "nothing was started");

    project.seaway(&["local", "start"]).with_code(0);
    assert!(eventually(|| project.get("/version") == "1\n"));
}
