//! The help texts: the whole command line at a glance.

use crate::project::{Project, WEB};

#[test]
fn every_command_says_what_it_is_for() {
    let project = Project::new(WEB);
    for words in [
        "",
        "up",
        "deploy",
        "plan",
        "status",
        "logs",
        "history",
        "rollback",
        "resume",
        "restart",
        "scale",
        "run",
        "secrets",
        "secrets list",
        "secrets set",
        "secrets rm",
        "secrets check",
        "check",
        "schema",
        "local",
        "local start",
        "local stop",
        "local status",
        "local env",
        "local inject",
        "local reset",
        "completions",
    ] {
        let mut command: Vec<&str> = words.split_whitespace().collect();
        command.push("--help");
        let shown = project.seaway(&command).with_code(0);
        let name = format!("help {words}").trim_end().replace(' ', "_");
        insta::assert_snapshot!(name, shown.to_string());
    }
}

#[test]
fn a_wrong_command_line_is_told_with_what_was_meant() {
    let project = Project::new(WEB);
    let shown = |words: &[&str]| project.seaway(words).with_code(2).to_string();
    insta::assert_snapshot!("no_command", shown(&[]));
    insta::assert_snapshot!("misspelt_command", shown(&["deplyo", "local"]));
    insta::assert_snapshot!(
        "count_out_of_range",
        shown(&["scale", "local", "web", "5001"])
    );
    insta::assert_snapshot!("no_environment", shown(&["deploy"]));
}

#[test]
fn completions_are_for_the_shells_people_use() {
    let project = Project::new(WEB);
    for shell in ["bash", "zsh", "fish"] {
        let shown = project.seaway(&["completions", shell]).with_code(0);
        assert!(shown.stdout().contains("rollback"), "{shown}");
        assert!(
            !shown.stdout().contains("__platform"),
            "hidden commands stay hidden"
        );
    }
}
