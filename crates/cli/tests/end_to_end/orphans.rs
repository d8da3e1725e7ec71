//! A service that left the manifest runs until it is pruned, and can be operated until then.

use crate::project::{Project, WEB, eventually};

const OLD: &str = r#"
[services.old]
path    = "."
image   = { bundle = ["service"] }
command = ["./service", "worker"]
env     = { VERSION = "old" }
"#;

#[test]
fn it_is_restarted_scaled_read_and_run_in_by_name() {
    let project = Project::new(&format!("{WEB}{OLD}"));
    project.seaway(&["up"]).with_code(0);
    project.edit(OLD, "");

    let restarted = project.seaway(&["restart", "local", "old"]).with_code(0);
    restarted.says("1 service changed");
    project.seaway(&["scale", "local", "old", "2"]).with_code(0);
    let status = project.seaway(&["status", "local", "--output", "json"]);
    let status = status.with_code(0).json();
    let old = status["services"]
        .as_array()
        .and_then(|all| all.iter().find(|service| service["name"] == "old"));
    assert_eq!(
        old.map(|old| &old["counts"]["desired"]),
        Some(&serde_json::json!(2)),
        "{status:#}"
    );
    let run = &["run", "local", "old", "./service", "say", "still here"];
    assert_eq!(project.seaway(run).with_code(0).stdout(), "still here\n");
    let logs = || {
        project
            .seaway(&["logs", "local", "old"])
            .with_code(0)
            .stdout()
    };
    assert!(
        eventually(|| logs().contains("last of the worker")),
        "{}",
        logs()
    );
    let unknown = project.seaway(&["restart", "local", "odl"]).with_code(2);
    unknown.says("its services: old, web");

    project.seaway(&["deploy", "local", "--prune"]).with_code(0);
    let gone = project.seaway(&["restart", "local", "old"]).with_code(2);
    gone.says("its services: web");
}
