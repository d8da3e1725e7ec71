//! What is wrong with a manifest is said before anything happens.

use std::path::Path;

use crate::project::{Project, WEB};

const WRONG: &str = r#"
[project]
name = "tiny"

[services.web]
path    = "."
image   = { bundle = ["service"] }
comand  = ["./service"]
port    = 70000
before  = ["migrat"]
uses    = ["webb"]

[jobs.migrate]
service = "web"
command = ["./service", "migrate"]

[environments.local]
platform = "local"
"#;

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let project = Project::new(WRONG);
    let shown = project.seaway(&["check"]).with_code(2);
    insta::assert_snapshot!("mistakes", shown.settled(&project.root()));
    let deployed = project.seaway(&["deploy", "local"]).with_code(2);
    assert_eq!(deployed.stderr(), shown.stderr(), "a deploy says the same");
    let problems = project
        .seaway(&["check", "--output", "json"])
        .with_code(2)
        .json();
    let count = problems["problems"].as_array().map(Vec::len);
    assert_eq!(count, Some(4), "{problems:#}");
    assert!(
        !project.state().exists(),
        "nothing is started for a wrong manifest"
    );
}

#[test]
fn a_good_manifest_can_be_shown_with_its_defaults() {
    let project = Project::new(WEB);
    let settled = |words: &[&str]| project.seaway(words).with_code(0).settled(&project.root());
    insta::assert_snapshot!("good", settled(&["check"]));
    insta::assert_snapshot!("resolved", settled(&["check", "--show", "local"]));
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let project = Project::new(WEB);
    let settled = |words: &[&str], code| {
        project
            .seaway(words)
            .with_code(code)
            .settled(&project.root())
    };
    insta::assert_snapshot!("unknown_environment", settled(&["plan", "locla"], 2));
    insta::assert_snapshot!(
        "unknown_service",
        settled(&["plan", "local", "-s", "wbe"], 2)
    );
    insta::assert_snapshot!("bad_release", settled(&["history", "local", "seven"], 2));
    insta::assert_snapshot!("no_manifest", settled(&["check", "-f", "nowhere"], 2));
}

#[test]
fn an_environment_elsewhere_is_refused_by_this_version() {
    let elsewhere = "\n[environments.production]\nplatform = \"ecs\"\nregion = \"us-east-1\"\naccount = \"111122223333\"\n";
    let project = Project::new(&format!("{WEB}{elsewhere}"));
    let shown = project.seaway(&["deploy", "production"]).with_code(3);
    insta::assert_snapshot!("elsewhere", shown.settled(&project.root()));
}

#[test]
fn the_schema_is_the_committed_one() {
    let project = Project::new(WEB);
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/seaway.schema.json");
    let committed = std::fs::read_to_string(path).expect("the schema is committed");
    assert!(
        project.seaway(&["schema"]).with_code(0).stdout() == committed,
        "it is out of date"
    );
}
