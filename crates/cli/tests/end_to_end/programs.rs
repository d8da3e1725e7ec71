//! What programs read: every result as JSON, and nothing else on standard output.

use serde_json::Value;

use crate::project::{Project, WEB};

#[test]
fn events_plans_and_results_are_json() {
    let project = Project::new(WEB);
    let json = |words: &[&str]| {
        project
            .seaway(&[words, &["--output", "json"]].concat())
            .with_code(0)
    };

    let plan = json(&["plan", "local"]).json();
    assert_eq!(
        plan["decisions"]
            .as_object()
            .or(plan["services"].as_object())
            .map(|all| all.len()),
        Some(1),
        "{plan:#}"
    );
    let events = json(&["up"]).json_lines();
    let seq: Vec<u64> = events
        .iter()
        .filter_map(|event| event["seq"].as_u64())
        .collect();
    assert_eq!(seq.len(), events.len(), "every line is an event");
    assert!(seq.is_sorted(), "in order: {seq:?}");
    let last = events.last().cloned().unwrap_or_default();
    assert!(
        last.to_string().contains("succeeded"),
        "the last tells the outcome: {last}"
    );

    let status = json(&["status", "local"]).json();
    assert_eq!(status["services"][0]["counts"]["running"], 1, "{status:#}");
    let releases = json(&["history", "local"]).json();
    assert_eq!(releases.as_array().map(Vec::len), Some(1));
    let release = json(&["history", "local", "r1"]).json();
    assert!(release.get("intent").is_some(), "{release:#}");
    assert_eq!(json(&["local", "status"]).json()["running"], true);
    let resolved = json(&["check", "--show", "local"]).json();
    assert_eq!(resolved["services"]["web"]["port"], 8000);

    let nothing = json(&["deploy", "local"]);
    assert!(nothing.stderr.is_empty(), "{nothing}");
    let failure = project
        .seaway(&["history", "local", "r9", "--output", "json"])
        .with_code(2);
    let Value::String(error) = &failure.json()["error"] else {
        panic!("{failure}")
    };
    assert_eq!(error, "local has no release r9");
    assert!(failure.stderr.is_empty(), "{failure}");
}
