//! What programs read: lines of JSON, the last of them the result, and nothing else on standard
//! output.

use serde_json::{Value, json};

use crate::project::{Project, WEB, eventually, with_migration};
use crate::shown::Shown;

fn as_json(project: &Project, words: &[&str]) -> Shown {
    project.seaway(&[words, &["--output", "json"]].concat())
}

/// The last line, without what differs from run to run.
#[track_caller]
fn result(shown: &Shown) -> Value {
    let mut result = shown.json_lines().pop().unwrap_or_default();
    if let Some(took) = result.get_mut("took_ms") {
        assert!(took.is_u64(), "{took}");
        *took = json!("[t]");
    }
    result
}

#[test]
fn releases_end_with_their_result() {
    let project = Project::new(WEB);
    let json = |words: &[&str]| as_json(&project, words).with_code(0);

    let up = json(&["up"]);
    let lines = up.json_lines();
    let (last, events) = lines.split_last().expect("there are lines");
    let seq: Vec<u64> = events
        .iter()
        .filter_map(|event| event["seq"].as_u64())
        .collect();
    assert_eq!(seq.len(), events.len(), "every other line is an event");
    assert!(seq.is_sorted(), "in order: {seq:?}");
    assert_eq!(last["result"], "ended", "{last:#}");
    assert_eq!(last["outcome"], "succeeded");
    let url = last["status"]["urls"]["web"].as_str().unwrap_or_default();
    assert!(url.starts_with("http://127.0.0.1:"), "{last:#}");
    assert_eq!(last["status"]["services"][0]["counts"]["running"], 1);

    project.edit("VERSION = \"1\"", "VERSION = \"2\"");
    let ended = |release: u32, back: u32| {
        json!({
            "result": "ended", "release": release, "outcome": "succeeded", "took_ms": "[t]",
            "back": back, "exit_code": 0,
        })
    };
    assert_eq!(result(&json(&["deploy", "local"])), ended(2, 1));
    let nothing = json(&["deploy", "local"]);
    assert!(nothing.stderr.is_empty(), "{nothing}");
    let nothing = result(&nothing);
    assert_eq!(nothing["result"], "nothing_to_do", "{nothing:#}");
    assert_eq!(nothing["plan"]["services"]["web"]["decision"], "skip");
    assert_eq!(result(&json(&["rollback", "local"])), ended(3, 2));
    let restarted = result(&json(&["restart", "local"]));
    assert_eq!(restarted, ended(4, 2));

    project.edit("VERSION = \"2\"", "VERSION = \"3\", FAULT = \"crash\"");
    let failed = as_json(&project, &["deploy", "local"]).with_code(1);
    let failed = result(&failed);
    assert_eq!(failed["outcome"], "rolled_back", "{failed:#}");
    assert_eq!(failed["exit_code"], 1);
}

#[test]
fn results_are_one_object() {
    let project = Project::new(WEB);
    let json = |words: &[&str]| {
        let shown = as_json(&project, words).with_code(0);
        assert_eq!(shown.stdout().lines().count(), 1, "{shown}");
        shown.json()
    };
    let started = json(&["local", "start"]);
    assert!(started["endpoint"].is_string(), "{started:#}");
    let plan = json(&["plan", "local"]);
    assert_eq!(plan["services"]["web"]["decision"], "deploy", "{plan:#}");
    project.seaway(&["up"]).with_code(0);

    let status = json(&["status", "local"]);
    assert_eq!(status["services"][0]["counts"]["running"], 1, "{status:#}");
    assert_eq!(status["running"], true);
    let history = json(&["history", "local"]);
    assert_eq!(history["releases"].as_array().map(Vec::len), Some(1));
    let release = json(&["history", "local", "r1"]);
    assert!(release.get("intent").is_some(), "{release:#}");
    assert_eq!(json(&["local", "status"])["running"], true);
    let resolved = json(&["check", "--show", "local"]);
    assert_eq!(resolved["services"]["web"]["port"], 8000);
    assert_eq!(json(&["check"]), json!({ "problems": [] }));
    assert!(json(&["completions", "bash"])["completions"].is_string());
    let env = json(&["local", "env"]);
    assert!(env["AWS_ENDPOINT_URL"].is_string() && env["AWS_PROFILE"].is_null());

    let set = ["secrets", "set", "local", "token", "--output", "json"];
    let set = project.seaway_with(&set, "hush").with_code(0);
    assert_eq!(set.json(), json!({ "set": "token" }));
    let secrets = json(&["secrets", "list", "local"]);
    assert_eq!(secrets["secrets"][0]["name"], "token", "{secrets:#}");
    assert_eq!(
        json(&["secrets", "check", "local"]),
        json!({ "findings": [] })
    );
    assert_eq!(
        json(&["secrets", "rm", "local", "token"]),
        json!({ "removed": "token" })
    );
    assert_eq!(json(&["local", "stop"]), json!({ "stopped": "ended" }));
    assert_eq!(json(&["local", "stop"]), json!({ "stopped": "none_ran" }));
    assert_eq!(json(&["local", "status"]), json!({ "running": false }));
}

#[test]
fn logs_and_runs_end_with_a_result() {
    let project = Project::new(WEB);
    project.seaway(&["up"]).with_code(0);
    let logs = || as_json(&project, &["logs", "local"]).with_code(0);
    assert!(eventually(|| logs().json_lines().len() == 2), "{}", logs());
    let lines = logs().json_lines();
    assert_eq!(lines[0]["message"], "version 1 starts", "{lines:?}");
    assert_eq!(lines[1..], [json!({ "result": "logs", "lines": 1 })]);

    let words = [
        "--output",
        "json",
        "run",
        "local",
        "web",
        "./service",
        "exit",
        "7",
    ];
    let run = result(&project.seaway(&words).with_code(7));
    assert_eq!(run["result"], "run", "{run:#}");
    assert_eq!(
        (&run["task_exit_code"], &run["exit_code"]),
        (&json!(7), &json!(7))
    );
}

#[test]
fn failures_are_one_line() {
    let project = Project::new(&with_migration());
    let failed = |words: &[&str], code| {
        let shown = as_json(&project, words).with_code(code);
        assert!(shown.stderr.is_empty(), "{shown}");
        shown.stdout()
    };
    insta::assert_snapshot!(
        "json_unknown_release",
        failed(&["history", "local", "r9"], 2)
    );
    insta::assert_snapshot!(
        "json_unknown_service",
        failed(&["plan", "local", "-s", "wbe"], 2)
    );
    insta::assert_snapshot!("json_not_running", failed(&["logs", "local"], 3));
    insta::assert_snapshot!("json_misspelt", failed(&["deplyo", "local"], 2));
    insta::assert_snapshot!("json_no_environment", failed(&["deploy"], 2));
    insta::assert_snapshot!(
        "json_no_command",
        project.seaway(&["--output=json"]).with_code(2).stdout()
    );
    let wrong = project.seaway(&["check", "-f", "nowhere", "--output", "json"]);
    insta::assert_snapshot!("json_no_manifest", wrong.with_code(2).stdout());
}

#[test]
fn a_failure_tells_its_causes() {
    let project = Project::new(WEB);
    // A file where the state directory should be.
    project.write(".seaway", "");
    let failed = as_json(&project, &["local", "start"]).with_code(3);
    let failed = failed
        .stdout()
        .replace(&project.root().display().to_string(), "[project]");
    insta::assert_snapshot!("json_causes", failed);
    std::fs::remove_file(project.state()).expect("it is a file");
}
