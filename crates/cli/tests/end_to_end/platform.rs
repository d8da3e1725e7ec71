//! The embedded platform beside other things on this machine.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use crate::process::Running;
use crate::project::{Project, WEB, eventually, get};

#[test]
fn two_checkouts_do_not_see_each_other() {
    let (one, other) = (Project::new(WEB), Project::new(WEB));
    other.edit("VERSION = \"1\"", "VERSION = \"other\"");
    one.seaway(&["up"]).with_code(0);
    other.seaway(&["up"]).with_code(0);
    assert_ne!(one.url(), other.url());
    assert_eq!(
        (one.get("/version"), other.get("/version")),
        ("1\n".into(), "other\n".into())
    );
    one.seaway(&["local", "stop"])
        .with_code(0)
        .says("The platform and its tasks have stopped.");
    assert!(one.ends(), "nothing of it is left");
    assert_eq!(other.get("/version"), "other\n");
    let history = other
        .seaway(&["history", "local", "--output", "json"])
        .with_code(0)
        .json();
    assert_eq!(history["releases"].as_array().map(Vec::len), Some(1));
}

#[test]
fn ports_are_kept_and_chosen_again_when_taken() {
    let project = Project::new(WEB);
    project.seaway(&["up"]).with_code(0);
    let endpoint = || project.seaway(&["local", "start"]).with_code(0).stdout();
    let (first, url) = (endpoint(), project.url());

    project.seaway(&["local", "stop"]).with_code(0);
    assert_eq!(endpoint(), first, "the platform's port is kept");
    assert_eq!(project.url(), url, "the load balancer's port is kept");
    let is_back = |url: &str| eventually(|| get(url, "/version") == "1\n");
    assert!(is_back(&url), "the service is back");

    project.seaway(&["local", "stop"]).with_code(0);
    let taken = [port(&first), port(&url)].map(|port| TcpListener::bind(("127.0.0.1", port)));
    assert!(
        taken.iter().all(Result::is_ok),
        "both ports are free again: {taken:?}"
    );
    assert_ne!(endpoint(), first, "another port is chosen, and told");
    assert_ne!(project.url(), url);
    assert!(is_back(&project.url()), "the service is back elsewhere");
}

#[test]
fn a_platform_whose_state_is_gone_ends_with_its_tasks() {
    let project = Project::new(WEB);
    project.seaway(&["up"]).with_code(0);
    assert!(
        project.processes().len() >= 3,
        "platform, supervisor and task"
    );
    // The platform may write a file while its directory is being emptied.
    let removed = eventually(|| fs::remove_dir_all(project.state()).is_ok());
    assert!(removed, "the state can be removed");
    assert!(project.ends(), "left: {:?}", project.processes());
}

#[test]
fn a_pipe_does_not_wait_for_the_platform() {
    let project = Project::new(WEB);
    let mut command = Command::new("sh");
    project.isolate(&mut command);
    command.args(["-c", "\"$0\" up 2>&1 | cat", env!("CARGO_BIN_EXE_seaway")]);
    let shown = Running::start(command, b"").end().with_code(0);
    assert!(shown.stdout().contains("r1 of local succeeded"), "{shown}");
}

#[test]
fn without_a_platform_commands_say_how_to_start_one() {
    let project = Project::new(WEB);
    let settled = |words: &[&str], code| {
        project
            .seaway(words)
            .with_code(code)
            .settled(&project.root())
    };
    insta::assert_snapshot!("local_status_of_none", settled(&["local", "status"], 0));
    insta::assert_snapshot!("local_env_of_none", settled(&["local", "env"], 3));
    insta::assert_snapshot!("local_stop_of_none", settled(&["local", "stop"], 0));
    assert!(!project.state().exists(), "looking starts nothing");
}

/// The number at the end of an address.
fn port(address: &str) -> u16 {
    let digits = address.trim().trim_end_matches('/').rsplit(':').next();
    digits
        .and_then(|digits| digits.parse().ok())
        .expect("an address ends with its port")
}

#[test]
fn the_state_can_be_moved() {
    let project = Project::new(WEB);
    let elsewhere = project.root().with_file_name("state of tiny");
    let seaway = |words: &[&str]| {
        let mut command = project.command(words);
        command.env("SEAWAY_STATE_DIR", &elsewhere);
        Running::start(command, b"").end().with_code(0)
    };
    seaway(&["up"]);
    let status = seaway(&["status", "local", "--output", "json"]).json();
    assert_eq!(status["services"][0]["counts"]["running"], 1, "{status:#}");
    assert!(elsewhere.join("store.db").exists());
    assert!(!project.state().exists(), "nothing is beside the manifest");
    let here = project.seaway(&["status", "local"]).with_code(0);
    assert!(here.stdout().contains("does not run"), "{here}");
    seaway(&["local", "stop"]);
    assert!(project.ends());
}

#[test]
fn faults_are_injected_listed_and_taken_back() {
    let project = Project::new(WEB);
    let inject = |rest: &[&str]| {
        let words = [&["local", "inject"], rest].concat();
        project.seaway(&words)
    };
    inject(&["crash-loop", "web"])
        .with_code(3)
        .says("`seaway local start` starts it");
    project.seaway(&["up"]).with_code(0);
    inject(&[])
        .with_code(0)
        .prints("No fault is in force; `seaway local inject --help` tells which there are");
    inject(&["crash-loop", "web"])
        .with_code(0)
        .prints("Fault 1: crash-loop of web; `seaway local inject --take-back 1` ends it");
    inject(&["crash-loop", "webb"])
        .with_code(0)
        .prints("There is no service webb yet: the fault waits for one");
    inject(&["--take-back", "2"]).with_code(0);

    project.edit("VERSION = \"1\"", "VERSION = \"2\"");
    project.seaway(&["deploy", "local", "--yes"]).with_code(1);
    assert_eq!(project.get("/version"), "1\n", "the old version goes on");
    let faults = inject(&["--output", "json"]).with_code(0).json();
    assert_eq!(faults["faults"][0]["fault"], "crash-loop");
    assert!(
        faults["faults"][0]["struck"].as_u64() >= Some(1),
        "{faults}"
    );

    inject(&["--take-back", "7"])
        .with_code(3)
        .says("no fault has the number 7");
    inject(&["--take-all-back"])
        .with_code(0)
        .prints("Fault 1 is taken back");
    project.seaway(&["deploy", "local", "--yes"]).with_code(0);
    assert_eq!(project.get("/version"), "2\n");
}

#[test]
fn a_fault_of_the_wrong_thing_is_refused_with_a_next_step() {
    let project = Project::new(WEB);
    project.seaway(&["local", "start"]).with_code(0);
    project
        .seaway(&["local", "inject", "throttling", "ecs:Nonsense"])
        .with_code(3)
        .says("there is no operation `ecs:Nonsense`; examples: ecs:UpdateService, ecs:*, *")
        .says("`seaway local inject --help` tells the faults");
    project
        .seaway(&["local", "inject", "crash-loop"])
        .with_code(2)
        .says("<SERVICE|OPERATION>");
}
