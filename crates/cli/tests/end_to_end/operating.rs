//! Restart, scale and one-off commands.

use crate::project::{Project, WEB};

/// Never deployed together with the others: it is there to be left alone.
const OTHER: &str = r#"
[services.other]
path    = "."
image   = { bundle = ["service"] }
command = ["./service"]
port    = 9000
health  = { path = "/health", interval = "5s", timeout = "2s" }
drain   = "0s"
"#;

#[test]
fn services_are_restarted_scaled_and_looked_into() {
    let project = Project::new(&format!("{WEB}{OTHER}"));
    project.seaway(&["up"]).with_code(0);
    let settled = |words: &[&str], code| {
        project
            .seaway(words)
            .with_code(code)
            .settled(&project.root())
    };

    insta::assert_snapshot!("restart", settled(&["restart", "local", "web"], 0));
    insta::assert_snapshot!("scale_up", settled(&["scale", "local", "web", "2"], 0));
    insta::assert_snapshot!("deploy_keeps_the_scale", settled(&["deploy", "local"], 0));
    insta::assert_snapshot!("scale_down", settled(&["scale", "local", "web", "1"], 0));
    insta::assert_snapshot!(
        "scale_to_the_same",
        settled(&["scale", "local", "web", "1"], 0)
    );
    insta::assert_snapshot!("status_after_scaling", settled(&["status", "local"], 0));

    let run = |command: &[&str], code| {
        settled(
            &[&["run", "local", "web", "./service"], command].concat(),
            code,
        )
    };
    insta::assert_snapshot!("run", run(&["say", "good morning"], 0));
    insta::assert_snapshot!("run_with_a_code_of_its_own", run(&["exit", "7"], 7));
    insta::assert_snapshot!("run_with_a_code_too_high", run(&["exit", "200"], 1));
    insta::assert_snapshot!(
        "run_of_no_service",
        settled(&["run", "local", "wbe", "true"], 2)
    );
    let missing = &["run", "local", "web", "./nothing"];
    insta::assert_snapshot!("run_of_no_command", settled(missing, 1));
}
