//! Commands that look at things leave a stopped platform alone.

use std::fs;

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

#[test]
fn a_release_is_told_of_although_its_platform_is_not_found_any_more() {
    let project = Project::new(WEB);
    project.seaway(&["local", "start"]).with_code(0);
    // What finds the platform goes away while the release is made.
    let (id, aside) = (
        project.state().join("platform.id"),
        project.root().join("aside"),
    );
    let build = format!("build = \"mv {} {}\"", id.display(), aside.display());
    project.edit("\"greeting\"] }", &format!("\"greeting\"], {build} }}"));
    let up = project.seaway(&["up", "--output", "json"]).with_code(0);
    let last = up.json_lines().pop().unwrap_or_default();
    assert_eq!(last["outcome"], "succeeded", "{up}");
    assert!(last.get("status").is_none(), "{up}");

    fs::rename(&aside, &id).expect("it was moved aside");
    project.edit("VERSION = \"1\"", "VERSION = \"2\"");
    let up = project.seaway(&["up"]).with_code(0);
    up.says("r2 of local succeeded");
    up.says("error: the platform does not run");
    fs::rename(&aside, &id).expect("it was moved aside");
}
